"""HEALPix indices of order 29."""

from __future__ import annotations

import numpy as np
import pytest

from harvester.dataset.export.selection.healpix import healpix_29, parent_cell


@pytest.mark.parametrize(
    ("ra", "dec", "index"),
    [
        # Computed with cdshealpix 0.8, which HATS uses.
        (90.0, 41.81, 1729382256906322172),
        (180.0, -41.81, 1729382256914218755),
        (10.0, 90.0, 288230376151711743),
        (10.0, -90.0, 2305843009213693952),
        (359.9999, -89.99999, 3170534137668834564),
        (0.0, 45.0, 193279485439360954),
    ],
)
def test_known_indices(ra, dec, index):
    """Positions at the edges of the caps and at the poles have known indices."""
    assert healpix_29(np.array([ra]), np.array([dec])).tolist() == [index]


def test_near_positions_share_cells():
    """A cell of order 12 is 51 arcsec wide: most pairs at 1 arcsec are in one."""
    random = np.random.default_rng(0)
    ra = random.uniform(0, 360, 10_000)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, 10_000)))
    one = parent_cell(healpix_29(ra, dec), 12)
    other = parent_cell(healpix_29(ra, np.clip(dec + 1 / 3600, -90, 90)), 12)
    assert (one == other).mean() > 0.95
    assert one.min() >= 0
    assert one.max() < 12 * 4**12


def test_cells_have_one_area():
    """Positions that are even on the sphere fill the cells of order 1 evenly."""
    random = np.random.default_rng(1)
    ra = random.uniform(0, 360, 96_000)
    dec = np.degrees(np.arcsin(random.uniform(-1, 1, 96_000)))
    counts = np.bincount(parent_cell(healpix_29(ra, dec), 1), minlength=48)
    assert len(counts) == 48
    assert np.allclose(counts, 2000, atol=250)
