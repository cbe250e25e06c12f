"""Our HEALPix cells are those of the library that LSDB uses."""

from __future__ import annotations

import numpy as np
from hats.pixel_math.spatial_index import compute_spatial_index

from harvester.dataset.export.selection.healpix import healpix_29, parent_cell


def test_same_cells():
    """All over the sky, at its poles and seams, the cells are the same."""
    rng = np.random.default_rng(3)
    z = rng.uniform(-1, 1, 200_000)
    ra, dec = rng.uniform(0, 360, 200_000), np.degrees(np.arcsin(z))
    seams = np.repeat([0, 45, 90, 180, 270, 359.999999], 5)
    ra, dec = np.append(ra, seams), np.append(dec, np.tile([90, -90, 41.8, 0, 1e-9], 6))
    ours, theirs = healpix_29(ra, dec), compute_spatial_index(ra, dec)
    # On the very seam of two cells the last bit of a sine decides.
    differ = ours != theirs
    assert differ.mean() < 1e-3
    assert np.array_equal(ours[:200_000] >> 4, theirs[:200_000] >> 4)
    assert np.array_equal(parent_cell(ours, 12)[:200_000], theirs[:200_000] >> 34)
