"""The noise of the sandbox's drizzled images."""

from __future__ import annotations

import numpy as np
import pytest

from harvester.sandbox.drizzle import drizzle_noise


@pytest.fixture(scope="module")
def drizzled():
    """Drizzle three exposures."""
    return drizzle_noise(np.random.default_rng(1), (600, 640), 3, 2.0)


def test_correlated_noise(drizzled):
    """Large areas scatter as independent pixels would; single pixels 1.5 times less."""
    noise, share = drizzled
    whole = noise[share == 1]
    blocks = noise.reshape(30, 20, 32, 20).sum(axis=(1, 3)) / 20
    assert whole.std() == pytest.approx(1 / 1.5, rel=0.03)
    assert blocks.std() == pytest.approx(1.0, abs=0.06)
    assert np.corrcoef(noise[:, :-3].ravel(), noise[:, 3:].ravel())[0, 1] < 0.01


def test_bad_pixels(drizzled):
    """Bad pixels of an exposure lower the weight, and raise the noise, of pixels."""
    noise, share = drizzled
    assert 0 < share.min() < share.max() <= 1
    assert 0.005 < (share < 0.95).mean() < 0.05
    assert noise[share < 0.75].std() > 1.1 * noise[share == 1].std()
