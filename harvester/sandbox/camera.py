"""The camera of SDSS: the noise of its CCDs, and the seeing of its scans."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .scans import BANDS

if TYPE_CHECKING:
    from .scans import FieldKey

__all__ = ["Ccd", "Seeing", "ccd_of", "seeing_of"]

#: Stream of random numbers for the seeing.
_STREAM = 7
#: Effective widths of the profile of stars: the best and the worst, in arcsec.
_WIDTHS = 1.1, 1.5
_PIXEL_ARCSEC = 0.396
#: The outer Gaussian of the profile of stars against the inner one: height at the
#: centre, and width. So are those of real fields, in the middle.
_HEIGHT, _SPREAD = 0.06, 2.4

#: Electrons a count of each CCD, by camera column and band (data model, page "frame").
_GAINS = {
    1: {"u": 1.62, "g": 3.32, "r": 4.71, "i": 5.165, "z": 4.745},
    2: {"u": 1.825, "g": 3.855, "r": 4.6, "i": 5.195, "z": 5.155},
    3: {"u": 1.59, "g": 3.845, "r": 4.72, "i": 4.86, "z": 4.885},
    4: {"u": 1.6, "g": 3.995, "r": 4.76, "i": 4.885, "z": 4.775},
    5: {"u": 1.47, "g": 4.05, "r": 4.725, "i": 4.64, "z": 3.48},
    6: {"u": 2.17, "g": 4.035, "r": 4.895, "i": 4.76, "z": 4.69},
}
#: Their read-out noise and dark current, as a variance in square counts.
_DARKS = {
    1: {"u": 9.61, "g": 15.6025, "r": 1.8225, "i": 7.84, "z": 0.81},
    2: {"u": 12.6025, "g": 1.44, "r": 1.0, "i": 6.25, "z": 1.0},
    3: {"u": 8.7025, "g": 1.3225, "r": 1.3225, "i": 4.6225, "z": 1.0},
    4: {"u": 12.6025, "g": 1.96, "r": 1.3225, "i": 7.5625, "z": 12.6025},
    5: {"u": 9.3025, "g": 1.1025, "r": 0.81, "i": 7.84, "z": 2.1025},
    6: {"u": 7.0225, "g": 1.8225, "r": 0.9025, "i": 5.0625, "z": 1.21},
}
#: Before the electronics were changed: last run, and what was different until then.
_EARLY_GAINS = {(2, "u"): (1100, 1.595), (2, "i"): (1500, 6.565)}
_EARLY_DARKS = {
    (2, "i"): (1500, 5.76),
    (4, "i"): (1500, 6.25),
    (4, "z"): (1500, 9.61),
    (5, "z"): (1500, 1.8225),
}
#: Counts at which the CCDs of a band saturate (``photoField`` of run 2583).
_SATURATION = {"u": 61262, "g": 62022, "r": 50631, "i": 51453, "z": 63128}


class Ccd(NamedTuple):
    """A detector, with the units that ``photoField`` has."""

    gain: float
    dark_variance: float
    saturation: int


def ccd_of(key: FieldKey, band: str) -> Ccd:
    """Give the detector that a frame came from, as it was during its run."""
    place = key.camcol, band
    gain_until, early_gain = _EARLY_GAINS.get(place, (0, 0.0))
    dark_until, early_dark = _EARLY_DARKS.get(place, (0, 0.0))
    is_early = key.run <= gain_until, key.run <= dark_until
    return Ccd(
        early_gain if is_early[0] else _GAINS[key.camcol][band],
        early_dark if is_early[1] else _DARKS[key.camcol][band],
        _SATURATION[band],
    )


@dataclass(frozen=True, slots=True)
class Seeing:
    """The profile of stars: two Gaussians of the same centre."""

    #: Effective width, in arcsec: that of a Gaussian with the same noise area.
    width: float

    @property
    def inner(self) -> float:
        """Standard deviation of the inner Gaussian, in pixels."""
        b, q = _HEIGHT, _SPREAD**2
        light = 1 + b * q
        squared = 1 + 4 * b * q / (1 + q) + b**2 * q
        area = (self.width / _PIXEL_ARCSEC) ** 2 * math.pi / (2 * math.log(2))
        return math.sqrt(area * squared / (4 * math.pi)) / light

    @property
    def outer(self) -> float:
        """Standard deviation of the outer Gaussian, in pixels."""
        return _SPREAD * self.inner

    @property
    def height(self) -> float:
        """Height of the outer Gaussian at the centre; that of the inner one is 1."""
        return _HEIGHT

    @property
    def parts(self) -> tuple[tuple[float, float], ...]:
        """Part of the light, and standard deviation in pixels, of each Gaussian."""
        outer = _HEIGHT * _SPREAD**2 / (1 + _HEIGHT * _SPREAD**2)
        return (1 - outer, self.inner), (outer, self.outer)


def seeing_of(key: FieldKey, band: str) -> Seeing:
    """Give the seeing in a column of chips: the same along the whole run."""
    # Rows that two fields share are the same pixels, so their seeing is the same.
    rng = np.random.default_rng([_STREAM, key.run, key.camcol, BANDS.index(band)])
    return Seeing(round(float(rng.uniform(*_WIDTHS)), 4))
