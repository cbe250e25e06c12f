"""The tiles of a galaxy: each band in grey, and three bands of an archive in colour."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from ...errors import LocalError
from ...states import State
from ..stamp_reader import read_stamp
from .brightness import OUTSIDE, colour, grey
from .north_up import Placement, north_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from .galaxies import ShownGalaxy, Slot

__all__ = ["SIDE", "Tile", "draw_tiles"]

#: Pixels of a side of a tile.
SIDE = 128

#: Bands of a colour picture.
_COLOURS = 3


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a galaxy: north up, east left, the galaxy in the middle."""

    #: Title of the archive and band, or the three bands of a colour picture.
    name: str
    archive: str
    is_colour: bool
    #: Side on the sky.
    field_arcsec: float
    #: Fraction of the requested pixels that have a value; the least of its bands.
    coverage: float
    #: ``(SIDE, SIDE, 3)``, the first row at the top; None if a file is missing.
    image: NDArray[np.uint8] | None


@dataclass(frozen=True, slots=True)
class _LoadedStamp:
    slot: Slot
    coverage: float
    flux: NDArray[np.float32] | None
    placed: Placement
    to_njy: float | None

    @property
    def field_arcsec(self) -> float:
        return 0.0 if self.flux is None else max(self.flux.shape) * self.placed.scale


def draw_tiles(
    out: Path, galaxy: ShownGalaxy, slots: Sequence[Slot], side: int = SIDE
) -> list[Tile]:
    """Draw the stamps of a galaxy.

    The tiles of an archive have one scale, so that its bands lie on one another; the
    colour picture comes first.

    Parameters
    ----------
    out
        Folder of the run.
    slots
        All bands of the run, in the order of the tiles.
    side
        Of a tile, in pixels.
    """
    order = {(slot.archive, slot.band): slot for slot in slots}
    places = {key: place for place, key in enumerate(order)}
    done = [row for row in galaxy.rows if row["status"] == State.DONE.value]
    done.sort(key=lambda row: places[row["survey"], row["band"]])
    stamps = [_load(out, row, order[row["survey"], row["band"]]) for row in done]
    return [
        tile
        for _, some in groupby(stamps, lambda stamp: stamp.slot.archive)
        for tile in _draw_archive(list(some), side)
    ]


def _load(out: Path, row: dict[str, Any], slot: Slot) -> _LoadedStamp:
    coverage = 1.0 if row["coverage"] is None else float(row["coverage"])
    placed = Placement.from_row(row)
    try:
        planes = read_stamp(out / str(row["file_loc"]))
    except LocalError:
        # The page shows "file missing"; `harvester verify` reports the reason.
        nowhere = Placement(0, 0, np.eye(2))
        return _LoadedStamp(slot, coverage, None, placed or nowhere, None)
    placed = placed or Placement.from_header(
        planes.header, float(row["ra"]), float(row["dec"]), planes.flux.shape
    )
    return _LoadedStamp(slot, coverage, planes.flux, placed, row["to_njy"])


def _draw_archive(stamps: Sequence[_LoadedStamp], side: int) -> Iterator[Tile]:
    field = max(stamp.field_arcsec for stamp in stamps)
    shown = [
        (stamp, north_up(stamp.flux, stamp.placed, field, side))
        for stamp in stamps
        if stamp.flux is not None
    ]
    chosen = _choose_colours([stamp for stamp, _ in shown])
    planes = {id(stamp): plane for stamp, plane in shown}
    if chosen:
        yield _colour_tile(chosen, [planes[id(one)] for one in chosen], field)
    for stamp in stamps:
        plane = planes.get(id(stamp))
        image = None if plane is None else _framed(grey(_visible(*plane)), plane[1])
        yield Tile(
            stamp.slot.name, stamp.slot.archive, False, field, stamp.coverage, image
        )


def _choose_colours(stamps: Sequence[_LoadedStamp]) -> list[_LoadedStamp]:
    """Choose three bands by rising wavelength; empty if there are no three.

    Of five bands those in the middle: the outermost ones of a survey are its noisiest.
    """
    by_band = {
        stamp.slot: stamp
        for stamp in reversed(stamps)
        if stamp.slot.wavelength is not None and stamp.to_njy
    }
    bands = sorted(by_band.values(), key=lambda stamp: stamp.slot.wavelength or 0)
    start = (len(bands) - _COLOURS) // 2
    return bands[start : start + _COLOURS] if start >= 0 else []


def _colour_tile(
    chosen: Sequence[_LoadedStamp],
    planes: Sequence[tuple[NDArray[np.float64], NDArray[np.bool_]]],
    field: float,
) -> Tile:
    inside = np.logical_and.reduce([one for _, one in planes])
    fluxes = [
        _visible(plane * (stamp.to_njy or 1), inside)
        for stamp, (plane, _) in zip(chosen, planes, strict=True)
    ]
    lengths = [stamp.slot.wavelength or 1 for stamp in chosen]
    image = _framed(colour(fluxes[::-1], lengths[::-1]), inside)
    bands = [stamp.slot.band for stamp in chosen]
    joined = ("" if max(map(len, bands)) == 1 else " ").join(bands)
    slot = chosen[0].slot
    coverage = min(stamp.coverage for stamp in chosen)
    return Tile(f"{slot.title} {joined}", slot.archive, True, field, coverage, image)


def _visible(
    plane: NDArray[np.float64], inside: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return the plane with NaN outside the stamp, where edge pixels are repeated."""
    return np.where(inside, plane, np.nan)


def _framed(image: NDArray[np.uint8], inside: NDArray[np.bool_]) -> NDArray[np.uint8]:
    image[~inside] = OUTSIDE
    return image
