"""Frame files: open, decompress and check them as far as they are needed.

No frame is trusted before it is checked: the file must start and end as its format
requires, and every size in its headers is checked before a pixel is read.
"""

from __future__ import annotations

import math
import re
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import LocalError, OutageError
from ..importing import IMPORTING
from .frame_bytes import (
    BadFrameError,
    CorruptFrameError,
    FrameBytes,
    open_bytes,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from astropy.io import fits
    from numpy.typing import NDArray

    from ..models import HeldPart

__all__ = [
    "BadFrameError",
    "CorruptFrameError",
    "Frame",
    "Hdu",
    "end_of_rows",
    "open_frame",
    "read_values",
    "read_whole",
    "verify_frame",
]

#: Bytes in a block, the unit in which the FITS standard divides files.
_BLOCK = 2880

#: Bytes; the longest header that is read. The longest one that is known has 75,000.
_MAX_HEADER = 512 * _BLOCK

#: The stored pixel types of the FITS standard, by BITPIX.
_STORED = {8: ">u1", 16: ">i2", 32: ">i4", 64: ">i8", -32: ">f4", -64: ">f8"}

#: A translation table: header bytes that the standard forbids become a question mark.
_PRINTABLE = bytes(
    byte if ord(" ") <= byte <= ord("~") else ord("?") for byte in range(256)
)

#: Bytes; the longest file that may be a message of the archive instead of a frame.
_LONGEST_WORDS = 4096

#: The value of a card: quoted text, in which quotes are doubled, or everything before
#: the comment.
_VALUE = re.compile(r" *(?:'((?:[^']|'')*)'|([^/]*))")


@dataclass(frozen=True, slots=True)
class Hdu:
    """One header of a FITS file, and where its data are."""

    #: The cards of the header, as they are in the file.
    cards: bytes
    #: The simple values in the cards, as text without quotes.
    values: dict[str, str]
    #: Offset of the data in the file, in bytes.
    start: int
    #: Sizes of the axes in numpy's order, ``(ny, nx)`` for an image.
    shape: tuple[int, ...]
    bitpix: int
    #: Length of the data in bytes, without padding.
    size: int

    @property
    def end(self) -> int:
        """Offset of the next HDU in the file, in bytes."""
        return self.start + _whole_blocks(self.size)

    @property
    def name(self) -> str:
        """EXTNAME, in capitals; empty if there is none."""
        return self.values.get("EXTNAME", "").upper()

    @property
    def is_image(self) -> bool:
        """Whether the data are a two-dimensional image with pixels."""
        kind = self.values.get("XTENSION", "IMAGE")
        return kind == "IMAGE" and len(self.shape) == 2 and min(self.shape) > 0  # noqa: PLR2004 - (ny, nx)

    def header(self) -> fits.Header:
        """Read the cards with astropy."""
        with IMPORTING:
            from astropy.io import fits
        return fits.Header.fromstring(self.cards.translate(_PRINTABLE).decode("ascii"))


class Frame:
    """An open frame: its HDUs, and their pixels as far as they are needed."""

    def __init__(self, source: FrameBytes) -> None:
        self._source = source
        #: Bytes of the headers that were read.
        self.header_bytes = 0

    def check_structure(self) -> None:
        """Check that the headers account for every byte; skip compressed files."""
        if not self._source.is_packed:
            for _ in self.hdus():
                pass

    def hdus(self) -> Iterator[Hdu]:
        """Yield the HDUs from the first on; only their headers are read."""
        start = 0
        while start == 0 or self._source.holds(start):
            hdu = self.read_hdu(start)
            yield hdu
            start = hdu.end

    def read_hdu(self, start: int) -> Hdu:
        """Read the header at an offset.

        Raises
        ------
        CorruptFrameError, BadFrameError
            There is no header, or the file is shorter than it says.
        """
        cards = self._read_cards(start)
        self.header_bytes += len(cards)
        hdu = _to_hdu(cards, start + len(cards))
        self._source.check_room(hdu.end)
        return hdu

    def prove(self, image: Hdu, stop: int, start: int = 0) -> None:
        """Verify that rows are here, and their checksums if the format has any."""
        self._source.prove(end_of_rows(image, stop), end_of_rows(image, start))

    @property
    def read(self) -> int:
        """Bytes of a compressed file that were read so far; 0 for a plain file."""
        return self._source.read

    def rows(self, image: Hdu, first: int, stop: int) -> NDArray[Any]:
        """Return rows of an image, ``(stop - first, nx)``, in the stored type."""
        size = _row_size(image)
        begin, end = image.start + first * size, image.start + stop * size
        stored = self._source.take(begin, end).view(_STORED[image.bitpix])
        return stored.reshape(stop - first, image.shape[1])

    def data(self, hdu: Hdu) -> bytes:
        """Return the data of an HDU as they are in the file, without padding."""
        stop = hdu.start + hdu.size
        self._source.prove(stop, hdu.start)
        return self._source.take(hdu.start, stop).tobytes()

    def _read_cards(self, start: int) -> bytes:
        """Read the blocks of a header up to the one with the END card."""
        expected = b"XTENSION=" if start else b"SIMPLE  ="
        cards = b""
        while len(cards) < _MAX_HEADER:
            here = start + len(cards)
            block = self._source.take(here, here + _BLOCK).tobytes()
            cards += block
            if not cards.startswith(expected):
                msg = f"at byte {start} there is no FITS header, but {cards[:20]!r}"
                raise CorruptFrameError(msg)
            if any(block[i : i + 8] == b"END     " for i in range(0, _BLOCK, 80)):
                return cards
        msg = f"the header at byte {start} has no end"
        raise CorruptFrameError(msg)


def end_of_rows(image: Hdu, stop: int) -> int:
    """Return where the rows before ``stop`` end, in bytes of the FITS file."""
    return image.start + stop * _row_size(image)


def _row_size(image: Hdu) -> int:
    return image.shape[1] * abs(image.bitpix) // 8


def _to_hdu(cards: bytes, start: int) -> Hdu:
    values = read_values(cards)
    bitpix = read_whole(values, "BITPIX")
    naxis = read_whole(values, "NAXIS")
    if bitpix not in _STORED or not 0 <= naxis <= 999:  # noqa: PLR2004 - the limit of the standard
        msg = f"BITPIX {bitpix} with NAXIS {naxis} is not a valid FITS image"
        raise BadFrameError(msg)
    axes = [read_whole(values, f"NAXIS{n}") for n in range(1, naxis + 1)]
    pcount, gcount = read_whole(values, "PCOUNT", 0), read_whole(values, "GCOUNT", 1)
    if min([*axes, pcount, gcount]) < 0:
        msg = f"its header has a negative size: {axes}, {pcount}, {gcount}"
        raise BadFrameError(msg)
    # "Random groups", an old format, have a first axis of length 0 that does not count.
    counted = axes[1:] if axes[:1] == [0] and values.get("GROUPS") == "T" else axes
    count = gcount * (pcount + math.prod(counted)) if counted else 0
    size = count * abs(bitpix) // 8
    return Hdu(cards, values, start, tuple(reversed(axes)), bitpix, size)


def read_values(cards: bytes) -> dict[str, str]:
    """Read the simple values of a header as text without quotes, by keyword."""
    values: dict[str, str] = {}
    text = cards.decode("latin-1")
    for begin in range(0, len(text), 80):
        if text[begin + 8 : begin + 10] == "= ":
            values.setdefault(
                text[begin : begin + 8].rstrip(), _read_value(text, begin + 10)
            )
    return values


def _read_value(text: str, begin: int) -> str:
    match = _VALUE.match(text, begin, begin + 70)
    if match is None:  # impossible: the pattern also matches empty text
        return ""
    quoted, bare = match.groups()
    return bare.strip() if quoted is None else quoted.replace("''", "'").rstrip(" ")


def read_whole(values: dict[str, str], key: str, otherwise: int | None = None) -> int:
    """Read an integer of a header; ``otherwise`` is the value of a missing one.

    Raises
    ------
    BadFrameError
        It is not an integer, or it is missing and has no default.
    """
    try:
        return int(values[key])
    except (KeyError, ValueError) as error:
        if otherwise is not None and key not in values:
            return otherwise
        msg = f"its header has no usable {key}"
        raise BadFrameError(msg) from error


def _whole_blocks(size: int) -> int:
    return -(-size // _BLOCK) * _BLOCK


@contextmanager
def open_frame(
    path: Path,
    *,
    is_whole: bool = True,
    held: HeldPart | None = None,
    kind: Callable[[FrameBytes], Frame] = Frame,
) -> Iterator[Frame]:
    """Open a frame file, plain or compressed by bz2 or gzip.

    With ``is_whole`` false, a bz2 file may be only the beginning of a frame: only the
    pixels in its complete blocks can be read. ``held`` tells which parts of an unpacked
    frame the file has.

    Raises
    ------
    CorruptFrameError
        The file is damaged, ends too early, or is not a FITS file. Reading more of the
        frame inside the ``with`` block may raise it too.
    BadFrameError
        The file is complete, but it has no image from which stamps can be cut.
    LocalError
        The file cannot be read on this machine.
    """
    try:
        with path.open("rb") as file:
            yield kind(open_bytes(file, is_whole=is_whole, held=held))
    except (CorruptFrameError, BadFrameError) as error:
        # The messages of inner functions begin with "it": put the name before them.
        msg = f"frame {path.name}: {error}"
        raise type(error)(msg) from error
    except FileNotFoundError as error:
        msg = f"frame {path} is no longer on this machine"
        raise CorruptFrameError(msg) from error
    except OSError as error:
        msg = f"cannot read frame {path}: {error.strerror or error}"
        raise LocalError(msg) from error


def verify_frame(path: Path) -> None:
    """Check a file that was just fetched, without decompressing it.

    The headers of a plain FITS file must account for every byte. A compressed file must
    begin as its format requires, and a bz2 file must also end so.

    Raises
    ------
    CorruptFrameError, BadFrameError, LocalError
        As `open_frame`.
    OutageError
        The archive sent a text, such as "limit exceeded", instead of a frame: the
        archive is at fault, not this file.
    """
    try:
        with open_frame(path) as frame:
            frame.check_structure()
    except CorruptFrameError as error:
        if words := _words_in(path):
            msg = f"instead of frame {path.name} the text {words[:200]!r} was sent"
            raise OutageError("words", msg) from error
        raise


def _words_in(path: Path) -> str:
    """Return the text of a file that holds only a short text; else empty."""
    try:
        with path.open("rb") as file:
            start = file.read(_LONGEST_WORDS)
        text = start.decode().strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return ""
    is_piece = len(start) == _LONGEST_WORDS or start.startswith((b"SIMPLE", b"BZ"))
    is_text = "".join(text.split()).isprintable()
    return text if is_text and not is_piece else ""
