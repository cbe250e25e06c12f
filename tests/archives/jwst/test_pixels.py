"""Pixels of a real mosaic, as its header describes them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from harvester.archives.jwst.pixels import JwstReading
from harvester.archives.reading import PixelStack
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


#: Of the pipeline's mosaics.
DRIZZLED = {"PIXFRAC": "1.0", "PXSCLRT": "1.0", "KERNEL": "square"}


def _stack(error):
    flux = np.ones((1, 2, 2), np.float32)
    return PixelStack(flux, np.zeros((1, 2), np.int64), None, error)


@pytest.mark.parametrize(
    ("cards", "factor"), [(DRIZZLED, 1.5), (DRIZZLED | {"PXSCLRT": "0.5"}, 2.4)]
)
def test_noise(cards, factor):
    """ERR is of independent pixels; those of a drizzled image scatter less."""
    look_up = _text(cards)
    assert READING.corr_noise(look_up) == factor
    noise = READING.noise(None, look_up)
    assert noise is not None
    assert "ERR /" in noise.source
    error = np.array([[[0.5, 0.25], [0.0, np.nan]]], np.float32)
    scale = float(cards["PXSCLRT"])
    found = noise.ivar(_stack(error)) / (factor * scale) ** 2
    assert found[0].ravel().tolist() == pytest.approx([4.0, 16.0, 0.0, 0.0])
    assert found.dtype == np.float32


def test_noise_as_stated():
    """Without the cards of the drizzle ERR is taken as it is; without ERR, nothing."""
    look_up = _text({})
    assert READING.corr_noise(look_up) is None
    noise = READING.noise(None, look_up)
    assert noise is not None
    assert noise.source == "ERR"
    assert (noise.ivar(_stack(np.full((1, 2, 2), 0.5))) == 4.0).all()
    assert not noise.ivar(_stack(None)).any()


def test_date_and_width(real):
    """The start and the width of the PSF follow from a real header."""
    product = Product("jwst", "x", "F090W", "u")
    spread = READING.point_spread(product, _text(real))
    assert spread is not None
    assert (spread.fwhm_arcsec, spread.image) == (0.033, None)
    assert "JDox" in spread.source
    cards = {"DATE-BEG": "2022-06-07T00:35:04.543", "DATE-OBS": "2022-06-07"}
    assert READING.date_obs(_text(cards)) == cards["DATE-BEG"]
    assert READING.date_obs(_text(real)) == "2022-06-07T00:35:04.542"
    assert READING.point_spread(product, _text({"INSTRUME": "NIRISS"})) is None
