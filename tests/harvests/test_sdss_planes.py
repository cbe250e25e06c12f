"""Harvests of SDSS with all planes: noise and PSF, their requests and their bill."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from service import harvester, sandbox, status

from harvester.sandbox.camera import seeing_of
from harvester.sandbox.scans import FieldKey

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(900)]

ALL = ("--survey", "sdss:g", "--planes", "flux,ivar,mask,psf")


@pytest.fixture(scope="module")
def planned(tmp_path_factory):
    """Plan a harvest, run it, and rebuild it from its manifest.

    Give its folder, the bill, and the counts of the archive before and after the run.
    """
    folder = tmp_path_factory.mktemp("planes")
    with sandbox(
        folder, "--seed", "7", "--targets", "24", "--per-field", "2"
    ) as served:
        words = (served.catalogue, "--out", folder / "out", *served.flags(), *ALL)
        bill = harvester("plan", *words, "--json")
        assert bill.returncode == 0, bill.stderr
        before = served.stats()
        done = harvester("run", *words)
        assert done.returncode == 0, done.stdout + done.stderr
        after = served.stats()
        again = ("rebuild", "--from", folder / "out" / "manifest.parquet")
        rebuilt = harvester(*again, folder / "again", *served.flags())
        assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    return folder / "out", json.loads(bill.stdout), before, after


def rows_of(out):
    """Give the rows of the stamps in the manifest."""
    rows = pq.read_table(out / "manifest.parquet").to_pylist()
    return [row for row in rows if row["status"] == "done"]


def test_all_planes(planned):
    """Every stamp has its inverse variance, its mask and the PSF of its own field."""
    out, *_ = planned
    rows = rows_of(out)
    assert len(rows) == 24
    for row in rows:
        _, band, run, camcol, field = row["product"].split(".")[0].split("-")
        seeing = seeing_of(FieldKey(int(run), int(camcol), int(field)), band)
        assert row["psf_fwhm"] == pytest.approx(seeing.width)
        assert f"psfWidth_{band}" in row["psf_source"]
        assert row["noise_source"]
        assert row["corr_noise"] == 1
        with fits.open(out / row["file_loc"]) as hdus:
            assert [hdu.name for hdu in hdus[1:]] == ["IVAR", "MASK", "PSF"]
            good = hdus["MASK"].data & 1 != 0
            assert np.array_equal(good, np.isfinite(hdus[0].data))
            assert np.array_equal(good, hdus["IVAR"].data > 0)
            assert hdus["PSF"].data.sum() == pytest.approx(1)
            assert hdus["PSF"].data.argmax() == hdus["PSF"].data.size // 2


def test_psf_is_asked_once(planned):
    """The PSF is asked for while galaxies are located, and kept: a run asks no more."""
    out, _, before, after = planned
    assert 0 < after["sdss-sky"]["requests"] == before["sdss-sky"]["requests"]
    with closing(sqlite3.connect(out / "ledger.sqlite")) as db:
        facts = [row[0] for row in db.execute("SELECT facts FROM product")]
    assert facts
    assert all(json.loads(one)["psfWidth"] > 1 for one in facts)


def test_rebuilt_stamps(planned):
    """Stamps that are made again from the manifest have the same bytes, PSF included.

    The manifest does not have the fits: SkyServer is asked for them.
    """
    out, *_ = planned
    ours, again = (
        {row["file_loc"]: row["sha256"] for row in rows_of(folder)}
        for folder in (out, out.with_name("again"))
    )
    assert len(ours) == 24
    assert ours == again


def test_bill_of_whole_frames(planned):
    """The bill counts frames as whole, and says how much of that is for the noise."""
    out, bill, before, _ = planned
    spent = status(out)["bytes"]
    ((host, billed),) = [
        (name, one) for name, one in bill["hosts"].items() if one["files"]
    ]
    assert billed["bytes"] == pytest.approx(spent[host], rel=0.1)
    assert 0.2 < billed["bytes_for_planes"] / billed["bytes"] < 0.5
    assert before["sdss-sas"]["bytes_sent"] == 0
    stamps = sum(path.stat().st_size for path in out.glob("cutouts/**/*.fits"))
    assert bill["disk"]["data_set"] == pytest.approx(stamps, rel=0.1)
