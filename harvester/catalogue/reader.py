"""Read a catalogue into targets, labels and rejects.

No row is dropped silently: a row that cannot be used is listed with its line and the
reason, and notes tell the user how the other rows were read.

Memory: checks on all rows use arrays with a few numbers per row. Python objects and
labels exist only for a few thousand rows at a time.
"""

from __future__ import annotations

import hashlib
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..errors import InputError
from . import identifiers
from .agreement import Agreement, compare
from .doubts import (
    all_rejected,
    contradicted,
    questions,
    refuse_one_point,
    refuse_unreadable,
)
from .id_lists import looked_up
from .labels import Labels
from .options import ReadOptions
from .positions import Positions
from .repeats import find_repeats, first_lines, tell_repeats
from .rows import Names, Rows
from .source import Source, find_source, read_source
from .table_choice import chosen_table
from .tables import open_tables
from .understanding import Understanding, described, reasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from io import BufferedReader
    from pathlib import Path

    from numpy.typing import NDArray

    from ..models import Target
    from .id_columns import IdColumn
    from .id_lists import LookUp
    from .identifier_scheme import IdentifierScheme
    from .meaning import Meaning
    from .sheets import Sheet

__all__ = ["Catalogue", "Reject", "inspect_catalogue", "open_catalogue"]


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that does not become a target."""

    #: Line or row of the catalogue file, from 1.
    line: int
    #: Its identifier; empty if it has none, or if the line could not be parsed.
    id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A catalogue as it was read: its targets, their labels, and the rejected rows."""

    rejects: list[Reject]
    #: How it was read.
    understanding: Understanding
    #: SHA-256 of the bytes of the file.
    sha256: str
    #: The name of the archive to which the identifiers belong; empty if it is not
    #: known.
    id_kind: str
    _rows: Rows
    _labels: Labels

    @property
    def notes(self) -> list[str]:
        """Sentences for the user about how the catalogue was read."""
        return self.understanding.words()

    def targets(self) -> Iterator[Target]:
        """Yield the targets in catalogue order."""
        return self._rows.targets()

    def labels(self) -> pa.RecordBatchReader:
        """Return the columns other than identifier and position, one row per target."""
        return self._labels.read(self._rows.kept)


@contextmanager
def open_catalogue(
    path: Path,
    options: ReadOptions | None = None,
    *,
    schemes: Sequence[IdentifierScheme] = (),
    scratch: Path | None = None,
    look_up: LookUp | None = None,
) -> Iterator[Catalogue]:
    """Read a catalogue; use it inside the ``with`` block, while its file is open.

    Parameters
    ----------
    options
        What the user states; columns that are not named are guessed.
    schemes
        The identifier schemes of the archives; without them identifiers are only names.
    scratch
        Folder for temporary files, such as the decompressed file.
    look_up
        Returns ICRS degrees for identifiers of an archive; needed for a catalogue
        without positions.

    Raises
    ------
    InputError
        There is no such file, it has no table, the table has no positions, or the
        positions are implausible.
    LocalError
        The disk has no room for the temporary files.
    """
    options = options or ReadOptions()
    with _source(path, options, schemes, scratch) as (source, digest):
        with _named(path):
            catalogue = _catalogue(source, digest, options, look_up)
        yield catalogue


def inspect_catalogue(
    path: Path,
    options: ReadOptions | None = None,
    *,
    schemes: Sequence[IdentifierScheme] = (),
    scratch: Path | None = None,
) -> Understanding:
    """Return how a catalogue is read, without any request to an archive.

    Raises
    ------
    InputError, LocalError
        As in `open_catalogue`.
    """
    options = options or ReadOptions()
    with _source(path, options, schemes, scratch) as (source, digest), _named(path):
        if source.columns is None:
            return _of_id_list(source)
        return _catalogue(source, digest, options, None).understanding


def _of_id_list(source: Source) -> Understanding:
    """Describe a list of identifiers without positions, which a run will look up."""
    nowhere = np.full(source.sheet.table.num_rows, np.nan)
    positions = Positions(nowhere, nowhere, {}, [])
    column, id_notes = source.ids()
    everything = np.arange(len(nowhere))
    rows = Rows(Names(column, positions), positions, source.sheet.lines, everything)
    notes = (*source.sheet.notes, *source.id_found.notes, *id_notes)
    return replace(described(source, None, rows, None), notes=notes)


