"""A Parquet file as columns that are read when they are asked for.

What a run needs whole is a few columns, one at a time; the rest passes by in batches,
so that memory does not grow with the width of a catalogue and little with its length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from .damage import damage_told
from .sheets import unique_names

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .sheets import Columns

__all__ = ["ParquetColumns", "read_parquet"]

#: Rows that are read together.
_ROWS = 65_536
#: Bytes that are read of a column at a time; else they are all of a row group.
_BUFFER = 262_144


def read_parquet(path: Path, file: BinaryIO) -> Columns:
    """Give the columns of a file, which has to stay open; ``path`` is for messages."""
    source = pq.ParquetFile(file, buffer_size=_BUFFER)
    names = source.schema_arrow.names
    if names == unique_names(names) and not any("." in name for name in names):
        return ParquetColumns(path, source, names)
    # Such names do not tell which of the columns is meant: all are read.
    whole = source.read().rename_columns(unique_names(names))
    plain: Columns = whole.cast(_plain(whole.schema)).combine_chunks()
    return plain


def _plain(schema: pa.Schema) -> pa.Schema:
    # Pandas writes large strings, which mean the same.
    return pa.schema(
        [
            field.with_type(pa.string())
            if pa.types.is_large_string(field.type)
            else field
            for field in schema
        ]
    )


class ParquetColumns:
    """Stands in for the table in a file."""

    def __init__(
        self, path: Path, source: pq.ParquetFile, names: Sequence[str]
    ) -> None:
        self._path = path
        self._source = source
        self.column_names = names
        self.num_rows = int(source.metadata.num_rows)
        fields = source.schema_arrow
        self.schema = _plain(pa.schema([fields.field(name) for name in names]))

    def select(self, names: Sequence[str]) -> ParquetColumns:
        """Give only some columns."""
        return ParquetColumns(self._path, self._source, names)

    def column(self, name: str) -> pa.ChunkedArray:
        """Read one column whole."""
        one = self.select([name])
        return pa.Table.from_batches(one.to_batches(_ROWS), one.schema).column(0)

    def to_batches(self, max_chunksize: int) -> Iterator[pa.RecordBatch]:
        """Read the rows in batches of at most so many."""
        names = list(self.column_names)
        batches = self._source.iter_batches(max_chunksize, columns=names)
        while True:
            with damage_told(self._path):
                batch = next(batches, None)
            if batch is None:
                return
            yield batch.select(names).cast(self.schema)
