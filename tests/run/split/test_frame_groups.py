"""Galaxies that share frames stay together, and no frame is in two groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.archives.registry import kind_of
from harvester.ledger.frame_needs import FrameNeeds, NeededFrame
from harvester.models import CutoutSpec, Product, StampSize, Survey
from harvester.run.split.dealing import deal
from harvester.run.split.frame_groups import group_by_frames

SURVEY = Survey.parse("sdss:r")
SMALL = {"sdss": CutoutSpec(StampSize.parse("40px"), "partial", complete=True)}
LARGE = {"sdss": CutoutSpec(StampSize.parse("400px"), "partial", complete=True)}

_PAIR = np.dtype([("target", "i8"), ("product", "i8")])

_PAIRS = st.lists(st.tuples(st.integers(0, 29), st.integers(0, 19)), max_size=60)


def frame_of(field):
    """Give the product of a field in r."""
    name = f"frame-r-004076-3-{100 + field:04d}.fits.bz2"
    return Product("sdss", name, "r", f"https://archive/{name}")


def needs(pairs, spare=()):
    """Make pairs of a galaxy and a field needs that are still wanted."""
    fields = sorted({field for _, field in (*pairs, *spare)})
    frames = [NeededFrame(one, SURVEY, frame_of(one)) for one in fields]
    wanted, other = (np.fromiter(some, _PAIR) for some in (pairs, spare))
    return FrameNeeds(wanted, wanted, other, frames)


def groups(count, pairs, specs=SMALL, spare=()):
    """Group so many galaxies by what they need."""
    return group_by_frames(np.arange(count), needs(pairs, spare), specs)


@given(_PAIRS)
def test_no_shared_frame(pairs):
    """All galaxies are in one group each, and a frame is needed by one group only."""
    found = groups(30, pairs)
    assert found.group.shape == (30,)
    assert sorted(set(found.group.tolist())) == list(range(len(found.work)))
    for field in {field for _, field in pairs}:
        assert len({int(found.group[g]) for g, f in pairs if f == field}) == 1
    assert (groups(30, pairs).group == found.group).all()


@given(_PAIRS)
def test_no_larger_than_needed(pairs):
    """Galaxies of one group are connected by frames: the groups are the finest."""
    found = groups(30, pairs)
    for one in set(found.group.tolist()):
        left = set(np.flatnonzero(found.group == one).tolist())
        reached = {left.pop()}
        while more := {
            other
            for galaxy, field in pairs
            for other, same in pairs
            if same == field and galaxy in reached and other in left
        }:
            reached |= more
            left -= more
        assert not left


@given(_PAIRS, st.data())
def test_parts_share_no_frame(pairs, data):
    """However groups are dealt, no frame is needed by two parts."""
    found = groups(30, pairs)
    part = deal(found.work, data.draw(st.integers(1, len(found.work))))[found.group]
    for field in {field for _, field in pairs}:
        assert len({int(part[g]) for g, f in pairs if f == field}) == 1


def test_work():
    """A group works for its frames, each once, and a little for its stamps."""
    found = groups(4, [(0, 1), (1, 1), (1, 2), (2, 5)])
    work = {
        tuple(np.flatnonzero(found.group == n)): w for n, w in enumerate(found.work)
    }
    assert work[0, 1] == pytest.approx(2 + 3 * 0.02, abs=1e-4)
    assert work[2,] == pytest.approx(1.02, abs=1e-4)
    assert work[3,] == pytest.approx(0, abs=1e-4)


def test_spares_connect_nothing():
    """A product that may be asked for later does not join two groups."""
    found = groups(2, [(0, 1), (1, 9)], spare=[(0, 9)])
    assert found.group[0] != found.group[1]
    assert found.spare.galaxy.tolist() == [0]


def test_neighbours():
    """Large stamps may need the neighbours of their frames, also a common one."""
    assert kind_of("sdss").has_neighbours
    pairs = [(0, 10), (1, 11), (2, 20), (3, 22), (4, 30), (5, 33)]
    assert len(groups(6, pairs, SMALL).work) == 6
    group = groups(6, pairs, LARGE).group
    assert group[0] == group[1]
    assert group[2] == group[3]
    assert group[4] != group[5]
