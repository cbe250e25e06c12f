"""How lines of a text are told apart: comments, rows of numbers, names of columns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MIN_POSITION_NAMES",
    "NUMERIC",
    "add_comment_marks",
    "count_position_names",
    "is_comment",
]

#: What comments begin with beside ``#``, where a line above the rows does.
_MARKS = ("%", "!", "//")
#: A number, a date, or an angle in parts.
NUMERIC = re.compile(r"[+-]?[\d.][\d.,:+\-eE ]*|[+-]?(?:nan|inf)", re.IGNORECASE)
#: A name of a column that almost every catalogue has.
_POSITION_NAME = re.compile(
    r"(?:.*[_.\s-])?_?(?:r\.?a\.?|dec?l?\.?|alpha|delta|glon|glat)(?:win)?"
    r"(?:[_-]?(?:j?2000|b?1950|icrs|deg|degrees|hms|dms|sky|world|\d))?(?:\s*[\[(].*)?",
    re.IGNORECASE,
)
#: Names of positions that make a line a header.
MIN_POSITION_NAMES = 2


def add_comment_marks(line: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Add what a line above the rows begins with, if that marks a comment."""
    text = line.lstrip()
    new = (mark for mark in _MARKS if text.startswith(mark) and mark not in known)
    return (*known, *new)


def is_comment(line: str, marks: tuple[str, ...] = ("#",)) -> bool:
    """Tell whether the line is no row because of what it begins with."""
    return line.lstrip().startswith(marks)


def count_position_names(names: Sequence[str]) -> int:
    """Count the names that a column of positions has."""
    return sum(bool(_POSITION_NAME.fullmatch(each.strip())) for each in names)
