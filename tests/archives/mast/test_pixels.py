"""Pixels of HST images, and files with another name in their header."""

from __future__ import annotations

import pytest
from drizzled import SECONDS

from harvester.archives.mast.kind import KIND
from harvester.models import Product

READING = KIND.reading

NAME = "ib0001010_drz.fits"

#: WFC3/IR with F160W.
CARDS = {"PHOTFLAM": "1.92756E-20", "PHOTPLAM": "15369.18", "EXPTIME": "100.0"}


def text(**cards):
    """Give a look-up of these cards."""
    return lambda keyword: cards.get(keyword, "")


@pytest.mark.parametrize("unit", ["ELECTRONS/S", "electrons s-1", "COUNTS s**-1"])
def test_zero_point(unit):
    """The zero point follows from PHOTFLAM and PHOTPLAM: 25.946 for F160W."""
    zero_point = READING.zero_point(text(**CARDS, BUNIT=unit))
    assert zero_point == pytest.approx(25.946, abs=5e-4)


def test_zero_point_of_an_exposure():
    """Pixels in electrons add 2.5 log10 of the exposure time."""
    rate, summed = (
        READING.zero_point(text(**CARDS, BUNIT=unit))
        for unit in ("ELECTRONS/S", "ELECTRONS")
    )
    assert summed == pytest.approx(rate + 5)


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"BUNIT": "UNITLESS"},
        {"BUNIT": "ELECTRONS", "EXPTIME": ""},
        {"BUNIT": "ELECTRONS/S", "PHOTFLAM": "0.0"},
        {"BUNIT": "ELECTRONS/S", "PHOTPLAM": "-1.0"},
    ],
)
def test_unknown_zero_point(cards):
    """Without unit, exposure or sensitivity the zero point is unknown."""
    assert READING.zero_point(text(**CARDS | cards)) is None


def test_unit_and_exposure():
    """Unit and exposure come from the header, and may be unknown."""
    assert READING.unit(text(BUNIT="ELECTRONS/S")) == "electron/s"
    assert READING.unit(text()) == ""
    assert READING.exposure_s(text(**CARDS)) == 100.0
    assert READING.exposure_s(text()) is None


@pytest.mark.parametrize(
    ("told", "is_empty", "other"),
    [
        (NAME, True, ""),
        ("", True, ""),
        ("ib0002010_drz.fits", False, ""),
        ("ib0002010_drz.fits", True, "file ib0002010_drz.fits"),
    ],
)
def test_another_image(told, is_empty, other):
    """FILENAME is only compared if no target lies in the image."""
    product = Product("hst", NAME, "F160W", f"https://archive.example/{NAME}")
    found = READING.other_frame(product, text(FILENAME=told), is_empty=is_empty)
    assert found == other


def test_facts_of_a_drizzled_image():
    """Date, width of the PSF and correlation of the noise come from the header."""
    cards = {
        "INSTRUME": "WFC3",
        "DETECTOR": "IR",
        "DATE-OBS": "2010-11-16",
        "TIME-OBS": "12:09:57",
    }
    look_up = text(**CARDS | SECONDS | cards)
    product = Product("hst", NAME, "F160W", f"https://archive.example/{NAME}")
    spread = READING.point_spread(product, look_up)
    assert spread is not None
    assert spread.fwhm_arcsec == pytest.approx(0.1472)
    assert "table 7.5" in spread.source
    assert spread.image is None
    assert READING.corr_noise(look_up) == 1.5
    assert READING.date_obs(look_up) == "2010-11-16T12:09:57"


def test_unknown_facts():
    """A header without these cards gives no facts."""
    product = Product("hst", NAME, "F814W", f"https://archive.example/{NAME}")
    look_up = text(INSTRUME="ACS", DETECTOR="WFC", PHOTPLAM="8045.0")
    assert READING.point_spread(product, look_up) is None
    assert READING.corr_noise(look_up) is None
    assert READING.date_obs(look_up) == ""
    assert READING.saturation(look_up) is None
