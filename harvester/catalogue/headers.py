"""The header of a text table: above the rows, in comments, or missing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import InputError
from .below_header import Header, aligned_units, skip_below_header
from .header_words import MIN_POSITION_NAMES, NUMERIC, count_position_names, is_comment
from .numbered import numbered_in
from .separators import SeparatorFit, split
from .unit_words import is_no_unit, states_units, unit_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_header"]

#: Number of fields of a row that an error shows.
_SHOWN = 30

#: A name; it does not end with punctuation, as a sentence does.
_NAME = re.compile(r"""(?=.*[A-Za-z])[^\s,;|"'].*(?<![.,;:"'])""")
#: Types; a comment with one of them describes a single column, and is not a header.
_DESCRIBING = {
    "double",
    "float",
    "int",
    "integer",
    "char",
    "varchar",
    "bigint",
    "string",
}

#: Words that may be before the names in a comment.
_TITLE = re.compile(
    r"(?:columns?|col(?:umn)? names|fields|header)\s*[:=]\s*", re.IGNORECASE
)


def find_header(
    lines: Sequence[str],
    fit: SeparatorFit,
    start: int,
    marks: tuple[str, ...],
    *,
    by_number: bool,
) -> Header:
    """Find names and units, if there are any, and the first row.

    Parameters
    ----------
    start
        Index of the first line that has as many fields as the table.
    by_number
        Whether the user names columns by number: a header with another number of
        columns is then no error.

    Raises
    ------
    InputError
        There is a header, but it does not name as many columns as there are.
    """
    fields = split(lines[start], fit.separator)
    above = _names_above(lines[:start], fit, marks)
    names, units, place = above
    if not _looks_like_data(fields, is_sure=bool(names)) and not (
        names
        and (
            states_units(fields)
            or count_position_names(names) > count_position_names(fields)
        )
    ):
        return skip_below_header(lines, fit, fields, start + 1, marks, start)
    if not by_number and not count_position_names(names):
        _check_no_header(lines, fit, start, marks, has_names=bool(names))
    if not names:
        return Header([], start)
    # Lines between a header and the rows are rows too, but broken ones.
    is_broken_between = not is_comment(lines[place], marks)
    first = place + 1 if is_broken_between else start
    below = skip_below_header(lines, fit, names, first, marks, place)
    return below if below.units else Header(names, below.first, units)


def _looks_like_data(fields: Sequence[str], *, is_sure: bool) -> bool:
    """Return whether this is a row; ``is_sure`` means that a header was found above."""
    filled = [each.strip() for each in fields if each.strip()]
    numeric = sum(bool(NUMERIC.fullmatch(each)) for each in filled)
    # A header may have numbers too: some columns are named after a wavelength.
    return numeric > 0 and (
        is_sure or count_position_names(filled) < MIN_POSITION_NAMES
    )


def _words(line: str, fit: SeparatorFit, marks: tuple[str, ...]) -> list[list[str]]:
    """Split a line that may be a header in every plausible way."""
    text = line.strip()
    while is_comment(text, marks):
        mark = next(each for each in marks if text.startswith(each))
        text = text[len(mark) :].lstrip(" \t" if fit.separator != "\t" else " ")
    joined = re.sub(r"\s+(?=[\[(])", "\0", text)
    ways = [
        split(text, fit.separator),
        [each.replace("\0", " ") for each in joined.split()],
        re.split(r"\s{2,}|\t", text),
        _TITLE.sub("", text).split(),
        *(split(text, each) for each in ("\t", ",", ";", "|")),
    ]
    if not is_comment(line, marks):
        ways = ways[:1] if fit.separator else ways[:4]
    elif _TITLE.match(text):
        ways.insert(0, split(_TITLE.sub("", text, count=1), fit.separator))
    return [[each.strip() for each in way] for way in ways]


def _is_name(word: str) -> bool:
    return bool(_NAME.fullmatch(word)) and not NUMERIC.fullmatch(word)


def _names_in(line: str, fit: SeparatorFit, marks: tuple[str, ...]) -> list[str]:
    for words in _words(line, fit, marks):
        # The header may end with a separator while the rows do not, or the reverse.
        names = words[:-1] if words and not words[-1] else words
        # The name of the first column may be only a comment mark.
        named = names[1:] if names and not names[0] else names
        are_names = bool(named) and all(map(_is_name, named))
        is_apart = (
            len(set(names)) == len(names)
            or count_position_names(names) >= MIN_POSITION_NAMES
        )
        if any(name.lower() in _DESCRIBING for name in named):
            continue
        if are_names and is_apart and len(names) == fit.width:
            return names
        if are_names and fit.ends_blank and len(names) == fit.width - 1:
            return [*names, ""]
    return []


def _units_in(line: str, fit: SeparatorFit, marks: tuple[str, ...]) -> list[str]:
    for fields in _words(line, fit, marks):
        if len(fields) == fit.width and states_units(fields):
            return ["" if is_no_unit(each) else each.strip("[]()") for each in fields]
    return []


def _names_above(
    lines: Sequence[str], fit: SeparatorFit, marks: tuple[str, ...]
) -> tuple[list[str], list[str], int]:
    """Find the line that is most likely the header; return names, units and index."""
    found: list[tuple[int, int, list[str]]] = []
    stated: dict[int, list[str]] = {}
    for place, line in enumerate(lines):
        # A sentence may happen to have as many words as the table has columns.
        is_prose = not is_comment(line, marks) and not fit.separator
        if is_prose and count_position_names(line.split()) < MIN_POSITION_NAMES:
            continue
        names, units = _names_in(line, fit, marks), _units_in(line, fit, marks)
        if units and (found or not names):
            stated[place] = units
        elif names:
            found.append((count_position_names(names), place, names))
    numbered = _numbered_names(lines, fit, marks)
    if not found or (numbered[0] and not max(found)[0]):
        return numbered
    # Of lines with equally many position names the last one is the header.
    _, place, names = max(found)
    below = [units for other, units in stated.items() if other > place]
    if not below and not fit.separator and place + 1 < len(lines):
        below = [aligned_units(lines, place, place + 1, names)]
    return names, below[0] if below else [], place


def _numbered_names(
    lines: Sequence[str], fit: SeparatorFit, marks: tuple[str, ...]
) -> tuple[list[str], list[str], int]:
    """Read names from comments that number the columns."""
    found = numbered_in(lines, marks)
    if len(found) != fit.width:
        return [], [], 0
    units = [unit_in_words(about) for *_, about in found]
    return [name for _, name, _ in found], units, found[-1][0]


def _check_no_header(
    lines: Sequence[str],
    fit: SeparatorFit,
    start: int,
    marks: tuple[str, ...],
    *,
    has_names: bool,
) -> None:
    """Refuse a header whose number of names differs from the number of columns."""
    numbered = numbered_in(lines[:start], marks)
    if numbered and not has_names:
        _refuse(numbered[-1][0], [name for _, name, _ in numbered], lines, fit, start)
    for place in reversed(range(start)):
        text = lines[place].strip()
        if not text.strip("".join(marks)):
            continue
        for words in _words(lines[place], fit, marks):
            is_prose = has_names or is_comment(text, marks)
            if _is_header_like(words, fit, is_prose=is_prose):
                _refuse(place, words, lines, fit, start)
        if not is_comment(text, marks):
            return


def _is_header_like(words: Sequence[str], fit: SeparatorFit, *, is_prose: bool) -> bool:
    names = [each for each in words if each]
    if len(words) == fit.width or any(map(NUMERIC.fullmatch, names)):
        return False
    if len(names) < 2:  # noqa: PLR2004 - a header has two names or more
        return False
    is_row_of_fields = bool(fit.separator) and not is_prose
    return is_row_of_fields or count_position_names(names) >= MIN_POSITION_NAMES


def _refuse(
    place: int,
    names: Sequence[str],
    lines: Sequence[str],
    fit: SeparatorFit,
    start: int,
) -> None:
    row = [each.strip() for each in split(lines[start], fit.separator)]
    msg = (
        f"its header in line {place + 1} names {len(names)} columns, but the rows have "
        f"{fit.width} fields, so it is not certain which name belongs to which column. "
        "The header: "
        f"{', '.join(names[:_SHOWN])}. The first row, in line {start + 1}: "
        f"{', '.join(row[:_SHOWN])}. Correct the header, or give columns by number "
        "with --ra and --dec"
    )
    raise InputError(msg)
