"""Texts whose header states where each column begins and ends: IPAC, CDS and MRT.

Astropy reads the header; this module finds it, and makes a layout for the rows.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..importing import IMPORTING
from .layouts import Layout
from .sheets import unique_names
from .stated_frames import frame_in_keywords, frame_in_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .sheets import StatedFrame

__all__ = ["find_byte_by_byte", "find_ipac"]

_DESCRIPTION = re.compile(r"Byte-by-byte Description", re.IGNORECASE)
#: Types of columns in IPAC tables; a table may abbreviate them.
_TYPES = ("integer", "long", "double", "float", "real", "char", "date")
_SECTION_END = re.compile(r"[-=]{10,}\s*")


@dataclass(frozen=True, slots=True)
class _Columns:
    """What a header states about the columns."""

    names: list[str]
    edges: tuple[tuple[int, int], ...]
    units: dict[str, str]
    texts: frozenset[str]
    numbers: frozenset[str]
    gaps: dict[str, frozenset[str]]
    about: dict[str, str]


def find_ipac(lines: Sequence[str]) -> Layout | None:
    """Find an IPAC header, with its bars between names; None if there is none.

    Raises
    ------
    InputError
        The bars of its lines are not aligned, or a type is unknown.
    """
    filled = (n for n, line in enumerate(lines) if line.strip() and line[0] != "\\")
    start = next(filled, len(lines))
    barred = itertools.takewhile(_is_barred, lines[start:])
    header = list(barred)
    first = start + len(header)
    below = lines[first] if first < len(lines) else ""
    if not header or not _is_ipac(header, below, is_last=first == len(lines)):
        return None
    if len({tuple(_bars(line)) for line in header}) > 1:
        msg = "the bars in the lines of its IPAC header are not aligned"
        raise InputError(msg)
    reader = _reader("Ipac")
    reader.header.get_cols(header)
    about: dict[str, Any] = {"table": {}}
    reader.header.update_meta(list(lines[:first]), about)
    return _layout(
        _columns(reader),
        first,
        form="IPAC table",
        marks=("\\",),
        is_strict=True,
        frame=frame_in_keywords(about["table"]["keywords"]),
    )


def _is_ipac(header: Sequence[str], below: str, *, is_last: bool) -> bool:
    """Return whether these lines are an IPAC header, not rows drawn with bars."""
    if any(map(_is_ruler, [*header, below])):
        return False
    is_followed = not is_last and not below.startswith("|")
    if len(header) == 1:
        return is_followed
    if _declares_types(header[1]):
        return True
    if is_followed and not re.search(r"\d", header[1]):
        msg = f"its IPAC header declares unknown types: {header[1].strip()}"
        raise InputError(msg)
    return False


def _is_barred(line: str) -> bool:
    return line.startswith("|") and line.rstrip().endswith("|") and len(line) > 1


def _bars(line: str) -> list[int]:
    return [place for place, letter in enumerate(line) if letter == "|"]


def _is_ruler(line: str) -> bool:
    return bool(re.fullmatch(r"[|+]?[\s|:+=-]*--[\s|:+=-]*", line))


def _declares_types(line: str) -> bool:
    fields = [each.strip(" -").lower() for each in line.strip().strip("|").split("|")]
    return all(any(word.startswith(each) for word in _TYPES) for each in fields)


def find_byte_by_byte(lines: Sequence[str]) -> Layout | None:
    """Find a byte-by-byte description, as the CDS and journals write it.

    Returns None if there is none.

    Raises
    ------
    InputError
        The text has only the description, or it describes several files.
    """
    starts = [n for n, line in enumerate(lines) if _DESCRIPTION.match(line)]
    if not starts:
        return None
    ends = [n for n, line in enumerate(lines) if _SECTION_END.fullmatch(line)]
    first = ends[-1] + 1 if ends else len(lines)
    rows = [line for line in lines[first:] if line.strip()]
    if len(starts) > 1 or not rows or rows[0].lstrip().startswith("(End)"):
        msg = (
            "it describes tables byte by byte (a ReadMe of the CDS), but it does not "
            "hold the rows of one table: download the table from VizieR as VOTable or "
            "FITS instead"
        )
        raise InputError(msg)
    is_mrt = any(line.startswith(("Title:", "\ufeffTitle:")) for line in lines[:9])
    reader = _reader("Cds")
    reader.header.get_cols(list(lines[:first]))
    columns = _columns(reader)
    return _layout(
        columns,
        first,
        form="MRT table (byte by byte)" if is_mrt else "CDS table (byte by byte)",
        marks=(),
        is_strict=False,
    )


def _reader(form: str) -> Any:
    """Make astropy's reader of a format."""
    with IMPORTING:
        from astropy.io import ascii as astropy_ascii
    return astropy_ascii.get_reader(getattr(astropy_ascii, form))


def _columns(reader: Any) -> _Columns:
    from astropy.io.ascii import core  # the reader has it

    found = reader.header.cols
    names = unique_names([column.name for column in found])
    named = list(zip(names, found, strict=True))
    kinds = {
        name: getattr(column, "type", None) or core.NoType for name, column in named
    }
    return _Columns(
        names,
        tuple((column.start, column.end) for column in found),
        {
            name: str(unit).strip()
            for name, column in named
            if (unit := getattr(column, "unit", None))
        },
        frozenset(name for name, kind in kinds.items() if kind is core.StrType),
        frozenset(
            name for name, kind in kinds.items() if issubclass(kind, core.NumType)
        ),
        {
            name: frozenset(
                bad for bad, _, own in reader.data.fill_values[1:] if own == column.name
            )
            for name, column in named
        },
        {name: str(getattr(c, "description", "") or "") for name, c in named},
    )


def _layout(
    columns: _Columns,
    first: int,
    *,
    form: str,
    marks: tuple[str, ...],
    is_strict: bool,
    frame: StatedFrame | None = None,
) -> Layout:
    if not columns.names:
        msg = f"its header ({form}) describes no column"
        raise InputError(msg)
    if any(not 0 <= start < end for start, end in columns.edges):
        msg = f"its header ({form}) gives a column an impossible start or end"
        raise InputError(msg)
    frames = {name: frame_in_words(text) for name, text in columns.about.items()}
    return Layout(
        "",
        columns.names,
        first,
        marks=marks,
        edges=columns.edges,
        is_strict=is_strict,
        texts=columns.texts,
        numbers=columns.numbers,
        gaps=tuple(columns.gaps[name] for name in columns.names),
        units=columns.units,
        frames={name: each for name, each in frames.items() if each},
        frame=frame,
        format=form,
    )
