"""How the lines of a text form a table: its separator, its names, its first row.

The lines decide, not the suffix of the file: catalogues have prose above the rows, have
their header in a comment or none at all, and have commas in files named ``.tsv``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import InputError
from .header_words import add_comment_marks, is_comment
from .headers import find_header
from .numbered import doubts_in_comments, frames_in_comments
from .separators import decimal_mark, find_separator, split
from .sheets import unique_names
from .stated_frames import frame_in_keywords
from .unit_words import parse_brackets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .sheets import StatedFrame

__all__ = ["Layout", "find_layout", "sample_of"]

#: Rows that are examined to find the layout.
_SAMPLE = 500

_SEPARATOR_WORDS = {
    ",": "comma",
    "\t": "tab",
    ";": "semicolon",
    "|": "bar",
    "": "blank",
}
#: A line that only decorates a listing: no letters or digits.
_RULER = re.compile(r"[-=+|:\s]*")
_KEYWORD = re.compile(r"\W*([A-Za-z_]+)\s*[=:]\s*(\S.*?)\s*(?:/.*)?$")
#: A line of dashes below a header.
_UNDERLINE = re.compile(r"[-=]{3,}")
#: Lines that database clients write below the rows.
_FOOTER = re.compile(
    r"\(?\d+ rows?\b.*|length = \d+ rows|\(?no rows\b.*|empty set.*|query ok.*"
    r"|time: .*|#END#",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Layout:
    """How the lines of a text form a table."""

    #: Empty if blanks separate the fields.
    separator: str
    #: Names of the columns, unique; ``col1``, ``col2``, ... if the text has none.
    names: list[str]
    #: Index of the first row among the lines, from 0.
    first: int
    #: False if the text has no header.
    has_names: bool = True
    #: The character before the decimals: ``.`` or ``,``.
    decimal_point: str = "."
    #: Index of the line after the last row; None if the rows extend to the last line.
    last: int | None = None
    #: A line that begins with one of these is a comment.
    marks: tuple[str, ...] = ("#",)
    #: Start and end of each column of a fixed-width table, in characters.
    edges: tuple[tuple[int, int], ...] = ()
    #: Whether text between or behind these columns is an error.
    is_strict: bool = True
    #: Columns that the header declares as text, and as numbers.
    texts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    #: For each column of a fixed-width table, the words that mean "no value".
    gaps: tuple[frozenset[str], ...] = ()
    #: Whether lines of dashes, and a row count, may be among the lines.
    is_listing: bool = False
    #: Whether a row begins with a bar, and whether it ends with one.
    box: tuple[bool, bool] = (False, False)
    units: dict[str, str] = field(default_factory=dict)
    frames: dict[str, StatedFrame] = field(default_factory=dict)
    frame: StatedFrame | None = None
    format: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()
    #: Comments that mention a unit or a frame in words that no rule understands.
    doubts: tuple[str, ...] = ()

    def is_decoration(self, line: str) -> bool:
        """Return whether the line is a rule or a row count of a listing, not a row."""
        if not self.is_listing:
            return False
        text = line.strip()
        return bool(_RULER.fullmatch(text) or _FOOTER.fullmatch(text))

    @property
    def output_separator(self) -> str:
        """The separator between the fields that `row` returns."""
        return "\t" if self.edges else self.separator or "\t"

    def row(self, line: str) -> str:
        """Return the fields of a row, joined by `output_separator`.

        Raises
        ------
        InputError
            There is text between the columns of a fixed-width table.
        """
        if self.edges:
            return "\t".join(self._cells(line))
        if self.is_listing:
            cells = without_box(line, self.box).split(self.separator)
            return self.separator.join(cell.strip() for cell in cells)
        return line if self.separator else "\t".join(split(line, ""))

    def _cells(self, line: str) -> list[str]:
        cells = [" ".join(line[start:end].split()) for start, end in self.edges]
        if self.is_strict and any(gap.strip() for gap in _gaps(line, self.edges)):
            msg = (
                f"the row {line.strip()!r} has text outside the columns that its "
                "header declares"
            )
            raise InputError(msg)
        if set(cells) == {"..."}:
            msg = (
                "the table was printed with some of its rows left out (a row of ...): "
                "save the whole table"
            )
            raise InputError(msg)
        if not self.gaps:
            return cells
        pairs = zip(cells, self.gaps, strict=True)
        return ["" if cell in gaps else cell for cell, gaps in pairs]


def without_box(line: str, box: tuple[bool, bool] = (True, True)) -> str:
    """Remove the bars at the beginning and the end of a row, where ``box`` has them.

    Where it has none, a bar at the edge stands for an empty field, and stays.
    """
    text = line.strip()
    begins, ends = box
    text = text.removeprefix("|") if begins else text
    return text.removesuffix("|") if ends else text


def _gaps(line: str, edges: Sequence[tuple[int, int]]) -> list[str]:
    """Return the text before, between and behind the columns."""
    between = (line[a:b] for (_, a), (b, _) in pairwise(edges))
    return [line[: edges[0][0]], *between, line[edges[-1][1] :]]


def sample_of(lines: Iterable[str]) -> tuple[list[str], list[int], tuple[str, ...]]:
    """Return the first lines, the indices of possible rows, and the comment marks."""
    seen: list[str] = []
    places: list[int] = []
    marks: tuple[str, ...] = ("#",)
    for place, line in enumerate(lines):
        seen.append(line)
        if not line.strip():
            continue
        marks = marks if places else add_comment_marks(line, marks)
        if not is_comment(line, marks) and not _UNDERLINE.fullmatch(line.strip()):
            places.append(place)
        if len(places) == _SAMPLE:
            break
    return seen, places, marks


def find_layout(
    lines: Iterable[str], *, separator: str | None = None, by_number: bool = False
) -> Layout | None:
    """Find how the lines form a table, from the first ones; None if all are empty.

    Parameters
    ----------
    separator
        The separator that the user names; None to find it.
    by_number
        Whether the user names columns by number; a header that does not fit the rows
        is then ignored.

    Raises
    ------
    InputError
        No separator cuts the lines into the same number of fields, or the header
        does not name as many columns as there are.
    """
    seen, places, marks = sample_of(lines)
    if not places:
        return None
    is_boxed = all(re.fullmatch(r"\s*\|.*\|\s*", seen[place]) for place in places)
    if is_boxed:
        seen = [without_box(line) for line in seen]
    sample = [seen[place] for place in places]
    fit = find_separator(sample, separator)
    header = find_header(seen, fit, places[fit.first], marks, by_number=by_number)
    numbered = [f"col{place}" for place in range(1, fit.width + 1)]
    names = unique_names(header.names or numbered)
    stated = {name: parse_brackets(name) for name in names}
    units = {name: unit for name, (unit, _) in stated.items() if unit}
    below = zip(names, header.units, strict=False)
    rows = [seen[place] for place in places if place >= header.first]
    units |= {name: unit for name, unit in below if unit}
    comments = seen[: header.first]
    frames = {name: frame for name, (_, frame) in stated.items() if frame}
    frames |= {
        name: frame
        for name, frame in frames_in_comments(comments, marks).items()
        if name in names
    }
    frame = frame_in_keywords(_keywords(comments, marks))
    is_clear = bool(units or frames or frame)
    return Layout(
        fit.separator,
        names,
        header.first,
        bool(header.names),
        decimal_mark(rows, fit.separator),
        marks=marks,
        is_listing=is_boxed,
        box=(is_boxed, is_boxed),
        units=units,
        frames=frames,
        frame=frame,
        doubts=() if is_clear else tuple(doubts_in_comments(comments, marks)),
        format=f"text, {_SEPARATOR_WORDS[fit.separator]}-separated",
    )


def _keywords(lines: Sequence[str], marks: tuple[str, ...]) -> dict[str, str]:
    """Return the keywords in comments, such as ``# EQUINOX = B1950``."""
    comments = (line for line in lines if is_comment(line, marks))
    return {match[1]: match[2] for match in map(_KEYWORD.match, comments) if match}
