"""The manifest: one row per target, band and stamp, with the labels of the catalogue.

Its Parquet file also tells how the run was made, in the metadata of its schema.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq

from ..errors import InputError
from ..ledger.file import need_ledger
from ..ledger.manifest_rows import MANIFEST_COLUMNS
from ..places import Places
from .stamps import atomic_write

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..ledger.manifest_rows import ManifestRow

__all__ = [
    "label_names",
    "manifest_table",
    "read_manifest",
    "read_manifest_file",
    "run_facts",
    "write_labels",
    "write_manifest",
]

_TYPES = {
    **dict.fromkeys(
        (
            "ra",
            "dec",
            "coverage",
            "x",
            "y",
            "pixel_scale",
            "orientation",
            "zero_point",
            "to_njy",
            "exposure_s",
            "psf_fwhm",
            "corr_noise",
            "sep_arcsec",
        ),
        pa.float64(),
    ),
    **dict.fromkeys(("nx", "ny", "x0", "y0", "n_candidates"), pa.int32()),
    "target": pa.int64(),
    **dict.fromkeys(("substitute", "flipped", "match_ambiguous"), pa.bool_()),
}

#: The key, in the metadata of the schema, of what is known of the run, as JSON.
_KEY = b"harvester"

#: Number of targets whose manifest rows are written at a time.
_TARGETS = 8_192
#: Bytes of a label column to read at a time; by default it would be the whole column.
_BUFFER = 262_144


def read_manifest(out: Path) -> pa.Table:
    """Read the manifest of a run in the folder ``out``.

    Raises
    ------
    InputError
        There is no run, or no manifest, or one of an earlier version that lacks
        columns.
    """
    if not (out / "manifest.parquet").exists():
        need_ledger(Places(out).ledger)
    try:
        return read_manifest_file(out / "manifest.parquet")
    except InputError as error:
        msg = f"{error}: run `harvester manifest {out}`"
        raise InputError(msg) from error


def read_manifest_file(path: Path) -> pa.Table:
    """Read the Parquet file of a manifest.

    Raises
    ------
    InputError
        It does not exist, is no manifest, or of an earlier version.
    """
    try:
        # Absolute: Arrow takes a relative path with a colon, such as "s3:x", for a URL.
        with pq.ParquetFile(path.absolute()) as file:
            table = file.read()
    except FileNotFoundError as error:
        msg = f"the manifest {path} does not exist"
        raise InputError(msg) from error
    except (pa.ArrowInvalid, OSError) as error:
        msg = f"the manifest {path} cannot be read"
        raise InputError(msg) from error
    lacking = [name for name in MANIFEST_COLUMNS if name not in table.column_names]
    if lacking:
        msg = f"the manifest {path} has no column {lacking[0]!r}"
        raise InputError(msg)
    return table


def label_names(table: pa.Table) -> list[str]:
    """Give the columns of a manifest that come from the catalogue."""
    own = set(run_facts(table.schema).get("own_columns", MANIFEST_COLUMNS))
    return [name for name in table.column_names if name not in own]


def run_facts(schema: pa.Schema) -> dict[str, Any]:
    """Give what the manifest tells of its run.

    Keys: ``version`` (of the harvester), ``settings`` (those that decide the stamps),
    ``harvest`` (the same, as the settings file spells them), ``settings_sha256``,
    ``catalogue``, ``catalogue_sha256``, ``planes``,
    ``own_columns`` (the columns that are not labels).
    """
    text = (schema.metadata or {}).get(_KEY, b"{}")
    facts: dict[str, Any] = json.loads(text)
    return facts


def write_labels(path: Path, labels: pa.RecordBatchReader) -> None:
    """Write the columns of the catalogue to a file; each manifest includes them."""
    with atomic_write(path) as new, pq.ParquetWriter(new, labels.schema) as file:
        for batch in labels:
            file.write_batch(batch)


def write_manifest(
    places: Places,
    rows: Iterable[ManifestRow],
    made_by: Mapping[str, Any] | None = None,
) -> tuple[Path, Path]:
    """Write the manifest as Parquet and CSV; give both paths.

    The columns are `MANIFEST_COLUMNS`, then all labels. A label whose name is in use
    gets the prefix ``label_``. ``rows`` must be in the order of their targets.
    ``made_by`` is what the Parquet file tells of the run, see `run_facts`.
    """
    as_csv = places.manifest.with_suffix(".csv")
    with (
        pq.ParquetFile(places.labels, buffer_size=_BUFFER) as labels,
        atomic_write(places.manifest) as new,
        atomic_write(as_csv) as new_csv,
    ):
        schema = _manifest_schema(labels.schema_arrow, made_by or {})
        with (
            pq.ParquetWriter(new, schema) as parquet,
            pc.CSVWriter(new_csv, _flat(schema.empty_table()).schema) as csv,
        ):
            for table in _joined(rows, labels, schema):
                parquet.write_table(table)
                csv.write_table(_flat(table))
    return places.manifest, as_csv


def manifest_table(places: Places, rows: Iterable[ManifestRow]) -> pa.Table:
    """Give what `write_manifest` would write, for a run that is going on."""
    with pq.ParquetFile(places.labels, buffer_size=_BUFFER) as labels:
        schema = _manifest_schema(labels.schema_arrow, {})
        tables = list(_joined(rows, labels, schema))
    return pa.concat_tables([schema.empty_table(), *tables])


def _manifest_schema(labels: pa.Schema, made_by: Mapping[str, Any]) -> pa.Schema:
    fields = [
        pa.field(name, _TYPES.get(name, pa.string())) for name in MANIFEST_COLUMNS
    ]
    taken = set(MANIFEST_COLUMNS)
    for field in labels:
        free = f"label_{field.name}" if field.name in taken else field.name
        taken.add(free)
        fields.append(field.with_name(free))
    facts = {**made_by, "own_columns": list(MANIFEST_COLUMNS)}
    return pa.schema(fields, {_KEY: json.dumps(facts).encode()})


def _joined(
    rows: Iterable[ManifestRow], labels: pq.ParquetFile, schema: pa.Schema
) -> Iterator[pa.Table]:
    """Join rows and labels, for `_TARGETS` targets at a time."""
    batches = enumerate(labels.iter_batches(_TARGETS))
    for number, some in groupby(rows, lambda row: row[0] // _TARGETS):
        own = list(some)
        places = pa.array([row[0] % _TARGETS for row in own], pa.int64())
        # A file without columns has no batches.
        batch = next((batch for place, batch in batches if place == number), None)
        known = [column.take(places) for column in batch.columns] if batch else []
        yield pa.Table.from_arrays([*_columns(own), *known], schema=schema)


def _columns(rows: Sequence[ManifestRow]) -> list[pa.Array]:
    columns = zip(*(values for _, values in rows), strict=True)
    return [
        pa.array(column, _TYPES.get(name, pa.string()))
        for name, column in zip(MANIFEST_COLUMNS, columns, strict=True)
    ]


def _flat(table: pa.Table) -> pa.Table:
    # CSV has no lists: they are written as JSON.
    for number, field in enumerate(table.schema):
        if pa.types.is_nested(field.type):
            texts = [json.dumps(value) for value in table[field.name].to_pylist()]
            table = table.set_column(number, field.name, pa.array(texts, pa.string()))
    return table
