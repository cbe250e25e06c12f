"""The bytes of a FITS file, plain or packed, as far as they are needed.

Packed bytes are given out only when the checksum of their bz2 block was seen to
hold, and no block more is unpacked than that: half of the work for one galaxy a
frame, and a "bomb" never goes off. What kind of file it is, its first bytes say;
names are not believed.
"""

from __future__ import annotations

import gzip
import zlib
from bz2 import BZ2Decompressor
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

import numpy as np

from ..errors import PermanentError, TransientError
from .bz2_blocks import OVERLAP, BlockScan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    #: Unpacked bytes, and how many bytes of the file were read for all so far.
    Step = tuple[bytes, int]

__all__ = [
    "BadFrameError",
    "CorruptFrameError",
    "FrameBytes",
    "_PlainBytes",
    "open_bytes",
]

#: Bytes; the most that a compressed frame may unpack to. A whole SDSS frame has
#: 12.4 million; the rest is a bomb or no frame.
MAX_UNPACKED = 64 * 2**20

#: Bytes; a step of decompression: what comes out of a block of bz2 at once.
_STEP = 2**20

#: Bytes of bz2 that are given to be unpacked at once. What of them is behind the last
#: needed block is looked into for nothing.
_PIECE = 16 * 2**10

#: The 48 bits that begin the end of a bz2 stream (the square root of pi in decimal).
_BZ2_END = 0x177245385090


class CorruptFrameError(TransientError):
    """The file is not what the archive holds: fetched again, it may be whole."""

    def __init__(self, message: str) -> None:
        super().__init__("corrupt", message)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)


class BadFrameError(PermanentError):
    """The file is whole, but no image that stamps can be cut from."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_frame", message)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)


class FrameBytes(Protocol):
    """The bytes of the FITS file, wherever they come from."""

    #: Whether the file is compressed, so that its end shows only when it is reached.
    is_packed: bool
    #: Bytes from the beginning of a packed file that were read, to unpack them.
    read: int

    def check_room(self, end: int) -> None:
        """Refuse what a header tells of if it cannot be in this file."""

    def holds(self, place: int) -> bool:
        """Whether there is a byte at this place."""

    def prove(self, stop: int) -> None:
        """Make sure of all bytes before ``stop``, as far as the format can."""

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Give bytes; those that were not proved may still turn out damaged."""


class _PlainBytes:
    """A file that is not compressed: mapped, so that only what is used is read."""

    is_packed = False
    read = 0

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = file.seek(0, 2)

    def check_room(self, end: int) -> None:
        if end > self._size:
            msg = f"it has {self._size} bytes, and its header tells of {end}"
            raise CorruptFrameError(msg)

    def holds(self, place: int) -> bool:
        return place < self._size

    def prove(self, stop: int) -> None:
        self.check_room(stop)

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        # Piece by piece: a worker has not the room to map a mosaic of gigabytes.
        self.check_room(stop)
        length = stop - start
        mapped = np.memmap(self._file, np.uint8, "r", offset=start, shape=(length,))
        return mapped.view(np.ndarray)


class _PackedBytes:
    """A compressed file, unpacked from the beginning as far as it is asked for."""

    is_packed = True

    def __init__(self, steps: Iterator[Step], *, is_proved: bool) -> None:
        self._steps = steps
        #: Whether the checksum of each step was compared when it is given out.
        self._is_proved = is_proved
        #: Room for the longest frame; what is not used costs no memory. What has
        #: views on it stays valid while it is filled.
        self._room = np.empty(MAX_UNPACKED, np.uint8)
        self._length = 0
        self._ended = False
        self.read = 0

    def check_room(self, end: int) -> None:
        # How long it is shows only at its end.
        if end > MAX_UNPACKED:
            msg = f"its header tells of {end} bytes, more than any frame has"
            raise BadFrameError(msg)

    def holds(self, place: int) -> bool:
        while self._length <= place and not self._ended:
            self._unpack()
        return self._length > place

    def prove(self, stop: int) -> None:
        self._check_held(stop)
        while not (self._is_proved or self._ended):
            self._unpack()

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        self._check_held(stop)
        return self._room[start:stop]

    def _check_held(self, stop: int) -> None:
        if not self.holds(stop - 1):
            msg = f"it unpacks to {self._length} bytes, and should to {stop}"
            raise CorruptFrameError(msg)

    def _unpack(self) -> None:
        step = next(self._steps, None)
        if step is None:
            self._ended = True
            return
        unpacked, self.read = step
        end = self._length + len(unpacked)
        _check_length(end)
        self._room[self._length : end] = np.frombuffer(unpacked, np.uint8)
        self._length = end


