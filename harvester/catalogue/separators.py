"""Find the separator between the fields of a text table from its lines."""

from __future__ import annotations

import csv
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError
from .positions import designation_in

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["SeparatorFit", "decimal_mark", "find_separator", "separator_named", "split"]

#: Candidates in order of preference; the empty one stands for blanks.
_SEPARATORS = ("\t", ";", ",", "|", "")
#: Fraction of the lines, from the first row on, that must have the same width.
_AGREEMENT = 0.9
#: Words for separators that are hard to type in a shell.
_NAMES = {
    "tab": "\t",
    "\\t": "\t",
    "comma": ",",
    "semicolon": ";",
    "bar": "|",
    "pipe": "|",
    "blank": "",
    "blanks": "",
    "space": "",
    "whitespace": "",
}

_WORD = re.compile(r'(?<!\S)"[^"]*"(?!\S)|\S+')
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
#: A comma that is certainly a decimal one: before three digits it may separate
#: thousands, except behind a zero.
_SURE_COMMA = re.compile(r"[+-]?(?:\d+,(?:\d{1,2}|\d{4,})|0+,\d+)")
_DECIMAL_POINT = re.compile(r"[+-]?\d*\.\d+")


@dataclass(frozen=True, slots=True)
class SeparatorFit:
    """How well a separator splits the sample into columns."""

    separator: str
    #: Number of fields in most lines.
    width: int = 1
    #: Index in the sample of the first row: it and the next line have this width.
    first: int = 0
    #: Fraction of the lines from there on that have this width.
    share: float = 0.0
    #: Fraction of all lines, reduced if fields contain another separator.
    score: float = 0.0
    #: Whether every line ends with the separator.
    ends_blank: bool = False


def separator_named(word: str) -> str | None:
    """Return the separator that the user means by ``word``; None if it is empty.

    Raises
    ------
    InputError
        There is no such separator.
    """
    if not word:
        return None
    if word.isspace():
        return "\t" if "\t" in word else ""
    known = _NAMES.get(word.strip().lower(), word.strip())
    if known not in _SEPARATORS:
        msg = (
            f"--delimiter: {word!r} is not a known delimiter: give ',', ';', '|', "
            "'tab' or 'blank'."
        )
        raise InputError(msg)
    return known


def find_separator(sample: Sequence[str], wanted: str | None = None) -> SeparatorFit:
    """Find the separator that splits the lines most evenly.

    Parameters
    ----------
    wanted
        The separator that the user names: no other is tried.

    Raises
    ------
    InputError
        No separator splits the lines into the same number of fields.
    """
    choices = _SEPARATORS if wanted is None else (wanted,)
    fits = [_fit(sample, each) for each in choices]
    best = max(fits, key=lambda fit: (fit.share >= _AGREEMENT, fit.score))
    if best.share >= _AGREEMENT:
        return best
    if wanted is None:
        return _one_column(sample)
    msg = f"--delimiter: {wanted or 'blank'!r} does not split its lines into columns"
    raise InputError(msg)


def split(line: str, separator: str) -> list[str]:
    """Split a line into its fields; an empty separator means blanks."""
    if not separator:
        return _words(line) if '"' in line else line.split()
    if '"' not in line:
        return line.split(separator)
    return next(csv.reader([line], delimiter=separator))


def _words(line: str) -> list[str]:
    """Split at blanks outside quotes; a lone ``"`` means arcseconds, not a quote."""
    return [
        each[1:-1] if each.startswith('"') and each.endswith('"') else each
        for each in _WORD.findall(line)
    ]


def _fit(sample: Sequence[str], separator: str) -> SeparatorFit:
    places, records = _records(sample, separator)
    widths = [len(each) for each in records]
    width = Counter(widths).most_common(1)[0][0]
    if width == 1:
        return SeparatorFit(separator)
    first = next(
        (n for n in range(len(widths)) if set(widths[n : n + 2]) == {width}),
        widths.index(width),
    )
    tail = widths[first:]
    whole = [field for each in records[first:] for field in each]
    return SeparatorFit(
        separator,
        width,
        places[first],
        tail.count(width) / len(tail),
        tail.count(width) / len(widths) * sum(map(_is_clean, whole)) / len(whole),
        not any(each[-1].strip() for each in records[first:] if len(each) == width),
    )


def _is_clean(field: str) -> bool:
    """Return whether a field does not contain another separator."""
    is_plain = not any(mark in field for mark in "\t;,|")
    return is_plain or bool(_DECIMAL_COMMA.fullmatch(field.strip()))


def _records(
    sample: Sequence[str], separator: str
) -> tuple[list[int], list[list[str]]]:
    """Return for each record the index of its first line, and its fields."""
    if not separator or not any('"' in line for line in sample):
        return list(range(len(sample))), [split(row, separator) for row in sample]
    # A quoted field may hold line ends.
    reader = csv.reader((line + "\n" for line in sample), delimiter=separator)
    places, records, place = [], [], 0
    for record in reader:
        places.append(place)
        records.append(record)
        place = reader.line_num
    return places, records


def _one_column(sample: Sequence[str]) -> SeparatorFit:
    if all(len(line.split()) == 1 for line in sample):
        return SeparatorFit(",", share=1.0)
    name = next(filter(None, map(designation_in, sample)), "")
    hint = f"; the positions seem to be in names such as {name}" if name else ""
    msg = (
        "its lines do not split into columns: neither commas, tabs, semicolons, bars "
        "nor blanks split them into the same number of fields. Save it as CSV with a "
        f"header and columns for identifier, RA and Dec{hint}"
    )
    raise InputError(msg)


def decimal_mark(sample: Sequence[str], separator: str) -> str:
    """Return the character before the decimals in these rows: a point or a comma."""
    if separator == ",":
        return "."
    fields = [each.strip() for line in sample for each in split(line, separator)]
    sure = _DECIMAL_COMMA if separator == ";" else _SURE_COMMA
    has_comma = any(map(sure.fullmatch, fields))
    has_point = any(map(_DECIMAL_POINT.fullmatch, fields))
    return "," if has_comma and not has_point else "."
