"""A table as it is in a file, before its columns are interpreted."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

__all__ = [
    "CUT_AT_LIMIT",
    "Columns",
    "Sheet",
    "StatedFrame",
    "is_folded",
    "text_of",
    "unfolded",
    "unique_names",
]

#: The note for a result that a server truncated.
CUT_AT_LIMIT = (
    "The server truncated this result at its limit of rows (its status is OVERFLOW, or "
    "truncated): galaxies are missing. Download it again with a higher limit."
)


class Columns(Protocol):
    """The part of the interface of `pyarrow.Table` that readers use.

    A class with it can read columns from a file when they are requested.
    """

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the columns."""

    @property
    def column_names(self) -> Sequence[str]:
        """Names of the columns."""

    @property
    def num_rows(self) -> int:
        """Number of rows."""

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a whole column."""

    def select(self, names: Sequence[str]) -> Columns:
        """Return a table of only these columns."""

    def to_batches(self, max_chunksize: int) -> Iterable[pa.RecordBatch]:
        """Yield the rows in batches of at most ``max_chunksize``."""


@dataclass(frozen=True, slots=True)
class StatedFrame:
    """A frame of positions as a file spells it; facts that are missing are empty."""

    #: Such as ``ICRS``, ``FK4``, ``eq_FK5`` or ``galactic``.
    system: str
    #: Such as ``B1950`` or ``2000.0``.
    equinox: str = ""
    #: The date for which the positions hold, such as ``J2016.0``.
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns with their types, and the line of the file for each row."""

    #: The columns; their names are unique.
    table: Columns
    #: For each row, its line in a text file or its row in a table, from 1.
    lines: NDArray[np.int64]
    #: Units of columns that state one, as the file spells them.
    units: dict[str, str] = field(default_factory=dict)
    #: Frames of columns that state one.
    frames: dict[str, StatedFrame] = field(default_factory=dict)
    #: The frame that the table states for all of its positions.
    frame: StatedFrame | None = None
    #: The file's format in words, such as ``FITS binary table``.
    format: str = ""
    #: Name of the table, in a file that names its tables.
    name: str = ""
    #: False if the file has no header: the columns are ``col1``, ``col2``, ...
    has_names: bool = True
    #: True if the types were guessed from text.
    is_text: bool = False
    #: Lines that could not be read as rows, and the reasons.
    broken: list[tuple[int, str]] = field(default_factory=list)
    #: Sentences for the user.
    notes: list[str] = field(default_factory=list)
    #: Comments that mention a unit or a frame in words that no rule understands.
    doubts: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, table: pa.Table, units: dict[str, str], notes: Iterable[str] = ()
    ) -> Sheet:
        """Make a sheet of a table in memory, with its rows numbered from 1."""
        named = table.rename_columns(unique_names(table.column_names))
        lines = np.arange(1, table.num_rows + 1)
        return cls(named.combine_chunks(), lines, units, notes=list(notes))

    def column(self, name: str) -> pa.Array:
        """Return a column as one array."""
        chunks = self.table.column(name)
        # `combine_chunks` would copy even a single chunk.
        return chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()


def unique_names(names: Iterable[str]) -> list[str]:
    """Strip the names; number repeated names, and give empty ones a name."""
    taken: set[str] = set()
    result = []
    for place, raw in enumerate(names, 1):
        base = raw.strip() or f"col{place}"
        name, number = base, 1
        while name in taken:
            number += 1
            name = f"{base}_{number}"
        taken.add(name)
        result.append(name)
    return result


def text_of(value: bytes) -> str:
    """Decode bytes as UTF-8, else as Latin-1, in which every byte is valid."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def is_folded(sheet: Sheet, name: str) -> bool:
    """Return whether the table is a single row in which this column is a vector."""
    return sheet.table.num_rows == 1 and _is_vector(sheet.table.schema.field(name).type)


def _is_vector(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def unfolded(sheet: Sheet, name: str) -> Sheet:
    """Turn a single row of vectors into as many rows as the vector ``name`` is long.

    IDL writes structures of arrays as one row. A column that is not a vector of that
    length gets the same value in every row.
    """
    rows = len(sheet.column(name)[0].values)
    columns = [_unfold(sheet.column(each), rows) for each in sheet.table.column_names]
    note = f"The table is a single row of vectors; it was read as {rows} rows."
    return replace(
        sheet,
        table=pa.table(columns, names=sheet.table.column_names),
        lines=np.arange(1, rows + 1),
        notes=[*sheet.notes, note],
    )


def _unfold(column: pa.Array, rows: int) -> pa.Array:
    if _is_vector(column.type) and pc.list_value_length(column)[0].as_py() == rows:
        return pc.list_flatten(column)
    return pa.array([column[0].as_py()] * rows, column.type)
