"""Real frames in a whole harvest."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from service import harvester, sandbox

pytestmark = pytest.mark.harvest


def test_real_galaxy_in_three_bands(shared, tmp_path):
    """A real galaxy is in the middle of each band, at different pixels.

    Its identifier names a field that is not there, so it is located by position.
    """
    frames = shared / "data/sdss"
    truth = json.loads((frames / "truth_open.json").read_text())
    (galaxy,) = truth["frame-r-001043-5-0025"]
    catalogue = tmp_path / "truth.csv"
    catalogue.write_text(
        f"objid,ra,dec\n{galaxy['id']},{galaxy['ra']},{galaxy['dec']}\n"
    )
    out = tmp_path / "out"
    with sandbox(tmp_path, "--frames", frames) as archives:
        done = harvester(
            "run", catalogue, "--out", out, "--survey", "sdss:g,r,i", *archives.flags()
        )
        assert done.returncode == 0, done.stdout + done.stderr
        missed = archives.stats()["sdss-sas"]["by_status"]["404"]
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    assert [(row["band"], row["status"]) for row in rows] == [
        ("g", "done"), ("r", "done"), ("i", "done")
    ]  # fmt: skip
    for row in rows:
        assert row["product"] == f"frame-{row['band']}-001043-5-0025.fits.bz2"
        data = fits.getdata(out / row["file_loc"])
        peak = np.unravel_index(np.nanargmax(data), data.shape)
        assert np.abs(np.subtract(peak, np.array(data.shape) // 2)).max() <= 1
        assert row["coverage"] == 1
    # Three frames are missing. Until a first frame has come each may be requested
    # three times.
    assert 3 <= missed <= 9
