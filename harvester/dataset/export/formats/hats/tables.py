"""The tables of a collection: which columns they have, and which rows are in a file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...contents.plane_columns import beside_planes, plane_facts, row_bytes, tensors
from .row_groups import FACTS, PIXELS, row_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ...selection.selection import Selection
    from ...selection.survey_stamps import SurveyStamps
    from .partitions import Cell, Partition

__all__ = ["File", "HatsTable", "core_table", "survey_table"]


@dataclass(frozen=True, slots=True)
class File:
    """A Parquet file of a table."""

    #: Path in the folder of the table.
    name: str
    cell: Cell
    #: Numbers of its rows in the table, ascending.
    rows: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class HatsTable:
    """A table that is divided among files by place on the sky."""

    #: Its folder.
    name: str
    #: All its columns but the pixels.
    facts: pa.Table
    #: The columns with pixels.
    pixels: tuple[pa.Field, ...] = ()
    #: Bytes of the pixels of a row, before compression.
    row_bytes: int = 0
    #: Gives arrays ``(n, ...)`` of some rows for each of ``pixels``.
    read: Callable[[Sequence[int]], Mapping[str, NDArray[Any]]] | None = None

    @property
    def schema(self) -> pa.Schema:
        """All columns."""
        return pa.schema([*self.facts.schema, *self.pixels])

    def of(self, rows: NDArray[np.int64]) -> pa.Table:
        """Give some rows, with their pixels."""
        table = self.facts.take(pa.array(rows))
        arrays = self.read(rows.tolist()) if self.read else {}
        columns = [*table.columns, *tensors(arrays).values()]
        return pa.Table.from_arrays(columns, schema=self.schema).combine_chunks()

    def groups(self, rows: NDArray[np.int64]) -> list[slice]:
        """Divide the rows of a file into row groups."""
        ids = self.facts["object_id"].take(pa.array(rows)).to_pylist()
        sizes = PIXELS if self.pixels else FACTS
        return row_groups(ids, sizes, self.row_bytes)

    def files(
        self, partitions: Sequence[Partition], splits: Sequence[str]
    ) -> Iterator[File]:
        """Give its files: one for each cell, or one for each cell and split."""
        finest = np.asarray(self.facts["_healpix_29"])
        for one in partitions:
            start, stop = np.searchsorted(finest, [one.cell.first, one.cell.end])
            yield from _files(one.cell, np.arange(start, stop), self.facts, splits)


def _files(
    cell: Cell, rows: NDArray[np.int64], facts: pa.Table, splits: Sequence[str]
) -> Iterator[File]:
    if splits:
        chosen = facts["split"].take(pa.array(rows))
        for split in splits:
            some = rows[np.asarray(pc.equal(chosen, split))]
            if len(some):
                yield File(f"{cell.stem}/{split}.parquet", cell, some)
    elif len(rows):
        yield File(f"{cell.stem}.parquet", cell, rows)


def core_table(selection: Selection) -> HatsTable:
    """Give the table of all galaxies."""
    return HatsTable("core", beside_planes(selection.galaxies))


def survey_table(selection: Selection, survey: SurveyStamps) -> HatsTable:
    """Give the table of the galaxies with a stamp in a survey, and of their stamps."""
    empty = tensors(survey.read([]).planes())
    return HatsTable(
        survey.name,
        beside_planes(selection.of_survey(survey)),
        tuple(_field(name, column, survey) for name, column in empty.items()),
        row_bytes(survey),
        lambda places: survey.read(places).planes(),
    )


def _field(name: str, column: pa.Array, survey: SurveyStamps) -> pa.Field:
    facts = plane_facts(name, survey).items()
    metadata = {key: json.dumps(value) for key, value in facts}
    return pa.field(name, column.type, metadata=metadata)
