"""Find where the blocks of bz2 data begin, and decompress single ones.

Every block begins with the same 48 bits (the digits of pi). It may begin at any bit of
a byte, because the block before it may end at any bit. The same 48 bits occur by chance
once in 10^14 bits, so callers must expect that a found block is not one.
"""

from __future__ import annotations

from bz2 import BZ2Decompressor
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "OVERLAP",
    "BadBlockError",
    "BlockScan",
    "BlockStart",
    "block_size",
    "find_blocks",
    "find_end",
    "unpack_block",
]

_MAGIC = 0x314159265359

#: The 48 bits that begin the end of a stream (the square root of pi in decimal).
BZ2_END = 0x177245385090

#: Bits of each of the two, and of the checksum that follows them.
_MARK, _CHECKSUM = 48, 32

#: Bytes to which a block may decompress here. One of level 9 holds 899,981 bytes after
#: the encoding of runs, which only with very long runs are more.
_MOST_UNPACKED = 2**21

#: Bytes that contain the 48 bits, at whichever bit of the first byte they begin.
_WINDOW = 7

#: Bytes of the header of a stream, before its first block: ``BZh1`` to ``BZh9``.
_HEADER = 4

#: Bytes; if the 48 bits are split over two pieces of data, at most this many bytes of
#: them are in the first piece.
OVERLAP = _WINDOW - 1

#: Bytes at the end of a stream, in which the end mark and the checksum are.
_TAIL = 12


def _shifted(mark: int) -> tuple[tuple[int, bytes, int], ...]:
    """Give the 48 bits at each bit of a byte at which they may begin.

    Each time that bit, the five whole bytes in the middle, which are searched for, and
    the value of all seven bytes, which is then compared.
    """
    return tuple(
        (shift, (mark << 8 - shift).to_bytes(_WINDOW, "big")[1:6], mark << 8 - shift)
        for shift in range(8)
    )


_STARTS, _ENDS = _shifted(_MAGIC), _shifted(BZ2_END)


class BadBlockError(ValueError):
    """The bits are not a block, or are damaged."""


class BlockStart(NamedTuple):
    """The start of a block."""

    #: Bytes; the data before this offset contain all of the previous block. The byte
    #: before it may contain bits of both blocks.
    place: int
    #: Whether it is the first block of a stream; a file may contain several streams.
    is_first: bool
    #: The bit of the data at which it starts.
    bit: int


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
            BlockStart(
                offset + place + (shift > 0),
                _follows_header(held, place),
                8 * (offset + place) + shift,
            )
            for place, shift in sorted(_find(held, first))
        ]
        self._next = offset + max(first, len(held) - _WINDOW + 1)
        kept = max(0, self._next - offset - _HEADER)
        self._held, self._offset = held[kept:], offset + kept
        return starts


def _find(
    held: bytes, first: int, marks: tuple[tuple[int, bytes, int], ...] = _STARTS
) -> Iterator[tuple[int, int]]:
    """Yield byte and bit of each occurrence of the 48 bits from byte ``first`` on."""
    for shift, middle, bits in marks:
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


def find_blocks(data: bytes) -> list[int]:
    """Give the bits at which blocks start; a start cut off by the end is left out."""
    return sorted(8 * place + shift for place, shift in _find(data, 0))


def find_end(data: bytes) -> int | None:
    """Give the bit behind the last block, if the data end with the end of a stream."""
    first = max(0, len(data) - _TAIL)
    # A window of seven bytes is searched for, but the last byte may be the sixth.
    found = [8 * place + shift for place, shift in _find(data + b"\0", first, _ENDS)]
    ends = (bit for bit in found if -(-(bit + _MARK + _CHECKSUM) // 8) == len(data))
    return next(ends, None)


def unpack_block(data: bytes, first: int, stop: int) -> bytes:
    """Decompress the block from bit ``first`` to before bit ``stop``.

    It is made a stream of its own: its bits are moved to the start of a byte, between
    the header of a stream and the end of one.

    Raises
    ------
    BadBlockError
        Its checksum is wrong, it does not end there, or it holds too many bytes.
    """
    bits = stop - first - _MARK - _CHECKSUM
    if first < 0 or bits < 0 or stop > 8 * len(data):
        msg = f"bits {first} to {stop} are not a block"
        raise BadBlockError(msg)
    value = int.from_bytes(data[first // 8 : -(-stop // 8)]) >> -stop % 8
    value &= (1 << stop - first) - 1
    checksum = value >> bits & (1 << _CHECKSUM) - 1
    ended = ((value << _MARK | BZ2_END) << _CHECKSUM) | checksum
    length = stop - first + _MARK + _CHECKSUM
    stream = (ended << -length % 8).to_bytes(-(-length // 8))
    return _unpack_stream(b"BZh9" + stream)


def _unpack_stream(stream: bytes) -> bytes:
    decompressor = BZ2Decompressor()
    try:
        unpacked = decompressor.decompress(stream, _MOST_UNPACKED)
        # A further call is needed to reach the end of the stream.
        rest = b"" if decompressor.eof else decompressor.decompress(b"", 1)
    except (OSError, EOFError) as error:
        msg = "the block is damaged"
        raise BadBlockError(msg) from error
    if rest or not decompressor.eof:
        msg = f"the block is not whole, or holds more than {_MOST_UNPACKED} bytes"
        raise BadBlockError(msg)
    return unpacked
