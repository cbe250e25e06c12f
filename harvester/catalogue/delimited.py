"""Text tables: commas, tabs, semicolons, bars or blanks between the fields.

Text becomes numbers only if no digit is lost: columns that are named like identifiers
stay text, and so does a column with integers that are too long for a float.
"""

from __future__ import annotations

import csv
import itertools
import re
from array import array
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ..errors import InputError
from .separators import split
from .sheets import Sheet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from numpy.typing import NDArray

    from .layouts import Layout

__all__ = ["read_rows"]

#: A float64 cannot represent every integer above this.
_EXACT_FLOATS = 2.0**53

_ID_NAME = re.compile(
    r"^id_|id[_ ]?\d?$|name$|designation$|object[_ ]?\d?$", re.IGNORECASE
)

#: Words that mean "no value", in columns of numbers and of text.
_NULLS = [
    *("", "NA", "N/A", "NULL", "null", "(null)", "NaN", "nan", "NAN", "None", "--"),
    *("masked", "\\N"),
]
#: Text that would change if it were read as a number: ``0266``, ``0x1F``, and ``-00``,
#: the degrees of a declination whose minutes are in another column.
_LEADING_ZERO = re.compile(r"0[\dxX]\w*|-0+")
_MINUS_ZERO = re.compile(r"-0+")


def read_rows(
    lines: Iterable[str],
    layout: Layout,
    *,
    exact: Collection[str] = (),
    scratch: Path | None = None,
) -> Sheet:
    """Read the rows of a text table; the columns in ``exact`` stay text.

    ``scratch`` is a folder for a temporary copy of the rows, so that only a few lines
    of the text are in memory at a time.

    Raises
    ------
    InputError
        A row does not fit the columns of the header, or a column that the header
        declares as numbers holds other text.
    """
    with NamedTemporaryFile(dir=scratch) as plain:
        rows = _Rows(lines, layout, plain)
        table, broken = _typed(rows, layout, exact)
        numbers = rows.numbers(table.num_rows + len(broken))
    return Sheet(
        table,
        np.delete(numbers, np.array([row - 1 for row in broken], np.int64)),
        layout.units,
        layout.frames,
        layout.frame,
        layout.format,
        layout.name,
        has_names=layout.has_names,
        is_text=True,
        broken=[(int(numbers[row - 1]), problem) for row, problem in broken.items()],
        notes=[*layout.notes, *_notes(rows, layout)],
        doubts=list(layout.doubts),
    )


def _notes(rows: _Rows, layout: Layout) -> Iterable[str]:
    if rows.comments:
        yield (
            "Lines among the rows that start with # are comments and were left out "
            f"(lines: {rows.comments})."
        )
    if layout.decimal_point == ",":
        yield "Commas in the numbers were read as decimal points."


class _Rows:
    """The lines that hold rows, and their numbers in the file."""

    def __init__(self, lines: Iterable[str], layout: Layout, plain: IO[bytes]) -> None:
        """Write the rows to ``plain``, without comments and other lines."""
        self._separator = layout.output_separator
        self._places = array("q")
        self.path = plain.name
        self.comments = 0
        self.is_quoted = False
        #: Indices of columns with text that begins with a zero.
        self.zeros: set[int] = set()
        #: Indices of columns with a zero that has a minus sign.
        self.minus_zeros: set[int] = set()
        mark = re.escape(self._separator)
        zero = re.compile(rf'(?:^|{mark})[ "]*(?:0[\dxX]\w*|-0+)[ "]*(?:$|{mark})')
        is_plain = bool(layout.separator) and not layout.is_listing
        numbered = enumerate(lines, 1)
        for place, line in itertools.islice(numbered, layout.first, layout.last):
            if not line or line.isspace() or layout.is_decoration(line):
                continue
            if line.lstrip().startswith(layout.marks):
                self.comments += 1
                continue
            row = line if is_plain else self._cut(layout, line, place)
            self._places.append(place)
            self.is_quoted |= bool(layout.separator) and '"' in line
            if zero.search(row):
                self._note_zeros(row)
            plain.write(f"{row}\n".encode())
        plain.flush()

    @staticmethod
    def _cut(layout: Layout, line: str, place: int) -> str:
        try:
            return layout.row(line)
        except InputError as error:
            msg = f"line {place}: {error}"
            raise InputError(msg) from error

    def _note_zeros(self, row: str) -> None:
        for place, field in enumerate(split(row, self._separator)):
            text = field.strip(' "')
            if place not in self.zeros and _LEADING_ZERO.fullmatch(text):
                self.zeros.add(place)
            if place not in self.minus_zeros and _MINUS_ZERO.fullmatch(text):
                self.minus_zeros.add(place)

    def __len__(self) -> int:
        return len(self._places)

    def numbers(self, records: int) -> NDArray[np.int64]:
        """Return for each record the line of the file, from 1, on which it starts."""
        if records == len(self._places):
            return np.array(self._places, np.int64)
        # Some records span several lines, which only a CSV parser can count.
        starts, place = [], 0
        with Path(self.path).open(encoding="utf-8", newline="\n") as lines:
            reader = csv.reader(lines, delimiter=self._separator)
            for _ in reader:
                starts.append(self._places[place])
                place = reader.line_num
        return np.array(starts, np.int64)


