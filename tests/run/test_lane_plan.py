"""How many frames of an archive are in hand together."""

from __future__ import annotations

import pytest

from harvester.archives.registry import kind_of
from harvester.run.lane_plan import lane_workers
from harvester.settings.settings import Settings


@pytest.mark.parametrize(("archive", "frames"), [("sdss", 6), ("hst", 22), ("jwst", 7)])
def test_lane_workers(archive, frames):
    """All connections to archive and bucket are used, and two frames are cut.

    One mosaic of JWST uses all connections to the bucket by itself.
    """
    services = Settings().services
    found = lane_workers(kind_of(archive).costs, lambda one: services.named(one).files)
    assert found == frames


def test_fewer_connections():
    """A user who allows fewer files in flight has fewer frames in hand."""
    found = lane_workers(kind_of("hst").costs, {"mast": 1, "s3": 3}.__getitem__)
    assert found == 1 + 2 + 3
