"""Pixels of SDSS frames, and frames with the header of another."""

from __future__ import annotations

import pytest

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
