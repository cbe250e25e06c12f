"""Pixels of SDSS frames, and frames with the header of another."""

from __future__ import annotations

import pytest
from astropy.time import Time

from harvester.archives.sdss.kind import KIND
from harvester.models import Product

READING = KIND.reading

NAME = "frame-r-001043-5-0025.fits.bz2"

#: Cards of the header of a real frame.
CARDS = {"FILTER": "r", "RUN": "1043", "CAMCOL": "5", "FRAME": "25", "RERUN": "301"}


def product(name=NAME):
    """Give the frame with this name."""
    return Product("sdss", name, "r", f"https://archive.example/{name}")


def text(**cards):
    """Give a look-up of these cards."""
    return lambda keyword: cards.get(keyword, "")


def other(name, **cards):
    """Compare these cards with the frame of this name."""
    return READING.other_frame(product(name), text(**CARDS | cards), is_empty=False)


def test_photometry():
    """The unit is nanomaggy by default, and the exposure may be text."""
    assert READING.unit(text()) == "nanomaggy"
    assert READING.zero_point(text()) == 22.5
    assert READING.zero_point(text(BUNIT="Nanomaggy")) == 22.5
    assert READING.exposure_s(text(EXPTIME="53.907456")) == 53.907456


def test_another_unit():
    """The zero point of pixels in another unit is unknown."""
    assert READING.unit(text(BUNIT="counts")) == "counts"
    assert READING.zero_point(text(BUNIT="counts")) is None


@pytest.mark.parametrize(
    ("cards", "date"),
    [
        ({"TAI": "4507683881.19"}, "2001-09-20T06:23:15.28"),
        ({"TAI": "4445218535.31"}, "1999-09-28T06:54:09.40"),
        ({"TAI": "4765227539.34"}, "2009-11-18T02:17:31.43"),
        ({"TAI": "4658882312.27"}, "2006-07-06T05:57:05.36"),
        ({"TAI": "17"}, "2001-09-20"),
        ({"TAI": "nan"}, "2001-09-20"),
        ({}, "2001-09-20"),
    ],
)
def test_date(cards, date):
    """The exposure of the first row began this much before it was read out, in UTC."""
    cards = cards | {"DATE-OBS": "2001-09-20", "EXPTIME": "53.907456"}
    found = READING.date_obs(text(**cards))
    assert found == date
    if "T" in found:
        atomic = float(cards["TAI"]) - 53.907456
        expected = Time(atomic / 86400, format="mjd", scale="tai").utc
        assert abs((Time(found, scale="utc") - expected).sec) < 0.02


def test_saturation():
    """Pixels of 50,000 counts are full, if the calibration is known."""
    assert READING.saturation(text(NMGY="0.005")) == 250
    assert READING.saturation(text()) is None
    assert READING.saturation(text(NMGY="0")) is None
    assert READING.saturation(text(NMGY="0.005", BUNIT="counts")) is None


def test_independent_pixels():
    """The noise of native pixels is independent."""
    assert READING.corr_noise(text()) == 1


@pytest.mark.parametrize("exposure", ["", "long", "nan", "inf"])
def test_no_exposure(exposure):
    """An exposure time that is not a finite number is unknown."""
    assert READING.exposure_s(text(EXPTIME=exposure)) is None


def test_field_of_the_name():
    """The field comes from the name, because FRAME differs in some bands."""
    name = NAME.replace("-r-", "-u-")
    cards = READING.cards(product(name), text(**CARDS | {"FRAME": "29"}))
    told = {keyword: value for keyword, value, _ in cards}
    assert told == {"RUN": 1043, "CAMCOL": 5, "FIELD": 25, "RERUN": 301}


def test_field_without_a_name():
    """Without a field in the name FRAME is used; unknown values have no card."""
    cards = READING.cards(product("f.fits"), text(FRAME="29", RERUN="v5_4"))
    assert [card[:2] for card in cards] == [("FIELD", 29), ("RERUN", "v5_4")]


@pytest.mark.parametrize(
    "name",
    [
        "frame-r-001044-5-0025.fits.bz2",
        "frame-r-001043-4-0025.fits.bz2",
        "frame-r-001043-5-0026.fits.bz2",
        "frame-g-001043-5-0025.fits.bz2",
    ],
    ids=["run", "camcol", "field", "band"],
)
def test_another_frame(name):
    """A header of another run, camera column, field or band is another frame's."""
    assert other(name) == "band r run 1043 camera column 5 frame 25"


@pytest.mark.parametrize(
    ("band", "late"), [("r", 0), ("i", 2), ("u", 4), ("z", 6), ("g", 8)]
)
def test_frames_late(band, late):
    """FRAME may exceed the field in the name by the delay of the band."""
    name = NAME.replace("-r-", f"-{band}-")
    assert not other(name, FILTER=band)
    assert not other(name, FILTER=band, FRAME=str(25 + late))
    assert other(name, FILTER=band, FRAME=str(26 + late))


def test_header_without_a_word():
    """A header without these cards does not contradict the name."""
    assert not READING.other_frame(product(), text(), is_empty=True)
