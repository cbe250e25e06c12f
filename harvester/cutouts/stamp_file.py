"""Stamp files: a FITS image and its planes each, complete or absent.

The bytes depend only on the frame, the target and the settings, never on the time. So a
run with crashes writes the same files as one without, which tests compare by the hash
of the manifest. This module builds the headers itself, because astropy writes 400 files
a second and this code 10,000.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol, Self

from ..errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

__all__ = [
    "Card",
    "Extension",
    "StampFolder",
    "StampSink",
    "WrittenFile",
    "to_cards",
    "to_fits",
]

#: Keyword, value, comment.
Card = tuple[str, bool | float | str, str]

#: Bytes in a block, the unit in which the FITS standard divides files.
_BLOCK = 2880

#: Characters of text that fit into one card.
_ONE_CARD = 68


@dataclass(frozen=True, slots=True)
class Extension:
    """A further image of a stamp, in an HDU of its own."""

    #: Its EXTNAME.
    name: str
    #: ``(ny, nx)``, float32 or uint8.
    data: NDArray[Any]
    #: Its header cards, as returned by `to_cards`.
    cards: bytes = b""


def to_fits(
    data: NDArray[np.float32],
    own: list[Card],
    common: bytes,
    extensions: Sequence[Extension] = (),
) -> bytes:
    """Return the bytes of a FITS file with the stamp in the primary HDU.

    Parameters
    ----------
    data
        ``(ny, nx)``; NaN where there is no value.
    own
        Cards of this stamp only.
    common
        Cards that all stamps of a frame share, as returned by `to_cards`.
    extensions
        Further images, in this order.
    """
    structure = [("SIMPLE", True, "FITS image"), *_axis_cards(data)]
    if extensions:
        structure.append(("EXTEND", True, "further images follow"))
    header = to_cards([*structure, *own]) + common + b"END".ljust(80)
    return b"".join([_fill(header, b" "), _pixels(data), *map(_to_hdu, extensions)])


def _to_hdu(extension: Extension) -> bytes:
    structure: list[Card] = [
        ("XTENSION", "IMAGE", "image"),
        *_axis_cards(extension.data),
        ("PCOUNT", 0, "no further data"),
        ("GCOUNT", 1, "one image"),
        ("EXTNAME", extension.name, "plane of the stamp"),
    ]
    header = to_cards(structure) + extension.cards + b"END".ljust(80)
    return _fill(header, b" ") + _pixels(extension.data)


def _axis_cards(data: NDArray[Any]) -> list[Card]:
    height, width = data.shape
    is_real = data.dtype.kind == "f"
    return [
        ("BITPIX", -32 if is_real else 8, "32-bit floats" if is_real else "bytes"),
        ("NAXIS", 2, "axes"),
        ("NAXIS1", width, "columns"),
        ("NAXIS2", height, "rows"),
    ]


def _pixels(data: NDArray[Any]) -> bytes:
    stored = ">f4" if data.dtype.kind == "f" else "u1"
    return _fill(data.astype(stored).tobytes(), b"\0")


def to_cards(cards: list[Card]) -> bytes:
    """Return header cards of 80 characters each.

    Text that does not fit is continued in CONTINUE cards. Characters that FITS does not
    allow become question marks. Comments are truncated at the end of the card.
    """
    return "".join([_to_card(*card) for card in cards]).encode("ascii")


def _to_card(keyword: str, value: bool | float | str, comment: str) -> str:  # noqa: FBT001 - T and F are FITS values
    if isinstance(value, str):
        return _to_text_card(keyword, to_printable(value), comment)
    if isinstance(value, bool):
        number = "T" if value else "F"
    else:
        number = str(value) if isinstance(value, int) else _to_real(value)
    return f"{keyword:<8}= {number:>20} / {comment}"[:80].ljust(80)


def _to_real(value: float) -> str:
    # The shortest text that is read back as the same number; with a decimal point, so
    # that it is read back as a float.
    digits, _, exponent = repr(float(value)).upper().partition("E")
    point = digits if "." in digits else f"{digits}.0"
    return f"{point}E{exponent}" if exponent else point


def _to_text_card(keyword: str, text: str, comment: str) -> str:
    quoted = text.replace("'", "''")
    if len(quoted) <= _ONE_CARD:
        value = f"'{quoted:<8}'"
        return f"{keyword:<8}= {value:<20} / {comment}"[:80].ljust(80)
    # Split before quotes are doubled, so that no doubled quote is split; a piece must
    # still fit if all its characters are quotes.
    length = _ONE_CARD - 1 if quoted == text else (_ONE_CARD - 1) // 2
    pieces = [text[i : i + length] for i in range(0, len(text), length)]
    ends = ["&"] * (len(pieces) - 1) + [""]
    starts = [f"{keyword:<8}= "] + ["CONTINUE  "] * (len(pieces) - 1)
    return "".join(
        start + "'{}{}'".format(piece.replace("'", "''"), end).ljust(70)
        for start, piece, end in zip(starts, pieces, ends, strict=True)
    )


def to_printable(text: str) -> str:
    """Replace characters that a FITS header must not have by question marks."""
    return "".join([mark if " " <= mark <= "~" else "?" for mark in text]).rstrip()


def _fill(content: bytes, filling: bytes) -> bytes:
    return content + filling * (-len(content) % _BLOCK)


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file that was written and synced."""

    sha256: str
    #: Length in bytes.
    size: int


