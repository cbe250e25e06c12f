"""JWST from the sandbox to stamps: large mosaics, of which only ranges are fetched."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

import aiohttp
import numpy as np
import pytest
from astropy.io import fits
from hurried import USUAL, Run
from service import Sandbox, harvester, sandbox, stamps, status

from harvester.models import Bit
from harvester.sandbox import server
from harvester.sandbox.jwst.archive import JwstArchive

pytestmark = pytest.mark.harvest

SURVEY = "jwst:NIRCAM/IMAGE:F200W"
TARGETS = 40


@pytest.fixture(
    scope="module", params=["small", pytest.param("real", marks=pytest.mark.long)]
)
def run(request, tmp_path_factory):
    """Give a run with mosaics of small or of real size, and the archive's counts."""
    folder = tmp_path_factory.mktemp(request.param)
    options = ["--jwst", request.param, "--no-hst-images", "--targets", f"{TARGETS}"]
    with sandbox(folder, *options, "--per-image", "4", "--seed", "5") as archives:
        words = [archives.catalogue, "--out", folder / "run", "--survey", SURVEY]
        how = ["--size", "31px", "--planes", "flux,ivar,mask,psf"]
        done = harvester("run", *words, *how, *archives.flags())
        assert done.returncode in {0, 3}, done.stdout + done.stderr
        yield folder / "run", archives, request.param


def test_settled(run):
    """Every job is settled, none failed, and galaxies in a mosaic have a stamp."""
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


def test_planes(run):
    """A stamp has inverse variances from ERR where it has values, and says so."""
    folder, *_ = run
    for name in stamps(folder):
        with fits.open(folder / name) as hdus:
            assert [hdu.name for hdu in hdus[1:]] == ["IVAR", "MASK"]
            header, flux = hdus[0].header, hdus[0].data
            ivar, good = hdus["IVAR"].data, (hdus["MASK"].data & Bit.GOOD) > 0
        assert header["NOISESRC"].startswith("ERR / 1.5")
        assert header["CORRNOIS"] == 1.5
        assert header["PSFFWHM"] == 0.066
        assert (good == np.isfinite(flux)).all()
        assert ((ivar > 0) == good).all()
        # MJy/sr: at least the read noise of nine dithers after drizzling.
        assert np.max(ivar[good]) ** -0.5 > 0.02 / 3 / 1.5


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


# -- mosaics that are replaced while they are fetched -------------------------------


@asynccontextmanager
async def replacing(folder, monkeypatch):
    """Serve mosaics each of which is replaced just before its third range is sent.

    Gives the archives, and the ranges that were asked for by file and by whether the
    answers have an ETag.
    """
    options = {"seed": 5, "targets": TARGETS, "per_image": 4, "hst_images": False}
    listed, asked, send = folder / "catalogue.fits", Counter(), JwstArchive._send
    running = server.Sandbox(
        server.SandboxOptions(**options, jwst="small", catalogue=listed)
    )

    async def send_or_replace(archive, request, name, *, is_tagged):
        asked[name, is_tagged] += "Range" in request.headers
        if asked[name, is_tagged] == 3 and not asked[name, not is_tagged]:
            new = {"file": name, "grow": 0, "cal_ver": "9.0.0"}
            place = f"{running.urls['mast']}/_reprocess"
            async with aiohttp.ClientSession() as http, http.post(place, json=new) as r:
                assert r.status == 200
        return await send(archive, request, name, is_tagged=is_tagged)

    monkeypatch.setattr(JwstArchive, "_send", send_or_replace)
    async with running:
        yield Sandbox(running.urls, listed), asked


async def harvested(archives, out):
    """Harvest by ranges, however small the mosaics are; give the stamps."""
    run = Run(archives, out, SURVEY, limits=USUAL | {"file_bytes": 100_000})
    await asyncio.to_thread(run.begin)
    await run.work()
    assert run.troubles == []
    states = Counter(row["status"] for row in await asyncio.to_thread(run.rows))
    assert states.keys() <= {"done", "no_coverage"}
    assert states.total() == TARGETS
    return run.stamps()


@pytest.mark.long
async def test_replaced_mosaics(tmp_path, monkeypatch):
    """Stamps of a mosaic that was replaced meanwhile are all of the new version."""
    async with replacing(tmp_path, monkeypatch) as (archives, asked):
        found = await harvested(archives, tmp_path / "meanwhile")
        by_tag = {is_tagged for _, is_tagged in asked}
        again = await harvested(archives, tmp_path / "afterwards")
    assert by_tag == {False, True}
    assert found == again
    assert len(found) > 10
    dates = {}
    for name in found:
        header = fits.getheader(tmp_path / "meanwhile" / name)
        assert header["CAL_VER"] == "9.0.0"
        dates.setdefault(header["PRODUCT"], set()).add(header["FILEDATE"])
    assert all(len(each) == 1 for each in dates.values())
