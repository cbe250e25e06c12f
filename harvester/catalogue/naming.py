"""Columns that the user names or numbers, and lists of columns for messages."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sheets import Sheet

__all__ = ["first_rows", "listing", "named"]

#: The most columns that an error lists, and the most characters of a value.
_LISTED, _WIDEST = 40, 24
#: Number of rows that an error shows.
_SHOWN = 3


def named(names: Sequence[str], wanted: str, option: str) -> str:
    """Return the column that the user means by ``wanted``, a name or a number from 1.

    Raises
    ------
    InputError
        There is no such column; the message lists the columns.
    """
    if wanted in names:
        return wanted
    same = [name for name in names if name.lower() == wanted.strip().lower()]
    if len(same) == 1:
        return same[0]
    number = wanted.strip()
    if number.isdecimal() and 1 <= int(number) <= len(names):
        return names[int(number) - 1]
    close = difflib.get_close_matches(wanted, names, n=3)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    msg = f"--{option}: there is no column {wanted!r}.{hint} {listing(names)}"
    raise InputError(msg)


def listing(names: Sequence[str]) -> str:
    """Return a sentence that lists the columns."""
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return f"The columns are: {', '.join(names[:_LISTED])}{more}."


def first_rows(sheet: Sheet) -> list[str]:
    """Return the first rows as text, each value with the number of its column."""
    names = sheet.table.column_names[:_LISTED]
    columns = [sheet.column(name)[:_SHOWN].to_pylist() for name in names]
    return [
        "  ".join(f"{n}: {_shown(value)}" for n, value in enumerate(row, 1))
        for row in zip(*columns, strict=True)
    ]


def _shown(value: object) -> str:
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    printable = "".join(each if each.isprintable() else "?" for each in text)
    return printable if len(printable) <= _WIDEST else f"{printable[:_WIDEST]}..."
