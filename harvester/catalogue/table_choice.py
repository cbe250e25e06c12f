"""Choose the table of a file that is the catalogue."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..errors import InputError
from .columns import best_pairs
from .id_lists import find_id_list

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .identifier_scheme import IdentifierScheme
    from .options import ReadOptions
    from .sheets import Sheet

__all__ = ["chosen_table"]

#: The most columns of each table, and the most tables, that an error lists.
_LISTED, _TABLES = 12, 30


def chosen_table(
    sheets: Sequence[Sheet],
    options: ReadOptions,
    schemes: Sequence[IdentifierScheme] = (),
) -> Sheet:
    """Return the table that the user names, or the only one with positions.

    Raises
    ------
    InputError
        The file does not have exactly one such table; the message lists the tables.
    """
    if options.table:
        return _named(sheets, options.table)
    if len(sheets) == 1:
        return sheets[0]
    filled = [sheet for sheet in sheets if sheet.table.num_rows]
    found = [sheet for sheet in filled if _has_positions(sheet, options)]
    found = found or [
        sheet for sheet in filled if find_id_list(sheet, schemes, options.id)
    ]
    if len(found) != 1:
        state = "several of them have" if found else "none of them has"
        msg = (
            f"there are {len(sheets)} tables in the file, and {state} positions. Name "
            f"one with --table, by name or number (and its columns with --ra and "
            f"--dec):\n{_listing(sheets)}\n"
        )
        raise InputError(msg)
    number = next(n for n, sheet in enumerate(sheets, 1) if sheet is found[0])
    note = (
        f"The file has {len(sheets)} tables; the only one with positions was read: "
        f"{_called(number, found[0])}."
    )
    return replace(found[0], notes=[*found[0].notes, note])


def _has_positions(sheet: Sheet, options: ReadOptions) -> bool:
    try:
        best_pairs(sheet, ra=options.ra, dec=options.dec, frame=options.frame)
    except InputError:
        return False
    return True


def _named(sheets: Sequence[Sheet], wanted: str) -> Sheet:
    text = wanted.strip()
    named = [sheet for sheet in sheets if sheet.name.strip() == text]
    named = named or [s for s in sheets if s.name.strip().lower() == text.lower()]
    if len(named) == 1:
        return named[0]
    if not named and text.isdecimal() and 1 <= int(text) <= len(sheets):
        return sheets[int(text) - 1]
    what = f"several tables are named {text!r}" if named else f"no table {text!r}"
    verb = "" if named else "there is "
    msg = (
        f"--table: {verb}{what}. Give the number of one of these:\n{_listing(sheets)}\n"
    )
    raise InputError(msg)


def _called(number: int, sheet: Sheet) -> str:
    return f"{number} ({sheet.name})" if sheet.name else str(number)


def _listing(sheets: Sequence[Sheet]) -> str:
    lines = [_line(number, sheet) for number, sheet in enumerate(sheets, 1)]
    more = [f"  ... and {len(lines) - _TABLES} more"] if len(lines) > _TABLES else []
    return "\n".join([*lines[:_TABLES], *more])


def _line(number: int, sheet: Sheet) -> str:
    names = list(sheet.table.column_names)
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    columns = ", ".join(names[:_LISTED]) + more
    return f"  {number}: {sheet.name or '-'} ({sheet.table.num_rows} rows): {columns}"
