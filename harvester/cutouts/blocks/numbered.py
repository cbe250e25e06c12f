"""Which blocks of a file the fetched parts hold, by their number in the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...archives.block_law import DoubtError
from ..bz2_blocks import BadBlockError, find_end, unpack_block
from ..intervals import lacking

if TYPE_CHECKING:
    from ...archives.block_law import BlockLaw
    from ..intervals import Span
    from .packed import Packed

__all__ = ["NumberedBlocks"]

#: Bytes by which a part is made longer if a block does not start in it as expected.
_FURTHER = 60_000

#: Bytes from the first bit of a mark to behind its last one.
_MARK = 7


class NumberedBlocks:
    """The blocks in the parts of a file.

    In a part from the beginning of the file, or up to its end, they are counted. In
    others the block nearest to its expected place is taken to be that one; a wrong
    number is noticed when its pixels are compared.

    Parameters
    ----------
    second
        Bit of the file at which block 1 starts.
    """

    def __init__(self, law: BlockLaw, packed: Packed, second: int) -> None:
        self._law = law
        self._packed = packed
        self._second = second / 8
        #: Bit of the file at which each block starts, and the part that holds it. The
        #: number of blocks stands for the end of the last one.
        self._starts: dict[int, tuple[int, int]] = {}
        for place, bits in packed.starts.items():
            self._count(place, list(bits))

    def lacking(self, first: int, last: int) -> list[Span]:
        """Give the spans to fetch, so that the blocks ``first`` to ``last`` are here.

        Raises
        ------
        DoubtError
            ``blocks``: all bytes are here in which they may be.
        """
        low, high = self._starts.get(first), self._starts.get(last + 1)
        if low and high and low[1] == high[1]:
            return []
        slack = self._law.slack
        begin = low[0] // 8 if low else self._expected(first) - slack
        end = high[0] // 8 + _MARK if high else self._expected(last + 1) + slack
        while not (spans := self._missing(begin, end)):
            if begin <= 0 and end >= self._packed.total:
                raise DoubtError("blocks", f"block {first} or {last + 1} is not found")
            begin, end = begin - _FURTHER, end + _FURTHER
        return spans

    def unpack(self, first: int, last: int) -> list[bytes]:
        """Unpack blocks that are here, and verify their checksums.

        Raises
        ------
        DoubtError
            ``damaged``: one of them is not sound.
        """
        try:
            return [self._unpack(number) for number in range(first, last + 1)]
        except BadBlockError as error:
            raise DoubtError("damaged", str(error)) from error

    def size(self, first: int, last: int) -> int:
        """Give the compressed size of blocks that are here, in bytes."""
        return -(-(self._starts[last + 1][0] - self._starts[first][0]) // 8)

    def _unpack(self, number: int) -> bytes:
        (start, place), (stop, _) = self._starts[number], self._starts[number + 1]
        part = self._packed.parts[place]
        return unpack_block(part, start - 8 * place, stop - 8 * place)

    def _count(self, place: int, bits: list[int]) -> None:
        part, blocks = self._packed.parts[place], self._law.blocks
        first = 0 if place == 0 else self._nearest(bits)
        if place + len(part) == self._packed.total:
            end = find_end(part)
            if end is None:
                raise DoubtError("end", "the file does not end as bz2 data do")
            bits.append(8 * place + end)
            if place == 0 and len(bits) != blocks + 1:
                raise DoubtError("blocks", f"it has {len(bits) - 1} blocks")
            first = blocks + 1 - len(bits)
        for number, bit in enumerate(bits, first):
            if self._starts.setdefault(number, (bit, place)) != (bit, place):
                raise DoubtError("blocks", f"two places may hold block {number}")

    def _nearest(self, bits: list[int]) -> int:
        """Give the number of the first of these blocks."""
        found = [
            (abs(bit / 8 - self._expected(number)), number - index)
            for index, bit in enumerate(bits)
            for number in range(1, self._law.blocks)
        ]
        return min(found, default=(0.0, 1))[1]

    def _expected(self, number: int) -> int:
        return round(self._law.start(number, self._second, self._packed.total))

    def _missing(self, begin: int, end: int) -> list[Span]:
        span = (max(0, begin), min(end, self._packed.total))
        return lacking(span, self._packed.held)
