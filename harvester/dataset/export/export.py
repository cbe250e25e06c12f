"""Exports a run: takes a snapshot, selects, writes the pieces, names the folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...errors import InputError
from ...places import Places, need_no_url
from ...status.console import print_line
from .aligned_source import AlignedSource, checked_alignment
from .card.card import write_card
from .card.selection_facts import facts_of_selection
from .piece_threads import write_pieces
from .pieces import MARKER, ExportFolder
from .progress import shown_pieces
from .registry import export_formats, format_of
from .selection.selection import check_choices, select
from .selection.snapshot import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .kind import ExportFormat
    from .options import ExportOptions
    from .selection.selection import Selection
    from .selection.snapshot import Snapshot

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
    if out is not None:
        need_no_url(out)
    _check_options(chosen, options)
    snapshot = take_snapshot(places)
    check_choices(snapshot, options)
    options = replace(options, align=checked_alignment(places.out, snapshot, options))
    final = out or places.out / "exports" / to
    folder = ExportFolder(final, _identity(chosen, options, snapshot, final))
    if folder.is_complete:
        for note in folder.made["notes"]:
            print_line(note, err=quiet)
        print_line(f"{final} is complete already.", err=quiet)
        _remove_leftover(folder)
    else:
        _make(places, folder, chosen, options, snapshot, quiet=quiet)
    made = folder.made
    return Exported(
        folder=final,
        format=to,
        galaxies=made["galaxies"],
        stamps=made["stamps"],
        loading=made["loading"].replace("DIR", str(final)),
    )


def _remove_leftover(folder: ExportFolder) -> None:
    """Remove aligned stamps that a kill has left, unless an export is using them."""
    if not folder.work.exists():
        AlignedSource(folder.final).remove()


def _check_options(chosen: ExportFormat, options: ExportOptions) -> None:
    """Refuse an option that the format cannot meet."""
    if options.native_endian and chosen.big_endian:
        msg = (
            f"--native-endian: {chosen.name} stores numbers with the most significant "
            "byte first, as the FITS standard demands. Use another format, such as "
            "numpy."
        )
        raise InputError(msg)
    if options.images and options.images not in chosen.image_types:
        able = [one.name for one in export_formats().values() if one.image_types]
        msg = (
            f"--images {options.images}: {chosen.name} does not let you choose its "
            f"image files. Leave --images out, or use {' or '.join(sorted(able))}."
        )
        raise InputError(msg)


def _identity(
    chosen: ExportFormat, options: ExportOptions, snapshot: Snapshot, final: Path
) -> dict[str, Any]:
    identity = {
        "format": chosen.name,
        "harvester": __version__,
        "manifest_sha256": snapshot.sha256,
        "options": json.loads(json.dumps(asdict(options))),
    }
    if chosen.paths_are_absolute:
        # A hash: the card may be published, and a path may tell a user's name.
        folder = str(final.absolute()).encode()
        identity["folder_sha256"] = hashlib.sha256(folder).hexdigest()
    return identity


def _make(
    places: Places,
    folder: ExportFolder,
    chosen: ExportFormat,
    options: ExportOptions,
    snapshot: Snapshot,
    *,
    quiet: bool,
) -> None:
    """Align the stamps if that is asked for, select, and write."""
    root, notes = places.out, tuple[str, ...]()
    aligned = AlignedSource(folder.final)
    if options.align:
        folder.begin(lambda text: print_line(text, err=quiet))
        snapshot, notes = aligned.make(root, snapshot, options, quiet=quiet)
        root = aligned.root
    selection = select(root, snapshot, options, places.out.absolute().name)
    notes = (*selection.notes, *notes)
    for note in notes:
        print_line(note, err=quiet)
    _write(folder, chosen, selection, notes, quiet=quiet)
    # Only now: until the export has its name, a kill may make its pieces needed again.
    aligned.remove()


def _write(
    folder: ExportFolder,
    chosen: ExportFormat,
    selection: Selection,
    notes: Sequence[str],
    *,
    quiet: bool,
) -> None:
    pieces = list(chosen.pieces(selection))
    if MARKER in {piece.name for piece in pieces}:
        msg = f"format {chosen.name} has a piece named {MARKER}, which is reserved"
        raise InputError(msg)
    folder.begin(lambda text: print_line(text, err=quiet))
    rows = sum(piece.rows for piece in pieces)
    with shown_pieces(rows, len(pieces), quiet=quiet) as advance:
        write_pieces(folder, pieces, advance)
    loading = chosen.loading(selection)
    facts = facts_of_selection(selection, chosen.name, loading)
    write_card(folder.work, facts, chosen.card_head(selection))
    made = {
        "galaxies": selection.galaxies.num_rows,
        "stamps": {survey.name: len(survey) for survey in selection.surveys},
        "loading": loading,
        "notes": list(notes),
    }
    folder.complete(made)
