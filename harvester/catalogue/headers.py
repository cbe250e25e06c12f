"""Where a text table names its columns: above the rows, in comments, or nowhere."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InputError
from .separators import Fit, split
from .unit_words import in_words, is_no_unit, is_unit, states_units

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Header", "below_header", "find_header", "is_comment", "marks_of"]

#: What comments begin with beside ``#``, where the first line does.
_MARKS = ("%", "!", "//")
#: Rows below a header that are compared with what may be units.
_COMPARED = 20
#: Fields of a row that an error shows.
_SHOWN = 30

_NUMERIC = re.compile(r"[+-]?[\d.][\d.,:+\-eE ]*|[+-]?(?:nan|inf)", re.IGNORECASE)
#: Sentences end with a point.
_NAME = re.compile(r"""(?=.*[A-Za-z])[^\s,;|"'].*(?<![.,;:"'])""")
#: Words in a comment that describes one column.
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
_DASHES = re.compile(r"[-=]+")
_TYPE = re.compile(
    r"(?:u?int(?:eger)?\d*|big-?int|long|short|byte|float\d*|real|double|char|bool(?:ean)?"
    r"|str(?:ing)?|text|varchar)(?:\(\d+\))?",
    re.IGNORECASE,
)
_GAP = re.compile(r"|-+|NA|N/A|null|nan|none|masked|\\N", re.IGNORECASE)
#: A name of a column that almost every catalogue has.
_TELLTALE = re.compile(
    r"(?:.*[_.\s-])?_?(?:r\.?a\.?|dec?l?\.?|alpha|delta|glon|glat)(?:win)?"
    r"(?:[_-]?(?:j?2000|b?1950|icrs|deg|degrees|hms|dms|sky|world|\d))?(?:\s*[\[(].*)?",
    re.IGNORECASE,
)
#: Names of positions that make a line a header.
_TELLING = 2
#: ``1: ra``, ``(1) RA``, ``col1 = ra``, ``Column 1: ra``, ``1 ra``.
_NUMBERED = re.compile(
    r"(?:col(?:umn)?s?\.?[ _]*)?[\[(]?(\d{1,3})[\])]?\s*[:=.)-]?\s*([A-Za-z_].*)",
    re.IGNORECASE,
)
#: What may stand before the names in a comment.
_TITLE = re.compile(
    r"(?:columns?|col(?:umn)? names|fields|header)\s*[:=]\s*", re.IGNORECASE
)
#: A number with a mark: its name may have several words.
_MARKED = re.compile(r"\D|\d+\s*[\])}:=.]")
#: Where the words about a column begin.
_ABOUT = re.compile(r"\s{2,}|\t|\s+[-=:]\s+|[:;,]\s+|\s+#|\.\s+")


@dataclass(frozen=True, slots=True)
class Header:
    """Names, and what was below them."""

    #: Empty if the text has none.
    names: list[str]
    #: Place of the first row among the lines, from 0.
    first: int
    #: One for each name if there is any.
    units: list[str] = field(default_factory=list)


def marks_of(line: str, known: tuple[str, ...]) -> tuple[str, ...]:
    """Add what a line above the rows begins with, if that marks a comment."""
    text = line.lstrip()
    new = (mark for mark in _MARKS if text.startswith(mark) and mark not in known)
    return (*known, *new)


def is_comment(line: str, marks: tuple[str, ...] = ("#",)) -> bool:
    """Tell whether the line is no row because of what it begins with."""
    return line.lstrip().startswith(marks)


def find_header(
    lines: Sequence[str],
    fit: Fit,
    start: int,
    marks: tuple[str, ...],
    *,
    by_number: bool,
) -> Header:
    """Give names and units, if there are any, and the place of the first row.

    From the line at ``start`` on the lines are as wide as the table.

    Raises
    ------
    InputError
        A header is there, but it names more columns or fewer than there are.
    """
    fields = split(lines[start], fit.separator)
    above = _names_above(lines[:start], fit, marks)
    names, units, place = above
    if not _looks_like_data(fields, is_sure=bool(names)) and not (
        names and (states_units(fields) or _tells(names) > _tells(fields))
    ):
        return below_header(lines, fit, fields, start + 1, marks, start)
    if not by_number and not _tells(names):
        _check_no_header(lines, fit, start, marks, has_names=bool(names))
    if not names:
        return Header([], start)
    # What stands between a header and the rows is rows too, but broken.
    is_broken_between = not is_comment(lines[place], marks)
    first = place + 1 if is_broken_between else start
    below = below_header(lines, fit, names, first, marks, place)
    return below if below.units else Header(names, below.first, units)


def below_header(
    lines: Sequence[str],
    fit: Fit,
    names: list[str],
    first: int,
    marks: tuple[str, ...],
    header: int,
) -> Header:
    """Pass over the rows of units, types and dashes right below a header."""
    units: list[str] = []
    while True:
        places = list(_filled(lines, first, marks))
        if not places:
            break
        if _DASHES.fullmatch(lines[places[0]].strip()):
            first = places[0] + 1
            continue
        fields, *rows = (
            [each.strip() for each in split(lines[place], fit.separator)]
            for place in places
        )
        if len(fields) < len(names) and not units and not fit.separator:
            units = _aligned(lines, header, places[0], names)
            if not units:
                break
            first = places[0] + 1
            continue
        if len(fields) != len(names):
            break
        if _are_units(names, fields, rows):
            units = ["" if is_no_unit(each) else each.strip("[]()") for each in fields]
        elif not (
            _is_ruler(fields)
            or all(map(_TYPE.fullmatch, fields))
            or fields == [f"({n})" for n in range(1, len(fields) + 1)]
        ):
            break
        first = places[0] + 1
    return Header(names, first, units)


def _aligned(
    lines: Sequence[str], header: int, place: int, names: Sequence[str]
) -> list[str]:
    """Give the units in a line that has fewer words than the header above it.

    Raises
    ------
    InputError
        They do not stand below one name each.
    """
    spans = [match.span() for match in re.finditer(r"[^\s#%!]+", lines[header])]
    found = list(re.finditer(r"[^\s#%!]+", lines[place]))
    if not found or not all(is_unit(match[0]) for match in found):
        return []
    units = [""] * len(names)
    for match in found:
        over = [
            n for n, (a, b) in enumerate(spans) if a < match.end() and match.start() < b
        ]
        if len(over) == 1 and len(spans) == len(names):
            units[over[0]] = match[0].strip("[]()")
    lacking = [n for n in range(len(names)) if _tells([names[n]]) and not units[n]]
    if lacking or sum(map(bool, units)) < len(found):
        msg = (
            f"line {place + 1} states units ({lines[place].strip()}), but not for "
            "every column, so that it is not certain which ones: write - where there "
            "is none"
        )
        raise InputError(msg)
    return units


def _filled(lines: Sequence[str], first: int, marks: tuple[str, ...]) -> Iterator[int]:
    places = range(first, min(len(lines), first + 3 * _COMPARED))
    filled = (
        place
        for place in places
        if lines[place].strip() and not is_comment(lines[place], marks)
    )
    yield from (place for place, _ in zip(filled, range(_COMPARED), strict=False))


def _is_ruler(fields: Sequence[str]) -> bool:
    return any(fields) and all(_DASHES.fullmatch(each) for each in fields if each)


def _are_units(
    names: Sequence[str], fields: Sequence[str], rows: Sequence[Sequence[str]]
) -> bool:
    """Tell whether a line is units: no numbers where all rows below have numbers."""
    if any(map(_NUMERIC.fullmatch, fields)) or _is_ruler(fields):
        return False
    stated = [n for n, each in enumerate(fields) if not is_no_unit(each)]
    known = sum(is_unit(fields[n]) for n in stated)
    if not known or 2 * known < len(stated):
        return False
    rows = [row for row in rows if len(row) == len(fields) and not _is_ruler(row)]
    # No position is a unit; a label of numbers may have a gap in its first row.
    return any(
        bool(_TELLTALE.fullmatch(names[n])) if not rows else _is_numeric(rows, n)
        for n in stated
        if is_unit(fields[n]) or not _GAP.fullmatch(fields[n])
    )


def _is_numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    column = [row[place] for row in rows]
    has_number = any(map(_NUMERIC.fullmatch, column))
    return has_number and all(map(_is_number_or_gap, column))


def _is_number_or_gap(field: str) -> bool:
    return bool(_NUMERIC.fullmatch(field) or _GAP.fullmatch(field))


def _looks_like_data(fields: Sequence[str], *, is_sure: bool) -> bool:
    """Tell a row from a header; ``is_sure`` if a header was seen already."""
    filled = [each.strip() for each in fields if each.strip()]
    numeric = sum(bool(_NUMERIC.fullmatch(each)) for each in filled)
    # Some columns are named by a wavelength.
    return numeric > 0 and (is_sure or _tells(filled) < _TELLING)


def _words(line: str, fit: Fit, marks: tuple[str, ...]) -> list[list[str]]:
    """Cut a line that may be a header in every way that it can be meant."""
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
    return [[each.strip() for each in way] for way in ways]


def _is_name(word: str) -> bool:
    return bool(_NAME.fullmatch(word)) and not _NUMERIC.fullmatch(word)


def _names_in(line: str, fit: Fit, marks: tuple[str, ...]) -> list[str]:
    for words in _words(line, fit, marks):
        # Only the header, or only the rows, may end with a separator.
        names = words[:-1] if words and not words[-1] else words
        # A column may have the mark of a comment as its name.
        named = names[1:] if names and not names[0] else names
        are_names = bool(named) and all(map(_is_name, named))
        is_apart = len(set(names)) == len(names) or _tells(names) >= _TELLING
        if any(name.lower() in _DESCRIBING for name in named):
            continue
        if are_names and is_apart and len(names) == fit.width:
            return names
        if are_names and fit.ends_blank and len(names) == fit.width - 1:
            return [*names, ""]
    return []


def _units_in(line: str, fit: Fit, marks: tuple[str, ...]) -> list[str]:
    for fields in _words(line, fit, marks):
        if len(fields) == fit.width and states_units(fields):
            return ["" if is_no_unit(each) else each.strip("[]()") for each in fields]
    return []


def _names_above(
    lines: Sequence[str], fit: Fit, marks: tuple[str, ...]
) -> tuple[list[str], list[str], int]:
    """Find the last line that can be a header; give names, units and its place."""
    found: list[tuple[int, int, list[str]]] = []
    stated: dict[int, list[str]] = {}
    for place, line in enumerate(lines):
        # A sentence has as many words as a table has columns now and then.
        is_prose = not is_comment(line, marks) and not fit.separator
        if is_prose and _tells(line.split()) < _TELLING:
            continue
        names, units = _names_in(line, fit, marks), _units_in(line, fit, marks)
        if units and (found or not names):
            stated[place] = units
        elif names:
            found.append((_tells(names), place, names))
    numbered = _numbered_names(lines, fit, marks)
    if not found or (numbered[0] and not max(found)[0]):
        return numbered
    # Of equally telling lines the last is the header.
    _, place, names = max(found)
    below = [units for other, units in stated.items() if other > place]
    if not below and not fit.separator and place + 1 < len(lines):
        below = [_aligned(lines, place, place + 1, names)]
    return names, below[0] if below else [], place


def _numbered_names(
    lines: Sequence[str], fit: Fit, marks: tuple[str, ...]
) -> tuple[list[str], list[str], int]:
    """Read names from comments that number the columns."""
    found = _numbered_in(lines, marks)
    if len(found) != fit.width:
        return [], [], 0
    units = [in_words(about) for *_, about in found]
    return [name for _, name, _ in found], units, found[-1][0]


def _numbered_in(
    lines: Sequence[str], marks: tuple[str, ...]
) -> list[tuple[int, str, str]]:
    """Give place, name and the rest of the last comments that count from 0 or 1."""
    found: list[tuple[int, str, str]] = []
    expected = 0
    for place, line in enumerate(lines):
        text = line.strip().lstrip("".join(marks)).strip()
        match = _NUMBERED.fullmatch(text) if is_comment(line, marks) else None
        if not match:
            continue
        number = int(match[1])
        if number in {0, 1} and number != expected:
            found, expected = [], number
        if number == expected:
            parts = _ABOUT if _MARKED.match(text) else re.compile(r"\s+(?![\[(])")
            name, *about = parts.split(match[2].strip(), maxsplit=1)
            found.append((place, name.strip(), " ".join(about)))
            expected += 1
    return found if len(found) > 1 else []


def _check_no_header(
    lines: Sequence[str],
    fit: Fit,
    start: int,
    marks: tuple[str, ...],
    *,
    has_names: bool,
) -> None:
    """Refuse a header that does not count up to the columns."""
    numbered = _numbered_in(lines[:start], marks)
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


def _is_header_like(words: Sequence[str], fit: Fit, *, is_prose: bool) -> bool:
    names = [each for each in words if each]
    if len(words) == fit.width or any(map(_NUMERIC.fullmatch, names)):
        return False
    if len(names) < 2:  # noqa: PLR2004 - a name and another
        return False
    is_row_of_fields = bool(fit.separator) and not is_prose
    return is_row_of_fields or _tells(names) >= _TELLING


def _tells(names: Sequence[str]) -> int:
    """Count the names that a column of positions has."""
    return sum(bool(_TELLTALE.fullmatch(each.strip())) for each in names)


def _refuse(
    place: int, names: Sequence[str], lines: Sequence[str], fit: Fit, start: int
) -> None:
    row = [each.strip() for each in split(lines[start], fit.separator)]
    msg = (
        f"its header in line {place + 1} names {len(names)} columns, but the rows have "
        f"{fit.width} fields, so that no column is certain. The header: "
        f"{', '.join(names[:_SHOWN])}. The first row, in line {start + 1}: "
        f"{', '.join(row[:_SHOWN])}. Correct the header, or give columns by number "
        "with --ra and --dec"
    )
    raise InputError(msg)
