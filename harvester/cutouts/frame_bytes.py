"""The bytes of a FITS file, plain or compressed, as far as they are needed.

Decompressed bytes are returned only after the checksum of their bz2 block was verified.
Blocks behind the last needed byte are not decompressed: that halves the work for a
frame with one galaxy. The decompressed size is limited, which protects against
decompression bombs. The first bytes of a file decide its format; its name is ignored.
"""

from __future__ import annotations

import gzip
import zlib
from bz2 import BZ2Decompressor
from typing import TYPE_CHECKING, BinaryIO, Protocol

import numpy as np

from ..errors import PermanentError, TransientError
from .bz2_blocks import BZ2_END, OVERLAP, BlockScan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..models import HeldPart

    #: Decompressed bytes, and the number of bytes of the file that were read so far.
    Step = tuple[bytes, int]

__all__ = [
    "BadFrameError",
    "CorruptFrameError",
    "FrameBytes",
    "_PlainBytes",
    "open_bytes",
]

#: Bytes; the most to which a compressed frame may decompress, five times the largest
#: one that is known. Anything larger is a decompression bomb or not a frame.
MAX_UNPACKED = 64 * 2**20

#: Bytes that are decompressed at a time; more than a block of bz2 holds.
_STEP = 2**20

#: Bytes of bz2 data that are passed to the decompressor at a time. A larger piece would
#: more often contain data behind the last needed block, which are then wasted work.
_PIECE = 16 * 2**10


class CorruptFrameError(TransientError):
    """The file differs from the one in the archive: fetching it again may help."""

    def __init__(self, message: str) -> None:
        super().__init__("corrupt", message)


class BadFrameError(PermanentError):
    """The file is complete, but it has no image from which stamps can be cut."""

    def __init__(self, message: str) -> None:
        super().__init__("bad_frame", message)


class FrameBytes(Protocol):
    """The bytes of a FITS file, plain or decompressed."""

    #: Whether the file is compressed: its length is known only when its end is reached.
    is_packed: bool
    #: Bytes of a compressed file that were read so far, from its beginning.
    read: int

    def check_room(self, end: int) -> None:
        """Raise an error if the file cannot have as many bytes as ``end``."""

    def holds(self, place: int) -> bool:
        """Return whether the file has a byte at this offset."""

    def prove(self, stop: int, start: int = 0) -> None:
        """Verify that the bytes are here, and their checksums if the format has any.

        A compressed file verifies all bytes before ``stop``.
        """

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return bytes; damage may be found later if `prove` was not called before."""


class _PlainBytes:
    """A file that is not compressed: memory-mapped, so only used bytes are read."""

    is_packed = False

    def __init__(self, file: BinaryIO, held: HeldPart | None) -> None:
        self._file = file
        self._size = file.seek(0, 2)
        self._held = held
        self.read = held.needed if held else 0

    def check_room(self, end: int) -> None:
        if end > self._size:
            msg = f"it has {self._size} bytes, but its header states {end}"
            raise CorruptFrameError(msg)

    def holds(self, place: int) -> bool:
        return place < self._size

    def prove(self, stop: int, start: int = 0) -> None:
        self.check_room(stop)
        spans = self._held.spans if self._held else [(0, stop)]
        if start < stop and not any(a <= start and stop <= b for a, b in spans):
            msg = f"of the frame, bytes {start} to {stop} were not fetched"
            raise CorruptFrameError(msg)

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        # Map only this part: the memory limit of a worker is below the size of a
        # mosaic.
        self.check_room(stop)
        length = stop - start
        mapped = np.memmap(self._file, np.uint8, "r", offset=start, shape=(length,))
        return mapped.view(np.ndarray)


class _PackedBytes:
    """A compressed file, decompressed from its beginning as far as needed."""

    is_packed = True

    def __init__(self, steps: Iterator[Step], *, is_proved: bool) -> None:
        self._steps = steps
        #: Whether the checksum of each step is verified before the step is returned.
        self._is_proved = is_proved
        #: Space for the longest frame; unused pages take no memory. It never moves, so
        #: views on it stay valid while it is filled.
        self._room = np.empty(MAX_UNPACKED, np.uint8)
        self._length = 0
        self._ended = False
        self.read = 0

    def check_room(self, end: int) -> None:
        # The length is not known yet: only check the limit.
        if end > MAX_UNPACKED:
            msg = f"its header states {end} bytes, more than any frame has"
            raise BadFrameError(msg)

    def holds(self, place: int) -> bool:
        while self._length <= place and not self._ended:
            self._unpack()
        return self._length > place

    def prove(self, stop: int, start: int = 0) -> None:  # noqa: ARG002 - the protocol's signature
        self._check_held(stop)
        while not (self._is_proved or self._ended):
            self._unpack()

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        self._check_held(stop)
        return self._room[start:stop]

    def _check_held(self, stop: int) -> None:
        if not self.holds(stop - 1):
            msg = f"it decompresses to {self._length} bytes, but needs at least {stop}"
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
    """Decompress all bz2 streams of a file, block by block.

    The checksum of each block is verified before its bytes are yielded. Only a file
    that is not whole may end in the middle of a stream.

    Raises
    ------
    CorruptFrameError
        The data are damaged, end too early, or are followed by something else.
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
    """Count the bytes at the end of a piece that belong to an incomplete block."""
    starts = BlockScan().feed(before + piece)
    return len(before) + len(piece) - starts[-1].place if starts else 0


