"""Gain and dark variance of the thirty CCDs of the SDSS camera.

The values are those of SDSS's page on frames (data model, ``frame``), except one. It
gives 6.565 electrons a count to the i chip of camera column 2 in all runs. The table
``photoField`` of run 2583 says 5.195, and the noise of its sky agrees with that, so
runs after 1500, in which the dark variance of this chip is another one too, get 5.195.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["WELL_COUNTS", "Detector", "detector"]

#: Counts from which a pixel counts as saturated, in every chip. The saturation levels
#: that ``photoField`` states for a column of chips (run 2583, camera column 2) are
#: 50,631 to 63,128; this is below the lowest.
WELL_COUNTS = 50_000.0

_BANDS = "ugriz"

#: Electrons a count, by camera column; in each row the bands u, g, r, i, z.
_GAIN = (
    (1.62, 3.32, 4.71, 5.165, 4.745),
    (1.595, 3.855, 4.6, 6.565, 5.155),
    (1.59, 3.845, 4.72, 4.86, 4.885),
    (1.6, 3.995, 4.76, 4.885, 4.775),
    (1.47, 4.05, 4.725, 4.64, 3.48),
    (2.17, 4.035, 4.895, 4.76, 4.69),
)

#: Variance of a pixel without light, in square counts: read-out noise and dark current.
_DARK = (
    (9.61, 15.6025, 1.8225, 7.84, 0.81),
    (12.6025, 1.44, 1.00, 5.76, 1.0),
    (8.7025, 1.3225, 1.3225, 4.6225, 1.0),
    (12.6025, 1.96, 1.3225, 6.25, 9.61),
    (9.3025, 1.1025, 0.81, 7.84, 1.8225),
    (7.0225, 1.8225, 0.9025, 5.0625, 1.21),
)

#: Values since a run: camera column and band, last run before the change, new value.
_LATER_GAIN = {(2, "u"): (1100, 1.825), (2, "i"): (1500, 5.195)}
_LATER_DARK = {
    (2, "i"): (1500, 6.25),
    (4, "i"): (1500, 7.5625),
    (4, "z"): (1500, 12.6025),
    (5, "z"): (1500, 2.1025),
}


class Detector(NamedTuple):
    """What the noise of a CCD depends on."""

    #: Electrons a count. Where a chip has two amplifiers it is their mean.
    gain: float
    #: Variance of a pixel without light, in square counts.
    dark_variance: float


def detector(band: str, camcol: int, run: int) -> Detector:
    """Give the CCD of a band and camera column (1 to 6) as it was in a run."""
    place = camcol - 1, _BANDS.index(band)
    values = [
        _in_run(run, later.get((camcol, band)), table[place[0]][place[1]])
        for table, later in ((_GAIN, _LATER_GAIN), (_DARK, _LATER_DARK))
    ]
    return Detector(*values)


def _in_run(run: int, change: tuple[int, float] | None, early: float) -> float:
    return change[1] if change and run > change[0] else early
