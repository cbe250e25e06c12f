"""Align the stamps of a whole run, and write them with a manifest of their own.

After a kill the same command goes on. The same run and options give the same bytes.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ... import __version__
from ...errors import InputError
from ...ledger.run_dates import RunDates
from ...status.console import print_line
from ..export.progress import shown_pieces
from ..manifest import label_names, read_manifest, run_facts
from ..on_all_cores import on_all_cores
from ..opened.band_names import read_band
from ..registration import MOVE_COLUMNS
from .aligned_folder import AlignedFolder
from .aligned_rows import Work, aligned_rows, lacking_reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ..opened.galaxies import Galaxies
    from .align_options import AlignOptions

__all__ = ["AlignedRun", "align_run", "checked_options", "registration_words"]

#: Galaxies in one piece of work.
_PIECE = 64

#: Decimals of an arcsec to which the pixel scale of a survey is rounded: its frames
#: differ by less.
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class AlignedRun:
    """What was written."""

    galaxies: int
    stamps: int
    #: What it was aligned to, and how many galaxies lack that band.
    to: str
    lacking: int
    #: Stamps by what registration did, see `register_stamps`; empty without it.
    registered: dict[str, int] = field(default_factory=dict)
    #: The largest move, in pixels of the stamp that was moved.
    most_moved: float = 0.0

    def notes(self) -> Iterator[str]:
        """Give sentences for the user about what was left out and moved."""
        if self.lacking:
            yield (
                f"{self.lacking:,} galaxies have no stamp in {self.to}: their other "
                "stamps were left out"
            )
        if self.registered:
            yield registration_words(self.registered, self.most_moved)


def align_run(
    data: Galaxies,
    out: Path,
    options: AlignOptions,
    *,
    source_sha256: str,
    dates: RunDates | None = None,
    only: frozenset[int] | None = None,
    replace: bool = False,
    quiet: bool = False,
) -> AlignedRun:
    """Align all stamps of a run into a new folder, or go on with that.

    Parameters
    ----------
    source_sha256
        Of the manifest that ``data`` is from.
    dates
        When its run was harvested.
    only
        The targets whose stamps are wanted; None: all.
    replace
        Whether ``out`` is removed first if it is another alignment, also a complete
        one. Then no other process may read it.
    quiet
        Print progress to standard error.

    Raises
    ------
    InputError
        ``out`` is another data set, a name is not known, or reproject is not installed.
    LocalError
        A stamp cannot be read or written.
    """
    data = _with_free_labels(data)
    options = _complete(data, options)
    identity = {
        "harvester": __version__,
        "manifest_sha256": source_sha256,
        "bands": [":".join(band) for band in data.bands],
        "options": asdict(options),
        "only": None if only is None else sorted(only),
    }
    folder = AlignedFolder(out, identity)
    if folder.is_complete:
        print_line(f"{out} is aligned already.", err=quiet)
        folder.tidy()
    else:
        if replace:
            folder.remove_other()
        folder.begin(lambda text: print_line(text, err=quiet))
        schema = _schema(data, options, dates or RunDates())
        _write(data, folder, schema, options, only, quiet=quiet)
    return _counted(read_manifest(out), options)


def registration_words(counts: Mapping[str, int], most: float) -> str:
    """Give a sentence about what registration did."""
    moved, agreed = counts.get("moved", 0), counts.get("agreed", 0)
    by = f" (by {most:.2f} pixels at most)" if moved else ""
    return (
        f"Centres in the reference band and the others: {agreed:,} stamps agreed, "
        f"{moved:,} were moved{by}, {counts.get('apart', 0):,} are too far apart "
        f"for that, {counts.get('unsure', 0):,} too uncertain. With --no-register none "
        "is moved."
    )


def checked_options(data: Galaxies, options: AlignOptions) -> AlignOptions:
    """Give options in which a band that is named has its survey's name.

    Raises
    ------
    InputError
        There is no such band, or several surveys have it.
    """
    if options.to in ("north", "grid"):
        return options
    bands = data.bands
    named = [":".join(band) for band in bands if band[1] == options.to]
    if len(named) > 1:
        msg = f"the band {options.to!r} could be {' or '.join(named)}"
        raise InputError(msg)
    whole = named[0] if named else options.to
    return dataclasses.replace(options, to=":".join(read_band(whole, bands)))


def _with_free_labels(data: Galaxies) -> Galaxies:
    """Rename labels that have the name of a new column, as the manifest does."""
    taken = set(MOVE_COLUMNS).intersection(label_names(data.table))
    names = [f"label_{n}" if n in taken else n for n in data.table.column_names]
    return type(data)(data.out, data.table.rename_columns(names))


def _complete(data: Galaxies, options: AlignOptions) -> AlignOptions:
    """Give options with one scale and one size for all galaxies."""
    options = checked_options(data, options)
    bands = data.bands
    if options.to not in ("north", "grid") or not bands:
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
    return dataclasses.replace(options, pixel_scale=scale, size=size)


# -- work ------------------------------------------------------------------------------


def _write(
    data: Galaxies,
    folder: AlignedFolder,
    schema: pa.Schema,
    options: AlignOptions,
    only: frozenset[int] | None,
    *,
    quiet: bool,
) -> None:
    starts = range(0, len(data), _PIECE)
    with shown_pieces(len(data), len(starts), quiet=quiet, what="galaxies") as advance:

        def missing() -> Iterator[Work]:
            for number, start in enumerate(starts):
                part = data[start : start + _PIECE]
                if folder.has(number):
                    advance(len(part))
                else:
                    yield Work(
                        number,
                        data.out,
                        folder.out,
                        part.table,
                        schema,
                        asdict(options),
                        only,
                    )

        for work, rows in _worked(missing(), several=len(starts) > 1):
            folder.put(work.number, rows)
            advance(len(pc.unique(rows["target"])))
    folder.complete(schema, len(starts))


def _worked(
    pieces: Iterator[Work], *, several: bool
) -> Iterator[tuple[Work, pa.Table]]:
    """Align pieces of the galaxies, on all cores if there are several, in order."""
    if several:
        return on_all_cores(aligned_rows, pieces)
    return ((piece, aligned_rows(piece)) for piece in pieces)


def _schema(data: Galaxies, options: AlignOptions, dates: RunDates) -> pa.Schema:
    """Give the schema of the aligned manifest: that of the run, with the moves."""
    old, labels = data.table.schema, set(label_names(data.table))
    own = [name for name in old.names if name not in {*labels, *MOVE_COLUMNS}]
    moves = (pa.string(), pa.float64(), pa.float64())
    fields = [
        *(old.field(name) for name in own),
        *map(pa.field, MOVE_COLUMNS, moves),
        *(old.field(name) for name in old.names if name in labels),
    ]
    facts = run_facts(old) | {
        "aligned": asdict(options),
        "harvested": {key: day for key, day in asdict(dates).items() if day},
        "own_columns": [*own, *MOVE_COLUMNS],
    }
    return pa.schema(fields, {b"harvester": json.dumps(facts).encode()})


def _counted(table: pa.Table, options: AlignOptions) -> AlignedRun:
    lacks = table.filter(pc.equal(table["reason"], lacking_reason(options.to)))
    made = table.filter(pc.is_valid(table["file_loc"]))
    counts = made["registered"].drop_null().value_counts().to_pylist()
    moves = [np.asarray(made[name].drop_null()) for name in MOVE_COLUMNS[1:]]
    return AlignedRun(
        galaxies=len(pc.unique(table["target"])),
        stamps=made.num_rows,
        to=options.to,
        lacking=len(pc.unique(lacks["target"])),
        registered={one["values"]: one["counts"] for one in counts},
        most_moved=float(np.hypot(*moves).max(initial=0.0)),
    )
