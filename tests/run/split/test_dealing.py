"""Groups in a row are cut into parts of about equal work."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.run.split.dealing import deal


@given(st.data(), st.lists(st.floats(0, 1e6), min_size=1, max_size=60))
def test_every_part(data, work):
    """Each part has a group, parts follow each other, and the same come again."""
    parts = data.draw(st.integers(1, len(work)))
    fitness = np.array(data.draw(st.lists(st.integers(0, 100), min_size=len(work))))
    for fit in (None, fitness):
        part = deal(np.array(work), parts, fit)
        assert sorted(set(part.tolist())) == list(range(parts))
        assert (np.diff(part) >= 0).all()
        assert (part == deal(np.array(work), parts, fit)).all()


@pytest.mark.parametrize("parts", [1, 2, 3, 4, 7, 100])
def test_equal_work(parts):
    """Of many small groups all parts get about the same work."""
    work = np.random.default_rng(5).uniform(0.5, 1.5, 10_000)
    sums = np.bincount(deal(work, parts), work)
    assert sums.max() - sums.min() < 2 * work.max()


def test_fittest_cut():
    """Near the middle the fittest place is taken, and none that is far from it."""
    fitness = np.zeros(100, np.int64)
    fitness[[20, 45, 52]] = 90, 60, 50
    part = deal(np.ones(100), 2, fitness)
    assert np.flatnonzero(part == 1)[0] == 45


def test_one_heavy_group():
    """Where one group has nearly all the work, the others still make parts."""
    part = deal(np.array([1000.0, 1, 1, 1]), 4)
    assert part.tolist() == [0, 1, 2, 3]
