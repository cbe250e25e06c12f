"""The speed of matching many galaxies with many footprints."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from harvester.sky.footprints import FootprintIndex

if TYPE_CHECKING:
    from numpy.typing import NDArray

    _Degrees = NDArray[np.float64]

#: A large catalogue, and all images of an instrument of HST.
TARGETS, FOOTPRINTS = 50_000, 60_000

#: Degrees from the middle of an image to a corner, as of WFC3/IR.
_RADIUS = 0.025

#: Images lie about galaxies: so many degrees away at most.
_NEAR = 0.05

#: Around a galaxy's stamp, arcsec.
_MARGIN = 2.6


@dataclass(frozen=True)
class Matched:
    """Times of matching, and the number of pairs."""

    #: Reading the texts and planting the trees; then matching.
    reading_s: float
    matching_s: float
    pairs: int

    @property
    def seconds(self) -> float:
        """The total."""
        return self.reading_s + self.matching_s


def match_rounds(count: int) -> list[Matched]:
    """Match a made-up catalogue with made-up ``s_region`` texts, several times."""
    random = np.random.default_rng(1)
    ra = random.uniform(0, 360, TARGETS)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, TARGETS)))
    regions = _regions(random, ra, dec)
    return [_match(regions, ra, dec) for _ in range(count)]


def _match(regions: list[str], ra: _Degrees, dec: _Degrees) -> Matched:
    began = time.perf_counter()
    index = FootprintIndex(regions)
    read = time.perf_counter()
    targets, _, _ = index.match(ra, dec, _MARGIN)
    return Matched(read - began, time.perf_counter() - read, len(targets))


def _regions(random: np.random.Generator, ra: _Degrees, dec: _Degrees) -> list[str]:
    """Put squares around galaxies; there are more of them, so that they overlap."""
    about = random.integers(0, TARGETS, FOOTPRINTS)
    east, north = random.uniform(-_NEAR, _NEAR, (2, FOOTPRINTS))
    north = np.clip(dec[about] + north, -89.9, 89.9)
    east = ra[about] + east / np.cos(np.radians(north))
    turns = random.uniform(0, 90, FOOTPRINTS)
    corners = np.radians(turns[:, None] + [0, 90, 180, 270])
    corner_dec = north[:, None] + _RADIUS * np.sin(corners)
    shift = _RADIUS * np.cos(corners) / np.cos(np.radians(north))[:, None]
    corner_ra = (east[:, None] + shift) % 360
    places = np.stack([corner_ra, corner_dec], axis=-1).reshape(FOOTPRINTS, -1)
    return [f"POLYGON ICRS {' '.join(map(str, each))}" for each in places.tolist()]
