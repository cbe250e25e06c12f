"""A Parquet file as columns; each column is read when it is requested.

A run needs only a few whole columns, one at a time, and reads the others in batches of
rows. So memory does not grow with the number of columns, and little with that of rows.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from .damage import explain_damage
from .parquet_words import stated_in
from .sheets import Sheet, text_of, unique_names

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from .sheets import Columns

__all__ = ["ParquetColumns", "read_parquet"]

#: Rows that are read at a time.
_ROWS = 65_536
#: Bytes that are read of a column at a time; without it Arrow reads a whole row group.
_BUFFER = 262_144
#: Bytes that do not occur in text.
_NO_LETTER = re.compile(rb"[\x00-\x08\x0e-\x1f]")
#: Rows that are examined to decide whether bytes are text.
_LOOKED_AT = 64


def read_parquet(path: Path, file: BinaryIO) -> Sheet:
    """Return the table of a file, which must stay open; ``path`` is for messages."""
    source = pq.ParquetFile(file, buffer_size=_BUFFER)
    columns = _columns(path, source)
    stated = stated_in(source.schema_arrow)
    return Sheet(
        columns,
        np.arange(1, columns.num_rows + 1),
        stated.units,
        stated.frames,
        stated.frame,
        "Parquet",
    )


def _columns(path: Path, source: pq.ParquetFile) -> Columns:
    names = source.schema_arrow.names
    unique = unique_names(names)
    if names == unique and not any("." in name for name in names):
        first = _first_bytes(source)
        return ParquetColumns(path, source, names, _texts_of_bytes(first))
    # Repeated names, and names with a point, are ambiguous in Arrow's reader, so that
    # single columns cannot be selected: read all of them.
    whole = source.read().rename_columns(unique)
    schema = _plain(whole.schema, _texts_of_bytes(whole.slice(0, _LOOKED_AT)))
    columns = [
        _as(column.combine_chunks(), field.type)
        for column, field in zip(whole.columns, schema, strict=True)
    ]
    plain: Columns = pa.table(columns, schema=schema)
    return plain


def _first_bytes(source: pq.ParquetFile) -> Any:
    """Read the first rows of the columns of bytes."""
    names = [field.name for field in source.schema_arrow if _is_bytes(field.type)]
    rows = source.iter_batches(_LOOKED_AT, columns=names) if names else iter(())
    return next(rows, pa.table({}))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )


def _texts_of_bytes(rows: Any) -> set[str]:
    """Return the columns of bytes that hold text, which some writers store so."""
    return {
        field.name
        for field in rows.schema
        if _is_bytes(field.type) and _are_texts(rows.column(field.name).to_pylist())
    }


def _are_texts(values: Sequence[bytes | None]) -> bool:
    return not any(value and _NO_LETTER.search(value.rstrip(b"\0")) for value in values)


def _plain(schema: pa.Schema, texts: Collection[str]) -> pa.Schema:
    # Pandas writes large strings; treat them as strings.
    return pa.schema(
        [
            field.with_type(pa.string())
            if pa.types.is_large_string(field.type) or field.name in texts
            else field
            for field in schema
        ]
    )


def _as(array: Any, kind: pa.DataType) -> pa.Array:
    """Cast an array; decode bytes as UTF-8, else as Latin-1."""
    if not _is_bytes(array.type) or not pa.types.is_string(kind):
        return array.cast(kind)
    texts = [
        None if value is None else text_of(value.rstrip(b"\0"))
        for value in array.to_pylist()
    ]
    return pa.array(texts, pa.string())


class ParquetColumns:
    """Columns of a Parquet file behind the interface of `pyarrow.Table`."""

    def __init__(
        self,
        path: Path,
        source: pq.ParquetFile,
        names: Sequence[str],
        texts: Collection[str] = (),
    ) -> None:
        """Keep the columns ``names``; those in ``texts`` are bytes in the file."""
        self._path = path
        self._source = source
        self._texts = texts
        self.column_names = names
        self.num_rows = int(source.metadata.num_rows)
        fields = source.schema_arrow
        self.schema = _plain(pa.schema([fields.field(name) for name in names]), texts)

    def select(self, names: Sequence[str]) -> ParquetColumns:
        """Return a table of only these columns."""
        return ParquetColumns(self._path, self._source, names, self._texts)

    def column(self, name: str) -> pa.ChunkedArray:
        """Read a whole column."""
        one = self.select([name])
        return pa.Table.from_batches(one.to_batches(_ROWS), one.schema).column(0)

    def to_batches(self, max_chunksize: int) -> Iterator[pa.RecordBatch]:
        """Read the rows in batches of at most ``max_chunksize``.

        Raises
        ------
        InputError
            The file is damaged.
        """
        names = list(self.column_names)
        batches = self._source.iter_batches(max_chunksize, columns=names)
        while True:
            with explain_damage(self._path):
                batch = next(batches, None)
            if batch is None:
                return
            arrays = [
                _as(batch.column(name), self.schema.field(name).type) for name in names
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)
