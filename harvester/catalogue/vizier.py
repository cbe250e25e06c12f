"""Tab-separated files of VizieR: one or more tables, each with a description."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..errors import InputError
from .layouts import Layout
from .sheets import CUT_AT_LIMIT, unique_names
from .stated_frames import frame_in_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["find_vizier", "with_stated_frames"]

_COLUMN = re.compile(r"#Column\s+(\S+)\s*(.*)")
_DASHES = re.compile(r"-+")
_OVERFLOW = re.compile(r"QUERY_STATUS\s*=\s*OVERFLOW|truncated", re.IGNORECASE)
_ERROR = re.compile(
    r"#INFO\s+(?:QUERY_STATUS\s*=\s*ERROR|Error\s*=)\s*(.*)", re.IGNORECASE
)
_LIMIT = re.compile(r"#.*-out\.max\s*=\s*(\d+)")


@dataclass(slots=True)
class _VizierTable:
    """The description of one table, and where its rows are."""

    name: str = ""
    #: Format and description of each column.
    about: dict[str, str] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    units: list[str] = field(default_factory=list)
    separator: str = "\t"
    #: Index of the line of the first row; -1 until the line of dashes was read.
    first: int = -1
    #: Index of the line after the last row; None if the rows extend to the last line.
    last: int | None = None
    rows: int = 0
    #: The limit of rows that was requested from VizieR; 0 if none is stated.
    limit: int = 0
    #: Whether VizieR states that it truncated the result.
    is_cut: bool = False


def find_vizier(beginning: Sequence[str], lines: Iterable[str]) -> list[Layout]:
    """Find the tables in a result of VizieR; an empty list if it is another format.

    Raises
    ------
    InputError
        The result is an error, or a header does not fit its columns.
    """
    if not any(map(_COLUMN.match, beginning)):
        return []
    sections = _sections(lines)
    return [_layout(each) for each in sections]


def _sections(lines: Iterable[str]) -> list[_VizierTable]:
    sections: list[_VizierTable] = []
    now = _VizierTable()
    above: list[tuple[int, str]] = []
    for place, line in enumerate(lines):
        if line.startswith("#"):
            if now.first >= 0 and _begins(line):
                now.last = place
                now, above = _VizierTable(limit=now.limit, is_cut=now.is_cut), []
            _note_comment(now, line)
        elif _is_ruler(line):
            if now.first >= 0:
                now.last = above[0][0]
                now.rows -= len(above)
                now = _VizierTable(name=now.name, about=now.about, limit=now.limit)
            _take_header(now, line, [each for _, each in above], place)
            sections.append(now)
        elif line.strip():
            above = [*above[-1:], (place, line)]
            now.rows += now.first >= 0
    return sections


def _begins(line: str) -> bool:
    return line.startswith(("#Table", "#RESOURCE", "#Column"))


def _is_ruler(line: str) -> bool:
    if not line.startswith("-"):
        return False
    fields = [each.strip() for each in re.split(r"[\t;|]", line)]
    return all(map(_DASHES.fullmatch, fields))


def _note_comment(section: _VizierTable, line: str) -> None:
    column = _COLUMN.match(line)
    limit = _LIMIT.match(line)
    error = _ERROR.match(line)
    if error:
        msg = (
            f"it is an error message of VizieR, not a table: {error[1].strip() or line}"
        )
        raise InputError(msg)
    if column:
        section.about[column[1]] = column[2]
    elif line.startswith("#Name:"):
        section.name = line.partition(":")[2].strip()
    elif limit:
        section.limit = int(limit[1])
    section.is_cut |= bool(_OVERFLOW.search(line))


def _take_header(
    section: _VizierTable, ruler: str, above: Sequence[str], place: int
) -> None:
    """Read names and units from the two lines above the dashes."""
    section.separator = next((each for each in "\t;|" if each in ruler), "\t")
    width = len(ruler.split(section.separator))
    lines = ["", "", *above][-2:]
    names, units = (
        [each.strip() for each in line.split(section.separator)] for line in lines
    )
    if len(units) == width and (len(names) != width or not all(names)):
        names, units = units, []
    if len(names) != width or not all(names):
        msg = (
            f"line {place + 1} has dashes for {width} columns, but the header above it "
            f"names {len(names)}: {', '.join(names)}"
        )
        raise InputError(msg)
    section.names, section.units = names, units
    section.first = place + 1


def _layout(section: _VizierTable) -> Layout:
    names = unique_names(section.names)
    is_full = 0 < section.limit <= section.rows
    return Layout(
        section.separator,
        names,
        section.first,
        last=section.last,
        units={
            name: unit.strip("\"'")
            for name, unit in zip(names, section.units, strict=False)
            if unit.strip("\"' ")
        },
        frames={
            name: frame
            for name, own in zip(names, section.names, strict=True)
            if (frame := frame_in_words(section.about.get(own, "")))
        },
        texts=_declared(section, names, "A"),
        numbers=_declared(section, names, "IFED"),
        format="VizieR TSV",
        name=section.name,
        notes=(CUT_AT_LIMIT,) if section.is_cut or is_full else (),
    )


def _declared(
    section: _VizierTable, names: Sequence[str], letters: str
) -> frozenset[str]:
    """Return the columns with a format such as ``(F10.6)`` of one of these letters."""
    return frozenset(
        name
        for name, own in zip(names, section.names, strict=True)
        if section.about.get(own, "").startswith(tuple(f"({each}" for each in letters))
    )


def with_stated_frames(layout: Layout, beginning: Sequence[str]) -> Layout:
    """Return the layout with the frames that comments of VizieR state.

    VizieR writes such comments in each of its text formats.
    """
    abouts = filter(None, map(_COLUMN.match, beginning))
    stated = {match[1]: frame_in_words(match[2]) for match in abouts}
    frames = {n: frame for n, frame in stated.items() if frame and n in layout.names}
    return replace(layout, frames=layout.frames | frames)
