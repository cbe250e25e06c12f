"""Costs of HST images."""

from __future__ import annotations

import pytest

from harvester.archives.mast.kind import KIND


@pytest.mark.parametrize(
    ("unlocated", "queries"), [([], 0), ([0, 0], 0), ([0, 1], 3), ([9, 1], 3)]
)
def test_queries(unlocated, queries):
    """A list takes three queries for all targets, and none if all are located."""
    assert KIND.costs.queries(unlocated, lost=5) == queries


@pytest.mark.parametrize(
    ("instrument", "pixel", "field"),
    [
        ("WFC3/IR", 0.128, (136.0, 123.0)),
        ("ACS/HRC", 0.05, (29.0, 26.0)),
        ("NEW/CAM", 0.05, (212.0, 211.0)),
    ],
)
def test_cameras(instrument, pixel, field):
    """An unknown camera has the usual pixel width and the widest field."""
    assert KIND.costs.pixel_arcsec(instrument) == pixel
    assert KIND.costs.field_arcsec(instrument) == field
