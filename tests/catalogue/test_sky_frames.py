"""Frames of positions, compared with astropy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.sky_frames import parse_frame, parse_frame_option, sky_frame
from harvester.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *((each, "ICRS") for each in ("ICRS", "icrs", "ICRF", "Gaia", "ICRS J2016.0")),
        *(
            (each, "FK5 (equinox J2000)")
            for each in ("J2000", "2000.0", "FK5", "eq_FK5")
        ),
        *(
            (each, "FK4 (equinox B1950)")
            for each in ("B1950", "1950", "FK4 B1950", "fk4")
        ),
        *(
            (each, "FK5 (equinox J1975)")
            for each in ("J1975", "fk5:J1975", "FK5 1975.0")
        ),
        ("fk4:1900", "FK4 (equinox B1900)"),
        ("FK4-NO-E", "FK4NOETERMS (equinox B1950)"),
        *((each, "galactic") for each in ("galactic", "GALACTIC", "gal")),
        *((each, "supergalactic") for each in ("super_galactic", "SuperGalactic")),
        *((each, "ecliptic (equinox J2000)") for each in ("ecliptic", "ecl_FK5")),
    ],
)
def test_spellings(text, expected):
    """Frames are parsed in all spellings in use."""
    assert str(parse_frame(text)) == expected


@pytest.mark.parametrize(
    "text", ["", "deg", "GAPPT", "altaz", "ecl_FK4", "equatorial", "J2016", "1", "foo"]
)
def test_not_understood(text):
    """Text that is not a frame, or is ambiguous, gives None."""
    assert parse_frame(text) is None


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        (StatedFrame("eq_FK4", "B1950"), "FK4 (equinox B1950)"),
        (StatedFrame("FK4", "1950", "J1983.5"), "FK4 (equinox B1950, epoch J1983.5)"),
        (StatedFrame("FK5", "1950.0"), "FK5 (equinox J1950)"),
        (StatedFrame("", "1950.0"), "FK4 (equinox B1950)"),
        (StatedFrame("", "2000"), "FK5 (equinox J2000)"),
        (StatedFrame("", "J2000"), "FK5 (equinox J2000)"),
        (StatedFrame("ICRS", "2000.0"), "ICRS"),
        (StatedFrame("ICRS", "", "J2016.0"), "ICRS"),
        (StatedFrame("galactic", "2000.0"), "galactic"),
        (StatedFrame("ICRS", "1950"), "None"),
        (StatedFrame("FK4", "2000"), "None"),
        (StatedFrame("FK5", "soon"), "None"),
    ],
)
def test_stated(stated, expected):
    """System, equinox and epoch are combined; contradictions give None."""
    assert str(sky_frame(stated)) == expected


FRAMES = {
    "fk4": {"frame": "fk4", "equinox": "B1950"},
    "fk4:B1875": {"frame": "fk4", "equinox": "B1875"},
    "fk5:J1975": {"frame": "fk5", "equinox": "J1975"},
    "galactic": {"frame": "galactic"},
    "supergalactic": {"frame": "supergalactic"},
    "ecliptic": {"frame": "barycentricmeanecliptic", "equinox": "J2000"},
}


@given(
    st.sampled_from(list(FRAMES)),
    st.lists(st.tuples(st.floats(0, 360), st.floats(-89, 89)), min_size=1, max_size=5),
)
def test_as_astropy(name, places):
    """Positions are transformed as by astropy; missing ones stay missing."""
    longitude, latitude = np.array([*places, (np.nan, np.nan)]).T
    ra, dec = parse_frame_option(name).to_icrs(longitude, latitude)
    expected = SkyCoord(*np.array(places).T, unit="deg", **FRAMES[name]).icrs
    there = SkyCoord(ra[:-1], dec[:-1], unit="deg")
    assert np.all(there.separation(expected) < 1e-5 * u.arcsec)
    assert np.isnan(ra[-1])
    assert np.isnan(dec[-1])


def test_epoch_of_fk4():
    """FK4 rotates slowly, so the stated epoch is used."""
    frame = sky_frame(StatedFrame("FK4", "B1950", "J1983.5"))
    ra, dec = frame.to_icrs(np.array([150.1]), np.array([2.2]))
    place = SkyCoord(150.1, 2.2, unit="deg", frame="fk4", obstime="J1983.5").icrs
    assert (ra[0], dec[0]) == pytest.approx((place.ra.deg, place.dec.deg), abs=1e-10)
    other, _ = parse_frame("B1950").to_icrs(np.array([150.1]), np.array([2.2]))
    assert abs(ra[0] - other[0]) > 1e-6


def test_j2000_is_icrs():
    """FK5 at J2000 is used as ICRS: astropy differs by less than 0.04 arcsec."""
    assert parse_frame("J2000").is_icrs
    places = SkyCoord([0, 90, 200], [80, 0, -60], unit="deg", frame="fk5")
    same = SkyCoord(places.ra, places.dec, frame="icrs")
    assert np.all(places.icrs.separation(same) < 0.04 * u.arcsec)


def test_unknown_option():
    """An unknown frame is refused, and the known ones are listed."""
    with pytest.raises(InputError, match=r"--frame: 'fk6'.*icrs, fk5.*galactic"):
        parse_frame_option("fk6")
