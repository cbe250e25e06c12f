"""Units that archives write, in a spelling that astropy reads."""

from __future__ import annotations

import pytest
from astropy import units

from harvester.archives.units import fits_unit


@pytest.mark.parametrize(
    ("written", "standard"),
    [
        ("ELECTRONS/S", "electron/s"),
        ("ELECTRONS", "electron"),
        ("electron / s", "electron/s"),
        ("electrons s-1", "electron/s"),
        ("COUNTS s**-1", "count/s"),
        ("COUNTS/S", "count/s"),
        ("COUNTS", "count"),
        ("cps", "count/s"),
        ("DN/s", "adu/s"),
        ("e-/s", "electron/s"),
        ("MJy/sr", "MJy/sr"),
        ("Jy", "Jy"),
    ],
)
def test_spelling(written, standard):
    """Each unit that an archive writes becomes one that astropy reads."""
    assert fits_unit(written) == standard
    assert units.Unit(standard) is not None


@pytest.mark.parametrize("unit", ["count/s", "adu/s", "MJy/sr"])
def test_fits_standard(unit):
    """Units of the FITS standard are in its spelling, electrons are not in it."""
    units.Unit(unit, format="fits")
    with pytest.raises(ValueError, match="not supported by the FITS standard"):
        units.Unit("electron/s", format="fits")


@pytest.mark.parametrize("written", ["", " ", "UNITLESS", "ELECTRONS/PARSNIP", "??"])
def test_no_unit(written):
    """A word that is not a unit of the standard gives no unit."""
    assert fits_unit(written) == ""
