"""Whole harvests with the sandbox: the promises of the README."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from collections import Counter
from contextlib import closing
from urllib.parse import urlsplit

import numpy as np
import psutil
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hurried import faults
from service import (
    harvester,
    kill_group,
    sandbox,
    stamps,
    start,
    status,
    survivors,
    wait_for,
)

from harvester.ledger.view import LedgerView
from harvester.settings.settings import SERVICES

pytestmark = pytest.mark.harvest

#: Signals and exit codes; with the first one a whole harvest is a long test.
ONE_OR_BOTH = [
    pytest.param(signal.SIGINT, 130, marks=pytest.mark.long),
    (signal.SIGTERM, 143),
]


@pytest.fixture(scope="module")
def run(archives, tmp_path_factory):
    """Give the folder of one finished harvest of both surveys."""
    out = tmp_path_factory.mktemp("run") / "out"
    done = harvester("run", archives.catalogue, "--out", out, *archives.flags())
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def manifest(run):
    """Give the rows of the manifest."""
    return pq.read_table(run / "manifest.parquet").to_pylist()


def test_every_job_is_settled(run):
    """Each galaxy has its SDSS stamp, and an HST stamp if there is an image."""
    report = status(run)
    assert report["targets"] == 60
    assert report["rejected"] == 0
    counts = report["surveys"]
    assert counts["sdss"]["done"] == 60
    assert counts["hst"]["done"] + counts["hst"]["no_coverage"] == 60
    assert counts["hst"]["done"] > 5
    assert report["cutouts"] == 60 + counts["hst"]["done"] == len(stamps(run))


def test_hosts_as_asked(archives, run):
    """After a run against the sandbox, status and plan name only its hosts."""
    asked = {archives.host(name) for name in archives.urls}
    official = {urlsplit(address).hostname for address in SERVICES.values()}
    report = status(run)
    assert set(report["requests"]) == set(report["bytes"]) == asked
    assert set(report["bill"]["requests"]) <= asked
    bill = json.loads(harvester("plan", run, "--json").stdout)
    assert set(bill["hosts"]) == asked
    told = [json.dumps(report), json.dumps(bill)]
    told += [harvester(command, run).stdout for command in ("status", "plan")]
    assert not [(host, words) for words in told for host in official if host in words]


def test_manifest(run):
    """The manifest has a row for each target and band, with every label."""
    rows = manifest(run)
    assert len(rows) == 120
    assert " ".join(list(rows[0])[:11]) == (
        "id_str ra dec survey band status reason file_loc coverage product sha256"
    )
    assert {row["GZ1_MORPHOLOGY_NAME"] for row in rows} <= {
        "indeterminate", "early", "merger", "late"
    }  # fmt: skip
    done = [row for row in rows if row["status"] == "done"]
    assert sorted(row["file_loc"] for row in done) == stamps(run)
    assert (run / "manifest.csv").read_text().count("\n") == 121


def test_stamps_are_centred(run):
    """The galaxy is in the middle pixel of each stamp, by its WCS and its light."""
    off = Counter()
    for row in manifest(run):
        if row["status"] != "done" or row["coverage"] < 1:
            continue
        data, header = fits.getdata(run / row["file_loc"], header=True)
        ny, nx = data.shape
        x, y = WCS(header).world_to_pixel_values(row["ra"], row["dec"])
        assert abs(x - (nx - 1) / 2) <= 1
        assert abs(y - (ny - 1) / 2) <= 1
        middle = data[ny // 2 - 5 : ny // 2 + 5, nx // 2 - 5 : nx // 2 + 5]
        peak = np.unravel_index(np.argmax(middle), middle.shape)
        light = np.hypot(*(np.array(peak) - (y % 1 + 5, x % 1 + 5)))
        off[row["survey"], bool(light <= 2)] += 1
    assert off["sdss", True] > 0.8 * (off["sdss", True] + off["sdss", False])
    assert off["hst", True] > 0.8 * (off["hst", True] + off["hst", False])


def test_stamp_sizes(run):
    """All stamps of a survey have one size: 15.84 arcsec."""
    shapes = {
        (row["survey"], fits.getdata(run / row["file_loc"]).shape)
        for row in manifest(run)
        if row["status"] == "done"
    }
    assert shapes == {("sdss", (40, 40)), ("hst", (124, 124))}


def test_few_requests(archives, run):
    """No request is for a single galaxy, and no frame is fetched twice."""
    stats = archives.stats()
    assert stats["sdss-sky"]["requests"] <= 3
    assert stats["sdss-sas"]["fetched_more_than_once"] == {}
    assert stats["s3"]["fetched_more_than_once"] == {}
    assert sum(status(run)["requests"].values()) < 60


def test_frames_by_parts(archives, run):
    """HST frames are fetched by ranges, a quarter of their bytes, and not kept."""
    frames = archives.stats()["s3"]["range_requests"]
    assert frames
    assert status(run)["bytes"][archives.host("s3")] < 12_240_000 * len(frames) / 4
    assert not list(run.rglob("*.pixels"))


def test_again_does_nothing(archives, run):
    """A finished run sends no more requests, and leaves no log of SQLite."""
    before = archives.stats()
    done = harvester("run", archives.catalogue, "--out", run, *archives.flags())
    assert done.returncode == 0
    assert not list(run.glob("ledger.sqlite-*"))
    assert archives.stats() == before


def test_verify_and_repair(archives, run):
    """A changed stamp is found, and made again with the same bytes."""
    victim = run / stamps(run)[0]
    whole = victim.read_bytes()
    victim.write_bytes(whole[:-1] + b"x")
    stranger = victim.with_name("stranger.fits")
    stranger.write_bytes(b"")
    found = harvester("verify", run, "--json")
    assert found.returncode == 3
    said = json.loads(found.stdout)
    assert said["changed"] == [str(victim.relative_to(run))]
    assert said["orphans"] == [str(stranger.relative_to(run))]
    assert harvester("verify", run, "--repair").returncode == 3
    assert harvester("resume", run, *archives.flags()).returncode == 0
    assert victim.read_bytes() == whole
    assert harvester("verify", run).returncode == 0
    stranger.unlink()


def test_gallery(run):
    """The gallery has a page, pictures of all stamps, and contact sheets."""
    done = harvester("gallery", run)
    assert done.returncode == 0, done.stderr
    assert str(run / "gallery.html") in done.stdout
    records = "".join(one.read_text() for one in run.glob("gallery/chunks/*/*.js"))
    assert records.count('"at":-1') == 0
    assert records.count('"at":') == len(stamps(run))
    assert list(run.glob("gallery/sheets/*/*.png"))


def test_other_settings_are_refused(archives, run):
    """Settings that would change the data set are refused, and named."""
    done = harvester("run", archives.catalogue, "--out", run, "--size", "64px")
    assert done.returncode == 2
    assert "size was" in done.stderr
    assert "64px" in done.stderr


def test_other_catalogue_is_refused(archives, run, tmp_path):
    """Another catalogue is refused; the error names both."""
    other = tmp_path / "other.csv"
    other.write_text("objid,ra,dec\n1,2,3\n")
    done = harvester("run", other, "--out", run)
    assert done.returncode == 2
    assert str(other) in done.stderr
    assert str(archives.catalogue) in done.stderr


def test_missing_catalogue(run, tmp_path):
    """A missing catalogue is an error, also if the run exists."""
    done = harvester("run", tmp_path / "missing.csv", "--out", run)
    assert done.returncode == 2
    assert "missing.csv" in done.stderr


def test_resume_before_it_began(archives, tmp_path):
    """A run killed while reading the catalogue is begun by resume."""
    out = tmp_path / "out"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    wait_for((out / "harvest.toml").exists, process)
    kill_group(process)
    (out / "ledger.sqlite").unlink(missing_ok=True)  # as if it was a moment earlier
    assert harvester("resume", out).returncode == 0
    assert status(out)["surveys"]["sdss"]["done"] == 60


def test_second_harvester(archives, tmp_path):
    """A second harvester of a run is refused; the error names the first."""
    out = tmp_path / "out"
    # The first one must not finish before the second one is refused.
    with faults(archives, "status=503@sdss-sas:after=2"):
        first = start("run", archives.catalogue, "--out", out, *archives.flags())
        wait_for(lambda: len(stamps(out)) > 0, first)
        second = harvester("resume", out)
    first.communicate(timeout=300)
    assert second.returncode == 4
    assert f"process {first.pid}" in second.stderr
    assert first.returncode == 0


@pytest.mark.parametrize(("number", "code"), ONE_OR_BOTH)
def test_signal_and_resume(archives, tmp_path, number, code):
    """A signal stops the harvest within 8 s; resume gives the same bytes."""
    out = tmp_path / "out"
    # The harvest must not finish before the signal.
    with faults(archives, "stall@sdss-sas:after=2"):
        process = start("run", archives.catalogue, "--out", out, *archives.flags())
        wait_for(lambda: len(stamps(out)) > 10, process)
        began = time.monotonic()
        os.killpg(process.pid, number)
        words, _ = process.communicate(timeout=60)
        assert time.monotonic() - began < 8
    assert process.returncode == code, words
    assert f"harvester resume {out}" in words
    assert survivors(process.pid) == []
    assert harvester("verify", out).returncode == 0
    assert harvester("resume", out, *archives.flags()).returncode == 0
    assert status(out)["surveys"]["sdss"]["done"] == 60


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)]
)
def test_signal_at_the_start(archives, tmp_path, number, code):
    """A signal during the start of a harvest stops it cleanly too."""
    out = tmp_path / "out"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    wait_for((out / "ledger.sqlite").exists, process)
    process.send_signal(number)
    words, _ = process.communicate(timeout=60)
    assert process.returncode == code, words
    assert "Traceback" not in words
    assert survivors(process.pid) == []
    assert harvester("status", out).returncode == 0


@pytest.mark.parametrize(("number", "code"), ONE_OR_BOTH)
def test_second_signal(archives, tmp_path, number, code):
    """A second signal stops the harvest at once, without leftovers."""
    out = tmp_path / "out"
    process = start("run", archives.catalogue, "--out", out, *archives.flags())
    wait_for(lambda: len(stamps(out)) > 0, process)
    children = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(number)
    process.send_signal(number)
    process.communicate(timeout=60)
    assert process.returncode == code
    assert psutil.wait_procs(children, timeout=20)[1] == []
    assert harvester("verify", out).returncode == 0


@pytest.mark.long
def test_failures_and_retry(tmp_path):
    """A frame that cannot be fetched fails only its galaxies; retry makes them."""
    options = ("--seed", "3", "--targets", "30", "--no-hst-images")
    with sandbox(tmp_path, *options) as here:
        out = tmp_path / "out"
        run = ("run", here.catalogue, "--out", out, *here.flags())
        assert harvester(*run, "--locate-only").returncode == 0
        with closing(sqlite3.connect(out / "ledger.sqlite")) as db:
            (victim,) = db.execute("SELECT min(name) FROM product").fetchone()
        here.ask("/_faults", [f"status=403@sdss-sas/{victim}"])
        done = harvester(*run)
        here.ask("/_faults", [])
        assert done.returncode == 3, done.stdout + done.stderr
        counts = status(out)["surveys"]["sdss"]
        assert 0 < counts["failed"] < 30
        assert counts["done"] == 30 - counts["failed"]
        with LedgerView.open(out / "ledger.sqlite") as view:
            assert view.reasons() == [("sdss", "http_403", counts["failed"])]
        assert harvester("retry", out, "--reason", "html").returncode == 2
        again = harvester("retry", out, "--reason", "http_*")
        assert f"{counts['failed']} jobs" in again.stdout
        assert harvester("resume", out, *here.flags()).returncode == 0
        assert status(out)["surveys"]["sdss"]["done"] == 30


@pytest.mark.long
def test_outage_costs_nothing(tmp_path):
    """In an outage no job loses a try; the run ends with code 5."""
    options = ("--seed", "3", "--targets", "30", "--no-hst-images")
    with sandbox(tmp_path, *options, "--fault", "html@sdss-sas") as here:
        out = tmp_path / "out"
        patience = {"HARVESTER__POLITENESS__PATIENCE_S": "2"}
        done = harvester("run", here.catalogue, "--out", out, *here.flags(), **patience)
        assert done.returncode == 5, done.stdout + done.stderr
        assert status(out)["surveys"]["sdss"]["located"] == 30
        here.ask("/_faults", [])
        assert harvester("resume", out, *here.flags()).returncode == 0
        assert status(out)["surveys"]["sdss"]["done"] == 30
