"""Parsing the names of columns."""

from __future__ import annotations

import pytest

from harvester.catalogue.position_names import heading, statement


@pytest.mark.parametrize(
    "name",
    [
        *("ra", "RA", "Ra ", "R.A.", "RA (deg)", "_RAJ2000", "RAdeg", "RADeg"),
        *("RA_ICRS", "RA_GAIA", "raMean", "ra_1", "CENTER_RA", "target.ra.deg"),
        *("ALPHA_J2000", "ALPHAWIN_J2000", "ALPHA_SKY", "X_WORLD", "XWIN_WORLD"),
        *("Right Ascension (J2000) [hours]", "right_ascension", "rightAscension"),
        *("RA2000.0", "RA_1950", "RAB1950", "ra_sdss", "raStack", "\u03b1 (J2000)"),
        *("l", "GLON", "glon_deg", "gal_l", "SGL", "ELON", "coord.ra", "s_ra", "rad"),
    ],
)
def test_longitudes(name):
    """These names are right ascensions or longitudes."""
    assert heading(name).side == "longitude"


@pytest.mark.parametrize(
    "name",
    [
        *("ra(err)", "RA (error)", "ra_err", "e_RA", "e_RAJ2000", "RA_error", "RAerr"),
        *("sigma_ra", "ra_unc", "dra", "d_ra", "pmRA", "pm_ra", "ra_shift", "ra_pm"),
        *("ra_offset", "delta_ra", "ra_shifted", "raErr", "ERRA_IMAGE", "u_ra"),
        *("ERRX_WORLD", "ra_ivar", "ra_std", "raMeanErr", "ra_pix", "radius", "rank"),
        *(
            "ratio",
            "rate",
            "radio_flux",
            "raw",
            "ra_dec_corr",
            "DE-",
            "deg",
            "detected",
        ),
        *("decision", "density", "decals_id", "depth", "description", "field_ra"),
        *(
            "alpha_err",
            "b_mag",
            "label",
            "ra_in",
            "ra_in_pix",
            "al",
            "late_type",
            "latency",
            "lonely",
            "glon_err",
        ),
    ],
)
def test_no_coordinates(name):
    """Names of errors, offsets and motions, and other names, are not positions."""
    assert heading(name) is None


@pytest.mark.parametrize(
    ("name", "unit", "frame"),
    [
        ("RA (hours)", "hour", None),
        ("Dec [rad]", "rad", None),
        ("RA (h:m:s)", "h:m:s", None),
        ("RA_hours", "hour", None),
        ("RA in hours", "hour", None),
        ("al2000", "hour", "FK5 (equinox J2000)"),
        ("AL1950", "hour", "FK4 (equinox B1950)"),
        ("de2000", None, "FK5 (equinox J2000)"),
        ("ra_rad", "rad", None),
        ("decdeg", "deg", None),
        ("RA (J2000)", None, "FK5 (equinox J2000)"),
        ("RA (B1950)", None, "FK4 (equinox B1950)"),
        ("ra [deg, ICRS]", "deg", "ICRS"),
        ("RA (degree (J2000))", "deg", "FK5 (equinox J2000)"),
        ("RA1950", None, "FK4 (equinox B1950)"),
        ("DEC1950", None, "FK4 (equinox B1950)"),
        ("raB1950", None, "FK4 (equinox B1950)"),
        ("RA J1975 (deg)", "deg", "FK5 (equinox J1975)"),
        ("ra J2000 (deg)", "deg", "FK5 (equinox J2000)"),
        ("ra_epoch2000", None, "ICRS"),
        ("glon_deg", "deg", None),
    ],
)
def test_units_and_frames(name, unit, frame):
    """Units and frames are parsed from the name, in brackets or not."""
    stated = heading(name).stated
    assert (stated.unit and stated.unit.name) == unit
    assert (stated.frame and str(stated.frame)) == frame
    assert not stated.unknown


@pytest.mark.parametrize(
    ("text", "unknown"),
    [
        ("furlongs", "furlongs"),
        ("deg, 3C273", "3C273"),
        ("mag", "mag"),
        ("J2016.5",) * 2,
    ],
)
def test_unknown_words(text, unknown):
    """Words that are neither unit nor frame are kept, so that they can be refused."""
    assert statement(text).unknown == unknown


def test_galaxies_and_surveys():
    """Words that distinguish two pairs are part of the key, also in brackets."""
    keys = {
        heading(name).key for name in ("ra_1", "ra_2", "ra1", "RA (SDSS)", "ra_hst")
    }
    assert len(keys) == 5
    assert (
        heading("ra_sdss").key == heading("dec_sdss").key == heading("DEC (SDSS)").key
    )
