"""Positions that occur twice."""

from __future__ import annotations

import numpy as np
import pytest

from harvester.sky.duplicates import have_twins

ARCSEC = 1 / 3600


def twins(*positions):
    """Tell which of the positions have a twin."""
    ra, dec = np.array(positions, float).reshape(-1, 2).T
    return have_twins(ra, dec).tolist()


def test_pair():
    """Two positions within an arcsecond are twins, and others are not."""
    near, far = 10 + 0.9 * ARCSEC, 10 + 1.1 * ARCSEC
    assert twins((150, 10), (20, 10), (150, near)) == [True, False, True]
    assert twins((150, 10), (150, far)) == [False, False]


@pytest.mark.parametrize("dec", [0, 60, -89.9])
def test_right_ascension(dec):
    """Degrees of right ascension shrink towards the poles, and 360 is 0."""
    off = 0.9 * ARCSEC / np.cos(np.radians(dec))
    assert twins((360 - off / 2, dec), (off / 2, dec)) == [True, True]
    assert twins((0, dec), (1.3 * off, dec)) == [False, False]


def test_among_many():
    """All pairs are found among many positions at one declination, and no others."""
    rng = np.random.default_rng(4)
    ra, dec = rng.uniform(0, 360, 3000), rng.uniform(-2, 2, 3000) * ARCSEC
    apart = np.hypot((ra[:, None] - ra + 180) % 360 - 180, dec[:, None] - dec)
    np.fill_diagonal(apart, 9)
    expected = (apart < ARCSEC).any(axis=1)
    assert expected.any()
    assert (have_twins(ra, dec) == expected).all()


def test_few():
    """No position and one position have no twins."""
    assert twins() == []
    assert twins((1, 2)) == [False]
