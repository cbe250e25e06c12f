"""Several harvests at once on one machine keep the limits together."""

from __future__ import annotations

import csv
from contextlib import ExitStack, contextmanager

import pytest
from astropy.io import fits
from service import harvester, kill_group, start, wait_for

from harvester.places import Places
from harvester.sandbox.server import SandboxOptions, run_in_thread
from harvester.sandbox.stats import RateLimit
from harvester.status.report import read_report

pytestmark = pytest.mark.harvest

_SURVEY = ("--survey", "sdss:r")

#: Files of SAS one at a time and two a second, SkyServer as ever. The server forgives
#: half of each gap, as this machine may be busy.
_RATES = {
    "HARVESTER__SERVICES__SDSS_SKY__RATE": "1",
    "HARVESTER__SERVICES__SDSS_SAS__RATE": "2",
    "HARVESTER__SERVICES__SDSS_SAS__FILES": "1",
}
_LIMITS = {"sdss-sky": RateLimit(60, 0.5), "sdss-sas": RateLimit(120, 0.25)}


@contextmanager
def archives(folder, targets):
    """Serve galaxies that need a query; give the server and a list of identifiers."""
    options = SandboxOptions(
        seed=5,
        targets=targets,
        per_field=4,
        hst_images=False,
        catalogue=folder / "catalogue.fits",
        latency={"file": 0.15},
        rates=_LIMITS,
    )
    with run_in_thread(options) as running:
        listed = fits.getdata(options.catalogue)
        positions = [listed[name].ravel().tolist() for name in ("RA", "DEC")]
        path = folder / "positions.csv"
        with path.open("w", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["id", "ra", "dec"])
            rows.writerows((f"NGC {n}", *at) for n, at in enumerate(zip(*positions)))  # noqa: B905 - columns of one table
        yield running, path


def flags(running):
    """Give the options that send a harvest to the sandbox."""
    return [f"--base-url={name}={url}" for name, url in running.urls.items()]


def done(out):
    """Count the stamps of a harvest so far."""
    report = read_report(Places(out)) if (out / "ledger.sqlite").exists() else None
    return report["surveys"]["sdss"]["done"] if report else 0


@pytest.mark.long
def test_two_at_once(tmp_path):
    """Two harvests at once keep rate and concurrency of one, and both finish."""
    with archives(tmp_path, 8) as (running, listed), ExitStack() as stack:
        harvests = [
            start("run", listed, "--out", out, *_SURVEY, *flags(running), **_RATES)
            for out in (tmp_path / "a", tmp_path / "b")
        ]
        for process in harvests:
            stack.callback(kill_group, process)
        words = [process.communicate(timeout=240)[0] for process in harvests]
        stats = running.stats.as_json()
    assert [process.returncode for process in harvests] == [0, 0], words
    assert [done(tmp_path / name) for name in "ab"] == [8, 8]
    for service in ("sdss-sky", "sdss-sas"):
        assert stats[service]["rate_violations"] == 0
        assert stats[service]["peak_concurrency"] == 1
    assert stats["sdss-sas"]["requests"] >= 4


@pytest.mark.long
def test_one_is_killed(tmp_path):
    """Of three harvests one is killed: the others and its resume finish."""
    with archives(tmp_path, 24) as (running, listed), ExitStack() as stack:
        outs = [tmp_path / name for name in "abc"]
        harvests = [
            start("run", listed, "--out", out, *_SURVEY, *flags(running), **_RATES)
            for out in outs
        ]
        for process in harvests:
            stack.callback(kill_group, process)
        wait_for(lambda: min(map(done, outs)) > 0, harvests[2], seconds=240)
        kill_group(harvests.pop())
        killed = done(outs[2])
        words = [process.communicate(timeout=240)[0] for process in harvests]
        resumed = harvester("resume", outs[2], *flags(running), **_RATES)
        stats = running.stats.as_json()
    assert 0 < killed < 24
    assert [process.returncode for process in harvests] == [0, 0], words
    assert resumed.returncode == 0, resumed.stderr
    assert [done(out) for out in outs] == [24, 24, 24]
    assert stats["sdss-sky"]["rate_violations"] == 0
    assert stats["sdss-sas"]["rate_violations"] == 0
