"""Find where the blocks of bz2 data begin, without decompressing them.

Every block begins with the same 48 bits (the digits of pi). It may begin at any bit of
a byte, because the block before it may end at any bit. The same 48 bits occur by chance
once in 10^14 bits, so callers must expect that a found block is not one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["OVERLAP", "BlockScan", "BlockStart", "block_size"]

_MAGIC = 0x314159265359

#: Bytes that contain the 48 bits, at whichever bit of the first byte they begin.
_WINDOW = 7

#: Bytes of the header of a stream, before its first block: ``BZh1`` to ``BZh9``.
_HEADER = 4

#: Bytes; if the 48 bits are split over two pieces of data, at most this many bytes of
#: them are in the first piece.
OVERLAP = _WINDOW - 1

#: For each bit of a byte at which the 48 bits may begin: that bit, the five whole bytes
#: in the middle, which are searched for, and the value of all seven bytes, which is
#: then compared.
_SHIFTED = tuple(
    (shift, (_MAGIC << 8 - shift).to_bytes(_WINDOW, "big")[1:6], _MAGIC << 8 - shift)
    for shift in range(8)
)


class BlockStart(NamedTuple):
    """The start of a block."""

    #: Bytes; the data before this offset contain all of the previous block. The byte
    #: before it may contain bits of both blocks.
    place: int
    #: Whether it is the first block of a stream; a file may contain several streams.
    is_first: bool


class BlockScan:
    """Finds the starts of blocks in data that arrive piece by piece."""

    def __init__(self) -> None:
        self._held = b""
        #: Offset of the held bytes in the data, and of the next window to examine.
        self._offset = self._next = 0

    def feed(self, piece: bytes) -> list[BlockStart]:
        """Examine the next bytes; return the starts of blocks that were found."""
        held = self._held + piece
        offset, first = self._offset, self._next - self._offset
        starts = [
            BlockStart(offset + place + (shift > 0), _follows_header(held, place))
            for place, shift in sorted(_find(held, first))
        ]
        self._next = offset + max(first, len(held) - _WINDOW + 1)
        kept = max(0, self._next - offset - _HEADER)
        self._held, self._offset = held[kept:], offset + kept
        return starts


def _find(held: bytes, first: int) -> Iterator[tuple[int, int]]:
    """Yield byte and bit of each occurrence of the 48 bits from byte ``first`` on."""
    for shift, middle, bits in _SHIFTED:
        mask = (2**48 - 1) << 8 - shift
        place = held.find(middle, first + 1)
        while place > 0:
            window = held[place - 1 : place - 1 + _WINDOW]
            if len(window) == _WINDOW and int.from_bytes(window) & mask == bits:
                yield place - 1, shift
            place = held.find(middle, place + 1)


def _follows_header(held: bytes, place: int) -> bool:
    return held[max(0, place - _HEADER) : place].startswith(b"BZh")


def block_size(header: bytes) -> int:
    """Return how many bytes each block of a stream holds, except the last one.

    They are counted after the first step of bz2, which encodes runs of equal bytes. It
    makes five bytes of four equal ones, so a block may decompress to fewer bytes.

    Parameters
    ----------
    header
        The first bytes of the stream, ``BZh1`` to ``BZh9``.
    """
    return 100_000 * (header[3] - ord("0")) - 19
