"""Lines right below a header that are not rows: units, types and dashes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import InputError
from .header_words import NUMERIC, count_position_names, is_comment
from .separators import SeparatorFit, split
from .unit_words import is_no_unit, is_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["Header", "aligned_units", "skip_below_header"]

#: Rows that are compared with a line that may hold units.
_COMPARED = 20
_DASHES = re.compile(r"[-=]+")
_TYPE = re.compile(
    r"(?:u?int(?:eger)?\d*|big-?int|long|short|byte|float\d*|real|double|char|bool(?:ean)?"
    r"|str(?:ing)?|text|varchar)(?:\(\d+\))?",
    re.IGNORECASE,
)
_GAP = re.compile(r"|-+|NA|N/A|null|nan|none|masked|\\N", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Header:
    """The names of the columns, and where the rows begin."""

    #: Empty if the text has no header.
    names: list[str]
    #: Index of the first row among the lines, from 0.
    first: int
    #: One unit for each name; empty if the text states no unit.
    units: list[str] = field(default_factory=list)


def skip_below_header(
    lines: Sequence[str],
    fit: SeparatorFit,
    names: list[str],
    first: int,
    marks: tuple[str, ...],
    header: int,
) -> Header:
    """Skip the lines of units, types and dashes right below a header.

    Raises
    ------
    InputError
        A line of units has fewer words than the header, and it is not clear which
        columns they belong to.
    """
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
            units = aligned_units(lines, header, places[0], names)
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


def aligned_units(
    lines: Sequence[str], header: int, place: int, names: Sequence[str]
) -> list[str]:
    """Assign the units in a line that has fewer words than the header above it.

    A unit belongs to the name right above it.

    Raises
    ------
    InputError
        A unit is not below exactly one name, or a position column has no unit.
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
    lacking = [
        n
        for n in range(len(names))
        if count_position_names([names[n]]) and not units[n]
    ]
    if lacking or sum(map(bool, units)) < len(found):
        msg = (
            f"line {place + 1} states units ({lines[place].strip()}), but not one for "
            "every column, so it is not certain which unit belongs to which column: "
            "write - for each column without a unit"
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
    """Return whether a line holds units: words above columns of numbers."""
    if any(map(NUMERIC.fullmatch, fields)) or _is_ruler(fields):
        return False
    stated = [n for n, each in enumerate(fields) if not is_no_unit(each)]
    known = sum(is_unit(fields[n]) for n in stated)
    if not known or 2 * known < len(stated):
        return False
    rows = [row for row in rows if len(row) == len(fields) and not _is_ruler(row)]
    # A label column of numbers may have a missing value, not a unit, in its first row.
    return any(
        bool(count_position_names([names[n]])) if not rows else _is_numeric(rows, n)
        for n in stated
        if is_unit(fields[n]) or not _GAP.fullmatch(fields[n])
    )


def _is_numeric(rows: Sequence[Sequence[str]], place: int) -> bool:
    column = [row[place] for row in rows]
    has_number = any(map(NUMERIC.fullmatch, column))
    return has_number and all(map(_is_number_or_gap, column))


def _is_number_or_gap(field: str) -> bool:
    return bool(NUMERIC.fullmatch(field) or _GAP.fullmatch(field))
