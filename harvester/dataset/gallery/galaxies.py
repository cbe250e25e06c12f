"""The galaxies of a manifest, in its order, and the stamps that each may have."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...archives.registry import kinds
from ...ledger.manifest_rows import MANIFEST_COLUMNS
from ...models import Survey
from ..manifest import label_names, read_manifest, run_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["GalaxyTable", "ShownGalaxy", "Slot"]

#: The column that tells the galaxies apart: identifiers may be repeated.
_GALAXY = "target"

#: Rows of the manifest that are read at a time.
_ROWS = 4096


class Slot(NamedTuple):
    """A band of an archive: each galaxy may have a stamp in it."""

    archive: str
    band: str
    #: The name of the archive in messages.
    title: str
    #: Nanometres; None if the archive does not tell.
    wavelength: float | None

    @property
    def name(self) -> str:
        """The name of its stamps: title and band."""
        return f"{self.title} {self.band}"


@dataclass(frozen=True, slots=True)
class ShownGalaxy:
    """One galaxy with its rows of the manifest."""

    #: Place among the galaxies of the manifest, from 0.
    number: int
    rows: tuple[dict[str, Any], ...]

    @property
    def id(self) -> str:
        """The identifier of the catalogue."""
        return str(self.rows[0]["id_str"])

    @property
    def ra(self) -> float:
        """Right ascension, ICRS degrees."""
        return float(self.rows[0]["ra"])

    @property
    def dec(self) -> float:
        """Declination, ICRS degrees."""
        return float(self.rows[0]["dec"])


class GalaxyTable:
    """The manifest of a run, galaxy by galaxy; only some columns are kept in memory.

    Raises
    ------
    InputError
        There is no manifest, or it cannot be read, or it lacks columns.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self._path = out / "manifest.parquet"
        schema = self._read_schema()
        self.labels = label_names(schema.empty_table())
        self.own = [name for name in schema.names if name not in set(self.labels)]
        #: The number of the galaxy of each row, from 0.
        self.numbers = _numbers(self.column(_GALAXY))
        self._instruments = _instruments(run_facts(schema))
        self.slots = self._find_slots()

    def _read_schema(self) -> pa.Schema:
        try:
            schema = pq.read_schema(self._path)
        except (OSError, pa.ArrowInvalid):
            schema = pa.schema([])
        if set(MANIFEST_COLUMNS) - set(schema.names):
            # It says in words what is wrong with the file.
            return read_manifest(self.out).schema
        return schema

    def __len__(self) -> int:
        return int(self.numbers[-1]) + 1 if self.numbers.size else 0

    def column(self, name: str) -> pa.Array:
        """Read one column of all rows."""
        with self._path.open("rb") as file:
            read = pq.read_table(file, columns=[name])[name]
        return read.combine_chunks() if read.num_chunks else pa.array([], read.type)

    def label(self, name: str) -> pa.Array:
        """Read a label: one value a galaxy."""
        firsts = np.flatnonzero(np.diff(self.numbers, prepend=-1))
        return self.column(name).take(pa.array(firsts))

    def __iter__(self) -> Iterator[ShownGalaxy]:
        """Give the galaxies; few rows are in memory at a time."""
        for number, rows in groupby(self._rows(), lambda numbered: numbered[0]):
            yield ShownGalaxy(number, tuple(row for _, row in rows))

    def _rows(self) -> Iterator[tuple[int, dict[str, Any]]]:
        numbers = iter(self.numbers.tolist())
        with self._path.open("rb") as file, pq.ParquetFile(file) as parquet:
            for batch in parquet.iter_batches(_ROWS, use_threads=False):
                yield from zip(numbers, _to_rows(batch), strict=False)

    def find(self, identifier: str) -> list[ShownGalaxy]:
        """Give the galaxies with this identifier."""
        same = pc.equal(self.column("id_str"), identifier).to_numpy(
            zero_copy_only=False
        )
        if not same.any():
            return []
        with self._path.open("rb") as file:
            rows = _to_rows(pq.read_table(file).filter(pa.array(same)))
        numbered = zip(self.numbers[same].tolist(), rows, strict=True)
        return [
            ShownGalaxy(number, tuple(row for _, row in some))
            for number, some in groupby(numbered, lambda one: one[0])
        ]

    def _find_slots(self) -> list[Slot]:
        """Return the bands of all rows: archives as they come, bands by wavelength."""
        keys = ["survey", "band"]
        pairs = pa.table({name: self.column(name) for name in keys})
        found = pairs.group_by(keys, use_threads=False).aggregate([]).to_pylist()
        slots = [self._slot(str(one["survey"]), str(one["band"])) for one in found]
        archives = list(dict.fromkeys(slot.archive for slot in slots))
        return sorted(slots, key=lambda slot: _order(slot, archives))

    def _slot(self, archive: str, band: str) -> Slot:
        kind = kinds().get(archive)
        if kind is None:  # of a package that is no longer installed
            return Slot(archive, band, archive.upper(), None)
        instrument = self._instruments.get((archive, band), "")
        return Slot(archive, band, kind.title, kind.wavelength_nm(instrument, band))


def _to_rows(table: pa.Table | pa.RecordBatch) -> list[dict[str, Any]]:
    """Return rows in which a 32-bit number has the digits that it has, and no more."""
    names = [field.name for field in table.schema if field.type == pa.float32()]
    for name in names:
        place = table.schema.get_field_index(name)
        exact = table.column(place).cast(pa.string()).cast(pa.float64())
        table = table.set_column(place, name, exact)
    rows: list[dict[str, Any]] = table.to_pylist()
    return rows


def _numbers(targets: pa.Array) -> NDArray[np.int64]:
    """Return the number of the galaxy of each row, without gaps."""
    values = targets.to_numpy(zero_copy_only=False)
    return np.cumsum(np.diff(values, prepend=values[:1]) != 0)


def _instruments(facts: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Return the instrument of each archive and band, as the settings name it."""
    texts = str(facts.get("settings", {}).get("surveys", "")).split()
    surveys = [Survey.parse(text) for text in texts]
    return {
        (survey.archive, band): survey.instrument
        for survey in surveys
        for band in survey.bands
    }


def _order(slot: Slot, archives: Sequence[str]) -> tuple[int, float, str]:
    length = slot.wavelength if slot.wavelength is not None else float("inf")
    return archives.index(slot.archive), length, slot.band
