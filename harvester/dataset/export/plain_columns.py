"""Columns as NumPy arrays, for formats that have no nulls and no nested values."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["to_arrays", "to_json_rows"]


def to_arrays(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Give each column as an array of numbers, or of ``str`` objects.

    A missing number is NaN, so that a column of integers with gaps becomes float64; a
    missing text is empty; true, false and missing are 1, 0 and -1 if any is missing.
    Times are ISO texts, nested values JSON texts.
    """
    return {name: _to_array(table[name]) for name in table.column_names}


def _to_array(column: pa.ChunkedArray) -> NDArray[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if not _is_number(kind):
        return np.array([_to_text(value) for value in column.to_pylist()], object)
    if not column.null_count:
        return np.asarray(column)
    if pa.types.is_boolean(kind):
        return np.asarray(pc.fill_null(column.cast(pa.int8()), -1))
    if pa.types.is_integer(kind):
        column = column.cast(pa.float64(), safe=False)
    return np.asarray(pc.fill_null(column, np.nan))


def _is_number(kind: pa.DataType) -> bool:
    is_whole = pa.types.is_boolean(kind) or pa.types.is_integer(kind)
    return bool(is_whole or pa.types.is_floating(kind))


def _to_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return value if isinstance(value, str) else str(value)


def to_json_rows(table: pa.Table) -> list[dict[str, Any]]:
    """Give the rows of a table for JSON, where NaN and infinities are null."""
    return [
        {name: _to_json(value) for name, value in row.items()}
        for row in table.to_pylist()
    ]


def _to_json(value: object) -> object:
    if isinstance(value, float) and not np.isfinite(value):
        return None
    if isinstance(value, list | tuple):
        return [_to_json(one) for one in value]
    if value is None or isinstance(value, str | int | float | bool | dict):
        return value
    return _to_text(value)
