"""A table as it came out of a file, before anyone asks what its columns mean."""

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

#: What to say of a result of which the server left rows out.
CUT_AT_LIMIT = (
    "The server cut this result at its limit of rows (its status is OVERFLOW, or "
    "truncated): galaxies are missing. Ask for it again with a higher limit."
)


class Columns(Protocol):
    """What is asked of a `pyarrow.Table`, so that a file can stand in for it."""

    @property
    def schema(self) -> pa.Schema:
        """Names and types."""

    @property
    def column_names(self) -> Sequence[str]:
        """Names alone."""

    @property
    def num_rows(self) -> int:
        """Rows of each column."""

    def column(self, name: str) -> pa.ChunkedArray:
        """Give one column whole."""

    def select(self, names: Sequence[str]) -> Columns:
        """Give only some columns."""

    def to_batches(self, max_chunksize: int) -> Iterable[pa.RecordBatch]:
        """Give the rows in batches of at most so many."""


@dataclass(frozen=True, slots=True)
class StatedFrame:
    """A frame of positions, as a file spells it; what it does not say is empty."""

    #: Such as ``ICRS``, ``FK4``, ``eq_FK5`` or ``galactic``.
    system: str
    #: Such as ``B1950`` or ``2000.0``.
    equinox: str = ""
    #: When the positions were right, such as ``J2016.0``.
    epoch: str = ""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns with their types, and where in the file each row stands."""

    #: Names are unique.
    table: Columns
    #: For each row, its line of a text file or its row of a table, from 1.
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
    #: False if the columns had to be named ``col1``, ``col2``, ...
    has_names: bool = True
    #: True if the types were guessed from text.
    is_text: bool = False
    #: Lines that are no rows, and why.
    broken: list[tuple[int, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    #: What comments say of unit or frame in words that no rule knows.
    doubts: list[str] = field(default_factory=list)

    @classmethod
    def of(
        cls, table: pa.Table, units: dict[str, str], notes: Iterable[str] = ()
    ) -> Sheet:
        """Make a sheet of a whole table, its rows numbered from 1."""
        named = table.rename_columns(unique_names(table.column_names))
        lines = np.arange(1, table.num_rows + 1)
        return cls(named.combine_chunks(), lines, units, notes=list(notes))

    def column(self, name: str) -> pa.Array:
        """Give a column as one array."""
        chunks = self.table.column(name)
        # Combining copies even what is one piece already.
        return chunks.chunk(0) if chunks.num_chunks == 1 else chunks.combine_chunks()


def unique_names(names: Iterable[str]) -> list[str]:
    """Strip the names; number those that come again, name those that are empty."""
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
    """Read bytes as UTF-8, or as Latin-1, which takes all."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def is_folded(sheet: Sheet, name: str) -> bool:
    """Tell whether the table is one row and this column of it a vector."""
    return sheet.table.num_rows == 1 and _is_vector(sheet.table.schema.field(name).type)


def _is_vector(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_list(kind)
        or pa.types.is_large_list(kind)
        or pa.types.is_fixed_size_list(kind)
    )


def unfolded(sheet: Sheet, name: str) -> Sheet:
    """Turn one row of vectors as long as ``name`` into as many rows.

    IDL writes structures of arrays that way. What is no vector of that length is the
    same in every row.
    """
    rows = len(sheet.column(name)[0].values)
    columns = [_unfold(sheet.column(each), rows) for each in sheet.table.column_names]
    note = f"The table is one row of vectors; it was read as {rows} rows."
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
