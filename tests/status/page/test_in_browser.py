"""The page in a real browser: what a viewer sees and can do."""

from __future__ import annotations

import re

import pytest
from page_run import change, write_history, write_ledger, write_stamp
from playwright.sync_api import expect
from viewer import SIZES, barriers, dashboard, opened

pytestmark = pytest.mark.long

_FAILED = [("not_found", 70), ("http_500", 3), ("truncated", 1)]


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return two runs: one with failures, one that is finished."""
    folder = tmp_path_factory.mktemp("runs")
    zoo = write_ledger(folder / "zoo", 400, done=150, no_coverage=50, failed=_FAILED)
    write_history(zoo.out)
    for target in range(30):
        write_stamp(zoo, target)
    write_ledger(folder / "small", 30)
    return folder / "zoo", folder / "small"


@pytest.fixture(scope="module")
def url(runs):
    """Serve both runs."""
    with dashboard(*runs) as address:
        yield address


@pytest.fixture(params=list(SIZES))
def size(request):
    """Give each size of a window."""
    return request.param


def test_first_line(browser, url, size):
    """The first line tells how far the run is; nothing is wider than the window."""
    with opened(browser, url, size) as page:
        expect(page.locator("#first .big")).to_contain_text("274of 400 settled")
        expect(page.locator("#first .share")).to_have_text("68%")
        expect(page.locator("#first code")).to_contain_text("harvester resume /")
        expect(page.locator("#link")).to_have_text("Live")
        assert (
            page.evaluate("document.documentElement.scrollWidth")
            <= (SIZES[size]["width"])
        )


def test_several_runs(browser, url):
    """Another run is chosen with the keyboard, and the address keeps the choice."""
    with opened(browser, url) as page:
        page.get_by_role("button", name="small").focus()
        page.keyboard.press("Enter")
        expect(page.locator("h1")).to_have_text("Harvest small")
        expect(page.locator("#first .badge")).to_have_text("finished")
        page.reload()
        expect(page.locator("h1")).to_have_text("Harvest small")


def test_failures(browser, url, size):
    """Failures are grouped and filtered; a group shows its galaxies and commands."""
    with opened(browser, url, size) as page:
        groups = page.locator("#groups details")
        expect(groups).to_have_count(3)
        page.get_by_label("Reason or survey").fill("http 5")
        expect(groups).to_have_count(1)
        expect(page.locator("#failures-shown")).to_have_text("3 jobs for 1 reason.")
        page.get_by_label("Reason or survey").fill("")
        groups.first.locator("summary").click()
        rows = groups.first.locator("tbody tr")
        expect(rows).to_have_count(50)
        expect(rows.first).to_contain_text("g0200")
        groups.first.get_by_role("button", name="More galaxies").click()
        expect(rows).to_have_count(70)
        some, every = groups.first.locator("code").all_inner_texts()
        assert "--reason not_found --limit 10 && harvester resume" in some
        assert "--limit" not in every


def test_charts(browser, url, size):
    """Charts have lines and a scale; the pointer tells the values of a moment."""
    with opened(browser, url, size) as page:
        expect(page.locator(".plot")).to_have_count(4)
        plot = page.locator(".plot").first
        expect(plot.locator("path.run")).to_have_count(1)
        expect(plot.locator(".keys")).to_have_text("sdss:r 3/min")
        assert "sdss:r: now 3/min" in plot.get_by_role("img").get_attribute(
            "aria-label"
        )
        plot.locator("svg").hover()
        expect(plot.locator("h3")).to_contain_text("Galaxies settled a minute, ")
        page.get_by_role("button", name="hour").click()
        expect(page.get_by_role("button", name="hour")).to_have_attribute(
            "aria-pressed", "true"
        )
        expect(page.locator(".plot")).to_have_count(4)


def test_sky(browser, url, size):
    """The map tells its galaxies, zooms by keys, and has what is under the pointer."""
    with opened(browser, url, size) as page:
        told = page.locator("#map output")
        expect(told).to_contain_text("400 galaxies: 150 done, 50 no coverage")
        canvas = page.locator("#map canvas")
        canvas.focus()
        page.keyboard.press("+")
        expect(told).to_contain_text(re.compile(r"^(19|20)\d galaxies"))
        page.keyboard.press("0")
        expect(told).to_contain_text("400 galaxies")
        box = canvas.bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(*middle)
        expect(told).to_contain_text(re.compile(r"g\d{4}: .*; RA [12]\."))


def test_stamps(browser, url, size):
    """The stamps that landed last are drawn."""
    with opened(browser, url, size) as page:
        shots = page.locator("#shots img")
        expect(shots).to_have_count(24)
        shots.first.scroll_into_view_if_needed()
        expect(shots.first).to_have_js_property("naturalWidth", 128)
        assert shots.first.get_attribute("alt") == "g0029 in SDSS r"


def test_settings(browser, url):
    """Versions are shown when they are asked for."""
    with opened(browser, url) as page:
        page.locator("#about summary").click()
        expect(page.locator("#about dl").last).to_contain_text("astropy")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(browser, url, size, scheme):
    """Axe finds no serious problem of contrast, names or order on the page."""
    with opened(browser, url, size, color_scheme=scheme) as page:
        page.locator("#groups summary").first.click()
        page.locator("#about summary").click()
        for part in ("#groups tbody tr", "#about dl", ".plot", "#shots img"):
            expect(page.locator(part).first).to_be_visible()
        assert barriers(page) == []


def test_update(browser, tmp_path):
    """A change of the ledger is shown without a reload, and an open group stays so."""
    places = write_ledger(tmp_path / "zoo", failed=[("not_found", 5)])
    with dashboard(places.out) as url, opened(browser, url) as page:
        page.locator("#groups summary").first.click()
        rows = page.locator("#groups tbody tr")
        expect(rows).to_have_count(5)
        change(places.out, "UPDATE job SET state = 'done' WHERE target = ?", [(50,)])
        expect(page.locator("#first .big b")).to_have_text("36")
        expect(rows).to_have_count(5)


def test_hidden(browser, url):
    """A hidden page ends its stream, and opens it again when it is shown."""
    with opened(browser, url) as page:
        hide = "state => { Object.defineProperty(document, 'hidden', {value: state,"
        hide += " configurable: true});"
        hide += " document.dispatchEvent(new Event('visibilitychange')); }"
        page.evaluate(hide, True)
        expect(page.locator("#link")).to_have_text("Resting while hidden")
        page.evaluate(hide, False)
        expect(page.locator("#link")).to_have_text("Live")


def test_server_ends(browser, runs):
    """A server that ends is told, with the command that shows the run again."""
    with dashboard(runs[0]) as url:
        context = browser.new_context()
        page = context.new_page()
        page.goto(url)
        expect(page.locator("#link")).to_have_text("Live")
    expect(page.locator("#link")).to_contain_text("harvester dashboard")
    context.close()