def _bunzip(file: BinaryIO, *, is_whole: bool) -> Iterator[Step]:
    """Unpack every bz2 stream of a file, block by block; nothing else may be in it.

    What is given out is proved. A file that is not whole may end anywhere.
    """
    stream, read, before = BZ2Decompressor(), 0, b""
    while piece := file.read(_PIECE):
        rest = piece
        while rest:
            if stream.eof:
                stream = BZ2Decompressor()
            unpacked = _unpack_blocks(stream, rest)
            rest = stream.unused_data
            if unpacked:
                behind = len(rest) if stream.eof else _behind(before, piece)
                yield unpacked, read + len(piece) - behind
        read += len(piece)
        before = piece[-OVERLAP:]
    if is_whole and not stream.eof:
        msg = "its bz2 data end too early"
        raise CorruptFrameError(msg)


def _behind(before: bytes, piece: bytes) -> int:
    """Count the bytes of a piece that are of a block which it only begins."""
    starts = BlockScan().feed(before + piece)
    return len(before) + len(piece) - starts[-1].place if starts else 0


def _unpack_blocks(stream: BZ2Decompressor, piece: bytes) -> bytes:
    """Unpack the blocks that this piece completes.

    bz2 gives a block out when it has all of it, and then compares its checksum before
    it looks at what follows: when nothing more comes out, all that did is proved.
    """
    steps, length = [], 0
    try:
        while step := stream.decompress(piece, _STEP):
            steps.append(step)
            length += len(step)
            _check_length(length)
            piece = b""
            if stream.eof:
                break
    except OSError as error:  # bz2 says so of damage; it reads no files here
        msg = "its bz2 data are damaged"
        raise CorruptFrameError(msg) from error
    return b"".join(steps)


def _check_length(length: int) -> None:
    if length > MAX_UNPACKED:
        msg = f"it unpacks to more than {MAX_UNPACKED} bytes"
        raise CorruptFrameError(msg)


def _gunzip(file: BinaryIO) -> Iterator[Step]:
    with gzip.GzipFile(fileobj=file) as unpacked:
        try:
            while step := unpacked.read(_STEP):
                yield step, file.tell()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            msg = "its gzip data are damaged"
            raise CorruptFrameError(msg) from error


def open_bytes(file: BinaryIO, *, is_whole: bool = True) -> FrameBytes:
    """Read an open file in whichever form it is; one of bz2 may be a beginning only."""
    magic = file.read(9)
    file.seek(0)
    if magic.startswith(b"BZh"):
        if is_whole:
            _check_bz2_end(file)
        return _PackedBytes(_bunzip(file, is_whole=is_whole), is_proved=True)
    if magic.startswith(b"\x1f\x8b"):
        # Its one checksum is at the end.
        return _PackedBytes(_gunzip(file), is_proved=False)
    if magic != b"SIMPLE  =":
        msg = f"it is neither FITS nor bz2 nor gzip, and begins with {magic!r}"
        raise CorruptFrameError(msg)
    return _PlainBytes(file)


def _check_bz2_end(file: BinaryIO) -> None:
    """See that the file ends where a bz2 stream does, without unpacking it.

    A stream ends with 48 known bits and a 32-bit checksum, at any bit, and up to
    seven zero bits that fill the last byte: all within the last 11 bytes. A file
    that was cut short, or has something appended, ends otherwise.
    """
    length = file.seek(0, 2)
    file.seek(max(0, length - 11))
    tail = int.from_bytes(file.read(11), "big")
    file.seek(0)
    ends = ((tail >> filling + 32) & (2**48 - 1) for filling in range(8))
    if _BZ2_END not in ends:
        msg = f"its {length} bytes do not end as bz2 does: it was cut short"
        raise CorruptFrameError(msg)
