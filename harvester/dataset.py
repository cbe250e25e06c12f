"""The data set on disk: where stamps go, and the manifest that lists them.

::

    OUT/cutouts/<archive>/<band>/<prefix>/<stem>.fits
    OUT/manifest.parquet, OUT/manifest.csv, OUT/labels.parquet
    OUT/harvest.toml, OUT/ledger.sqlite
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from .errors import LocalError
from .ledger.view import ManifestRow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from .models import Product, Survey, Target
    from .places import Places

__all__ = ["file_loc", "write_labels", "write_manifest", "written_aside"]

_TYPES = {"ra": pa.float64(), "dec": pa.float64(), "coverage": pa.float64()}

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


@contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Give a name to write to; it takes its place whole when the block ends well."""
    new = path.with_name(path.name + ".part")
    try:
        yield new
        with new.open("rb") as file:
            os.fsync(file.fileno())
        new.replace(path)
    except OSError as error:
        msg = f"{path} cannot be written: {error.strerror}. Is the disk full?"
        raise LocalError(msg) from error
    finally:
        new.unlink(missing_ok=True)


def write_labels(path: Path, labels: pa.Table) -> None:
    """Keep the catalogue's own columns, from which each manifest is made."""
    with written_aside(path) as new:
        pq.write_table(labels, new)


def write_manifest(places: Places, rows: Sequence[ManifestRow]) -> tuple[Path, Path]:
    """Write the manifest as Parquet and CSV; give both paths.

    Columns are those of `ManifestRow` without the number, then every label. A
    label that has the name of one of them gets ``label_`` before it.
    """
    table = _manifest_columns(rows)
    labels = pq.read_table(places.labels)
    numbers = pa.array([row.target for row in rows], pa.int64())
    for name, column in zip(labels.column_names, labels.columns, strict=True):
        free = f"label_{name}" if name in table.column_names else name
        table = table.append_column(free, column.take(numbers))
    as_csv = places.manifest.with_suffix(".csv")
    with written_aside(as_csv) as new:
        pc.write_csv(_flat(table), new)
    with written_aside(places.manifest) as new:
        pq.write_table(table, new)
    return places.manifest, as_csv


def _manifest_columns(rows: Sequence[ManifestRow]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) or [()] * len(ManifestRow._fields)
    named = dict(zip(ManifestRow._fields, columns, strict=True))
    return pa.table(
        {
            name: pa.array(named[name], _TYPES.get(name, pa.string()))
            for name in ManifestRow._fields[1:]
        }
    )


def _flat(table: pa.Table) -> pa.Table:
    # CSV has no lists: they are written as JSON.
    for number, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [json.dumps(value) for value in table[field.name].to_pylist()]
            table = table.set_column(number, field.name, pa.array(texts, pa.string()))
    return table
