"""How the lines of a text are a table: its separator, its names, its first row.

This is found by looking, not by suffix: catalogues come with prose above the rows,
with the header in a comment, without one, and with commas in files named ``.tsv``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from ..errors import InputError
from .header_words import is_comment, marks_of
from .headers import find_header
from .numbered import doubts_in_comments, frames_in_comments
from .separators import decimal_point, find_separator, split
from .sheets import unique_names
from .stated_frames import frame_in_keywords
from .unit_words import in_brackets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .sheets import StatedFrame

__all__ = ["Layout", "find_layout", "sample_of"]

#: Lines with rows that are looked at.
_SAMPLE = 500

_SEPARATOR_WORDS = {
    ",": "comma",
    "\t": "tab",
    ";": "semicolon",
    "|": "bar",
    "": "blank",
}
#: A line that only frames the rows of a listing.
_RULER = re.compile(r"[-=+|:\s]*")
_KEYWORD = re.compile(r"\W*([A-Za-z_]+)\s*[=:]\s*(\S.*?)\s*(?:/.*)?$")
#: What may stand below a header.
_UNDERLINE = re.compile(r"[-=]{3,}")
#: What the client of a database writes below the rows.
_FOOTER = re.compile(
    r"\(?\d+ rows?\b.*|length = \d+ rows|\(?no rows\b.*|empty set.*|query ok.*"
    r"|time: .*|#END#",
    re.IGNORECASE,
)


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
    #: Place behind the last row, None if the rows end with the lines.
    last: int | None = None
    #: What lines begin with that are no rows.
    marks: tuple[str, ...] = ("#",)
    #: Where each column begins and ends, in a table of fixed widths.
    edges: tuple[tuple[int, int], ...] = ()
    #: Whether nothing may stand between and behind these columns.
    is_strict: bool = True
    #: Columns that are declared as text, and as numbers.
    texts: frozenset[str] = frozenset()
    numbers: frozenset[str] = frozenset()
    #: For each column of fixed width what stands for no value.
    gaps: tuple[frozenset[str], ...] = ()
    #: Whether lines of dashes and a count may follow.
    is_listing: bool = False
    #: Whether each row begins and ends with a bar.
    box: tuple[bool, bool] = (False, False)
    units: dict[str, str] = field(default_factory=dict)
    frames: dict[str, StatedFrame] = field(default_factory=dict)
    frame: StatedFrame | None = None
    format: str = ""
    name: str = ""
    notes: tuple[str, ...] = ()
    #: What comments say of unit or frame in words that no rule knows.
    doubts: tuple[str, ...] = ()

    def is_frame(self, line: str) -> bool:
        """Tell whether the line belongs to the frame of a listing."""
        if not self.is_listing:
            return False
        text = line.strip()
        return bool(_RULER.fullmatch(text) or _FOOTER.fullmatch(text))

    @property
    def written(self) -> str:
        """What separates the fields of `row`."""
        return "\t" if self.edges else self.separator or "\t"

    def row(self, line: str) -> str:
        """Give the fields of a line that is a row, separated as `written` says.

        Raises
        ------
        InputError
            Something stands between the columns of fixed widths.
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
            msg = f"the row {line.strip()!r} does not keep to the columns of its header"
            raise InputError(msg)
        if set(cells) == {"..."}:
            msg = "rows of it were left out (...) when it was printed"
            raise InputError(msg)
        if not self.gaps:
            return cells
        pairs = zip(cells, self.gaps, strict=True)
        return ["" if cell in gaps else cell for cell, gaps in pairs]


def without_box(line: str, box: tuple[bool, bool] = (True, True)) -> str:
    """Take the bars away that enclose a row; in a row that has none one is a gap."""
    text = line.strip()
    begins, ends = box
    text = text.removeprefix("|") if begins else text
    return text.removesuffix("|") if ends else text


def _gaps(line: str, edges: Sequence[tuple[int, int]]) -> list[str]:
    """Give what stands before, between and behind the columns."""
    between = (line[a:b] for (_, a), (b, _) in pairwise(edges))
    return [line[: edges[0][0]], *between, line[edges[-1][1] :]]


def sample_of(lines: Iterable[str]) -> tuple[list[str], list[int], tuple[str, ...]]:
    """Give the first lines, the places of those that can be rows, and comment marks."""
    seen: list[str] = []
    places: list[int] = []
    marks: tuple[str, ...] = ("#",)
    for place, line in enumerate(lines):
        seen.append(line)
        if not line.strip():
            continue
        marks = marks if places else marks_of(line, marks)
        if not is_comment(line, marks) and not _UNDERLINE.fullmatch(line.strip()):
            places.append(place)
        if len(places) == _SAMPLE:
            break
    return seen, places, marks


def find_layout(
    lines: Iterable[str], *, separator: str | None = None, by_number: bool = False
) -> Layout | None:
    """Find out how the lines are a table, from the first ones; None if all are empty.

    Parameters
    ----------
    separator
        What the user says; None: it is found.
    by_number
        The user names columns by number, whatever the header says.

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
    stated = {name: in_brackets(name) for name in names}
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
        decimal_point(rows, fit.separator),
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
    """Give the keywords in comments, such as ``# EQUINOX = B1950``."""
    comments = (line for line in lines if is_comment(line, marks))
    return {match[1]: match[2] for match in map(_KEYWORD.match, comments) if match}
