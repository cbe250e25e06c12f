"""Where the blocks of bz2 data begin and end, found without unpacking them.

Every block begins with the same 48 bits (the digits of pi), and at any bit, because
the one before it ends at any. Chance makes such bits once in 10^14: whoever counts on
a block must bear that it is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LONGEST_CUT", "BlockScan", "Start", "block_size"]

_MAGIC = 0x314159265359

#: Bytes that hold the 48 bits, wherever in the first byte they begin.
_WINDOW = 7

#: Bytes of a stream's own header, before its first block: ``BZh1`` to ``BZh9``.
_HEADER = 4

#: Bytes; a beginning of a block may lie in two pieces of the data, and no more than
#: so many bytes of it in the first.
LONGEST_CUT = _WINDOW - 1

#: For each bit of a byte the five whole bytes in the middle of the 48 bits, which are
#: looked for, and the bits of all seven bytes as they then must be.
_SHIFTED = tuple(
    (shift, (_MAGIC << 8 - shift).to_bytes(_WINDOW, "big")[1:6], _MAGIC << 8 - shift)
    for shift in range(8)
)


class Start(NamedTuple):
    """Where a block begins."""

    #: Bytes before this place complete the block before; it may cut a byte of both.
    place: int
    #: It is the first block of a stream, of which a file may hold several.
    is_first: bool


class BlockScan:
    """Finds the beginnings of blocks in data that come piece by piece."""

    def __init__(self) -> None:
        self._held = b""
        #: Where in the data the held bytes begin, and the next window to look at.
        self._offset = self._next = 0

    def feed(self, piece: bytes) -> list[Start]:
        """Take the next bytes; give the blocks that are now seen to begin."""
        held = self._held + piece
        offset, first = self._offset, self._next - self._offset
        starts = [
            Start(offset + place + (shift > 0), _follows_header(held, place))
            for place, shift in sorted(_find(held, first))
        ]
        self._next = offset + max(first, len(held) - _WINDOW + 1)
        kept = max(0, self._next - offset - _HEADER)
        self._held, self._offset = held[kept:], offset + kept
        return starts


def _find(held: bytes, first: int) -> Iterator[tuple[int, int]]:
    """Give byte and bit of each of the windows from ``first`` on that has the bits."""
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
    """Tell how many bytes every block but the last of a stream holds.

    They are counted after runs of equal bytes were shortened, the first thing that
    bz2 does. Four equal bytes become five there, so that a block may unpack to fewer.

    Parameters
    ----------
    header
        The first bytes of the stream, ``BZh1`` to ``BZh9``.
    """
    return 100_000 * (header[3] - ord("0")) - 19
