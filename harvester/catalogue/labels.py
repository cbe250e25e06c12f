"""Labels: the columns of a catalogue that are neither identifier nor position."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from . import identifiers

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

    from .sheets import Sheet

__all__ = ["Labels"]

#: Rows in memory at a time; wide tables have hundreds of columns.
_ROWS = 16_384

#: Words for the numbers in the AGN host catalogue of Schawinski et al. (2010).
_WORDS: dict[str, dict[int, str]] = {
    "GZ1_MORPHOLOGY": {0: "indeterminate", 1: "early", 3: "merger", 4: "late"},
    "BPT_CLASS": {
        0: "none",
        1: "star-forming",
        2: "composite",
        3: "seyfert",
        4: "liner",
    },
}


class Labels:
    """The columns of a sheet that are not in ``used``.

    For a column of known class numbers, such as ``BPT_CLASS``, a column with the names
    of the classes is added.
    """

    def __init__(self, sheet: Sheet, used: Collection[str]) -> None:
        self._table = sheet.table
        self._kinds = {
            name: _kind(sheet, name)
            for name in sheet.table.column_names
            if name not in used
        }
        self._words = {
            name: _WORDS[name.upper()]
            for name, kind in self._kinds.items()
            if name.upper() in _WORDS
            and f"{name}_NAME" not in sheet.table.column_names
            and (pa.types.is_integer(kind) or pa.types.is_floating(kind))
        }

    def read(self, kept: NDArray[np.int64]) -> pa.RecordBatchReader:
        """Return the rows with the indices ``kept``, which ascend, in batches."""
        return pa.RecordBatchReader.from_batches(self._schema(), self._batches(kept))

    def _schema(self) -> pa.Schema:
        fields = []
        for name, kind in self._kinds.items():
            fields.append((name, kind))
            if name in self._words:
                fields.append((f"{name}_NAME", pa.string()))
        return pa.schema(fields)

    def _batches(self, kept: NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
        if not self._kinds:  # Arrow needs an empty struct to count rows without columns
            yield pa.RecordBatch.from_struct_array(pa.array([{}] * len(kept), _NOTHING))
            return
        start = 0
        for batch in self._table.select(list(self._kinds)).to_batches(_ROWS):
            end = start + batch.num_rows
            low, high = np.searchsorted(kept, [start, end])
            rows = batch.take(pa.array(kept[low:high] - start))
            yield pa.RecordBatch.from_arrays(self._columns(rows), schema=self._schema())
            start = end

    def _columns(self, rows: pa.RecordBatch) -> list[pa.Array]:
        columns = []
        for name, kind in self._kinds.items():
            column = rows.column(name)
            if column.type != kind:
                column = identifiers.to_type(column, kind)
            columns.append(column)
            if name in self._words:
                columns.append(_in_words(column, self._words[name]))
        return columns


_NOTHING = pa.struct([])


def _kind(sheet: Sheet, name: str) -> pa.DataType:
    kind = sheet.table.schema.field(name).type
    if sheet.is_text and pa.types.is_string(kind):
        return identifiers.natural_type(sheet.column(name))
    return kind


def _in_words(column: pa.Array, words: dict[int, str]) -> pa.Array:
    known = pa.array([float(each) for each in words])
    places = pc.index_in(column.cast(pa.float64()), value_set=known)
    return pa.array(words.values()).take(places)
