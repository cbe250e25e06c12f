"""Find the columns of identifiers and positions in a table, and read the positions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pyarrow as pa

from ..errors import InputError
from . import identifiers
from .columns import NoPositionsError, find_positions
from .id_columns import IdColumn, find_id, plausible
from .id_lists import find_id_list
from .meaning import Meaning, find_meaning
from .positions import Positions, holds_numbers, read_positions
from .sheets import Sheet, is_folded, unfolded
from .split_columns import lost_signs, split_degrees

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .id_lists import IdList
    from .identifier_scheme import IdentifierScheme
    from .options import ReadOptions
    from .position_columns import PositionColumns

__all__ = ["Source", "find_source", "read_source"]

#: Degrees in an hour of right ascension, and in one of declination.
_STEPS = (15.0, 1.0)


@dataclass(frozen=True, slots=True)
class Source:
    """A table, and its columns of identifiers and positions."""

    sheet: Sheet
    #: None if the table has no positions: they are looked up by the identifiers.
    columns: PositionColumns | None
    id_found: IdColumn
    #: The identifier schemes of the archives.
    schemes: Sequence[IdentifierScheme] = ()
    #: The identifiers with which positions are looked up; None if the table has
    #: positions.
    listed: IdList | None = None

    def ids(self) -> tuple[pa.Array, list[str]]:
        """Return the identifiers, null where a row has none, and notes about them."""
        if not self.id_found.name:
            return pa.nulls(self.sheet.table.num_rows, pa.string()), []
        return identifiers.exact(self.sheet.column(self.id_found.name))

    @property
    def used(self) -> set[str]:
        """The columns that do not become labels."""
        return {self.id_found.name, *(self.columns.used if self.columns else ())}

    def are_numbers(self, name: str) -> bool:
        """Return whether a position column holds numbers, not sexagesimal text."""
        return holds_numbers(identifiers.as_plain(self.sheet.column(name)))

    def archive(self, ids: pa.Array) -> str:
        """Return the name of the archive of exact identifiers; empty if unknown."""
        name = self.id_found.name
        if not name or self.id_found.is_rounded:
            return ""
        schemes = plausible(self.schemes, name)
        found = (each.name for each in schemes if identifiers.follows(ids, each))
        return next(found, "")


def find_source(
    sheet: Sheet, options: ReadOptions, schemes: Sequence[IdentifierScheme] = ()
) -> Source:
    """Find the columns of identifiers and positions.

    Raises
    ------
    InputError
        The table has no rows or no positions, or several pairs of columns hold
        different positions.
    """
    if not sheet.table.column_names:
        msg = "the file is empty: it has no galaxies"
        raise InputError(msg)
    try:
        columns = _positions(sheet, options)
    except InputError as error:
        listed = _id_list(sheet, options, schemes, error)
        if not listed:
            raise
        return Source(sheet, None, IdColumn(listed.column), schemes, listed)
    if not columns.split and is_folded(sheet, columns.ra):
        sheet = unfolded(sheet, columns.ra)
        columns = _positions(sheet, options)
    _refuse_no_rows(sheet)
    id_found = find_id(sheet, columns, wanted=options.id, schemes=schemes)
    return Source(sheet, columns, id_found, schemes)


def _positions(sheet: Sheet, options: ReadOptions) -> PositionColumns:
    return find_positions(sheet, ra=options.ra, dec=options.dec, frame=options.frame)


def _id_list(
    sheet: Sheet,
    options: ReadOptions,
    schemes: Sequence[IdentifierScheme],
    error: InputError,
) -> IdList | None:
    """Return the column of identifiers, if the table is a list without positions.

    ``error`` is the error of the search for positions.
    """
    is_single = not sheet.has_names and len(sheet.table.column_names) == 1
    if (
        options.ra
        or options.dec
        or not (is_single or isinstance(error, NoPositionsError))
    ):
        return None
    return find_id_list(sheet, schemes, options.id)


def _refuse_no_rows(sheet: Sheet) -> None:
    if sheet.table.num_rows:
        return
    if sheet.broken:
        line, problem = sheet.broken[0]
        msg = (
            f"none of its lines can be read as a row: {problem} (line {line}, and "
            "others)"
        )
        raise InputError(msg)
    msg = "the table has columns but no rows: it has no galaxies"
    raise InputError(msg)


def read_source(source: Source, options: ReadOptions) -> tuple[Positions, Meaning]:
    """Read the positions with their units and their frame.

    Raises
    ------
    InputError
        A unit or frame is not understood, or two statements contradict each other.
    """
    assert source.columns is not None
    meaning = find_meaning(source.sheet, source.columns, options)
    ra, dec = _values(source.sheet, source.columns)
    positions = read_positions(
        ra,
        dec,
        ra_unit=meaning.ra_unit,
        dec_unit=meaning.dec_unit,
        frame=meaning.frame,
    )
    notes = [*positions.notes, *_sign_notes(source.sheet, source.columns)]
    return replace(positions, notes=notes), meaning


def _sign_notes(sheet: Sheet, columns: PositionColumns) -> Iterable[str]:
    lost = lost_signs(sheet, columns.split[1]) if columns.split else 0
    if lost and columns.split:
        yield (
            f"Rows with 0 degrees in column {columns.split[1].whole} are left out: "
            f"they may mean -0, which an integer cannot show (rows: {lost})."
        )


def _values(sheet: Sheet, columns: PositionColumns) -> tuple[pa.Array, pa.Array]:
    if columns.split is None:
        ra, dec = (sheet.column(name) for name in (columns.ra, columns.dec))
        return identifiers.as_plain(ra), identifiers.as_plain(dec)
    ra, dec = (
        split_degrees(sheet, split, step)
        for split, step in zip(columns.split, _STEPS, strict=True)
    )
    return ra, dec