@contextmanager
def _source(
    path: Path,
    options: ReadOptions,
    schemes: Sequence[IdentifierScheme],
    scratch: Path | None,
) -> Iterator[tuple[Source, str]]:
    with _opened(path) as file:
        digest = _sha256(path, file)
        with open_tables(path, file, options, scratch=scratch) as sheets:
            with _named(path):
                sheet = chosen_table(sheets, options, schemes)
                source = find_source(sheet, options, schemes)
            yield source, digest


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Add the path of the file to errors in the block."""
    try:
        yield
    except InputError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = f"{path} holds values that cannot be read: {error}"
        raise InputError(msg) from error


def _opened(path: Path) -> BufferedReader:
    try:
        return path.open("rb")
    except FileNotFoundError as error:
        msg = f"The catalogue {path} does not exist. Check the path."
        raise InputError(msg) from error
    except IsADirectoryError as error:
        msg = f"{path} is a folder, not a catalogue: give the path of a file in it."
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
    source: Source, digest: str, options: ReadOptions, look_up: LookUp | None
) -> Catalogue:
    sheet = source.sheet
    positions, meaning = _positions(source, options, look_up)
    column, id_notes = source.ids()
    names = Names(column, positions)
    kept, problems, repeat_notes = _told_apart(sheet, names, positions)
    rejects = sorted(_rejects(sheet, names, problems), key=lambda reject: reject.line)
    why = reasons(reject.reason for reject in rejects)
    _refuse(source, positions, kept, rejects, meaning)
    agreement = _compared(source, positions, options, meaning)
    notes = [
        *sheet.notes,
        *(source.columns.notes if source.columns else ()),
        *source.id_found.notes,
        *id_notes,
        *_name_notes(source.id_found, column, sheet.lines),
        *positions.notes,
        *questions(source, meaning, positions),
        *repeat_notes,
        *_count_notes(len(kept), len(rejects)),
    ]
    understanding = described(
        source, meaning, Rows(names, positions, sheet.lines, kept), agreement
    )
    return Catalogue(
        rejects,
        replace(understanding, notes=tuple(notes), rejects=why),
        digest,
        source.archive(column),
        Rows(names, positions, sheet.lines, kept),
        Labels(sheet, source.used),
    )


def _positions(
    source: Source, options: ReadOptions, look_up: LookUp | None
) -> tuple[Positions, Meaning | None]:
    if source.listed:
        return looked_up(source.sheet, source.listed, look_up), None
    return read_source(source, options)


def _refuse(
    source: Source,
    positions: Positions,
    kept: NDArray[np.int64],
    rejects: list[Reject],
    meaning: Meaning | None,
) -> None:
    """Refuse the catalogue if its positions are implausible."""
    if not len(kept):
        why = reasons(reject.reason for reject in rejects)
        example = f"line {rejects[0].line}: {rejects[0].reason}" if rejects else "-"
        raise all_rejected(source, meaning, why, example)
    if meaning is not None:
        refuse_unreadable(source, meaning, positions)
        refuse_one_point(positions.ra[kept], positions.dec[kept])


def _compared(
    source: Source,
    positions: Positions,
    options: ReadOptions,
    meaning: Meaning | None,
) -> Agreement | None:
    if source.columns is None or meaning is None:
        return None
    found, remedy = compare(
        source.sheet,
        positions,
        source.schemes,
        id_name=source.id_found.name,
        ra=source.columns.ra,
        only_id=bool(options.id),
    )
    if found.contradicts or remedy:
        raise contradicted(found, remedy, source, meaning)
    return found


def _told_apart(
    sheet: Sheet, names: Names, positions: Positions
) -> tuple[NDArray[np.int64], dict[int, str], list[str]]:
    """Return the rows that become targets, the problems of other rows, and notes."""
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


def _name_notes(
    id_found: IdColumn, column: pa.Array, lines: NDArray[np.int64]
) -> Iterable[str]:
    if not id_found.name:
        yield (
            "No column was used as the identifier: galaxies are named after their "
            "positions."
        )
        return
    nameless = np.flatnonzero(identifiers.is_missing(column))
    if len(nameless):
        yield (
            "Rows without an identifier are named after their positions: "
            f"{len(nameless)} ({first_lines(lines[nameless])})."
        )


def _count_notes(kept: int, rejects: int) -> Iterable[str]:
    if rejects:
        yield f"Rows left out: {rejects}; targets: {kept}."
