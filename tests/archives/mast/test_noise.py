"""Inverse variances of HST stamps: right for background, light, and few exposures."""

from __future__ import annotations

import numpy as np
import pytest
from drizzled import SECONDS, correlated, look_up
from hypothesis import given
from hypothesis import strategies as st

from harvester.archives.mast.noise import WeightNoise
from harvester.archives.mast.pixels import HstReading
from harvester.archives.reading import PixelStack

SIDE = 160
SKY = 0.8


def _scene(rng, seconds):
    """Make an image of sky (subtracted) and a flat bright part, in electrons/s."""
    light = np.where(np.arange(SIDE) < SIDE // 4, 6.0, 0.0) * np.ones((SIDE, 1))
    noise = correlated(rng, (SIDE, SIDE)) * np.sqrt((SKY + light) / seconds)
    return light, (light + noise).astype(np.float32)


@pytest.mark.parametrize("short", [1.0, 0.5])
def test_seconds(short):
    """Weights in seconds give the scatter of single pixels, dark and bright."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    seconds[SIDE // 2 :] *= short
    light, science = _scene(np.random.default_rng(1), seconds)
    noise = WeightNoise.of(look_up(SECONDS))
    assert "EXP" in noise.source
    pulls = (science - light) * np.sqrt(noise.ivar_of(science, seconds))
    for part in (pulls[:, SIDE // 4 :], pulls[:, : SIDE // 4]):
        for half in (part[: SIDE // 2], part[SIDE // 2 :]):
            assert np.mean(half**2) == pytest.approx(1.0, abs=0.1)


def test_inverse_variance():
    """Weights that are inverse variances give the same, also at their own scale."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    light, science = _scene(np.random.default_rng(2), seconds)
    # The scale of such a map is that of independent pixels.
    cards = SECONDS | {"D001WTSC": str(500.0**2)}
    noise = WeightNoise.of(look_up(cards))
    assert "IVM" in noise.source
    pulls = (science - light) * np.sqrt(noise.ivar_of(science, seconds / SKY))
    assert np.mean(pulls**2) == pytest.approx(1.0, abs=0.1)


def test_unknown_weights():
    """For an unknown map the noise of the light is left out, and that is said."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    _, science = _scene(np.random.default_rng(3), seconds)
    noise = WeightNoise.of(look_up({}))
    assert "without the noise of the light" in noise.source
    ivar = noise.ivar_of(science, seconds)
    assert ivar.min() > 0
    assert np.ptp(ivar) == 0


def test_unit():
    """Pixels in electrons have the same noise as rates; without a gain, no light's."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    _, science = _scene(np.random.default_rng(6), seconds)
    rate = WeightNoise.of(look_up(SECONDS)).ivar_of(science, seconds)
    summed = WeightNoise.of(look_up(SECONDS | {"BUNIT": "ELECTRONS"}))
    assert summed.ivar_of(1000 * science, seconds) * 1e6 == pytest.approx(
        rate, rel=1e-3
    )
    counts = WeightNoise.of(look_up(SECONDS | {"BUNIT": "COUNTS/S"}))
    assert "without the noise of the light" in counts.source
    assert np.ptp(counts.ivar_of(science, seconds)) == 0


def test_contradiction():
    """Weights that cannot be the exposure that the header states say nothing."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    _, science = _scene(np.random.default_rng(3), seconds)
    noise = WeightNoise.of(look_up(SECONDS | {"EXPTIME": "1.0"}))
    assert not noise.ivar_of(science, seconds).any()


def test_no_data():
    """Pixels without weight or value have no inverse variance."""
    seconds = np.full((SIDE, SIDE), 1000.0, np.float32)
    _, science = _scene(np.random.default_rng(4), seconds)
    seconds[3, 4], science[5, 6] = 0.0, np.nan
    ivar = WeightNoise.of(look_up(SECONDS)).ivar_of(science, seconds)
    assert ivar.dtype == np.float32
    assert np.argwhere(ivar == 0).tolist() == [[3, 4], [5, 6]]


@pytest.mark.parametrize("side", [4, 40])
def test_nothing_to_measure(side):
    """Without any weight, or with too few pixels, nothing is known of the noise."""
    noise = WeightNoise.of(look_up(SECONDS))
    pixels = np.ones((side, side), np.float32)
    assert not noise.ivar_of(pixels, np.zeros_like(pixels)).any()
    assert not noise.ivar_of(pixels, pixels).any()


def test_one_by_one():
    """A stamp has the same noise alone and among others."""
    rng = np.random.default_rng(5)
    seconds = np.full((3, 60, 60), 1000.0, np.float32)
    flux = rng.normal(0.1, 0.03, (3, 60, 60)).astype(np.float32)
    noise = WeightNoise.of(look_up(SECONDS))
    first = np.zeros((3, 2), np.int64)
    together = noise.ivar(PixelStack(flux, first, seconds, None))
    alone = [
        noise.ivar(PixelStack(flux[n : n + 1], first[:1], seconds[n : n + 1], None))[0]
        for n in range(3)
    ]
    assert (together == np.array(alone)).all()
    assert not noise.ivar(PixelStack(flux, first, None, None)).any()


@given(
    st.dictionaries(
        st.sampled_from(sorted(SECONDS)),
        st.floats().map(str) | st.sampled_from(["0", "-1", "1e-320", "1e308", "INDEF"]),
    ),
    st.sampled_from([1e-310, 1.0, 1000.0, 1e300]),
)
def test_strange_headers(cards, weight):
    """Whatever a header says, inverse variances are finite, and so is the factor."""
    text = look_up(SECONDS | cards)
    flux = np.random.default_rng(7).normal(0.1, 0.03, (30, 30)).astype(np.float32)
    ivar = WeightNoise.of(text).ivar_of(flux, np.full((30, 30), weight))
    assert np.isfinite(ivar).all()
    assert ivar.min() >= 0
    factor = HstReading().corr_noise(text)
    assert factor is None or 1 <= factor < 1e5
