"""The seam between a format and the rest of the package.

A format says which files it is made of; it neither chooses galaxies nor renames files.
``docs/add-an-export.md`` shows step by step how a format is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .selection.selection import Selection

__all__ = ["ExportFormat", "ExportPiece"]


@dataclass(frozen=True, slots=True)
class ExportPiece:
    """A file or folder of an export that appears whole or not at all.

    Its bytes must depend only on the selection, so that an export that was killed and
    one that was not are the same.
    """

    #: Path relative to the export, with ``/``.
    name: str
    #: Writes it: gets the path to create, and the folder with all earlier pieces.
    write: Callable[[Path, Path], None]
    #: How many rows it has, for the progress.
    rows: int = 0
    #: Whether ``write`` uses no other piece and may run in a thread: such pieces that
    #: follow each other are written several at a time, in any order.
    is_independent: bool = False


def _no_head(_selection: Selection) -> str:
    return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportFormat:
    """A format that runs are exported to."""

    #: The word after ``--to``.
    name: str
    #: One line for help and messages.
    title: str
    #: Gives the pieces in the order in which they are written. The same selection must
    #: give the same pieces; whether one was written before a kill is not its concern.
    #: Raises `InputError` if the format cannot hold the selection, and says why.
    pieces: Callable[[Selection], Iterator[ExportPiece]]
    #: Gives one line of Python that loads the export from the folder ``DIR``.
    loading: Callable[[Selection], str]
    #: The optional dependency group that the format needs; empty: none.
    extra: str = ""
    #: Modules that the extra brings; the export is refused without them.
    modules: tuple[str, ...] = ()
    #: Whether its arrays are stored with the most significant byte first, as in FITS.
    big_endian: bool = False
    #: Whether its files name its folder: in another folder it is another export.
    paths_are_absolute: bool = False
    #: The types of image files that ``--images`` chooses from, the usual one first;
    #: empty: it leaves no choice.
    image_types: tuple[str, ...] = ()
    #: Gives the YAML at the top of ``README.md``, without the lines of dashes; empty
    #: for formats whose loaders read none.
    card_head: Callable[[Selection], str] = _no_head
