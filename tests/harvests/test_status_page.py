"""The status page of a harvest at work, in a real browser."""

from __future__ import annotations

import json
import re
import signal
import time
import urllib.request

import pytest
from playwright.sync_api import expect
from service import free_ports, kill_group, sandbox, start

pytestmark = pytest.mark.harvest

#: So slow that the harvest is at work until the test has seen it: about 70 frames.
_SLOW = {"HARVESTER__SERVICES__SDSS_SAS__RATE": "0.5"}
_SKY = ("--seed", "7", "--targets", "1000")


def wait_for_page(process):
    """Read the output of a harvest until it says where its page is."""
    for line in process.stdout:
        if found := re.search(r"Status page: (http://\S+)", line):
            return found[1]
    pytest.fail("the harvest ended without a page")
    return None


def points_before(url, moment):
    """Return how many points of the charts are from before a time."""
    with urllib.request.urlopen(f"{url}api/0/charts?span=all", timeout=60) as reply:
        charts = json.load(reply)["charts"]
    return sum(
        at <= moment
        for chart in charts
        for line in chart["lines"]
        for at, _ in line["points"]
    )


@pytest.fixture
def watched(browser):
    """Give a page of the browser; at the end its scripts had no error."""
    context = browser.new_context()
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    yield page
    context.close()
    assert wrong == []


def settled(page):
    """Return the number of settled jobs that the page shows."""
    return int(page.locator("#first .big b").inner_text().replace(",", ""))


@pytest.fixture
def archives(tmp_path):
    """Serve a sky with more frames than the harvest comes to."""
    with sandbox(tmp_path, *_SKY) as running:
        yield running


@pytest.mark.long
def test_live_and_after_restart(archives, watched, tmp_path):
    """The page follows a harvest, and keeps its charts over a restart."""
    out, address = tmp_path / "out", f"127.0.0.1:{free_ports(1)}"
    words = ["run", archives.catalogue, "--out", out, "--survey", "sdss:r"]
    options = [*archives.flags(), "--listen", address]
    process = start(*map(str, [*words, *options]), **_SLOW)
    try:
        url = wait_for_page(process)
        watched.goto(url)
        badge = watched.locator("#first .badge")
        expect(badge).to_have_text("running", timeout=60_000)
        expect(watched.locator("#shots img").first).to_be_visible(timeout=60_000)
        before = settled(watched)
        expect(watched.locator("#first .big b")).not_to_have_text(
            str(before), timeout=60_000
        )
        assert settled(watched) > before
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 143
        process.stdout.close()
        stopped = time.time()
        expect(watched.locator("#link")).to_contain_text("does not answer")
        process = start("resume", str(out), "--listen", address, **_SLOW)
        wait_for_page(process)
        expect(watched.locator("#link")).to_have_text("Live", timeout=60_000)
        expect(watched.locator(".plot path.run").first).to_be_visible(timeout=60_000)
        assert points_before(url, stopped) > 0
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
        assert process.returncode == 143
    finally:
        kill_group(process)
