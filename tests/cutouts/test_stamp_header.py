"""Cards of the header of a stamp."""

from __future__ import annotations

import pytest
from astropy import units as u

from harvester.cutouts.stamp_header import inverse_square


@pytest.mark.parametrize("unit", ["nanomaggy", "electron/s", "MJy/sr", "Jy"])
def test_unit_of_the_inverse_variance(unit):
    """Astropy reads the unit of an inverse variance as that of the pixels to -2."""
    assert u.Unit(inverse_square(unit)) == u.Unit(unit) ** -2


@pytest.mark.parametrize("unit", ["", "10**3 erg", "(a b)/c"])
def test_unusual_unit(unit):
    """The inverse variance of pixels with an unusual unit states none."""
    assert inverse_square(unit) == ""
