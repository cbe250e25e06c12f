"""The noise of the background, measured in stamps with and without a galaxy."""

from __future__ import annotations

import numpy as np
import pytest
from drizzled import correlated

from harvester.archives.mast.background import measure_background


def _galaxy(side, flux=400.0, radius=12.0):
    """Make an exponential disc that fills the stamp."""
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    light = np.exp(-np.hypot(x, 1.4 * y) / radius)
    return flux * light / light.sum()


def test_galaxy_in_the_stamp():
    """A galaxy that fills the stamp changes the noise by less than 15 %."""
    rng = np.random.default_rng(1)
    noise = 0.02 * correlated(rng, (124, 124))
    for light in (0.0, _galaxy(124)):
        found = measure_background(noise + light + 0.7, np.ones((124, 124)), 3)
        assert found is not None
        assert found.variance == pytest.approx(0.02**2 * 4 / 9, rel=0.15)


def test_level():
    """The level is the mean of the pixels that were used: the faint half."""
    stamp = correlated(np.random.default_rng(2), (80, 80)) + 5.0
    found = measure_background(stamp, np.ones((80, 80)), 3)
    assert found is not None
    assert 4.6 < found.level < 5.0


def test_weights():
    """The variance is that of a pixel with weight 1, whatever the weights are."""
    rng = np.random.default_rng(4)
    weights = np.where(np.arange(100) < 50, 400.0, 1600.0) * np.ones((100, 1))
    noise = rng.standard_normal((100, 100)) / np.sqrt(weights)
    found = measure_background(noise, weights, 3)
    assert found is not None
    assert found.variance == pytest.approx(1.0, rel=0.1)


def test_hot_pixels():
    """A few wild pixels, and pixels without data, change nothing much."""
    rng = np.random.default_rng(5)
    stamp = rng.standard_normal((100, 100))
    weights = np.ones((100, 100))
    stamp[::17, ::13] = 80.0
    weights[40:50, 40:50] = 0.0
    stamp[60:65, 10:20] = np.nan
    found = measure_background(stamp, weights, 3)
    assert found is not None
    assert found.variance == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize("side", [1, 6, 12])
def test_too_small(side):
    """Too few pixels, or pixels without any noise, give no answer."""
    rng = np.random.default_rng(6)
    assert measure_background(rng.random((side, side)), np.ones((side, side)), 3) is (
        None
    )
    assert measure_background(np.zeros((60, 60)), np.ones((60, 60)), 3) is None
    assert measure_background(rng.random((60, 60)), np.zeros((60, 60)), 3) is None
