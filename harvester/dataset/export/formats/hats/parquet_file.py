"""Writes one Parquet file of a data set, and the files that list several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ...selection.read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

__all__ = ["write_listing", "write_parquet", "write_schema"]

#: In pages of one stamp, level 2 of zstd makes ground-based pixels 5 % smaller than
#: level 1, and those from space 1 %, in the same time. Level 3 gains little more.
_ZSTD = 2

#: Pages end where the content says, so that equal rows give equal bytes. These are the
#: sizes that the `datasets` library writes with.
_CHUNKS = {"min_chunk_size": 256 * 1024, "max_chunk_size": 1024 * 1024, "norm_level": 0}

#: In tables with pixels a page ends as well after the stamp with which it has so many
#: bytes: after each one of 512 numbers or more. The content alone does not do: Arrow
#: ends pages between stamps only, after the seventh match of its hash, and counts on in
#: the next row group. Where a stamp was removed it would count otherwise for long.
_STAMP_PAGE = 2048

#: Bytes that are written to disk at a time: pages of one stamp are small.
_BUFFER = 1 << 20


def write_parquet(
    path: Path,
    schema: pa.Schema,
    groups: Sequence[slice],
    read: Callable[[slice], pa.Table],
) -> None:
    """Write a file whose row groups are those given; ``read`` gives the rows of one."""
    options = _column_options(schema)
    with (
        pa.output_stream(path, buffer_size=_BUFFER) as sink,
        pq.ParquetWriter(
            sink,
            schema,
            compression="zstd",
            compression_level=_ZSTD,
            use_content_defined_chunking=_CHUNKS,
            write_page_index=True,
            **options,
        ) as file,
    ):
        for table in read_ahead(groups, read):
            file.write_table(table, row_group_size=max(1, table.num_rows))


def _column_options(schema: pa.Schema) -> dict[str, Any]:
    """Choose encodings: a dictionary makes pixels of resampled images larger."""
    pixels = {
        f"{field.name}.list.element": "BYTE_STREAM_SPLIT"
        for field in schema
        if isinstance(field.type, pa.FixedShapeTensorType)
        and pa.types.is_floating(field.type.value_type)
    }
    texts = [field.name for field in schema if _is_text(field.type)]
    leaves = [field.name for field in schema if not _has_pixels(field)]
    has_pixels = len(leaves) < len(schema)
    return {
        "column_encoding": pixels or None,
        "use_dictionary": texts or False,
        # Statistics of pixels would help no query, and take room in the footer.
        "write_statistics": leaves or False,
        "data_page_size": _STAMP_PAGE if has_pixels else None,
    }


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _has_pixels(field: pa.Field) -> bool:
    return isinstance(field.type, pa.FixedShapeTensorType)


def write_schema(path: Path, schema: pa.Schema) -> None:
    """Write a file with the columns and no rows."""
    pq.write_metadata(schema, path)


def write_listing(
    path: Path, schema: pa.Schema, root: Path, names: Sequence[str]
) -> None:
    """Write a file with the footers of other files, named relative to ``root``."""
    footers = []
    for name in names:
        footer = pq.read_metadata(root / name)
        footer.set_file_path(name)
        footers.append(footer)
    pq.write_metadata(schema, path, metadata_collector=footers)
