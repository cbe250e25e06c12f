"""Astropy tables as Arrow columns; each column is converted when it is requested.

The rows of a FITS file stay in the file, which is memory-mapped.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..importing import IMPORTING
from .sheets import Sheet, text_of, unique_names
from .stated_frames import frame_in_keywords, frame_of_coordinates
from .unit_words import is_no_unit

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from astropy.table import Table
    from numpy.typing import NDArray

__all__ = ["from_astropy"]

#: Bytes of the longest float type in Arrow.
_LONGEST_FLOAT = 8


def from_astropy(table: Table, units: Mapping[str, str] | None = None) -> Sheet:
    """Return the table as a sheet, with the units and the frames that it states.

    ``units`` are the spellings in the file, which replace those of astropy.
    """
    with IMPORTING:
        from astropy.table import represent_mixins_as_columns
    frames = {
        name: frame_of_coordinates(table[name])
        for name in table.colnames
        if hasattr(table[name], "represent_as")
    }
    flat = represent_mixins_as_columns(table)
    names = unique_names(flat.colnames)
    columns = {
        name: flat[own] if flat[own].dtype.kind != "O" else _to_arrow(flat[own])
        for name, own in zip(names, flat.colnames, strict=True)
    }
    stated = {
        name: str(flat[own].unit or "")
        for name, own in zip(names, flat.colnames, strict=True)
    } | dict(units or {})
    rows = len(flat)
    return Sheet(
        ArrayColumns(columns, rows),
        np.arange(1, rows + 1),
        {name: unit for name, unit in stated.items() if not is_no_unit(unit)},
        frames={
            name: frames[whole]
            for name in names
            for whole, _, _ in [name.rpartition(".")]
            if whole in frames
        },
        frame=frame_in_keywords(table.meta),
    )


class ArrayColumns:
    """Columns of an astropy table behind the interface of `pyarrow.Table`."""

    def __init__(self, columns: Mapping[str, Any], rows: int) -> None:
        """Keep the astropy columns; columns of Python objects are Arrow arrays."""
        self._columns = columns
        self.num_rows = rows
        self.column_names = list(columns)
        self.schema = pa.schema(
            [(name, _arrow(column[:1]).type) for name, column in columns.items()]
        )

    def select(self, names: Sequence[str]) -> ArrayColumns:
        """Return a table of only these columns."""
        return ArrayColumns({n: self._columns[n] for n in names}, self.num_rows)

    def column(self, name: str) -> pa.ChunkedArray:
        """Return a whole column."""
        return pa.chunked_array([_arrow(self._columns[name])])

    def to_batches(self, max_chunksize: int) -> Iterator[pa.RecordBatch]:
        """Yield the rows in batches of at most ``max_chunksize``."""
        for start in range(0, self.num_rows, max_chunksize):
            part = slice(start, start + max_chunksize)
            arrays = [_arrow(column[part]) for column in self._columns.values()]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)


def _arrow(column: Any) -> pa.Array:
    return column if isinstance(column, pa.Array) else _to_arrow(column)


def _to_arrow(column: Any) -> pa.Array:
    mask = np.ma.getmaskarray(column)
    values = np.ma.getdata(column)
    if values.ndim > 1 and math.prod(values.shape[1:]) == 1:
        values, mask = values.reshape(-1), mask.reshape(-1)  # arrays of length one
    array = _flat(np.ravel(values), np.ravel(mask))
    # Array-valued cells become nested lists; the last axis is the innermost list.
    for axis in reversed(range(1, values.ndim)):
        size, count = values.shape[axis], math.prod(values.shape[:axis])
        offsets = np.arange(count + 1) * size
        array = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), array)
    return array


def _flat(values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    if values.dtype.kind == "O":
        return _objects(values, mask)
    if values.dtype.kind == "S":
        values = _decoded(values)
    if values.dtype.kind == "c":
        values = values.astype(str)
    if values.dtype.kind == "f" and values.dtype.itemsize > _LONGEST_FLOAT:
        values = values.astype(np.float64)
    array = pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask)
    return _filled(array) if pa.types.is_string(array.type) else array


def _filled(texts: pa.Array) -> pa.Array:
    """Strip the blanks that pad fixed-width text; turn blank text into null."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _objects(values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    plain = [
        None if hidden else _plain(each)
        for each, hidden in zip(values.tolist(), mask.tolist(), strict=True)
    ]
    array = pa.array(plain)
    return _filled(array) if pa.types.is_string(array.type) else array


def _plain(value: Any) -> Any:
    """Convert the object in a cell to one that Arrow has a type for."""
    if isinstance(value, np.ndarray):
        plain = [_plain(each) for each in value.tolist()]
        # Astropy returns a FITS text of variable length as an array of letters.
        is_text = isinstance(value, np.char.chararray)
        return "".join(plain) if is_text else plain
    if isinstance(value, bytes):
        return text_of(value)
    return str(value) if isinstance(value, complex) else value


def _decoded(values: NDArray[Any]) -> NDArray[Any]:
    """Decode bytes as UTF-8, else as Latin-1, in which every byte is valid."""
    try:
        return np.char.decode(values, "utf-8")
    except UnicodeDecodeError:
        return np.array(
            [text_of(value) for value in np.asarray(values).tolist()], np.str_
        )
