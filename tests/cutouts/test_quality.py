"""Quality flags: each fires for what it names, and not for an ordinary galaxy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from make_frames import noise

from harvester.cutouts.quality import Flag, find_flags
from harvester.models.planes import Bit

SIDE = 40
MIDDLE = (19.5, 19.5)
#: All flags that a stamp over the edge of a frame has.
AT_EDGE = [Flag.EDGE, Flag.PARTIAL]


def blob(x, y, flux, side=SIDE, sigma=2.0):
    """Return a round galaxy with this peak, in units of the noise of a pixel."""
    rows, columns = np.mgrid[:side, :side]
    distance = (columns - x) ** 2 + (rows - y) ** 2
    return (flux * np.exp(-distance / 2 / sigma**2)).astype(np.float32)


def sky(side=SIDE):
    """Return sky with a noise of 1."""
    return noise((side, side))


def flags(flux, place=MIDDLE, bits=Bit.GOOD, side=None):
    """Find the flags of a stamp whose pixels have all the same bits."""
    side = side or math.isqrt(flux.size)
    return find_flags(flux, np.full(flux.shape, bits, np.uint8), place, side)


def without(flux, rows):
    """Take the values of some rows."""
    flux = flux.copy()
    flux[rows] = np.nan
    return flux


def test_ordinary():
    """A galaxy in the middle, faint or bright, has no flags."""
    for peak in (0, 1, 3, 10, 1000):
        assert flags(sky() + blob(*MIDDLE, peak)) == []


@pytest.mark.parametrize("value", [0.0, 3.5])
def test_blank(value):
    """An area that was filled with one value is blank."""
    flux = sky()
    flux[:12] = value
    assert flags(flux) == [Flag.BLANK]


def test_bits():
    """Saturated and filled pixels are told by the mask."""
    assert flags(sky(), bits=Bit.SATURATED) == [Flag.SATURATED]
    assert flags(sky(), bits=Bit.GOOD | Bit.FILLED) == [Flag.EDGE, Flag.FILLED]


def test_edge():
    """A stamp over an edge is flagged, and the values that it has are still judged."""
    mask = np.full((SIDE, SIDE), Bit.GOOD, np.uint8)
    mask[:15] = Bit.OUTSIDE
    flux = without(sky() + blob(*MIDDLE, 20), np.s_[:15])
    assert find_flags(flux, mask, MIDDLE, SIDE) == AT_EDGE


def test_partial():
    """Pixels without data inside the frame make a stamp partial."""
    flux = without(sky(), np.s_[3:5])
    assert flags(flux, bits=Bit.NO_DATA) == [Flag.PARTIAL]


@pytest.mark.parametrize("far", [6, 9])
def test_off_centre(far):
    """A galaxy that is not at the place of the target is off centre."""
    assert flags(sky() + blob(19.5 + far, 19.5, 20)) == [Flag.OFF_CENTRE]
    assert flags(sky() + blob(19.5, 19.5 - far, 20)) == [Flag.OFF_CENTRE]


def test_slightly_off():
    """A galaxy three pixels from its catalogue position is where it should be."""
    assert flags(sky() + blob(22.5, 19.5, 20)) == []


def test_merger():
    """A brighter neighbour does not move a galaxy with a peak of its own."""
    pair = blob(*MIDDLE, 20) + blob(28, 24, 60)
    assert flags(sky() + pair) == []


def test_faint_beside_faint():
    """Where neither the target nor another place is bright, nothing is said."""
    assert flags(sky() + blob(27, 19.5, 2)) == []


def test_target_at_edge_of_trimmed():
    """The target may lie anywhere in a trimmed stamp."""
    flux = (sky() + blob(19.5, 3, 20))[:24]
    assert flags(flux, (19.5, 3.0), side=SIDE) == AT_EDGE
    assert flags(flux, (19.5, 12.0), side=SIDE) == [Flag.OFF_CENTRE, *AT_EDGE]


def test_background():
    """A gradient over the stamp is a bad background; one star in a corner is not."""
    ramp = np.linspace(0, 3, SIDE, dtype=np.float32)
    assert flags(sky() + ramp) == [Flag.BAD_BACKGROUND]
    assert flags(sky() + ramp[:, None] + ramp) == [Flag.BAD_BACKGROUND]
    assert flags(sky() + blob(4, 4, 100)) == []


def test_fine_pixels():
    """Large stamps are judged on the same scale as small ones."""
    middle = (199.5, 199.5)
    assert flags(sky(400) + blob(*middle, 3, 400, 20.0), middle) == []
    assert flags(sky(400) + blob(260, 199.5, 3, 400, 20.0), middle) == [Flag.OFF_CENTRE]


@pytest.mark.parametrize("shape", [(1, 1), (1, 90), (3, 2), (41, 7)])
def test_odd_shapes(shape):
    """A stamp of any shape is judged, also one without a single value."""
    assert flags(noise(shape), (0.0, 0.0)) in ([], [Flag.OFF_CENTRE])
    nothing = np.full(shape, np.nan, np.float32)
    assert Flag.PARTIAL in flags(nothing, (0.0, 0.0))


def test_documented():
    """Every flag has a name that fits into a list separated by blanks."""
    assert all(flag.isidentifier() for flag in Flag)
