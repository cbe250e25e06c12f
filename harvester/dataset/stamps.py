"""The data set on disk: where stamps go, and the manifest that lists them.

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
    "file_loc",
    "remove_parts",
    "write_labels",
    "write_manifest",
    "written_aside",
]

_TYPES = {
    "ra": pa.float64(),
    "dec": pa.float64(),
    "coverage": pa.float64(),
    "substitute": pa.bool_(),
}

#: Targets of which the manifest is put together at a time.
_TARGETS = 16_384
#: Bytes of a column of labels that are read at a time; else it is the whole column.
_BUFFER = 262_144

#: Stamps of one folder at most; file systems and people are slow beyond.
_PER_FOLDER = 1000


def file_loc(survey: Survey, target: Target, product: Product, rank: int) -> str:
    """Give the place of a stamp relative to the output folder.

    The product's name is only in it beyond the first stamp (``rank > 0``) of a
    target in a band, which is when all observations are asked for.
    """
    prefix = f"{target.number // _PER_FOLDER:04d}"
    more = f"@{rank}" if rank else ""
    name = f"{target.stem}{more}.fits"
    return f"cutouts/{survey.archive}/{product.band}/{prefix}/{name}"


def remove_parts(out: Path) -> None:
    """Remove what a kill has left of stamps that were being written.

    Nobody else would, if such a galaxy comes to another end. Only the owner of the run
    may call it. It costs a second for a million stamps.
    """
    for part in _parts(str(out / "cutouts")):
        # What cannot be removed is shown by `harvester verify`.
        with suppress(OSError):
            os.unlink(part)  # noqa: PTH108 - it is no Path


def _parts(folder: str) -> Iterator[str]:
    # Not through links: what is there is not ours.
    if os.path.islink(folder):  # noqa: PTH114 - there may be thousands
        return
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".fits.part"):
                yield entry.path
            elif not entry.name.endswith(".fits"):
                yield from _parts(entry.path)


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a name to write to; it takes its place whole when the block ends well."""
    new = path.with_name(path.name + ".part")
    try:
        # A link that lies in its place must not lead the writer elsewhere.
        new.unlink(missing_ok=True)
        new.touch(exist_ok=False)
        yield new
        durable_rename(new, path)
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}. Is the disk full?"
        raise LocalError(msg) from error
    finally:
        # Nor may it be removed where nothing may be written.
        with suppress(OSError):
            new.unlink()


def write_labels(path: Path, labels: pa.RecordBatchReader) -> None:
    """Keep the catalogue's own columns, from which each manifest is made."""
    with written_aside(path) as new, pq.ParquetWriter(new, labels.schema) as file:
        for batch in labels:
            file.write_batch(batch)


def write_manifest(places: Places, rows: Iterable[ManifestRow]) -> tuple[Path, Path]:
    """Write the manifest as Parquet and CSV; give both paths.

    Columns are those of `ManifestRow` without the number, then every label. A
    label that has the name of one of them gets ``label_`` before it. The rows come
    in the order of their targets.
    """
    as_csv = places.manifest.with_suffix(".csv")
    with (
        pq.ParquetFile(places.labels, buffer_size=_BUFFER) as labels,
        written_aside(places.manifest) as new,
        written_aside(as_csv) as new_csv,
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
    """Put rows and labels together, those of some thousand targets at a time."""
    batches = enumerate(labels.iter_batches(_TARGETS))
    for number, some in groupby(rows, lambda row: row.target // _TARGETS):
        own = list(some)
        places = pa.array([row.target % _TARGETS for row in own], pa.int64())
        # Labels without columns have no batches.
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
