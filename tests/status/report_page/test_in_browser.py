"""The report in a real browser: read, printed, and asked for nothing."""

from __future__ import annotations

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from page_run import change, write_history, write_ledger, write_stamp

pytestmark = pytest.mark.long

_SIZES = {"desktop": (1280, 900), "phone": (380, 800)}


@pytest.fixture(params=_SIZES)
def opened(request, browser):
    """Give a function that opens a report; at the end, it asked for nothing else."""
    width, height = _SIZES[request.param]
    contexts, asked, wrong = [], [], []

    def open_file(file, scheme="light", **more):
        size = {"width": width, "height": height}
        context = browser.new_context(viewport=size, color_scheme=scheme, **more)
        contexts.append(context)
        page = context.new_page()
        page.on("request", lambda one: asked.append(one.url))
        page.on("console", lambda line: wrong.append(line.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("dialog", lambda dialog: wrong.append(dialog.message))
        page.goto(file.as_uri())
        return page

    yield open_file
    for context in contexts:
        context.close()
    elsewhere = [one for one in asked if not one.startswith(("file:", "data:image/"))]
    files = {one for one in asked if one.startswith("file:")}
    assert (len(files), elsewhere, wrong) == (1, [], [])


@pytest.fixture
def file(report_of, tmp_path):
    """Return the report of a run with everything in it."""
    failed = [("not_found", 24), ("http_500", 3)]
    places = write_ledger(tmp_path / "run", 100, done=0, failed=failed)
    write_history(places.out)
    hosts = [(f"files-{number}.archive.example.org:8443",) for number in range(5)]
    more = "INSERT INTO host_history SELECT ?, at, requests, bytes, 1, 0, 4, 'open', 9,"
    change(places.out, f"{more} 0.1, 0.5 FROM host_history WHERE host = 'h'", hosts)
    for target in range(40, 52):
        write_stamp(places, target)
    return report_of(places).file


def _open_all(page):
    for one in page.locator("summary").all():
        one.click()


def test_width(opened, file):
    """Nothing is wider than the window, also when all is open."""
    page = opened(file)
    _open_all(page)
    widths = page.evaluate("[document.documentElement.scrollWidth, window.innerWidth]")
    assert widths[0] <= widths[1]
    assert page.locator("#samples img").first.evaluate("one => one.naturalWidth") == 128


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_barriers(opened, file, scheme):
    """Axe finds no serious problem of contrast, names or order in the report."""
    page = opened(file, scheme)
    _open_all(page)
    page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run()")["violations"]
    serious = [
        (one["id"], node["target"], node.get("failureSummary"))
        for one in found
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
    assert serious == []


def test_print(opened, file):
    """On paper all is black on white, and what was closed is printed as well."""
    page = opened(file, "dark")
    page.emulate_media(media="print")
    colours = page.evaluate(
        "(({color, backgroundColor}) => [color, backgroundColor])"
        "(getComputedStyle(document.body))"
    )
    assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
    page.set_viewport_size({"width": 794, "height": 1100})
    assert page.evaluate("document.documentElement.scrollWidth") <= 794
    row = page.locator("#failed tbody tr").first
    assert row.bounding_box()["height"] > 5


def test_without_scripts(opened, file):
    """A browser without scripts shows the galaxies behind a failure."""
    page = opened(file, java_script_enabled=False)
    page.locator("#failed summary").first.click()
    assert page.locator("#failed tbody tr").first.is_visible()


def test_hostile_text(opened, report_of, hostile_run):
    """No text from outside is run."""
    page = opened(report_of(hostile_run).file)
    _open_all(page)
    assert page.evaluate("window.hurt") is None
    assert "<script>" in page.locator("#failed tbody tr").first.inner_text()
