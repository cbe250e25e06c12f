"""The fields before and behind a field of SDSS."""

from __future__ import annotations

import pytest

from harvester.archives.registry import kinds
from harvester.archives.sdss.kind import KIND
from harvester.archives.sdss.names import Field, frame
from harvester.models import Product

BASE = "https://data.sdss.org/sas"


def at(field, camcol=3):
    """Give the frame of a field of run 94, which has the fields 11 to 546."""
    return frame(BASE, 17, "i", Field(94, camcol, field))


@pytest.mark.parametrize(("step", "field"), [(1, 101), (-1, 99)])
def test_neighbour(step, field):
    """The neighbour has the name and the address that it has as a field of its own."""
    assert KIND.neighbour(at(100), step) == at(field)


@pytest.mark.parametrize(("field", "step"), [(11, -1), (546, 1)])
def test_end_of_run(field, step):
    """Behind the ends of a run there is no field."""
    assert KIND.neighbour(at(field), step) is None
    assert KIND.neighbour(at(field), -step) is not None


def test_facts_stay():
    """What is known of one frame only is not taken for its neighbour."""
    found = KIND.neighbour(
        Product("sdss", at(100).name, "i", at(100).url, ("https://copy/a",), 5), 1
    )
    assert (found.mirrors, found.size) == ((), None)


def test_strange_name():
    """A file that is no frame has no neighbour."""
    assert KIND.neighbour(Product("sdss", "frame.fits", "r", "https://a/b"), 1) is None


def test_archives_without():
    """Archives whose frames do not continue each other have no neighbours."""
    without = [kind for kind in kinds().values() if not kind.has_neighbours]
    assert {kind.name for kind in without} == {"hst", "jwst"}
    assert all(kind.neighbour(at(100), 1) is None for kind in without)
