"""Text tables with a special header: SExtractor and rdb."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import InputError
from ..importing import IMPORTING
from .layouts import Layout
from .sheets import unique_names
from .stated_frames import frame_in_words
from .unit_words import unit_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_sextractor", "find_types_row"]

#: ``#   4 ALPHA_J2000   Right ascension   [deg]``, as SExtractor writes it.
_NUMBERED = re.compile(r"#\s*(\d+)\s+([A-Za-z_]\w*)(\s.*)?")
_RDB_TYPE = re.compile(r"\d*[SNM]", re.IGNORECASE)


def find_sextractor(lines: Sequence[str]) -> Layout | None:
    """Find a SExtractor header, which numbers the columns; None if there is none.

    A vector has one line in it, with the number of its first column.

    Raises
    ------
    InputError
        The rows have fewer fields than the header has columns.
    """
    matches = list(filter(None, (_NUMBERED.fullmatch(each.strip()) for each in lines)))
    header = [match[0] for match in matches]
    places = [int(match[1]) for match in matches]
    if len(header) < 2 or places[0] != 1 or places != sorted(set(places)):  # noqa: PLR2004 - two columns or more
        return None
    first, row = next(
        (
            (place, line.split())
            for place, line in enumerate(lines)
            if line.strip() and not line.lstrip().startswith("#")
        ),
        (len(lines), []),
    )
    if row and any(mark in lines[first] for mark in "\t,;|"):
        return None
    names, units = _read_header(header)
    about = {match[2]: frame_in_words(match[3] or "") for match in matches}
    if row and len(row) < len(names):
        msg = (
            f"its SExtractor header numbers {len(names)} columns, but the first row, "
            f"in line {first + 1}, has {len(row)} fields"
        )
        raise InputError(msg)
    # Only the rows show how many values the last column has.
    more = range(1, len(row) - len(names) + 1)
    names = unique_names([*names, *(f"{names[-1]}_{n}" for n in more)])
    return Layout(
        "",
        names,
        first,
        units=units,
        frames={name: frame for name, frame in about.items() if frame},
        format="SExtractor catalogue",
    )


def _read_header(header: list[str]) -> tuple[list[str], dict[str, str]]:
    with IMPORTING:
        from astropy.io import ascii as astropy_ascii
    reader = astropy_ascii.get_reader(astropy_ascii.SExtractor)
    reader.header.get_cols(header)
    columns = reader.header.cols
    names = unique_names([column.name for column in columns])
    matches = filter(None, map(_NUMBERED.fullmatch, header))
    about = {match[2]: (match[3] or "").strip() for match in matches}
    stated = {
        name: str(column.unit or unit_in_words(about.get(name, "")))
        for name, column in zip(names, columns, strict=True)
    }
    return names, {name: unit for name, unit in stated.items() if unit}


def find_types_row(lines: Sequence[str]) -> Layout | None:
    """Find an rdb header: names, and a row of widths and types below them.

    Returns None if there is none.

    Raises
    ------
    InputError
        The two rows have different numbers of columns.
    """
    filled = [
        (place, line)
        for place, line in enumerate(lines)
        if line.strip() and not line.lstrip().startswith("#")
    ][:2]
    if len(filled) < 2:  # noqa: PLR2004 - a row of names and a row of types
        return None
    (_, names), (place, types) = filled
    fields = [each.strip() for each in types.split("\t")]
    named = names.split("\t")
    if len(fields) < 2 or not all(map(_RDB_TYPE.fullmatch, fields)):  # noqa: PLR2004 - two columns or more
        return None
    if len(named) != len(fields):
        msg = (
            f"its rdb header names {len(named)} columns, but the row of types in line "
            f"{place + 1} has {len(fields)}: {names!r} and {types!r}"
        )
        raise InputError(msg)
    unique = unique_names(named)
    texts, numbers = (
        frozenset(
            n for n, kind in zip(unique, fields, strict=True) if kind[-1] in letters
        )
        for letters in ("Ss", "Nn")
    )
    return Layout(
        "\t", unique, place + 1, texts=texts, numbers=numbers, format="rdb table"
    )
