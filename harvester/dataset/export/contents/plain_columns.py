"""Columns without nulls, for formats that have none or whose readers fail on them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["to_arrays", "without_nulls"]


def without_nulls(table: pa.Table) -> pa.Table:
    """Give a table of numbers and texts.

    A missing number is NaN, so that a column of integers with gaps becomes float64; a
    missing text is empty; true, false and missing are 1, 0 and -1 if any is missing.
    Times are ISO texts, nested values JSON texts.
    """
    columns = {name: _filled(table[name]) for name in table.column_names}
    return pa.table(columns) if columns else table


def to_arrays(table: pa.Table) -> dict[str, NDArray[Any]]:
    """Give each column of `without_nulls` as an array; texts as ``str`` objects."""
    plain = without_nulls(table)
    return {name: plain[name].to_numpy() for name in plain.column_names}


def _filled(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column, kind = column.cast(kind.value_type), kind.value_type
    if pa.types.is_decimal(kind):
        column, kind = column.cast(pa.float64()), pa.float64()
    if not _is_number(kind):
        return _texts(column)
    if not column.null_count:
        return column
    if pa.types.is_boolean(kind):
        return pc.fill_null(column.cast(pa.int8()), -1)
    if pa.types.is_integer(kind):
        column = column.cast(pa.float64(), safe=False)
    return pc.fill_null(column, np.nan)


def _is_number(kind: pa.DataType) -> bool:
    is_whole = pa.types.is_boolean(kind) or pa.types.is_integer(kind)
    return bool(is_whole or pa.types.is_floating(kind))


def _texts(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return pc.fill_null(column, "")
    texts = [_to_text(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _to_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, list | dict):
        return json.dumps(value, default=str)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
