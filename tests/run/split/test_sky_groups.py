"""Galaxies in cells of the sky, cut where there are gaps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.models import Survey
from harvester.run.split.dealing import deal
from harvester.run.split.sky_groups import (
    count_near,
    group_by_sky,
    largest_diagonal_deg,
)

APART = 0.3

_SKIES = st.lists(
    st.tuples(st.floats(0, 359.999), st.floats(-90, 90)), min_size=1, max_size=40
)


def cut(ra, dec, parts, apart=APART):
    """Cut galaxies into parts, as the command does."""
    groups = group_by_sky(ra, dec, apart)
    return deal(groups.work, parts, groups.fitness)[groups.group]


def clumps(centres, each, seed=3):
    """Give galaxies in clumps that are much smaller than a frame."""
    chance = np.random.default_rng(seed)
    ra, dec = np.repeat(np.array(centres, float), each, axis=0).T
    return ra + chance.normal(0, 0.01, len(ra)), dec + chance.normal(0, 0.01, len(ra))


@given(_SKIES, st.data())
def test_complete_and_same(sky, data):
    """Every galaxy is in one part, each part has some, and the same ones again."""
    ra, dec = np.array(sky, float).T
    cells = group_by_sky(ra, dec, APART)
    parts = data.draw(st.integers(1, len(cells.work)))
    part = cut(ra, dec, parts)
    assert sorted(set(part.tolist())) == list(range(parts))
    assert cells.work.sum() == len(ra)
    assert (part == cut(ra, dec, parts)).all()


@given(_SKIES)
def test_cells_are_small(sky):
    """Galaxies of one cell may need one frame: a cell is smaller than that."""
    ra, dec = np.array(sky, float).T
    groups = group_by_sky(ra, dec, APART)
    xyz = _on_sphere(ra, dec)
    for one in range(len(groups.work)):
        own = xyz[groups.group == one]
        widest = np.linalg.norm(own[:, None] - own[None], axis=2).max()
        assert np.degrees(widest) <= APART


def _on_sphere(ra, dec):
    lon, lat = np.radians(ra), np.radians(dec)
    return np.stack(
        [np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=1
    )


def test_gaps():
    """Clumps that are further apart than a frame stay whole, across 0 h and a pole."""
    ra, dec = clumps([(359.99, 5), (120, 89.9), (200, -40), (10, 70)], 50)
    part = cut(ra % 360, dec, 4)
    assert [len(set(part[n : n + 50])) for n in range(0, 200, 50)] == [1] * 4
    assert np.bincount(part).tolist() == [50] * 4
    assert count_near(ra, dec, part, APART) == 0


def test_no_gaps():
    """A dense field is cut all the same, and galaxies near a cut are counted."""
    chance = np.random.default_rng(8)
    ra, dec = chance.uniform(150, 153, 4000), chance.uniform(0, 3, 4000)
    part = cut(ra, dec, 4)
    sizes = np.bincount(part)
    assert sizes.min() > 800
    assert count_near(ra, dec, part, APART) == _near(ra, dec, part)
    # The straightest cuts of nine square degrees would leave 0.4 of them near a cut,
    # and parts without order all of them.
    assert count_near(ra, dec, part, APART) < 0.6 * len(ra)


def _near(ra, dec, part):
    xyz = _on_sphere(ra, dec)
    limit = 2 * np.sin(np.radians(APART) / 2)
    count = 0
    for own, place in zip(part, xyz, strict=True):
        others = np.linalg.norm(xyz[part != own] - place, axis=1)
        count += bool((others <= limit).any())
    return count


@pytest.mark.parametrize(
    ("surveys", "arcmin"),
    [(["sdss:r"], 16.7), (["sdss:r", "hst:WFC3/IR:F160W"], 16.7)],
)
def test_largest_frame(surveys, arcmin):
    """The largest frame of all surveys decides."""
    found = largest_diagonal_deg(map(Survey.parse, surveys)) * 60
    assert found == pytest.approx(arcmin, abs=0.1)
