"""Tests that distinguish lines of a text: comments, rows of numbers, column names."""

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

#: Comment marks besides ``#``; one counts only if a line above the rows begins with it.
_MARKS = ("%", "!", "//")
#: A number, a date, or an angle in parts.
NUMERIC = re.compile(r"[+-]?[\d.][\d.,:+\-eE ]*|[+-]?(?:nan|inf)", re.IGNORECASE)
#: The name of a position column, which almost every catalogue has.
_POSITION_NAME = re.compile(
    r"(?:.*[_.\s-])?_?(?:r\.?a\.?|dec?l?\.?|alpha|delta|glon|glat)(?:win)?"
    r"(?:[_-]?(?:j?2000|b?1950|icrs|deg|degrees|hms|dms|sky|world|\d))?(?:\s*[\[(].*)?",
    re.IGNORECASE,
)
#: A line with this many names of position columns is a header.
MIN_POSITION_NAMES = 2


def add_comment_marks(line: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Return the known comment marks and the one that this line begins with, if any."""
    text = line.lstrip()
    new = (mark for mark in _MARKS if text.startswith(mark) and mark not in known)
    return (*known, *new)


def is_comment(line: str, marks: tuple[str, ...] = ("#",)) -> bool:
    """Return whether the line begins with a comment mark."""
    return line.lstrip().startswith(marks)


def count_position_names(names: Sequence[str]) -> int:
    """Count the names that look like those of position columns."""
    return sum(bool(_POSITION_NAME.fullmatch(each.strip())) for each in names)
