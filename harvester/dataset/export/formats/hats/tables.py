"""The tables of a collection: which columns they have, and which rows are in a file."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .....models.planes import Bit, Plane
from .row_groups import FACTS, PIXELS, row_groups

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ...selection import Selection
    from ...survey_stamps import SurveyStamps
    from .partitions import Cell, Partition

__all__ = ["File", "HatsTable", "core_table", "pixel_bytes", "survey_table"]

#: Names of columns with pixels; a label with such a name gets the prefix ``label_``.
_PLANES = frozenset(Plane)


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
        columns = [_tensors(field, arrays[field.name]) for field in self.pixels]
        return pa.Table.from_arrays(
            [*table.columns, *columns], schema=self.schema
        ).combine_chunks()

    def groups(self, rows: NDArray[np.int64]) -> list[slice]:
        """Divide the rows of a file into row groups."""
        ids = self.facts["object_id"].take(pa.array(rows)).to_pylist()
        sizes = PIXELS if self.pixels else FACTS
        return row_groups(ids, sizes, sum(map(pixel_bytes, self.pixels)))

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
    return HatsTable("core", _facts(selection.galaxies))


def survey_table(selection: Selection, survey: SurveyStamps) -> HatsTable:
    """Give the table of the galaxies with a stamp in a survey, and of their stamps."""
    empty = survey.read([]).planes()
    return HatsTable(
        survey.name,
        _facts(selection.of_survey(survey)),
        tuple(_field(name, array, survey) for name, array in empty.items()),
        lambda places: survey.read(places).planes(),
    )


def _facts(table: pa.Table) -> pa.Table:
    """Give the columns as the format takes them."""
    for place, field in enumerate(table.schema):
        name = f"label_{field.name}" if field.name in _PLANES else field.name
        column = table.column(place)
        if pa.types.is_dictionary(field.type):
            column = column.cast(field.type.value_type)
        table = table.set_column(place, name, column)
    return table.replace_schema_metadata(None).combine_chunks()


def _field(name: str, array: NDArray[Any], survey: SurveyStamps) -> pa.Field:
    kind = pa.fixed_shape_tensor(pa.from_numpy_dtype(array.dtype), array.shape[1:])
    facts = {"axes": "band,y,x", "bands": ",".join(survey.bands)}
    bits = {bit.name: str(bit.value) for bit in Bit} if name == "mask" else {}
    return pa.field(name, kind, metadata=facts | bits)


def pixel_bytes(field: pa.Field) -> int:
    """Give the bytes of an element of a column with pixels."""
    size = int(field.type.value_type.bit_width) // 8
    return int(math.prod(field.type.shape)) * size


def _tensors(field: pa.Field, array: NDArray[Any]) -> pa.Array:
    flat = pa.array(np.ascontiguousarray(array).ravel())
    storage = pa.FixedSizeListArray.from_arrays(flat, field.type.storage_type.list_size)
    return pa.ExtensionArray.from_storage(field.type, storage)
