"""JWST from the sandbox to stamps: large mosaics, of which only ranges are fetched."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from service import harvester, sandbox, stamps, status

SURVEY = "jwst:NIRCAM/IMAGE:F200W"
TARGETS = 40


@pytest.fixture(scope="module", params=["small", "real"])
def run(request, tmp_path_factory):
    """Give a run with mosaics of small or of real size, and the archive's counts."""
    folder = tmp_path_factory.mktemp(request.param)
    options = ["--jwst", request.param, "--no-hst-images", "--targets", f"{TARGETS}"]
    with sandbox(folder, *options, "--per-image", "4", "--seed", "5") as archives:
        words = [archives.catalogue, "--out", folder / "run", "--survey", SURVEY]
        done = harvester("run", *words, "--size", "31px", *archives.flags())
        assert done.returncode in {0, 3}, done.stdout + done.stderr
        yield folder / "run", archives, request.param


def test_settled(run):
    """Every job is settled, and galaxies in a mosaic have a stamp."""
    folder, *_ = run
    told = status(folder)
    counts = told["surveys"]["jwst"]
    assert sum(counts[one] for one in ("done", "no_coverage", "failed")) == TARGETS
    assert counts["failed"] == 0
    assert counts["done"] == len(stamps(folder)) > 10


def test_stamps(run):
    """A stamp has the galaxy in the middle, surface brightness, and a zero point."""
    folder, *_ = run
    for name in stamps(folder):
        with fits.open(folder / name) as hdus:
            header, data = hdus[0].header, hdus[0].data
        assert data.shape == (31, 31)
        assert header["BUNIT"] == "MJy/sr"
        assert 20 < header["MAGZERO"] < 35
        assert header["CAL_VER"]
        middle = data[10:21, 10:21]
        assert np.nanmean(middle) > np.nanmedian(data)


def test_only_ranges(run):
    """Of a mosaic only headers and rows of stamps are fetched."""
    folder, _, size = run
    told = status(folder)
    fetched = sum(host["bytes"] for host in told["hosts"].values())
    assert fetched < 60e6
    if size == "real":
        # A single mosaic of the short channel has 1.7 GB.
        assert fetched < 0.1 * 1.7e9


def test_verified(run):
    """The stamps on disk agree with the ledger, and each is valid."""
    folder, *_ = run
    done = harvester("verify", folder, "--deep")
    assert done.returncode == 0, done.stdout
