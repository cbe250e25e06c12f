"""Real frames in a whole harvest."""

from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits

pytestmark = pytest.mark.harvest


def test_real_galaxy_in_three_bands(real_run):
    """A real galaxy is in the middle of each band, at different pixels.

    Its identifier names a field that is not there, so it is located by position.
    """
    rows = pq.read_table(real_run.out / "manifest.parquet").to_pylist()
    assert [(row["band"], row["status"]) for row in rows] == [
        ("i", "done"), ("r", "done"), ("g", "done")
    ]  # fmt: skip
    for row in rows:
        assert row["product"] == f"frame-{row['band']}-001043-5-0025.fits.bz2"
        data = fits.getdata(real_run.out / row["file_loc"])
        peak = np.unravel_index(np.nanargmax(data), data.shape)
        assert np.abs(np.subtract(peak, np.array(data.shape) // 2)).max() <= 1
        assert row["coverage"] == 1
    # Three frames are missing. Until a first frame has come each may be requested
    # three times.
    assert 3 <= real_run.statuses["404"] <= 9