class StampSink(Protocol):
    """A place to write stamp files to."""

    def write(self, file_loc: str, content: bytes) -> WrittenFile:
        """Write a file; replace an earlier one."""


class StampFolder:
    """Writes files below one folder so that they survive a power cut.

    Each file is written under a temporary name, synced and renamed. The folders are
    synced once for all files, at the end of the ``with`` block: only after it may the
    ledger record the files.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: dict[PurePosixPath, Path] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._sync_folders()

    def write(self, file_loc: str, content: bytes) -> WrittenFile:
        """Write a file; replace an earlier one.

        Raises
        ------
        LocalError
            The disk is full or broken, or ``file_loc`` is outside the folder.
        """
        place = PurePosixPath(file_loc)
        path = self._open_folder(place.parent) / place.name
        try:
            _write_durably(path, content)
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror or error}"
            raise LocalError(msg) from error
        return WrittenFile(hashlib.sha256(content).hexdigest(), len(content))

    def _open_folder(self, below: PurePosixPath) -> Path:
        folder = self._folders.get(below)
        if folder is None:
            folder = self._folders[below] = self._make_folder(below)
        return folder

    def _make_folder(self, below: PurePosixPath) -> Path:
        folder = self._root / below
        try:
            # Resolve symbolic links first, so that no folder is made outside the root.
            inside = folder.resolve().is_relative_to(self._root.resolve())
            if ".." in below.parts or not inside:
                msg = f"{folder} is not inside the output folder {self._root}"
                raise LocalError(msg)
            # Do not create the root: if it was moved away during the run, its ledger
            # was moved too, and would list stamps that are not beside it.
            for parent in (*below.parents[-2::-1], below):
                (self._root / parent).mkdir(exist_ok=True)
        except OSError as error:
            msg = f"cannot make the folder {folder}: {error.strerror or error}"
            raise LocalError(msg) from error
        return folder

    def _sync_folders(self) -> None:
        """Sync every folder from the files up to the root: each of them may be new."""
        chains = {self._root}
        for below in self._folders:
            chains.update(self._root / parent for parent in (below, *below.parents))
        for folder in chains:
            try:
                _sync_folder(folder)
            except OSError as error:
                msg = f"cannot sync {folder}: {error.strerror or error}"
                raise LocalError(msg) from error


def _write_durably(path: Path, content: bytes) -> None:
    part = path.with_name(f"{path.name}.part")
    # O_NOFOLLOW: do not write through a symbolic link in place of the temporary file.
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(part, how, 0o666), "wb", buffering=0) as file:  # noqa: PTH123 - Path cannot open a descriptor
            _write_all(file.fileno(), content)
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        # Remove the incomplete file: if the disk is full, its space is needed.
        with suppress(OSError):
            part.unlink()
        raise


def _write_all(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
