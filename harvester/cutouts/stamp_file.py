"""Stamp files: one FITS image each, whole or not there at all.

The bytes depend on the frame, the target and the settings only, never on the time,
so that one hash of the manifest proves any history of crashes. Headers are put
together by hand because astropy makes 400 files a second and this 10,000.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from ..errors import LocalError

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    from numpy.typing import NDArray

__all__ = ["Card", "StampFolder", "Written", "to_fits"]

#: Keyword, value, comment.
Card = tuple[str, bool | float | str, str]

#: Bytes; the FITS standard's unit of files.
_BLOCK = 2880

#: Characters of text that fit into one card.
_ONE_CARD = 68


def to_fits(data: NDArray[np.float32], own: list[Card], common: bytes) -> bytes:
    """Put a stamp into a FITS file with the image in the primary HDU.

    Parameters
    ----------
    data
        ``(ny, nx)``; NaN where there is no value.
    own
        Cards of this stamp.
    common
        Cards that all stamps of a frame share, as `to_cards` gives them.
    """
    height, width = data.shape
    structure: list[Card] = [
        ("SIMPLE", True, "FITS image"),
        ("BITPIX", -32, "32-bit floats"),
        ("NAXIS", 2, "axes"),
        ("NAXIS1", width, "columns"),
        ("NAXIS2", height, "rows"),
    ]
    header = to_cards([*structure, *own]) + common + b"END".ljust(80)
    return _fill(header, b" ") + _fill(data.astype(">f4").tobytes(), b"\0")


def to_cards(cards: list[Card]) -> bytes:
    """Write header cards, 80 characters each.

    Text that does not fit goes on in CONTINUE cards; what FITS does not allow
    becomes a question mark; a comment is cut where the card ends.
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
    # The shortest text that reads back as the same number; with a point, so that
    # it reads back as a real one.
    digits, _, exponent = repr(float(value)).upper().partition("E")
    point = digits if "." in digits else f"{digits}.0"
    return f"{point}E{exponent}" if exponent else point


def _to_text_card(keyword: str, text: str, comment: str) -> str:
    quoted = text.replace("'", "''")
    if len(quoted) <= _ONE_CARD:
        value = f"'{quoted:<8}'"
        return f"{keyword:<8}= {value:<20} / {comment}"[:80].ljust(80)
    # A doubled quote must not be split, so each piece leaves room for doubling.
    length = _ONE_CARD - 1 if quoted == text else (_ONE_CARD - 1) // 2
    pieces = [text[i : i + length] for i in range(0, len(text), length)]
    ends = ["&"] * (len(pieces) - 1) + [""]
    starts = [f"{keyword:<8}= "] + ["CONTINUE  "] * (len(pieces) - 1)
    return "".join(
        start + "'{}{}'".format(piece.replace("'", "''"), end).ljust(70)
        for start, piece, end in zip(starts, pieces, ends, strict=True)
    )


def to_printable(text: str) -> str:
    """Replace what a FITS header may not hold."""
    return "".join([mark if " " <= mark <= "~" else "?" for mark in text]).rstrip()


def _fill(content: bytes, filling: bytes) -> bytes:
    return content + filling * (-len(content) % _BLOCK)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is on disk."""

    sha256: str
    #: Length in bytes.
    size: int


class StampFolder:
    """Writes files below one folder so that they outlive a power cut.

    Every file is written aside, synced and renamed. Leave the ``with`` block before
    telling anyone of the files: the folders' own entries are synced there, once for
    all files.
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

    def write(self, file_loc: str, content: bytes) -> Written:
        """Write a file, in place of any earlier one.

        Raises
        ------
        LocalError
            The disk is full or broken, or ``file_loc`` leads out of the folder.
        """
        place = PurePosixPath(file_loc)
        path = self._open_folder(place.parent) / place.name
        try:
            _write_durably(path, content)
        except OSError as error:
            msg = f"cannot write {path}: {error.strerror or error}"
            raise LocalError(msg) from error
        return Written(hashlib.sha256(content).hexdigest(), len(content))

    def _open_folder(self, below: PurePosixPath) -> Path:
        folder = self._folders.get(below)
        if folder is None:
            folder = self._folders[below] = self._make_folder(below)
        return folder

    def _make_folder(self, below: PurePosixPath) -> Path:
        folder = self._root / below
        try:
            # Links are followed before anything is made where they lead.
            inside = folder.resolve().is_relative_to(self._root.resolve())
            if ".." in below.parts or not inside:
                msg = f"{folder} leads out of the output folder {self._root}"
                raise LocalError(msg)
            # The root itself is not made anew: where it was moved away, the ledger
            # went with it, and would tell of stamps that are elsewhere.
            for parent in (*below.parents[-2::-1], below):
                (self._root / parent).mkdir(exist_ok=True)
        except OSError as error:
            msg = f"cannot make the folder {folder}: {error.strerror or error}"
            raise LocalError(msg) from error
        return folder

    def _sync_folders(self) -> None:
        """Sync every folder between the files and the root: it may be new."""
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
    # Nothing is written through a link that someone has put there.
    how = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with open(os.open(part, how, 0o666), "wb", buffering=0) as file:  # noqa: PTH123 - of a descriptor
            _write_all(file.fileno(), content)
            os.fsync(file.fileno())
        part.replace(path)
    except OSError:
        # A full disk needs the room.
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
