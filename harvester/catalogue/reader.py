"""Read the list of galaxies: who they are, where they are, what is known of them.

Nothing is dropped in silence: a row that cannot be used is listed with its line and
the reason, and what was decided about the rest is told in notes.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..errors import InputError
from ..models import Target
from . import identifiers
from .columns import IdColumn, PositionColumns, find_id, find_positions
from .positions import Positions, designations, read_positions
from .repeats import find_repeats, first_lines, tell_repeats
from .sheets import is_folded, unfolded
from .stems import unique_stems
from .tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .sheets import Sheet

__all__ = ["Catalogue", "Reject", "read_catalogue"]

#: Words for the numbers in the AGN host catalogue of Schawinski et al. (2010).
_WORDS: dict[str, dict[int, str]] = {
    "GZ1_MORPHOLOGY": {0: "indeterminate", 1: "early", 3: "merger", 4: "late"},
    "BPT_CLASS": {
        0: "none",
        1: "star-forming",
        2: "composite",
        3: "seyfert",
        4: "liner",
    },
}


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

    #: In catalogue order.
    targets: list[Target]
    #: One row per target: every column that is neither identifier nor position.
    labels: pa.Table
    rejects: list[Reject]
    #: Sentences for the user.
    notes: list[str]
    #: Of the bytes of the file.
    sha256: str
    #: ``sdss`` if the identifiers have the bits of SDSS object ids; else empty.
    id_kind: str


@dataclass(frozen=True, slots=True)
class _Names:
    """The identifier of every row."""

    ids: list[str]
    kind: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Rows:
    """Which rows become targets."""

    #: Places of the rows, from 0, in catalogue order.
    kept: NDArray[np.int64]
    rejects: list[Reject]
    notes: list[str]


def read_catalogue(
    path: Path, *, id_column: str = "", ra_column: str = "", dec_column: str = ""
) -> Catalogue:
    """Read a catalogue; the columns are guessed where they are not named.

    Raises
    ------
    InputError
        There is no such file, no table in it, or no positions in the table.
    """
    data = _bytes(path)
    digest = hashlib.sha256(data).hexdigest()
    exact = [name for name in (id_column, ra_column, dec_column) if name]
    sheet = read_table(path, data, exact=exact)
    del data
    if not sheet.table.num_columns:
        notes = [*sheet.notes, f"{path} is empty: there are no targets in it."]
        return Catalogue([], sheet.table, [], notes, digest, "")
    try:
        columns = find_positions(sheet, ra=ra_column, dec=dec_column)
        if is_folded(sheet, columns.ra):
            sheet = unfolded(sheet, columns.ra)
            columns = find_positions(sheet, ra=ra_column, dec=dec_column)
        id_found = find_id(sheet, columns, wanted=id_column)
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return _catalogue(sheet, columns, id_found, digest)


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        msg = f"There is no catalogue at {path}."
        raise InputError(msg) from error
    except IsADirectoryError as error:
        msg = f"{path} is a folder: name the catalogue file in it."
        raise InputError(msg) from error
    except (OSError, ValueError) as error:
        msg = f"The catalogue {path} cannot be read: {error}."
        raise InputError(msg) from error


def _catalogue(
    sheet: Sheet, columns: PositionColumns, id_found: IdColumn, digest: str
) -> Catalogue:
    positions = read_positions(
        sheet.column(columns.ra),
        sheet.column(columns.dec),
        ra_unit=sheet.units.get(columns.ra, ""),
        dec_unit=sheet.units.get(columns.dec, ""),
    )
    names = _names(sheet, id_found, positions)
    rows = _sorted_out(sheet, names.ids, positions)
    notes = [
        *sheet.notes,
        _taken(columns, id_found),
        *columns.notes,
        *id_found.notes,
        *names.notes,
        *positions.notes,
        *rows.notes,
    ]
    targets = _targets(names.ids, positions, sheet.lines, rows.kept)
    labels = _labels(sheet, columns, id_found, rows.kept)
    return Catalogue(targets, labels, rows.rejects, notes, digest, names.kind)


def _sorted_out(sheet: Sheet, ids: Sequence[str], positions: Positions) -> _Rows:
    """Tell the rows that become targets from those that do not."""
    sound = np.flatnonzero(~np.isnan(positions.ra))
    repeats = find_repeats(
        [ids[row] for row in sound.tolist()], positions.ra[sound], positions.dec[sound]
    )
    lines = sheet.lines[sound]
    problems = positions.problems | {
        int(sound[row]): f"duplicate of line {lines[first]}"
        for row, first in repeats.firsts.items()
    }
    rejects = [Reject(line, "", reason) for line, reason in sheet.broken] + [
        Reject(int(sheet.lines[row]), ids[row], reason)
        for row, reason in problems.items()
    ]
    kept = np.delete(sound, list(repeats.firsts))
    notes = [
        *tell_repeats(repeats, lines),
        *_count_notes(len(sheet.lines), len(kept), len(rejects)),
    ]
    return _Rows(kept, sorted(rejects, key=lambda reject: reject.line), notes)


def _taken(columns: PositionColumns, id_found: IdColumn) -> str:
    name = f"column {id_found.name}" if id_found.name else "the position"
    return (
        f"The identifier was taken from {name}, the position from columns "
        f"{columns.ra} and {columns.dec}."
    )


def _count_notes(rows: int, kept: int, rejects: int) -> Iterable[str]:
    if not rows and not rejects:
        yield "The catalogue has columns but no rows: there are no targets in it."
    if rejects:
        yield f"Rows left out: {rejects}; targets: {kept}."


def _names(sheet: Sheet, id_found: IdColumn, positions: Positions) -> _Names:
    """Name every row: by its identifier, or by its position if it has none."""
    if not id_found.name:
        note = "No column can identify the galaxies: they are named by their positions."
        return _Names(_designations(positions), "", [note])
    text = identifiers.as_text(sheet.column(id_found.name))
    is_sdss = not id_found.is_rounded and identifiers.looks_like_sdss(text)
    kind = "sdss" if is_sdss else ""
    nameless = np.flatnonzero(pc.is_null(text).to_numpy(zero_copy_only=False))
    ids = text.to_pylist()
    if not len(nameless):
        return _Names(ids, kind)
    spare = _designations(positions)
    for row in nameless:
        ids[row] = spare[row]
    lines = first_lines(sheet.lines[nameless])
    note = (
        "Rows without an identifier are named by their positions: "
        f"{len(nameless)} ({lines})."
    )
    return _Names(ids, kind, [note])


def _designations(positions: Positions) -> list[str]:
    """Name each row by its position; a row without one gets no name."""
    sound = ~np.isnan(positions.ra)
    names = np.full(len(sound), "", object)
    names[sound] = designations(positions.ra[sound], positions.dec[sound])
    result: list[str] = names.tolist()
    return result


def _targets(
    ids: Sequence[str],
    positions: Positions,
    lines: NDArray[np.int64],
    kept: NDArray[np.int64],
) -> list[Target]:
    names = [ids[row] for row in kept.tolist()]
    return [
        Target(number, *facts)
        for number, facts in enumerate(
            zip(
                names,
                positions.ra[kept].tolist(),
                positions.dec[kept].tolist(),
                unique_stems(names),
                lines[kept].tolist(),
                strict=True,
            )
        )
    ]


def _labels(
    sheet: Sheet,
    columns: PositionColumns,
    id_found: IdColumn,
    kept: NDArray[np.int64],
) -> pa.Table:
    used = {columns.ra, columns.dec, *columns.shadowed, id_found.name}
    labels: dict[str, pa.Array] = {}
    for name in sheet.table.column_names:
        if name in used:
            continue
        column = sheet.column(name)
        if sheet.is_text and pa.types.is_string(column.type):
            column = identifiers.natural(column)
        labels[name] = column
        words = _WORDS.get(name.upper())
        if words and f"{name}_NAME" not in sheet.table.column_names:
            labels.update(_in_words(f"{name}_NAME", column, words))
    if not labels:
        return sheet.table.select([]).slice(0, len(kept))  # rows without columns
    return pa.table(labels).take(pa.array(kept))


def _in_words(
    name: str, column: pa.Array, words: dict[int, str]
) -> Iterable[tuple[str, pa.Array]]:
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        return
    numbers = column.cast(pa.float64())
    places = pc.index_in(numbers, value_set=pa.array([float(each) for each in words]))
    yield name, pa.array(words.values()).take(places)
