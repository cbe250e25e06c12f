"""Tables of astropy as columns of Arrow, made when they are asked for.

The rows of a FITS file stay in the file meanwhile, which the system maps into memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from astropy.table import represent_mixins_as_columns

from .sheets import Sheet, unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from astropy.table import Table
    from numpy.typing import NDArray

__all__ = ["from_astropy"]


def from_astropy(table: Table) -> Sheet:
    """Give the table as a sheet, with the units that it states."""
    flat = represent_mixins_as_columns(table)
    names = unique_names(flat.colnames)
    columns = {
        name: flat[own] if flat[own].dtype.kind != "O" else _to_arrow(flat[own])
        for name, own in zip(names, flat.colnames, strict=True)
    }
    units = {name: str(flat[name].unit) for name in flat.colnames if flat[name].unit}
    rows = len(flat)
    return Sheet(ArrayColumns(columns, rows), np.arange(1, rows + 1), units)


class ArrayColumns:
    """Stands in for a `pyarrow.Table`."""

    def __init__(self, columns: Mapping[str, Any], rows: int) -> None:
        """Take columns of astropy; those of objects are Arrow's already."""
        self._columns = columns
        self.num_rows = rows
        self.column_names = list(columns)
        self.schema = pa.schema(
            [(name, _arrow(column[:1]).type) for name, column in columns.items()]
        )

    def select(self, names: Sequence[str]) -> ArrayColumns:
        """Give only some columns."""
        return ArrayColumns({n: self._columns[n] for n in names}, self.num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """Give one column whole."""
        return pa.chunked_array([_arrow(self._columns[name])])

    def to_batches(self, max_chunksize: int) -> Iterator[pa.RecordBatch]:
        """Give the rows in batches of at most so many."""
        for start in range(0, self.num_rows, max_chunksize):
            part = slice(start, start + max_chunksize)
            arrays = [_arrow(column[part]) for column in self._columns.values()]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _arrow(column: Any) -> pa.Array:  # noqa: ANN401 - astropy has no types
    return column if isinstance(column, pa.Array) else _to_arrow(column)


def _to_arrow(column: Any) -> pa.Array:  # noqa: ANN401 - astropy has no types
    mask = np.ma.getmaskarray(column)
    values = np.ma.getdata(column)
    array = _flat(np.ravel(values), np.ravel(mask))
    # Vectors become lists, the last axis the innermost.
    for size in reversed(values.shape[1:]):
        offsets = np.arange(0, len(array) + 1, size) if size else np.zeros(1)
        array = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), array)
    return array


def _flat(values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    if values.dtype.kind == "O":
        return _objects(values, mask)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "c":
        values = values.astype(str)
    array = pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask)
    return _filled(array) if pa.types.is_string(array.type) else array


def _filled(texts: pa.Array) -> pa.Array:
    """Cut the blanks that fixed widths need; what is blank throughout is null."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _objects(values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    plain = [
        None if hidden else each.tolist() if isinstance(each, np.ndarray) else each
        for each, hidden in zip(values.tolist(), mask.tolist(), strict=True)
    ]
    array = pa.array(plain)
    return _filled(array) if pa.types.is_string(array.type) else array