def _unpack_blocks(stream: BZ2Decompressor, piece: bytes) -> bytes:
    """Decompress the blocks that this piece completes.

    The decompressor returns a block when it has all of its bytes, and verifies the
    checksum before it continues. So when it returns nothing more, the checksums of all
    returned blocks were verified.
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
    except OSError as error:  # bz2 raises it for damaged data; no file is read here
        msg = "its bz2 data are damaged"
        raise CorruptFrameError(msg) from error
    return b"".join(steps)


def _check_length(length: int) -> None:
    if length > MAX_UNPACKED:
        msg = f"it decompresses to more than {MAX_UNPACKED} bytes"
        raise CorruptFrameError(msg)


def _gunzip(file: BinaryIO) -> Iterator[Step]:
    with gzip.GzipFile(fileobj=file) as unpacked:
        try:
            while step := unpacked.read(_STEP):
                yield step, file.tell()
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            msg = "its gzip data are damaged"
            raise CorruptFrameError(msg) from error


def open_bytes(
    file: BinaryIO, *, is_whole: bool = True, held: HeldPart | None = None
) -> FrameBytes:
    """Return the bytes of an open file: plain FITS, or compressed by bz2 or gzip.

    With ``is_whole`` false a bz2 file may be only the beginning of a frame. ``held``
    tells which parts a plain file has.

    Raises
    ------
    CorruptFrameError
        It has another format, or a whole bz2 file does not end as it should.
    """
    magic = file.read(9)
    file.seek(0)
    if magic.startswith(b"BZh"):
        if is_whole:
            _check_bz2_end(file)
        return _PackedBytes(_bunzip(file, is_whole=is_whole), is_proved=True)
    if magic.startswith(b"\x1f\x8b"):
        # gzip has a single checksum, at the end of the data.
        return _PackedBytes(_gunzip(file), is_proved=False)
    if magic != b"SIMPLE  =":
        msg = f"it is neither FITS nor bz2 nor gzip: it begins with {magic!r}"
        raise CorruptFrameError(msg)
    return _PlainBytes(file, held)


def _check_bz2_end(file: BinaryIO) -> None:
    """Check that the file ends with the end of a bz2 stream, without decompressing it.

    A stream ends with 48 known bits, a 32-bit checksum, and up to seven zero bits that
    fill the last byte: all within the last 11 bytes. A file that was truncated, or has
    appended bytes, does not end so.
    """
    length = file.seek(0, 2)
    file.seek(max(0, length - 11))
    tail = int.from_bytes(file.read(11), "big")
    file.seek(0)
    ends = ((tail >> filling + 32) & (2**48 - 1) for filling in range(8))
    if BZ2_END not in ends:
        msg = f"its {length} bytes do not end as bz2 data do: it was truncated"
        raise CorruptFrameError(msg)
