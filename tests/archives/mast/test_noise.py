"""Inverse variances of HST stamps: right for background, light, and few exposures."""

from __future__ import annotations

import numpy as np
import pytest
from drizzled import SECONDS, correlated, look_up

from harvester.archives.mast.noise import stamp_noise

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
    found = stamp_noise(science, seconds, look_up(SECONDS))
    assert found is not None
    assert "EXP" in found.source
    pulls = (science - light) * np.sqrt(found.ivar)
    for part in (pulls[:, SIDE // 4 :], pulls[:, : SIDE // 4]):
        for half in (part[: SIDE // 2], part[SIDE // 2 :]):
            assert np.mean(half**2) == pytest.approx(1.0, abs=0.1)


def test_inverse_variance():
    """Weights that are inverse variances give the same, also at their own scale."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    light, science = _scene(np.random.default_rng(2), seconds)
    # The scale of such a map is that of independent pixels.
    cards = SECONDS | {"D001WTSC": str(500.0**2)}
    found = stamp_noise(science, seconds / SKY, look_up(cards))
    assert found is not None
    assert "IVM" in found.source
    pulls = (science - light) * np.sqrt(found.ivar)
    assert np.mean(pulls**2) == pytest.approx(1.0, abs=0.1)


def test_unknown_weights():
    """For an unknown map the noise of the light is left out, and that is said."""
    seconds = np.full((SIDE, SIDE), 1000.0)
    _, science = _scene(np.random.default_rng(3), seconds)
    found = stamp_noise(science, seconds, look_up({}))
    assert found is not None
    assert "unknown" in found.source
    assert np.ptp(found.ivar) == 0


def test_no_data():
    """Pixels without weight or value have no inverse variance."""
    seconds = np.full((SIDE, SIDE), 1000.0, np.float32)
    _, science = _scene(np.random.default_rng(4), seconds)
    seconds[3, 4], science[5, 6] = 0.0, np.nan
    found = stamp_noise(science, seconds, look_up(SECONDS))
    assert found is not None
    assert found.ivar.dtype == np.float32
    assert np.argwhere(found.ivar == 0).tolist() == [[3, 4], [5, 6]]


def test_nothing_to_measure():
    """Without any pixel, or with too few, there is no noise."""
    empty = np.zeros((40, 40), np.float32)
    assert stamp_noise(empty, empty, look_up(SECONDS)) is None
    few = np.ones((4, 4), np.float32)
    assert stamp_noise(few, few, look_up(SECONDS)) is None
