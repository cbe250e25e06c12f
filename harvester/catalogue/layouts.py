"""How the lines of a text are a table: its separator, its names, its first row.

This is found by looking, not by suffix: catalogues come with prose above the rows,
with the header in a comment, without one, and with commas in files named ``.tsv``.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .positions import designation_in
from .sheets import unique_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Layout", "find_layout", "is_comment"]

#: Tried in this order; of equally fitting ones the first wins. The last is blanks.
_SEPARATORS = ("\t", ";", ",", "|", "")
#: Lines that are looked at.
_SAMPLE = 500
#: Part of these lines, from the first row on, that must have the same width.
_AGREEMENT = 0.9

_NUMERIC = re.compile(r"[+-]?[\d.][\d.,:+\-eE ]*|[+-]?(?:nan|inf)", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z_][^,;|\t]*")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_DECIMAL_POINT = re.compile(r"[+-]?\d+\.\d+")


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of a text are a table."""

    #: Empty for any run of blanks.
    separator: str
    #: Unique; ``col1``, ``col2``, ... if the text has none.
    names: list[str]
    #: Place of the first row among the lines, from 0.
    first: int
    has_names: bool = True
    decimal_point: str = "."


@dataclass(frozen=True, slots=True)
class _Fit:
    """How well a separator explains the sample."""

    separator: str
    #: Fields in most lines.
    width: int = 1
    #: Place in the sample of the first of two neighbours that are so wide.
    first: int = 0
    #: Part of the lines from there on that are so wide.
    share: float = 0.0


def find_layout(lines: Iterable[str]) -> Layout | None:
    """Find out how the lines are a table, from the first ones; None if all are empty.

    Raises
    ------
    InputError
        No separator cuts the lines into the same number of fields.
    """
    seen: list[str] = []
    places: list[int] = []
    for place, line in enumerate(lines):
        seen.append(line)
        if _is_filled(line):
            places.append(place)
        if len(places) == _SAMPLE:
            break
    sample = [seen[place] for place in places]
    if not sample:
        return None
    fit = max((_fit(sample, each) for each in _SEPARATORS), key=lambda fit: fit.share)
    if fit.share < _AGREEMENT:
        fit = _one_column(sample)
    point = _decimal_point(sample[fit.first :], fit.separator)
    names, first = _header(seen, fit, places[fit.first])
    numbered = [f"col{place}" for place in range(1, fit.width + 1)]
    return Layout(
        fit.separator, unique_names(names or numbered), first, bool(names), point
    )


def _header(lines: Sequence[str], fit: _Fit, start: int) -> tuple[list[str], int]:
    """Give the names, if there are any, and the place of the first row.

    From the line at ``start`` on the lines are as wide as the table.
    """
    fields = _split(lines[start], fit.separator)
    names, place = _names_above(lines[:start], fit)
    if not _looks_like_data(fields, is_sure=bool(names)):
        return fields, start + 1
    # What stands between a header and the rows is rows too, but broken.
    is_broken_between = bool(names) and not is_comment(lines[place])
    return names, place + 1 if is_broken_between else start


def is_comment(line: str) -> bool:
    """Tell whether the line is no row because it starts with ``#``."""
    return line.lstrip().startswith("#")


def _is_filled(line: str) -> bool:
    return bool(line.strip()) and not is_comment(line)


def _fit(sample: Sequence[str], separator: str) -> _Fit:
    places, widths = _widths(sample, separator)
    width = Counter(widths).most_common(1)[0][0]
    if width == 1:
        return _Fit(separator)
    first = next(
        (n for n in range(len(widths)) if set(widths[n : n + 2]) == {width}),
        widths.index(width),
    )
    tail = widths[first:]
    return _Fit(separator, width, places[first], tail.count(width) / len(tail))


def _widths(sample: Sequence[str], separator: str) -> tuple[list[int], list[int]]:
    """Give for each record the place of its first line, and its number of fields."""
    if not separator or not any('"' in line for line in sample):
        return list(range(len(sample))), [len(_split(row, separator)) for row in sample]
    # A quoted field may hold line ends.
    reader = csv.reader((line + "\n" for line in sample), delimiter=separator)
    places, widths, place = [], [], 0
    for record in reader:
        places.append(place)
        widths.append(len(record))
        place = reader.line_num
    return places, widths


def _one_column(sample: Sequence[str]) -> _Fit:
    if all(len(line.split()) == 1 for line in sample):
        return _Fit(",", share=1.0)
    name = next(filter(None, map(designation_in, sample)), "")
    hint = f"; the positions seem to be in names such as {name}" if name else ""
    msg = (
        "its lines do not split into columns: neither commas, tabs, semicolons, bars "
        "nor blanks cut them into the same number of fields. Save it as CSV with a "
        f"header and columns for identifier, RA and Dec{hint}"
    )
    raise InputError(msg)


def _split(line: str, separator: str) -> list[str]:
    if not separator:
        return line.split()
    if '"' not in line:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator))


def _looks_like_data(fields: Sequence[str], *, is_sure: bool) -> bool:
    """Tell a row from a header; ``is_sure`` if a header was seen already."""
    filled = [each.strip() for each in fields if each.strip()]
    numeric = sum(bool(_NUMERIC.fullmatch(each)) for each in filled)
    return numeric > 0 and (is_sure or 2 * numeric >= len(filled))


def _names_above(lines: Sequence[str], fit: _Fit) -> tuple[list[str], int]:
    """Find the last line that can be a header, and its place."""
    for place in reversed(range(len(lines))):
        line = lines[place]
        # A sentence has as many words as a table has columns now and then.
        if not is_comment(line) and not fit.separator:
            continue
        fields = _split(line.strip(" \t#"), fit.separator)
        names = [each.strip() for each in fields]
        is_header = len(set(names)) == len(names) and all(map(_NAME.fullmatch, names))
        if is_header and len(names) == fit.width:
            return names, place
    return [], 0


def _decimal_point(sample: Sequence[str], separator: str) -> str:
    if separator != ";":
        return "."
    fields = [each.strip() for line in sample for each in _split(line, separator)]
    has_comma = any(map(_DECIMAL_COMMA.fullmatch, fields))
    has_point = any(map(_DECIMAL_POINT.fullmatch, fields))
    return "," if has_comma and not has_point else "."
