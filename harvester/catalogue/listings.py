"""Tables with a line of dashes below the header: database listings, Markdown, ..."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import InputError
from .layouts import Layout, without_box
from .sheets import unique_names
from .unit_words import is_no_unit, parse_brackets, states_units

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["find_listing"]

_RULER = re.compile(
    r"\s*[|+]?\s*:?[-=]{2,}:?(?:\s*[|+]\s*:?[-=]+:?|\s+[-=]+)*\s*[|+]?\s*"
)
_RUN = re.compile(r"[-=]+")
#: Characters; longer than any line.
_LONGEST = 1 << 30


def find_listing(lines: Sequence[str]) -> Layout | None:
    """Find a header with a line of dashes below it; None if there is none.

    Raises
    ------
    InputError
        The header and the line of dashes have different numbers of columns.
    """
    filled = [
        (place, line)
        for place, line in enumerate(lines)
        if line.strip() and not line.lstrip().startswith("#")
    ]
    for number in range(1, len(filled)):
        (place, header), (below, ruler) = filled[number - 1 : number + 1]
        if not _RULER.fullmatch(ruler) or _RULER.fullmatch(header):
            continue
        if "\t" in ruler.strip() or "\t" in header.strip():
            continue
        if "+" in ruler and "|" not in header:
            continue  # the upper edge of a box
        above = filled[number - 2] if number > 1 else None
        find = _with_bars if "|" in header else _in_columns
        layout = find(place, header, below, ruler, above)
        if layout:
            return layout
    return None


def _with_bars(
    place: int, header: str, below: int, ruler: str, above: tuple[int, str] | None
) -> Layout:
    box = header.strip().startswith("|"), header.strip().endswith("|")
    names, units = _between_bars(header, box), list[str]()
    runs = _RUN.findall(ruler)
    if above and states_units(names):
        higher = _between_bars(above[1], box)
        if len(higher) == len(names) and all(higher):
            names, units, place = higher, names, above[0]
    if len(names) != len(runs):
        raise _mismatch(place, names, below, len(runs))
    unique = unique_names(names)
    return Layout(
        "|",
        unique,
        below + 1,
        is_listing=True,
        box=box,
        units=_units(unique, units),
        format="text, drawn with bars",
    )


def _between_bars(line: str, box: tuple[bool, bool]) -> list[str]:
    return [each.strip() for each in without_box(line, box).split("|")]


def _in_columns(
    place: int, header: str, below: int, ruler: str, above: tuple[int, str] | None
) -> Layout | None:
    runs = [match.span() for match in _RUN.finditer(ruler)]
    if len(runs) == 1:
        return None  # an underlined title
    # A column extends to the start of the next one, the last one to the end of line.
    ends = [*(start - 1 for start, _ in runs[1:]), _LONGEST]
    edges = [(start, end) for (start, _), end in zip(runs, ends, strict=True)]
    cells, units = _cells(header, edges), list[str]()
    if above and states_units(cells) and all(_cells(above[1], edges)):
        # Astropy prints units between the names and the dashes.
        cells, units = _cells(above[1], edges), cells
        place, header = above
    if not all(cells) or any(header[s - 1 : s].strip() for s, _ in edges[1:]):
        if len(header.split()) == len(edges):
            return None  # only blanks separate the fields
        raise _mismatch(place, header.split(), below, len(edges))
    unique = unique_names(cells)
    return Layout(
        "",
        unique,
        below + 1,
        edges=tuple(edges),
        is_listing=True,
        units=_units(unique, units),
        format="text in columns, drawn with dashes",
    )


def _cells(line: str, edges: Sequence[tuple[int, int]]) -> list[str]:
    return [line[start:end].strip() for start, end in edges]


def _units(names: Sequence[str], below: Sequence[str]) -> dict[str, str]:
    stated = {name: unit for name in names if (unit := parse_brackets(name)[0])}
    pairs = zip(names, below, strict=False)
    return stated | {name: unit for name, unit in pairs if not is_no_unit(unit)}


def _mismatch(place: int, names: Sequence[str], below: int, runs: int) -> InputError:
    return InputError(
        f"its header in line {place + 1} names {len(names)} columns "
        f"({', '.join(names)}), but line {below + 1} has dashes for {runs} columns"
    )
