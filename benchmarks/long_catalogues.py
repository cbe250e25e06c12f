"""Catalogues of any length: the galaxies of a sandbox, then made-up ones."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    Columns = dict[str, NDArray[Any]]

#: Made-up galaxies that share a field: as many as in the main sample of SDSS.
_SHARING = 4
#: Least declination of made-up galaxies in degrees: they are harvested last.
_NORTH, _POLE = 85.0, 89.9
#: Degrees from a field to the next, and between galaxies of a field.
_STEP, _WITHIN = 0.15, 0.001
#: With positions only, distance in degrees from the sandbox's galaxies.
_AROUND = 0.02


def read_galaxies(catalogue: Path) -> Columns:
    """Read the sandbox's catalogue: one row, each column a vector."""
    row = fits.getdata(catalogue)[0]
    return {
        name: row[name].astype(row[name].dtype.newbyteorder("="))
        for name in row.array.names
    }


def by_identifier(real: Columns, targets: int) -> Columns:
    """Add galaxies whose identifiers name fields that the sandbox does not have.

    Fields that follow each other lie as far apart as they must: otherwise the catalogue
    would be refused, because its identifiers contradict its positions.
    """
    more = targets - len(real["RA"])
    fields = _fields_of_others(real["OBJID"])
    sharing = max(_SHARING, -(-more // len(fields)))
    place, serial = np.divmod(np.arange(more), sharing)
    north = np.linspace(_NORTH, _POLE, place[-1] + 1)
    along = np.cumsum(_STEP / np.cos(np.radians(north)))
    return _longer(
        real,
        OBJID=(1 << 59 | 40 << 48) + fields[place] + serial,
        RA=along[place] % 360,
        DEC=north[place] + _WITHIN * serial,
    )


def _fields_of_others(identifiers: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give run, camcol and field, as in identifiers, of other runs.

    Where they scanned is not known, so that their galaxies may lie anywhere.
    """
    used = set((identifiers >> 32 & 0xFFFF).tolist())
    used |= {int(row["run"]) for row in _rows_of("sdss_scans.csv")}
    return np.array(
        [
            run << 32 | camcol << 29 | field << 16
            for row in _rows_of("sdss_runs.csv")
            if (run := int(row["run"])) not in used
            for camcol in range(1, 7)
            for field in range(int(row["first_field"]), int(row["last_field"]) + 1)
        ]
    )


def _rows_of(table: str) -> Iterator[dict[str, str]]:
    text = files("harvester.archives.sdss").joinpath(table).read_text("ascii")
    yield from csv.DictReader(text.splitlines())


def by_position(real: Columns, targets: int) -> Columns:
    """Add galaxies around the existing ones, all named by a number."""
    more = targets - len(real["RA"])
    random = np.random.default_rng(1)
    around = random.integers(0, len(real["RA"]), more)
    columns = _longer(
        real,
        RA=(real["RA"][around] + random.uniform(-_AROUND, _AROUND, more)) % 360,
        DEC=real["DEC"][around] + random.uniform(-_AROUND, _AROUND, more),
    )
    return columns | {"OBJID": np.arange(targets)}


def _longer(real: Columns, **more: NDArray[Any]) -> Columns:
    places = np.arange(len(more["RA"])) % len(real["RA"])
    return {
        name: np.concatenate([column, more.get(name, column[places])])
        for name, column in real.items()
    }
