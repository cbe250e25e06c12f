"""Exports a run: takes a snapshot, selects, writes the pieces, names the folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...errors import InputError
from ...status.console import print_line
from .card import write_card
from .kind import WithAbsolutePaths, WithImageFiles
from .pieces import MARKER, ExportFolder
from .progress import shown_pieces
from .registry import export_formats, format_of
from .selection import select
from .selection_card import facts_of_selection
from .snapshot import take_snapshot

if TYPE_CHECKING:
    from pathlib import Path

    from ...places import Places
    from .kind import ExportFormat
    from .options import ExportOptions
    from .selection import Selection
    from .snapshot import Snapshot

__all__ = ["Exported", "export_run"]


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export has made."""

    folder: Path
    format: str
    galaxies: int
    #: Galaxies with a stamp, by survey.
    stamps: dict[str, int]
    #: One line of Python that loads it.
    loading: str

    def to_json(self) -> dict[str, Any]:
        """Give it as JSON, for scripts."""
        return {**asdict(self), "folder": str(self.folder)}

    def words(self) -> str:
        """Give it as text."""
        parts = [f"{name} {count:,}" for name, count in self.stamps.items()]
        return (
            f"{self.folder}: {self.galaxies:,} galaxies, with stamps of "
            f"{', '.join(parts)}.\nLoad it: {self.loading}"
        )


def export_run(
    places: Places,
    to: str,
    options: ExportOptions,
    *,
    out: Path | None = None,
    quiet: bool = False,
) -> Exported:
    """Export a run, or complete an export that was interrupted.

    Parameters
    ----------
    to
        Name of the format.
    out
        Folder of the export; by default ``exports/FORMAT`` in the run.
    quiet
        Print progress and notes to standard error.

    Raises
    ------
    InputError
        The run cannot be exported so; the message says why.
    LocalError
        The disk is full or a stamp is missing.
    """
    chosen = format_of(to)
    _check_options(chosen, options)
    snapshot = take_snapshot(places)
    final = out or places.out / "exports" / to
    folder = ExportFolder(final, _identity(chosen, options, snapshot, final))
    selection = select(places.out, snapshot, options)
    for note in selection.notes:
        print_line(note, err=quiet)
    if folder.is_complete:
        print_line(f"{final} is complete already.", err=quiet)
    else:
        _write(folder, chosen, selection, quiet=quiet)
    return Exported(
        folder=final,
        format=to,
        galaxies=selection.galaxies.num_rows,
        stamps={survey.name: len(survey) for survey in selection.surveys},
        loading=chosen.loading(selection).replace("DIR", str(final)),
    )


def _check_options(chosen: ExportFormat, options: ExportOptions) -> None:
    """Refuse an option that the format cannot meet."""
    if options.native_endian and chosen.big_endian:
        msg = (
            f"--native-endian: {chosen.name} stores numbers with the most significant "
            "byte first, as the FITS standard demands. Use another format, such as "
            "numpy."
        )
        raise InputError(msg)
    if options.images and options.images not in _image_types(chosen):
        able = [one.name for one in export_formats().values() if _image_types(one)]
        msg = (
            f"--images {options.images}: {chosen.name} does not let you choose its "
            f"image files. Leave --images out, or use {' or '.join(sorted(able))}."
        )
        raise InputError(msg)


def _image_types(one: ExportFormat) -> tuple[str, ...]:
    return one.image_types if isinstance(one, WithImageFiles) else ()


def _identity(
    chosen: ExportFormat, options: ExportOptions, snapshot: Snapshot, final: Path
) -> dict[str, Any]:
    identity = {
        "format": chosen.name,
        "harvester": __version__,
        "manifest_sha256": snapshot.sha256,
        "options": json.loads(json.dumps(asdict(options))),
    }
    if isinstance(chosen, WithAbsolutePaths):
        # A hash: the card may be published, and a path may tell a user's name.
        folder = str(final.absolute()).encode()
        identity["folder_sha256"] = hashlib.sha256(folder).hexdigest()
    return identity


def _write(
    folder: ExportFolder, chosen: ExportFormat, selection: Selection, *, quiet: bool
) -> None:
    pieces = list(chosen.pieces(selection))
    if MARKER in {piece.name for piece in pieces}:
        msg = f"format {chosen.name} has a piece named {MARKER}, which is reserved"
        raise InputError(msg)
    folder.begin(lambda text: print_line(text, err=quiet))
    rows = sum(piece.rows for piece in pieces)
    with shown_pieces(rows, len(pieces), quiet=quiet) as advance:
        for piece in pieces:
            if not folder.has(piece):
                folder.write(piece)
            advance(piece.rows)
    facts = facts_of_selection(selection, chosen.name, chosen.loading(selection))
    write_card(folder.work, facts, chosen.card_head(selection))
    folder.complete()
