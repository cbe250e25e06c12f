"""Read the list of galaxies: who they are, where they are, what is known of them.

Nothing is dropped in silence: a row that cannot be used is listed with its line and
the reason, and what was decided about the rest is told in notes.

What all rows decide together is decided on arrays of a few numbers a row; Python
objects and labels exist for some thousand rows at a time.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..errors import InputError
from . import identifiers
from .columns import IdColumn, PositionColumns, find_id, find_positions
from .labels import Labels
from .options import ReadOptions
from .positions import Positions, read_positions
from .repeats import find_repeats, first_lines, tell_repeats
from .rows import Names, Rows
from .sheets import is_folded, unfolded
from .tables import open_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

    from ..models import Target
    from .sheets import Sheet

__all__ = ["Catalogue", "Reject", "open_catalogue"]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is no target."""

    #: Line or row of the catalogue file, from 1.
    line: int
    #: Its identifier, as far as it has one.
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue as read: targets, what is known of them, and what was left out."""

    rejects: list[Reject]
    #: Sentences for the user.
    notes: list[str]
    #: Of the bytes of the file.
    sha256: str
    #: ``sdss`` if the identifiers have the bits of SDSS object ids; else empty.
    id_kind: str
    _rows: Rows
    _labels: Labels

    def targets(self) -> Iterator[Target]:
        """Give the targets in catalogue order."""
        return self._rows.targets()

    def labels(self) -> pa.RecordBatchReader:
        """Give every column that is neither identifier nor position, a row a target."""
        return self._labels.read(self._rows.kept)


@contextmanager
def open_catalogue(
    path: Path, options: ReadOptions | None = None, *, scratch: Path | None = None
) -> Iterator[Catalogue]:
    """Read a catalogue, whose file stays open while the block runs.

    Columns that are not named are guessed; ``scratch`` is a folder for what a packed
    file holds.

    Raises
    ------
    InputError
        There is no such file, no table in it, or no positions in the table.
    """
    options = options or ReadOptions()
    with _opened(path) as file:
        digest = _sha256(path, file)
        with open_tables(path, file, options, scratch=scratch) as sheets:
            yield _catalogue(path, sheets[0], digest, options)


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        msg = f"There is no catalogue at {path}."
        raise InputError(msg) from error
    except IsADirectoryError as error:
        msg = f"{path} is a folder: name the catalogue file in it."
        raise InputError(msg) from error
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error


def _sha256(path: Path, file: BufferedReader) -> str:
    try:
        digest = hashlib.file_digest(file, "sha256")
        file.seek(0)
    except OSError as error:
        raise _unreadable(path, error) from error
    return digest.hexdigest()


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"The catalogue {path} cannot be read: {error}.")


def _catalogue(
    path: Path, sheet: Sheet, digest: str, options: ReadOptions
) -> Catalogue:
    if not sheet.table.column_names:
        return _empty(path, sheet, digest)
    try:
        columns = find_positions(sheet, ra=options.ra, dec=options.dec)
        if is_folded(sheet, columns.ra):
            sheet = unfolded(sheet, columns.ra)
            columns = find_positions(sheet, ra=options.ra, dec=options.dec)
        id_found = find_id(sheet, columns, wanted=options.id)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return _sorted_out(sheet, columns, id_found, digest)


def _empty(path: Path, sheet: Sheet, digest: str) -> Catalogue:
    nothing = np.empty(0)
    positions = Positions(nothing, nothing, {}, [])
    names = Names(pa.nulls(0, pa.string()), positions)
    rows = Rows(names, positions, sheet.lines, np.empty(0, np.int64))
    notes = [*sheet.notes, f"{path} is empty: there are no targets in it."]
    return Catalogue([], notes, digest, "", rows, Labels(sheet, ()))


def _sorted_out(
    sheet: Sheet, columns: PositionColumns, id_found: IdColumn, digest: str
) -> Catalogue:
    positions = read_positions(
        sheet.column(columns.ra),
        sheet.column(columns.dec),
        ra_unit=sheet.units.get(columns.ra, ""),
        dec_unit=sheet.units.get(columns.dec, ""),
    )
    column = _id_values(sheet, id_found)
    names = Names(column, positions)
    kept, problems, repeat_notes = _told_apart(sheet, names, positions)
    rejects = list(_rejects(sheet, names, problems))
    notes = [
        *sheet.notes,
        _taken(columns, id_found),
        *columns.notes,
        *id_found.notes,
        *_name_notes(id_found, column, sheet.lines),
        *positions.notes,
        *repeat_notes,
        *_count_notes(len(sheet.lines), len(kept), len(rejects)),
    ]
    used = {columns.ra, columns.dec, *columns.shadowed, id_found.name}
    return Catalogue(
        sorted(rejects, key=lambda reject: reject.line),
        notes,
        digest,
        "sdss" if _are_sdss(id_found, column) else "",
        Rows(names, positions, sheet.lines, kept),
        Labels(sheet, used),
    )


def _id_values(sheet: Sheet, id_found: IdColumn) -> pa.Array:
    if id_found.name:
        return sheet.column(id_found.name)
    return pa.nulls(sheet.table.num_rows, pa.string())


def _told_apart(
    sheet: Sheet, names: Names, positions: Positions
) -> tuple[NDArray[np.int64], dict[int, str], list[str]]:
    """Give the rows that become targets, why others do not, and what to say of it."""
    sound = np.flatnonzero(~np.isnan(positions.ra))
    repeats = find_repeats(
        names.codes(sound), positions.ra[sound], positions.dec[sound]
    )
    lines = sheet.lines[sound]
    problems = positions.problems | {
        int(sound[row]): f"duplicate of line {lines[first]}"
        for row, first in repeats.firsts.items()
    }
    kept = np.delete(sound, list(repeats.firsts))
    return kept, problems, list(tell_repeats(repeats, lines))


def _rejects(sheet: Sheet, names: Names, problems: dict[int, str]) -> Iterator[Reject]:
    for line, reason in sheet.broken:
        yield Reject(line, "", reason)
    rows = np.fromiter(problems, np.int64, len(problems))
    for row, name in zip(rows.tolist(), names.each(rows), strict=True):
        yield Reject(int(sheet.lines[row]), name, problems[row])


def _taken(columns: PositionColumns, id_found: IdColumn) -> str:
    name = f"column {id_found.name}" if id_found.name else "the position"
    return (
        f"The identifier was taken from {name}, the position from columns "
        f"{columns.ra} and {columns.dec}."
    )


def _name_notes(
    id_found: IdColumn, column: pa.Array, lines: NDArray[np.int64]
) -> Iterable[str]:
    if not id_found.name:
        yield "No column can identify the galaxies: they are named by their positions."
        return
    nameless = np.flatnonzero(identifiers.is_missing(column))
    if len(nameless):
        yield (
            "Rows without an identifier are named by their positions: "
            f"{len(nameless)} ({first_lines(lines[nameless])})."
        )


def _count_notes(rows: int, kept: int, rejects: int) -> Iterable[str]:
    if not rows and not rejects:
        yield "The catalogue has columns but no rows: there are no targets in it."
    if rejects:
        yield f"Rows left out: {rejects}; targets: {kept}."


def _are_sdss(id_found: IdColumn, column: pa.Array) -> bool:
    is_exact = bool(id_found.name) and not id_found.is_rounded
    return is_exact and identifiers.looks_like_sdss(column)
