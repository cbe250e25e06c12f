"""Costs of SDSS frames."""

from __future__ import annotations

import pytest

from harvester.archives.sdss.kind import KIND
from harvester.models import Plane


@pytest.mark.parametrize(
    ("unlocated", "lost", "queries"),
    [
        ([0], 0, 0),
        ([1], 0, 2),
        ([1000], 0, 3),
        ([4995], 0, 6),
        ([4996], 0, 6),
        ([1, 1], 0, 3),
        ([0], 1000, 3),
        ([4996], 1, 6 + 2),
    ],
)
def test_queries(unlocated, lost, queries):
    """Positions are uploaded 999 at a time, or the table of all fields is fetched.

    Before the first upload SkyServer is asked for a place that must be in its answer.
    """
    assert KIND.costs.queries(unlocated, lost) == queries


@pytest.mark.parametrize(
    ("unlocated", "lost", "more"),
    [([0], 0, 0), ([1], 0, 1), ([250], 0, 1), ([251], 0, 2), ([250], 1, 2)],
)
def test_queries_for_the_psf(unlocated, lost, more):
    """For the plane psf SkyServer is asked for at most 250 fields in a query."""
    usual = KIND.costs.queries(unlocated, lost)
    assert KIND.costs.queries(unlocated, lost, (Plane.PSF,)) == usual + more


def test_sides():
    """A frame of 2048 x 1489 pixels is 13.5 by 9.8 arcmin."""
    longer, shorter = KIND.costs.field_arcsec("")
    assert (longer / 60, shorter / 60) == pytest.approx((13.5, 9.8), abs=0.05)
    assert KIND.costs.pixel_arcsec("") == 0.396


def test_neighbours():
    """Stamps reach a neighbour only from 128 pixels on, and then in few frames."""
    neighbours = KIND.costs.neighbours
    assert neighbours(128, 9) == 0
    assert neighbours(400, 1) == pytest.approx(2 * 136 / 1361)
    assert neighbours(400, 1) < neighbours(400, 9) < 2
    assert neighbours(5000, 1) == 2
