"""Pixels of a real mosaic, as its header describes them."""

from __future__ import annotations

import json
import math

import pytest

from harvester.archives.jwst.pixels import JwstReading
from harvester.models import Product

READING = JwstReading()


def _text(cards):
    return lambda keyword: str(cards.get(keyword, ""))


@pytest.fixture
def real(shared):
    """Give the cards of a real mosaic in F090W."""
    told = json.loads((shared / "data/jwst/i2d_jw02736_f090w_cards.json").read_text())
    return told["primary"] | told["sci"]


def test_real_header(real):
    """Unit, exposure and zero point agree with docs/archives.md."""
    text = _text(real)
    assert READING.unit(text) == "MJy/sr"
    assert READING.exposure_s(text) == pytest.approx(7537.212)
    # 1 nJy has 31.4 mag AB; 1 MJy/sr over a pixel is 1e15 nJy times its area in sr.
    nanojansky = 1e15 * 2.29202971486217e-14
    magnitude = 31.4 - 2.5 * math.log10(nanojansky)
    assert READING.zero_point(text) == pytest.approx(magnitude, abs=1e-5)


def test_kept_cards(real):
    """Program and versions go into the stamp, because files change in place."""
    product = Product("jwst", "x", "F090W", "u")
    kept = {name: value for name, value, _ in READING.cards(product, _text(real))}
    assert kept["PROGRAM"] == "02736"
    assert kept["CAL_VER"] == "2.0.1"
    assert kept["FILEDATE"].startswith("2026-08-02")


@pytest.mark.parametrize(
    "cards",
    [
        {},
        {"BUNIT": "MJy/sr"},
        {"BUNIT": "DN/s", "PIXAR_SR": "1e-14"},
        {"BUNIT": "MJy/sr", "PIXAR_SR": "0"},
        {"BUNIT": "MJy/sr", "PIXAR_SR": "-1"},
    ],
)
def test_unknown_zero_point(cards):
    """Without the unit or the area of a pixel the zero point is unknown."""
    assert READING.zero_point(_text(cards)) is None


def test_other_file():
    """A FILENAME other than the product's name is another file."""
    product = Product("jwst", "a_i2d.fits", "F090W", "u")
    said = READING.other_frame(
        product, _text({"FILENAME": "b_i2d.fits"}), is_empty=False
    )
    assert said == "file b_i2d.fits"
    assert not READING.other_frame(
        product, _text({"FILENAME": "a_i2d.fits"}), is_empty=True
    )
