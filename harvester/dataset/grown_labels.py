"""The labels of galaxies that are added to a run, beside those that it has.

The file of the run keeps its columns and their types, so that the rows of the manifest
stay as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..errors import InputError
from .manifest import write_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["LabelChanges", "append_labels", "compare_labels"]

#: Rows of a group of the file. A manifest reads batches that must not cross groups.
_ROWS = 16_384


@dataclass(frozen=True, slots=True)
class LabelChanges:
    """How the labels of a catalogue differ from those of a run."""

    #: Numbers, in the catalogue, of the galaxies with other values.
    changed: NDArray[np.int64]
    #: The columns with other values.
    columns: list[str]
    #: Columns of the run that the catalogue lacks: new galaxies have no value there.
    lacking: list[str]
    #: Columns of the catalogue that the run does not have: they are left out.
    extra: list[str]


def compare_labels(
    before: Path, incoming: Path, known: NDArray[np.int64]
) -> LabelChanges:
    """Compare the labels of those galaxies that the run has, one column at a time.

    Parameters
    ----------
    before, incoming
        The files of the run and of the catalogue, one row per galaxy.
    known
        For each galaxy of the catalogue its number in the run; -1: it is new.

    Raises
    ------
    InputError
        A column has values that do not fit into the column of the run.
    """
    theirs, ours = pq.read_schema(incoming), pq.read_schema(before)
    matched = np.flatnonzero(known >= 0)
    is_changed, columns = np.zeros(len(matched), np.bool_), []
    for name in (one for one in ours.names if one in theirs.names):
        new = _column(incoming, name, ours.field(name).type)
        old = pq.read_table(before, columns=[name]).column(0)
        differs = _differ(
            old.take(pa.array(known[matched])), new.take(pa.array(matched))
        )
        is_changed |= differs
        columns += [name] * bool(differs.any())
    return LabelChanges(
        matched[is_changed],
        columns,
        [name for name in ours.names if name not in theirs.names],
        [name for name in theirs.names if name not in ours.names],
    )


def _column(file: Path, name: str, kind: pa.DataType) -> pa.ChunkedArray:
    column = pq.read_table(file, columns=[name]).column(0)
    try:
        return column.cast(kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        msg = (
            f"the column {name!r} has values that do not fit into that of the run, "
            f"which has {kind}: {str(error).splitlines()[0]}. Correct them, or leave "
            "the column out: new galaxies then have no value there"
        )
        raise InputError(msg) from error


def _differ(old: pa.ChunkedArray, new: pa.ChunkedArray) -> NDArray[np.bool_]:
    """Tell which values differ; a missing value and a NaN are like themselves."""
    if pa.types.is_nested(old.type) or pa.types.is_null(old.type):
        pairs = zip(old.to_pylist(), new.to_pylist(), strict=True)
        return np.fromiter((one != other for one, other in pairs), np.bool_, len(old))
    differs = pc.or_(
        pc.xor(pc.is_null(old, nan_is_null=True), pc.is_null(new, nan_is_null=True)),
        pc.fill_null(pc.not_equal(old, new), fill_value=False),
    )
    both_missing = pc.and_(
        pc.is_null(old, nan_is_null=True), pc.is_null(new, nan_is_null=True)
    )
    return np.asarray(pc.and_not(differs, both_missing))


def append_labels(
    path: Path, incoming: Path, fresh: NDArray[np.int64], first: int
) -> None:
    """Write the labels of a run again, with those of new galaxies behind them.

    Parameters
    ----------
    fresh
        Numbers, in the catalogue, of the galaxies to add.
    first
        Number in the run of the first of them. Rows from there on are of an extension
        that was interrupted.

    Raises
    ------
    LocalError
        The file cannot be written.
    """
    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        batches = _in_groups(_all(file, incoming, fresh, first), schema)
        reader = pa.RecordBatchReader.from_batches(schema, batches)
        write_labels(path, reader)


def _all(
    file: pq.ParquetFile, incoming: Path, fresh: NDArray[np.int64], first: int
) -> Iterator[pa.Table]:
    left = first
    for batch in file.iter_batches(_ROWS):
        yield pa.Table.from_batches([batch.slice(0, left)])
        left = max(0, left - batch.num_rows)
    schema, names = file.schema_arrow, pq.read_schema(incoming).names
    yield pa.table(
        [
            _column(incoming, field.name, field.type).take(pa.array(fresh))
            if field.name in names
            else pa.nulls(len(fresh), field.type)
            for field in schema
        ],
        schema=schema,
    )


def _in_groups(
    tables: Iterator[pa.Table], schema: pa.Schema
) -> Iterator[pa.RecordBatch]:
    waiting = schema.empty_table()
    for table in tables:
        waiting = pa.concat_tables([waiting, table])
        whole = waiting.num_rows - waiting.num_rows % _ROWS
        yield from _batches(waiting.slice(0, whole))
        waiting = waiting.slice(whole)
    yield from _batches(waiting)


def _batches(table: pa.Table) -> Iterator[pa.RecordBatch]:
    yield from table.combine_chunks().to_batches(_ROWS)
