"""Align the stamps of a whole run, and write them with a manifest of their own.

The manifest is written last: a folder without it is not a data set, so that after a
kill the command is simply repeated. The same run and options give the same bytes.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...errors import InputError, LocalError
from ...places import Places
from ..manifest import run_facts
from ..on_all_cores import on_all_cores
from ..opened.band_names import read_band
from ..opened.galaxies import open_run
from ..stamps import atomic_write
from .aligned_rows import Work, aligned_rows

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..opened.galaxies import Galaxies

__all__ = ["AlignOptions", "AlignedRun", "align_run"]

#: Galaxies in one piece of work.
_PIECE = 64

#: Decimals of an arcsec to which the pixel scale of a survey is rounded: its frames
#: differ by less.
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class AlignOptions:
    """How to align: as in `harvester.dataset.align.align`."""

    to: str = "north"
    how: str = "exact"
    pixel_scale: float | None = None
    size: str | None = None
    register: bool = False


@dataclass(slots=True)
class AlignedRun:
    """What was written."""

    galaxies: int = 0
    stamps: int = 0
    #: Galaxies that lack the band whose pixels were to be taken.
    lacking: int = 0


def align_run(folder: Path, out: Path, options: AlignOptions) -> AlignedRun:
    """Align all stamps of a run, which may be going on, into a new folder.

    Raises
    ------
    InputError
        There is no run, ``out`` is one, a name is not known, or reproject is not
        installed.
    LocalError
        A stamp cannot be read or written.
    """
    data = open_run(folder)
    options = _complete(data, options)
    places = Places(out)
    _check_new(places)
    found = AlignedRun()
    # The run's own facts, and how its stamps were aligned.
    facts = run_facts(data.table.schema) | {"aligned": asdict(options)}
    metadata = {b"harvester": json.dumps(facts).encode()}
    schema = data.table.schema.with_metadata(metadata)
    with atomic_write(places.manifest) as new, pq.ParquetWriter(new, schema) as file:
        for rows, lacking in _worked(data, out, options):
            file.write_table(rows.cast(schema))
            found.galaxies += len(pc.unique(rows["target"]))
            found.stamps += len(rows["file_loc"].drop_null())
            found.lacking += lacking
    return found


def _complete(data: Galaxies, options: AlignOptions) -> AlignOptions:
    """Give options with one scale and one size for all galaxies."""
    bands = data.bands
    if options.to not in ("north", "grid"):
        named = [band for band in bands if band[1] == options.to]
        whole = ":".join(named[0]) if len(named) == 1 else options.to
        return replace(options, to=":".join(read_band(whole, bands)))
    if not bands:
        return options
    first = data.where(survey=bands[0][0], band=bands[0][1]).table
    known = first.filter(pc.is_valid(first["pixel_scale"]))
    if not known.num_rows:
        msg = f"no stamp of {':'.join(bands[0])} tells its pixel scale"
        raise InputError(msg)
    own = round(float(np.median(known["pixel_scale"].to_numpy())), _DECIMALS)
    scale = options.pixel_scale or own
    side = max(pc.max(known["nx"]).as_py(), pc.max(known["ny"]).as_py())
    size = options.size or f"{max(1, round(side * own / scale))}px"
    return replace(options, pixel_scale=scale, size=size)


def _check_new(places: Places) -> None:
    if places.manifest.exists() or places.ledger.exists():
        msg = f"{places.out} is a data set already: name a new folder"
        raise InputError(msg)
    try:
        places.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        msg = f"the folder {places.out} cannot be made: {error.strerror}"
        raise LocalError(msg) from error


def _worked(
    data: Galaxies, out: Path, options: AlignOptions
) -> Iterator[tuple[pa.Table, int]]:
    """Align pieces of the galaxies, on all cores if there are several, in order."""
    pieces = (
        Work(data.out, out, data[start : start + _PIECE].table, asdict(options))
        for start in range(0, len(data), _PIECE)
    )
    if len(data) <= _PIECE:
        yield from map(aligned_rows, pieces)
    else:
        yield from (result for _, result in on_all_cores(aligned_rows, pieces))
