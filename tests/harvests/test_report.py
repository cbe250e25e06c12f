"""The report of a real harvest has the numbers of ``harvester status``."""

from __future__ import annotations

import json

import pytest
from bs4 import BeautifulSoup
from service import harvester, sandbox

pytestmark = pytest.mark.harvest


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    """Harvest from a sandbox that lacks some frames."""
    folder = tmp_path_factory.mktemp("report")
    sky = ("--seed", "7", "--targets", "24")
    with sandbox(
        folder, *sky, "--fault", "status=404@sdss-sas/frame-r:p=0.5"
    ) as archives:
        surveys = ("--survey", "sdss:g,r", "--survey", "hst:WFC3/IR:F160W")
        words = ("run", archives.catalogue, "--out", folder / "out", *surveys)
        done = harvester(*words, *archives.flags())
    assert done.returncode == 3, done.stdout + done.stderr
    return folder / "out"


@pytest.fixture(scope="module")
def facts(out):
    """Return what `harvester status --json` prints."""
    return json.loads(harvester("status", out, "--json").stdout)


@pytest.fixture(scope="module")
def page(out):
    """Return the report as it is read."""
    done = harvester("report", out)
    assert done.returncode == 0, done.stderr
    return BeautifulSoup((out / "report.html").read_bytes(), "html.parser")


def _rows(page, section):
    return [
        [cell.get_text() for cell in row.find_all(["th", "td"])]
        for row in page.find(id=section).select("tbody tr")
    ]


def test_bands(page, facts):
    """Each band has the counts of `status`."""
    told = [one.get_text() for one in page.select("#bands small")]
    assert len(told) == len(facts["bands"]) == 3
    for text, band in zip(told, facts["bands"], strict=True):
        for state in ("done", "no_coverage", "failed"):
            words = f"{band[state]:,} {state.replace('_', ' ')}"
            assert (words in text) == (band[state] > 0 or state == "done")


def test_failures(page, facts):
    """The jobs that failed are counted, and all of these few galaxies are listed."""
    (group,) = facts["failures"]
    assert (
        page.select_one("#failed summary .count").get_text() == f"{group['jobs']} jobs"
    )
    assert len(_rows(page, "failed")) == min(20, group["jobs"])


def test_bill(page, facts):
    """The bill of the run stands beside what was counted, for each host."""
    rows = {row[0]: row[1:] for row in _rows(page, "bill")}
    for host, requests in facts["requests"].items():
        billed = facts["bill"]["requests"][host]
        expected = [f"{billed:,}", f"{requests:,}", f"{requests / billed:.3f}"]
        assert rows[f"{host}: requests"] == expected
    assert facts["bill"]["requests"]


def test_settings(page, out):
    """What was asked otherwise than by default is listed."""
    rows = {row[0]: row[1] for row in _rows(page, "asked")}
    assert rows["surveys"] == '["sdss:g,r", "hst:WFC3/IR:F160W"]'
    assert rows["sdss.way"] == '"early"'


def test_stamps(page):
    """Stamps of every band are shown."""
    bands = {one["alt"].partition(" in ")[2] for one in page.select("#samples img")}
    assert bands == {"SDSS g", "SDSS r", "HST F160W"}


def test_verified(page, out):
    """A report in the folder of a run is nothing that `verify` complains about."""
    assert harvester("verify", out).returncode == 0
