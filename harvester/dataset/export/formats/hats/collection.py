"""All files of a collection, in the order in which they are written."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ...kind import ExportPiece
from . import properties
from .margin import margin_rows
from .parquet_file import write_listing, write_parquet, write_schema
from .partitions import divide, most_rows
from .row_groups import FACTS, row_groups
from .sky_map import MAP_ORDER, write_sky_map
from .tables import File, core_table, survey_table

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ...selection.selection import Selection
    from .partitions import Cell
    from .tables import HatsTable

__all__ = ["Collection"]

#: Column that names a galaxy.
_ID = "object_id"

#: The file of an index, in its folder.
_INDEX_FILE = "dataset/index/part.0.parquet"

#: Columns of every table that belong to its key and place.
_KEYS = (_ID, "ra", "dec")

#: All pieces but lists of others.
_independent = partial(ExportPiece, is_independent=True)


class Collection:
    """The tables of a selection, and how the sky is divided among files."""

    def __init__(self, selection: Selection) -> None:
        self._name = properties.identifier(selection.name)
        self._splits = selection.splits
        self._core = core_table(selection)
        self._surveys = [survey_table(selection, one) for one in selection.surveys]
        finest = np.asarray(self._core.facts["_healpix_29"])
        self._partitions = divide(
            finest, most_rows(max(one.row_bytes for one in self._surveys))
        )

    @property
    def tables(self) -> list[HatsTable]:
        """The tables that a user reads: that of all galaxies, and one a survey."""
        return [self._core, *self._surveys]

    def pieces(self) -> Iterator[ExportPiece]:
        """Give all files; those that describe others come after them."""
        yield from self._table(self._core)
        has_margin = yield from self._margin()
        yield from self._index()
        for table in self._surveys:
            yield from self._table(table)
            yield from self._extension(table)
        names = [_extension_name(table) for table in self._surveys]
        facts = properties.collection(self._name, names, margins=has_margin)
        yield _text("collection.properties", "HATS Collection", facts)

    def _table(self, table: HatsTable) -> Iterator[ExportPiece]:
        files = list(table.files(self._partitions, self._splits))
        yield from _data(table.name, table, files)
        yield from _description(table.name, table.schema, files)
        facts = properties.catalogue(
            table.name,
            _rows_by_cell(files),
            suffix="/" if self._splits else ".parquet",
            default_columns=table.facts.column_names if table.pixels else None,
            map_order=MAP_ORDER,
        )
        yield _text(f"{table.name}/hats.properties", "HATS catalog", facts)
        finest = np.asarray(table.facts["_healpix_29"])
        for name in ("point_map.fits", "skymap.fits"):
            write = partial(_write_map, finest)
            yield _independent(f"{table.name}/{name}", write)

    def _margin(self) -> Generator[ExportPiece, None, bool]:
        """Give the margin of the core, and return whether it has any rows."""
        ra, dec = (np.asarray(self._core.facts[name]) for name in ("ra", "dec"))
        found = margin_rows(ra, dec, self._partitions)
        folder = f"{self._core.name}_margin"
        files = [File(f"{c.stem}.parquet", c, rows) for c, rows in found.items()]
        if not files:
            return False
        yield from _data(folder, self._core, files)
        yield from _description(folder, self._core.schema, files)
        facts = properties.margin(self._core.name, _rows_by_cell(files))
        yield _text(f"{folder}/hats.properties", "HATS catalog", facts)
        return True

    def _index(self) -> Iterator[ExportPiece]:
        """Give the index: in which partition is which galaxy."""
        table = self._index_table()
        folder = f"{self._core.name}_index"
        yield _independent(f"{folder}/{_INDEX_FILE}", partial(_write_index, table))
        yield from _listed(folder, table.schema, [_INDEX_FILE])
        facts = properties.index(self._core.name, _ID, table.num_rows)
        yield _text(f"{folder}/hats.properties", "HATS catalog", facts)

    def _index_table(self) -> pa.Table:
        counts = [one.stop - one.start for one in self._partitions]
        orders = [one.cell.order for one in self._partitions]
        pixels = np.repeat([one.cell.pixel for one in self._partitions], counts)
        table = self._core.facts.select([_ID, "_healpix_29"])
        table = table.append_column(
            "Norder", pa.array(np.repeat(orders, counts), pa.uint8())
        )
        table = table.append_column("Npix", pa.array(pixels, pa.int64()))
        return table.sort_by(_ID)

    def _extension(self, table: HatsTable) -> Iterator[ExportPiece]:
        """Say how the rows of a survey are joined to the core.

        `lsdb` loads the default columns of the joined table. Beside the core these are
        the pixels alone: it has all others already. For that the joined table has a
        second file of properties.
        """
        pixels = [field.name for field in table.pixels]
        files = list(table.files(self._partitions, self._splits))
        joined = properties.catalogue(
            table.name,
            _rows_by_cell(files),
            suffix="/" if self._splits else ".parquet",
            default_columns=[*_KEYS, *pixels],
            map_order=MAP_ORDER,
        )
        path = f"{table.name}/images.properties"
        yield _text(path, "HATS catalog", joined)
        name = _extension_name(table)
        facts = properties.extension(name, self._name, path, pixels)
        yield _text(f"{name}.properties", "HATS Extension", facts)


def _extension_name(table: HatsTable) -> str:
    return f"images_{table.name}"


def _rows_by_cell(files: Sequence[File]) -> dict[Cell, int]:
    """Count the rows of each cell, in the order of the files."""
    counts: dict[Cell, int] = {}
    for file in files:
        counts[file.cell] = counts.get(file.cell, 0) + len(file.rows)
    return counts


def _data(
    folder: str, table: HatsTable, files: Sequence[File]
) -> Iterator[ExportPiece]:
    for file in files:
        write = partial(_write_rows, table, file.rows)
        yield _independent(f"{folder}/{file.name}", write, rows=len(file.rows))


def _write_rows(
    table: HatsTable, rows: NDArray[np.int64], path: Path, _root: Path
) -> None:
    write_parquet(path, table.schema, table.groups(rows), lambda s: table.of(rows[s]))


def _description(
    folder: str, schema: pa.Schema, files: Sequence[File]
) -> Iterator[ExportPiece]:
    cells = _rows_by_cell(files)
    # Readers take each file that is listed for a partition of its own.
    is_one_each = len(cells) == len(files)
    yield from _listed(folder, schema, [one.name for one in files if is_one_each])
    text = properties.partition_info(cells)
    yield _independent(f"{folder}/partition_info.csv", partial(_write_text, text))


def _listed(
    folder: str, schema: pa.Schema, names: Sequence[str]
) -> Iterator[ExportPiece]:
    """Give the files that tell the columns, and the row groups of all files."""
    inside = [name.removeprefix("dataset/") for name in names]
    place = f"{folder}/dataset"
    yield _independent(f"{place}/_common_metadata", partial(_write_schema, schema))
    if inside:
        write = partial(_write_listing, schema, place, inside)
        yield ExportPiece(f"{place}/_metadata", write)


def _write_schema(schema: pa.Schema, path: Path, _root: Path) -> None:
    write_schema(path, schema)


def _write_listing(
    schema: pa.Schema, folder: str, names: Sequence[str], path: Path, root: Path
) -> None:
    write_listing(path, schema, root / folder, names)


def _write_index(table: pa.Table, path: Path, _root: Path) -> None:
    groups = row_groups(table[_ID].to_pylist(), FACTS)
    write_parquet(path, table.schema, groups, lambda s: table[s])


def _write_map(finest: NDArray[np.int64], path: Path, _root: Path) -> None:
    write_sky_map(path, finest)


def _text(name: str, title: str, facts: Mapping[str, object]) -> ExportPiece:
    text = properties.to_text(title, facts)
    return _independent(name, partial(_write_text, text))


def _write_text(text: str, path: Path, _root: Path) -> None:
    path.write_text(text, "utf-8")