def _typed(
    rows: _Rows, layout: Layout, exact: Collection[str]
) -> tuple[pa.Table, dict[int, str]]:
    """Parse the rows; parse again if a guessed type would change a value."""
    if not len(rows):  # Arrow refuses a text without rows
        return pa.table({name: pa.nulls(0, pa.string()) for name in layout.names}), {}
    wanted = {name.strip().lower() for name in exact}
    texts = layout.texts | {
        name for name in layout.names if _ID_NAME.search(name) or name.lower() in wanted
    }
    table, broken = _parsed(rows, layout, texts)
    _check_numbers(table, layout)
    zeros = {layout.names[place] for place in rows.zeros if place < len(layout.names)}
    zeros -= layout.numbers
    zeros |= {layout.names[n] for n in rows.minus_zeros if n < len(layout.names)}
    changed = {
        name
        for name in layout.names
        if _is_changed(table.column(name), begins_with_zero=name in zeros)
    }
    if changed:
        del table
        table, broken = _parsed(rows, layout, texts | changed)
    return table, broken


def _check_numbers(table: pa.Table, layout: Layout) -> None:
    """Refuse a column that the header declares as numbers and that holds other text."""
    for name in layout.names:
        kind = table.schema.field(name).type
        if name in layout.numbers and pa.types.is_string(kind):
            text = pc.drop_null(table.column(name))
            number = pc.match_substring_regex(text, r"^[+-]?[\d.]")
            wrong = text.filter(pc.invert(number))
            if len(wrong):
                msg = (
                    f"its header declares column {name} as numbers, but the column "
                    f"holds {wrong[0].as_py()!r}"
                )
                raise InputError(msg)


def _is_changed(column: pa.ChunkedArray, *, begins_with_zero: bool) -> bool:
    """Return whether the guessed type does not preserve the text."""
    if pa.types.is_integer(column.type):
        return begins_with_zero
    if pa.types.is_time(column.type):
        return True  # a right ascension is not a time of day
    if not pa.types.is_floating(column.type):
        return False
    largest = pc.max(pc.abs(column)).as_py()
    return largest is not None and largest >= _EXACT_FLOATS


def _parsed(
    rows: _Rows, layout: Layout, texts: Collection[str]
) -> tuple[pa.Table, dict[int, str]]:
    """Return the table, and for each broken record (from 1) what is wrong with it."""
    broken: dict[int, str] = {}

    def note(row: pyarrow.csv.InvalidRow) -> str:
        broken[row.number] = (
            f"the line has {row.actual_columns} fields instead of "
            f"{row.expected_columns}"
        )
        return "skip"

    options = {
        "parse_options": _parse_options(rows, layout),
        "convert_options": _convert_options(layout, texts),
    }
    try:
        return pyarrow.csv.read_csv(rows.path, _read_options(layout), **options), broken
    except pa.ArrowInvalid:
        options["parse_options"].invalid_row_handler = note
        # Arrow reports the number of a broken record only with a single thread.
        alone = _read_options(layout, use_threads=False)
        return pyarrow.csv.read_csv(rows.path, alone, **options), broken


def _read_options(layout: Layout, *, use_threads: bool = True) -> pa.csv.ReadOptions:
    return pyarrow.csv.ReadOptions(column_names=layout.names, use_threads=use_threads)


def _parse_options(rows: _Rows, layout: Layout) -> pa.csv.ParseOptions:
    return pyarrow.csv.ParseOptions(
        delimiter=layout.output_separator,
        quote_char='"' if rows.is_quoted else False,
        newlines_in_values=rows.is_quoted,
        # Blank lines were already removed: an empty line left in a table of one column
        # is a missing value.
        ignore_empty_lines=len(layout.names) > 1,
    )


def _convert_options(layout: Layout, texts: Collection[str]) -> pa.csv.ConvertOptions:
    return pyarrow.csv.ConvertOptions(
        column_types=dict.fromkeys(texts, pa.string()),
        null_values=_NULLS,
        strings_can_be_null=True,
        decimal_point=layout.decimal_point,
    )
