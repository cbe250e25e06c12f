"""Lance tables: fast at single rows in any order.

::

    galaxies.lance    every galaxy
    SURVEY.lance      the galaxies with stamps, and their planes

Planes are lists of a fixed length, ``B * ny * nx``; the metadata of their columns have
the shape. Lance names files at random and notes the time, so that two equal tables
differ. The names here are numbers, and the time is 1970.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from ...contents.plane_columns import beside_planes, lists, plane_facts, row_bytes
from ...kind import ExportFormat, ExportPiece
from ...selection.read_ahead import read_ahead
from .first_version import STORAGE, file_name, write_first_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ...selection.selection import Selection
    from ...selection.survey_stamps import SurveyStamps

__all__ = ["FORMAT"]

#: Bytes of pixels in a file, which is written again after a kill.
_FILE_BYTES = 256 * 2**20

#: Rows that are read at a time.
_BATCH = 256

#: How texts are compressed. What Lance chooses itself for more than 32 KiB of them
#: begins with a random sample, so that equal tables would have other bytes.
_TEXTS = {"lance-encoding:compression": "zstd"}


def _pieces(selection: Selection) -> Iterator[ExportPiece]:
    """Give the table of all galaxies, and one for each survey."""
    galaxies = _repeatable(beside_planes(selection.galaxies))
    yield from _table(
        "galaxies.lance", galaxies.schema, len(galaxies), 0, galaxies.slice
    )
    for survey in selection.surveys:
        facts = _repeatable(beside_planes(selection.of_survey(survey)))
        schema = _schema(facts.schema, survey)
        read = partial(_rows_of, facts, survey, schema)
        name = f"{survey.name}.lance"
        yield from _table(name, schema, len(survey), row_bytes(survey), read)


def _loading(selection: Selection) -> str:
    """Open the survey with the most galaxies."""
    name = selection.fullest.name
    return f"import lance; data = lance.dataset('DIR/{name}.lance')"


FORMAT = ExportFormat(
    name="lance",
    title="Lance tables",
    extra="lance",
    modules=("lance",),
    pieces=_pieces,
    loading=_loading,
)


def _repeatable(table: pa.Table) -> pa.Table:
    """Give a table whose texts Lance compresses in the same way each time."""
    fields = [
        field.with_metadata(_TEXTS) if _is_text(field.type) else field
        for field in table.schema
    ]
    return table.cast(pa.schema(fields))


def _is_text(kind: pa.DataType) -> bool:
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return bool(is_text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _schema(facts: pa.Schema, survey: SurveyStamps) -> pa.Schema:
    planes = survey.read([]).planes()
    for name, column in lists(planes).items():
        said = plane_facts(name, survey) | {"shape": planes[name].shape[1:]}
        # Lance stores several keys in a random order.
        metadata = {"harvester": json.dumps(said)}
        facts = facts.append(pa.field(name, column.type, metadata=metadata))
    return facts


def _rows_of(
    facts: pa.Table, survey: SurveyStamps, schema: pa.Schema, start: int, count: int
) -> pa.Table:
    planes = survey.read(slice(start, start + count)).planes()
    columns = [*facts.slice(start, count).columns, *lists(planes).values()]
    return pa.Table.from_arrays(columns, schema=schema)


def _table(
    name: str,
    schema: pa.Schema,
    rows: int,
    bytes_each: int,
    read: Callable[[int, int], pa.Table],
) -> Iterator[ExportPiece]:
    """Give the files of a table, and at last what makes them one."""
    most = max(_BATCH, _FILE_BYTES // max(bytes_each, 256))
    starts = range(0, rows, most)
    counts = [min(most, rows - start) for start in starts]
    for number, (start, count) in enumerate(zip(starts, counts, strict=True)):
        write = partial(_write_rows, schema, read, start, count)
        path = f"{name}/data/{file_name(number)}"
        yield ExportPiece(path, write, rows=count, is_independent=True)
    write = partial(_write_versions, name, schema, counts)
    yield ExportPiece(f"{name}/_versions", write)


def _write_rows(
    schema: pa.Schema,
    read: Callable[[int, int], pa.Table],
    start: int,
    count: int,
    path: Path,
    _root: Path,
) -> None:
    from lance.file import LanceFileWriter

    stop = start + count
    starts = range(start, stop, _BATCH)
    tables = read_ahead(starts, lambda at: read(at, min(_BATCH, stop - at)))
    with LanceFileWriter(str(path), schema=schema, version=STORAGE) as file:
        for table in tables:
            for batch in table.combine_chunks().to_batches():
                file.write_batch(batch)


def _write_versions(
    name: str, schema: pa.Schema, counts: list[int], path: Path, root: Path
) -> None:
    write_first_version(root / name, schema, counts, path)
