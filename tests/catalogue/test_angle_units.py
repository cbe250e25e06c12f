"""Units of angles in many spellings."""

from __future__ import annotations

import pytest
from astropy import units as u
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.angle_units import angle_unit, states_no_unit

SPELLINGS = {
    u.deg: "deg Deg DEG deg. degree degrees DEGREES Angle[deg] Angle(deg) d \u00b0",
    u.hourangle: "h hr hours Hours HOURANGLE hourangle hour_angle Angle[hourangle]",
    u.rad: "RADIANS radian rad Rad radians Angle[rad]",
    u.arcsec: "ARCSEC arcsec arcsecond arcseconds asec arcsec.",
    u.arcmin: "arcmin ARCMIN arcminutes",
    u.mas: "mas MAS milliarcsec milliarcseconds",
}


@pytest.mark.parametrize("unit", SPELLINGS)
def test_spellings(unit):
    """All spellings of a unit give the same unit."""
    for text in SPELLINGS[unit].split():
        for spelling in (text, f" '{text}' ", f'"{text}"'):
            assert angle_unit(spelling).degrees == pytest.approx(unit.to("deg"))


@pytest.mark.parametrize(
    ("text", "degrees"),
    [
        *((each, 15) for each in ("h:m:s", '"h:m:s"', "hms", "HMS", "hh:mm:ss.s")),
        *((each, 15) for each in ("hh mm ss.ss", "hours:minutes:seconds")),
        *((each, 1) for each in ("d:m:s", "dms", "dd:mm:ss.s", "deg:arcmin:arcsec")),
    ],
)
def test_sexagesimal(text, degrees):
    """Units of sexagesimal text distinguish hours from degrees."""
    unit = angle_unit(text)
    assert (unit.degrees, unit.form) == (degrees, "text")


@given(st.sampled_from(["deg", "rad", "arcsec", "15 deg", "10**-3 arcsec", "uas"]))
def test_as_astropy(text):
    """Units in the spelling of astropy have the same size as in astropy."""
    assert angle_unit(text).degrees == pytest.approx(u.Unit(text).to("deg"))


@pytest.mark.parametrize("text", ["furlong", "mag", "Jy", "s", "pix", "km/s", "count"])
def test_no_angles(text):
    """A unit of another quantity is not a unit of angles, and not a missing unit."""
    assert angle_unit(text) is None
    assert not states_no_unit(text)


@pytest.mark.parametrize("text", ["", " ", "-", "None", "unitless", "---", "1"])
def test_nothing(text):
    """Words that mean "no unit" are recognised."""
    assert states_no_unit(text)
