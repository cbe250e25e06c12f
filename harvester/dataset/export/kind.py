"""The protocol between a format and the rest of the package.

A format says which files it is made of; it neither chooses galaxies nor renames files.
``docs/add-an-export.md`` shows step by step how a format is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .selection import Selection

__all__ = ["ExportFormat", "ExportPiece", "WithAbsolutePaths", "WithImageFiles"]


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


class ExportFormat(Protocol):
    """A format that runs are exported to."""

    #: The word after ``--to``.
    name: str
    #: One line for help and messages.
    title: str
    #: The optional dependency group that the format needs; empty: none.
    extra: str
    #: Modules that the extra brings; the export is refused without them.
    modules: tuple[str, ...]
    #: Whether its arrays are stored with the most significant byte first, as in FITS.
    big_endian: bool

    def pieces(self, selection: Selection) -> Iterator[ExportPiece]:
        """Give the pieces in the order in which they are written.

        The same selection must give the same pieces. Whether a piece is written or was
        written before a kill is not its concern.

        Raises
        ------
        InputError
            The format cannot hold this selection; the message says why.
        """
        ...

    def loading(self, selection: Selection) -> str:
        """Give one line of Python that loads the export from the folder ``DIR``."""
        ...

    def card_head(self, selection: Selection) -> str:
        """Give the YAML at the top of ``README.md``, without the lines of dashes.

        Empty for formats whose loaders read none.
        """
        ...


@runtime_checkable
class WithAbsolutePaths(Protocol):
    """A format whose files name its folder: in another folder it is another export."""

    paths_are_absolute: bool


@runtime_checkable
class WithImageFiles(Protocol):
    """A format with image files, whose type ``--images`` chooses."""

    image_types: tuple[str, ...]
