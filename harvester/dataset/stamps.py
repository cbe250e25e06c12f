"""The data set on disk: the paths of stamps, and the manifest that lists them.

::

    OUT/cutouts/<archive>/<band>/<prefix>/<stem>.fits
    OUT/manifest.parquet, OUT/manifest.csv, OUT/labels.parquet
    OUT/harvest.toml, OUT/ledger.sqlite
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager, suppress
from itertools import groupby
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from ..errors import LocalError
from ..ledger.file import durable_rename
from ..ledger.view import ManifestRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ..models import Product, Survey, Target
    from ..places import Places

__all__ = [
    "atomic_write",
    "file_loc",
    "remove_parts",
    "write_labels",
    "write_manifest",
]

_TYPES = {
    "ra": pa.float64(),
    "dec": pa.float64(),
    "coverage": pa.float64(),
    "substitute": pa.bool_(),
}

#: Number of targets whose manifest rows are written at a time.
_TARGETS = 16_384
#: Bytes of a label column to read at a time; by default it would be the whole column.
_BUFFER = 262_144

#: Most stamps in one folder; larger folders are slow to list.
_PER_FOLDER = 1000


def file_loc(survey: Survey, target: Target, product: Product, rank: int) -> str:
    """Give the path of a stamp relative to the output folder.

    ``rank`` numbers the stamps of a target in a band, from 0. It is above 0 only if the
    user asks for all observations; then it is part of the name.
    """
    prefix = f"{target.number // _PER_FOLDER:04d}"
    more = f"@{rank}" if rank else ""
    name = f"{target.stem}{more}.fits"
    return f"cutouts/{survey.archive}/{product.band}/{prefix}/{name}"


def remove_parts(out: Path) -> None:
    """Remove the partial stamps that a killed process has left.

    A partial stamp is overwritten only if its galaxy is cut again, so it could stay for
    ever. Call this only while holding the lock of the run. It takes a second for a
    million stamps.
    """
    for part in _parts(str(out / "cutouts")):
        # `harvester verify` reports files that cannot be removed.
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108 - it is a str


def _parts(folder: str) -> Iterator[str]:
    # Do not follow links: they may lead outside the output folder.
    if os.path.islink(folder):  # noqa: PTH114 - there may be thousands
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".fits.part"):
                yield entry.path
            elif not entry.name.endswith(".fits"):
                yield from _parts(entry.path)


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; rename it to ``path`` after the block.

    If the block raises, ``path`` keeps its old content.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    new = path.with_name(path.name + ".part")
    try:
        # Remove an existing link first, so that the writer does not follow it.
        new.unlink(missing_ok=True)
        new.touch(exist_ok=False)
        yield new
        durable_rename(new, path)
    except OSError as error:
        msg = (
            f"{path} cannot be written: {error.strerror}. Check the free space and the "
            "permissions of its folder"
        )
        raise LocalError(msg) from error
    finally:
        # In a read-only folder the temporary file cannot be removed either.
        with suppress(OSError):
            new.unlink()


def write_labels(path: Path, labels: pa.RecordBatchReader) -> None:
    """Write the columns of the catalogue to a file; each manifest includes them."""
    with atomic_write(path) as new, pq.ParquetWriter(new, labels.schema) as file:
        for batch in labels:
            file.write_batch(batch)


def write_manifest(places: Places, rows: Iterable[ManifestRow]) -> tuple[Path, Path]:
    """Write the manifest as Parquet and CSV; give both paths.

    The columns are those of `ManifestRow` without ``target``, then all labels. A label
    whose name is in use gets the prefix ``label_``. ``rows`` must be in the order of
    their targets.
    """
    as_csv = places.manifest.with_suffix(".csv")
    with (
        pq.ParquetFile(places.labels, buffer_size=_BUFFER) as labels,
        atomic_write(places.manifest) as new,
        atomic_write(as_csv) as new_csv,
    ):
        schema = _manifest_schema(labels.schema_arrow)
        with (
            pq.ParquetWriter(new, schema) as parquet,
            pc.CSVWriter(new_csv, _flat(schema.empty_table()).schema) as csv,
        ):
            for table in _joined(rows, labels, schema):
                parquet.write_table(table)
                csv.write_table(_flat(table))
    return places.manifest, as_csv


def _manifest_schema(labels: pa.Schema) -> pa.Schema:
    own = ManifestRow._fields[1:]
    fields = [pa.field(name, _TYPES.get(name, pa.string())) for name in own]
    taken = set(own)
    for field in labels:
        free = f"label_{field.name}" if field.name in taken else field.name
        taken.add(free)
        fields.append(field.with_name(free))
    return pa.schema(fields)


def _joined(
    rows: Iterable[ManifestRow], labels: pq.ParquetFile, schema: pa.Schema
) -> Iterator[pa.Table]:
    """Join rows and labels, for `_TARGETS` targets at a time."""
    batches = enumerate(labels.iter_batches(_TARGETS))
    for number, some in groupby(rows, lambda row: row.target // _TARGETS):
        own = list(some)
        places = pa.array([row.target % _TARGETS for row in own], pa.int64())
        # A file without columns has no batches.
        batch = next((batch for place, batch in batches if place == number), None)
        known = [column.take(places) for column in batch.columns] if batch else []
        yield pa.Table.from_arrays([*_columns(own), *known], schema=schema)


def _columns(rows: Sequence[ManifestRow]) -> list[pa.Array]:
    columns = list(zip(*rows, strict=True))
    return [
        pa.array(column, _TYPES.get(name, pa.string()))
        for name, column in zip(ManifestRow._fields[1:], columns[1:], strict=True)
    ]


def _flat(table: pa.Table) -> pa.Table:
    # CSV has no lists: they are written as JSON.
    for number, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [json.dumps(value) for value in table[field.name].to_pylist()]
            table = table.set_column(number, field.name, pa.array(texts, pa.string()))
    return table
