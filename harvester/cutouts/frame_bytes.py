"""The bytes of a FITS file, plain or packed, as far as they are needed.

Packed bytes are given out only when the checksum of their bz2 block was seen to
hold, and no more is unpacked than that: half of the work for one galaxy a frame,
and a "bomb" never goes off. What kind of file it is, its first bytes say; names are
not believed.
"""

from __future__ import annotations

import gzip
import zlib
from bz2 import BZ2Decompressor
from typing import TYPE_CHECKING, BinaryIO, Protocol, Self

import numpy as np

from ..errors import PermanentError, TransientError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

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

#: Bytes; a step of decompression.
_STEP = 256 * 2**10

#: Bytes; the most that one bz2 block holds, after its own first run-length coding.
_BZ2_BLOCK = 900_000

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

    def __init__(self, steps: Iterator[bytes], block: int) -> None:
        self._steps = steps
        #: Bytes that a block with one checksum may hold.
        self._block = block
        #: Room for the longest frame; what is not used costs no memory. What has
        #: views on it stays valid while it is filled.
        self._room = np.empty(MAX_UNPACKED, np.uint8)
        self._length = 0
        self._ended = False

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
        # The checksum of a block is compared when it is over, after its bytes were
        # given out: so many bytes must follow that the block before them is.
        self._check_held(stop)
        counted, following = stop, 0
        while not self._ended:
            following += _least_in_block(self._room[counted : self._length])
            counted = self._length
            if following > self._block:
                return
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
        end = self._length + len(step)
        if end > MAX_UNPACKED:
            msg = f"it unpacks to more than {MAX_UNPACKED} bytes"
            raise CorruptFrameError(msg)
        self._room[self._length : end] = np.frombuffer(step, np.uint8)
        self._length = end


def _bunzip(file: BinaryIO) -> Iterator[bytes]:
    """Unpack every bz2 stream of a file, step by step; nothing else may be in it."""
    piece = file.read(_STEP)
    while piece:
        stream = BZ2Decompressor()
        while not stream.eof:
            try:
                yield stream.decompress(piece, _STEP)
            except OSError as error:  # bz2 says so of damage; it reads no files here
                msg = "its bz2 data are damaged"
                raise CorruptFrameError(msg) from error
            piece = file.read(_STEP) if stream.needs_input else b""
            if stream.needs_input and not piece:
                msg = "its bz2 data end too early"
                raise CorruptFrameError(msg)
        piece = stream.unused_data or file.read(_STEP)


def _gunzip(file: BinaryIO) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=file) as unpacked:
        try:
            while step := unpacked.read(_STEP):
                yield step
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            msg = "its gzip data are damaged"
            raise CorruptFrameError(msg) from error


def _least_in_block(unpacked: NDArray[np.uint8]) -> int:
    """Tell how much of a bz2 block these bytes fill at least.

    Before anything else bz2 shortens runs of more than four equal bytes: those that
    are like all four before them are not counted.
    """
    same = unpacked[1:] == unpacked[:-1]
    shortened = same[3:] & same[2:-1] & same[1:-2] & same[:-3]
    return len(shortened) - int(np.count_nonzero(shortened))


def open_bytes(file: BinaryIO) -> FrameBytes:
    """Read an open file in whichever form it is."""
    magic = file.read(9)
    file.seek(0)
    if magic.startswith(b"BZh"):
        _check_bz2_end(file)
        return _PackedBytes(_bunzip(file), _BZ2_BLOCK)
    if magic.startswith(b"\x1f\x8b"):
        # Its one checksum is at the end.
        return _PackedBytes(_gunzip(file), MAX_UNPACKED)
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
