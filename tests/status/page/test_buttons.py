"""The buttons of a page that may control a harvest, in a real browser."""

from __future__ import annotations

import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import at_work
import pytest
from page_run import write_ledger
from playwright.sync_api import expect
from viewer import SIZES, barriers, dashboard, opened

from harvester.status.report import read_report

pytestmark = pytest.mark.long

_FAILED = [("not_found", 30), ("http_500", 3)]


@contextmanager
def _commanded(places, state):
    """Have a harvest at work, and a page with buttons; give its address and token."""
    held = subprocess.Popen(
        [sys.executable, at_work.__file__, places.out],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    words = (places.out, "--allow-control")
    try:
        assert held.stdout.readline() == "at work\n"
        with dashboard(*words, XDG_STATE_HOME=str(state)) as url:
            (path,) = Path(state).glob("harvester/page-*/page.token")
            yield url, path.read_text().strip()
    finally:
        held.communicate()


@pytest.mark.parametrize("size", list(SIZES))
def test_buttons(browser, tmp_path, size):
    """Pause, resume, rate and retry work by keyboard; axe finds no barrier."""
    places = write_ledger(tmp_path / "zoo", failed=_FAILED)
    state = tmp_path / "state"
    with (
        _commanded(places, state) as (url, token),
        opened(browser, url, size, may_say="400", color_scheme="dark") as page,
    ):
        note, badge = page.locator("#control-note"), page.locator("#first .badge")
        page.get_by_role("button", name="Pause").click()
        expect(note).to_have_text("Enter the token of this page first.")
        # The token has the focus now.
        page.keyboard.type(token)
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        expect(note).to_contain_text("Done: paused: no new request is sent")
        expect(badge).to_have_text("paused")
        expect(page.locator("#first .eta")).to_contain_text("paused by ")
        expect(page.locator("#first code")).to_contain_text("harvester ctl ")
        assert barriers(page) == []
        page.get_by_role("button", name="Resume").press("Enter")
        expect(badge).to_have_text("running")
        page.get_by_label("Requests a second").fill("11")
        page.keyboard.press("Enter")
        expect(note).to_contain_text("may get at most 10 requests/s")
        page.get_by_label("Requests a second").fill("0.5")
        page.keyboard.press("Enter")
        expect(note).to_contain_text("data.sdss.org gets at most 0.5 requests/s")
        expect(page.locator("#host-list .now")).to_contain_text("rate set to 0.5")
        group = page.locator("#groups details").first
        group.locator("summary").click()
        group.get_by_role("button", name="Retry ten now").click()
        expect(note).to_contain_text("Done: 10 jobs are due again.")
        expect(group.locator(".count")).to_have_text("20 jobs")
        assert barriers(page) == []
        page.get_by_role("button", name="Retry all failed").click()
        expect(page.locator("#failures")).to_be_hidden()
        assert read_report(places)["failures"] == []
        assert (
            page.evaluate("document.documentElement.scrollWidth")
            <= (SIZES[size]["width"])
        )


def test_no_buttons(browser, tmp_path):
    """Without a harvest at work, or without the option, there are no buttons."""
    places = write_ledger(tmp_path / "zoo", failed=_FAILED)
    with dashboard(places.out) as url, opened(browser, url) as page:
        page.locator("#groups summary").first.click()
        expect(page.locator("#groups tbody tr").first).to_be_visible()
        expect(page.locator("#control")).to_be_hidden()
        expect(page.get_by_role("button", name="Retry ten now")).to_have_count(0)
