"""The page in a real browser, opened from disk: what a user sees and can do."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from playwright import sync_api as playwright

from harvester.dataset.gallery.chunks import ACROSS, read_chunk
from harvester.dataset.gallery.gallery import write_gallery
from harvester.dataset.gallery.tiles import SIDE

pytestmark = pytest.mark.long

#: Galaxies of the run: enough that the page must not load all of them.
_GALAXIES = 200

_SIZES = {
    "desktop": {"width": 1400, "height": 900},
    "phone": {"width": 390, "height": 844},
}


def _rows(row):
    for number in range(_GALAXIES):
        name = f"g{number:03d}"
        labels = {
            "GALAXY_CLASS": ("spiral", "elliptical", "merger")[number % 3],
            "REDSHIFT": number / 1000,
        }
        bands = "gri" if number % 2 else "r"
        for band in bands:
            yield row(name, band, **labels, coverage=1 - number / 1000)
        hst = {"survey": "hst", "band": "F160W", **labels}
        if number % 10 == 0:
            yield row(name, flags="edge" if number == 50 else "", **hst)
        else:
            yield row(name, status="no_coverage", **hst)


@pytest.fixture(scope="module")
def made(row, write_run, tmp_path_factory):
    """Return a run with its gallery."""
    out = write_run(tmp_path_factory.mktemp("gallery") / "run", list(_rows(row)))
    write_gallery(out, pages=0)
    return out


@pytest.fixture(params=list(_SIZES))
def size(request):
    """Give each size of a window."""
    return request.param


@pytest.fixture
def page(browser, made):
    """Open the gallery; at the end, nothing came from outside, and no error."""
    yield from _opened(browser, made, "desktop")


def _opened(browser, made, size):
    context = browser.new_context(
        viewport=_SIZES[size], is_mobile=size == "phone", has_touch=size == "phone"
    )
    opened = context.new_page()
    opened.asked, wrong = [], []
    opened.on("request", lambda request: opened.asked.append(request.url))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    # A file that the policy forbids, or that is missing, is an error here too.
    opened.on(
        "console",
        lambda line: wrong.append(line.text) if line.type == "error" else None,
    )
    opened.goto((made / "gallery.html").as_uri())
    opened.wait_for_selector("article h2")
    yield opened
    outside = [url for url in opened.asked if not url.startswith("file:")]
    context.close()
    assert (outside, wrong) == ([], [])


def chunks(page):
    """Return the numbers of the chunks that were loaded."""
    names = [url.rpartition("/")[2] for url in page.asked if "/chunks/" in url]
    return {int(name.removesuffix(".js")) for name in names if name.endswith(".js")}


def cards(page):
    """Return the identifiers that are on the page, in order."""
    return page.locator("article h2").all_inner_texts()


def wait_for(page, told):
    """Wait until the page says how many galaxies match."""
    expected = f"{told} of {_GALAXIES} galaxies"
    playwright.expect(page.locator("#shown")).to_have_text(expected)


def test_lazy(page):
    """What is not to be seen is not loaded, until it is scrolled to."""
    assert 0 in chunks(page)
    assert max(chunks(page)) <= 4
    assert not [url for url in page.asked if "/columns/" in url]
    page.evaluate("window.scrollTo(0, document.body.scrollHeight)")
    page.wait_for_selector('[data-place="199"] h2')
    assert 12 in chunks(page)
    assert 7 not in chunks(page)
    # What has been left far behind is removed again.
    assert page.locator('[data-place="0"]').count() == 0


def _difference(shot, tile):
    """Return how much a screenshot differs from a tile, a pixel of offset allowed."""
    seen, truth = (np.asarray(one.convert("RGB"), int) for one in (shot, tile))
    # Its corners are rounded, and it may begin between two pixels of the screen.
    inner = slice(8, SIDE - 8)
    return min(
        np.abs(seen[row:, column:][inner, inner] - truth[inner, inner]).mean()
        for row in range(seen.shape[0] - SIDE + 1)
        for column in range(seen.shape[1] - SIDE + 1)
    )


def test_pictures(page, made):
    """Each card shows the tiles of its own galaxy."""
    records, sheet = read_chunk(made, 1)
    own, other = (
        sheet.crop((left, top, left + SIDE, top + SIDE))
        for at in (records[1]["tiles"][0]["at"], records[2]["tiles"][0]["at"])
        for top, left in [np.multiply(divmod(at, ACROSS), SIDE).tolist()]
    )
    tile = page.locator('[data-place="17"] .tile').first
    tile.scroll_into_view_if_needed()
    page.wait_for_load_state("networkidle")
    shot = Image.open(io.BytesIO(tile.screenshot()))
    assert _difference(shot, own) < 2
    assert _difference(shot, other) > 5


def test_counts(page):
    """The head tells the number of stamps by band and status."""
    told = page.locator("#counts li").all_inner_texts()
    assert [text.split("\n")[0] for text in told] == [
        *("SDSS g", "SDSS r", "SDSS i", "HST F160W")
    ]
    assert "20 done, 180 no coverage" in told[-1]


def test_search(page):
    """The text of an identifier finds it; clearing shows all again."""
    page.keyboard.press("/")
    page.keyboard.type("G12")
    wait_for(page, 10)
    page.wait_for_selector('[data-place="9"] h2')
    assert cards(page) == [f"g12{digit}" for digit in range(10)]
    page.locator("#clear").click()
    page.wait_for_selector('[data-place="15"] h2')
    assert cards(page)[0] == "g000"
    assert page.locator("#text").input_value() == ""


def test_filters(page):
    """Filters of labels, bands, status, coverage and flags hold together."""
    page.locator("#more").click()
    page.locator("#label").select_option("GALAXY_CLASS")
    page.get_by_label("merger").check()
    wait_for(page, 66)
    page.locator("#label").select_option("REDSHIFT")
    page.get_by_label("REDSHIFT at least").fill("0.1")
    wait_for(page, 33)
    page.locator("#band").select_option("HST F160W")
    page.locator("#status").select_option("done")
    wait_for(page, 3)
    page.wait_for_selector('[data-place="2"] h2')
    assert cards(page) == ["g110", "g140", "g170"]
    page.locator("#status").select_option("no coverage")
    wait_for(page, 30)
    page.locator("#band").select_option("SDSS, any band")
    wait_for(page, 0)
    page.locator("#status").select_option("done")
    wait_for(page, 33)
    page.locator("#clear").click()
    page.locator("#flag").select_option("edge")
    wait_for(page, 1)
    page.locator("#flag").select_option("")
    page.locator("#coverage").fill("99")
    page.locator("#band").select_option("SDSS r")
    wait_for(page, 11)
    page.locator("#coverage").fill("101")
    wait_for(page, 0)
    assert "No galaxy matches" in page.locator("#main").inner_text()


def test_reason(page):
    """Galaxies are found by the reason why a stamp is missing."""
    page.locator("#more").click()
    page.locator("#reason").select_option("error")
    wait_for(page, 180)


def test_sort(page):
    """Galaxies are sorted by a label, or by what they have most of."""
    page.locator("#sort").select_option("REDSHIFT falling")
    wait_for(page, _GALAXIES)
    page.wait_for_selector('[data-place="1"] h2')
    assert cards(page)[:2] == ["g199", "g198"]
    page.locator("#sort").select_option("most bands first")
    playwright.expect(page.locator('[data-place="0"] h2')).to_have_text("g001")


def test_record(page):
    """A click shows both surveys at one scale, all columns, and the archives' pages."""
    page.locator('[data-place="10"]').click()
    record = page.locator("#record")
    playwright.expect(record).to_be_visible()
    assert record.locator("h2").inner_text() == "g010"
    sides = [
        view.bounding_box()["width"] for view in record.locator(".views .tile").all()
    ]
    fields = (41 * 0.396, 41 * 0.128)
    assert sides[1] / sides[0] == pytest.approx(fields[1] / fields[0], rel=0.02)
    bar = record.locator(".scale").first
    length = float(bar.inner_text().removesuffix("″"))
    width = bar.bounding_box()["width"]
    assert width / sides[0] == pytest.approx(length / fields[0], rel=0.05)
    text = record.inner_text()
    for told in ("GALAXY_CLASS", "pixel_scale arcsec", "0.396", "0.01", "parent_url"):
        assert told in text
    links = [link.get_attribute("href") for link in record.locator("a").all()]
    assert any("skyserver" in link for link in links)
    assert any("mast" in link for link in links)


def test_keys(page):
    """The whole page can be used by keys alone."""
    page.locator('[data-place="0"]').focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    name = page.locator("#name")
    playwright.expect(name).to_have_text("g001")
    page.keyboard.press("ArrowRight")
    playwright.expect(name).to_have_text("g002")
    page.keyboard.press("ArrowLeft")
    playwright.expect(name).to_have_text("g001")
    page.keyboard.press("Escape")
    playwright.expect(page.locator("#record")).to_be_hidden()
    assert page.evaluate("document.activeElement.dataset.place") == "1"


def test_fits_the_window(browser, made, size):
    """Nothing sticks out of the window, neither on the page nor in the record."""
    width = _SIZES[size]["width"]
    for page in _opened(browser, made, size):
        page.locator("#more").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.locator('[data-place="0"]').click()
        page.wait_for_selector("#body table")
        box = page.locator("#record").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert page.evaluate(
            "document.getElementById('record').scrollWidth"
            " <= document.getElementById('record').clientWidth"
        )


def test_boxes_keep_their_names(browser, made, size):
    """The box of each class is beside its name, on a phone too."""
    for page in _opened(browser, made, size):
        page.locator("#more").click()
        page.locator("#label").select_option("GALAXY_CLASS")
        for label in page.locator(".filter label").all():
            box = label.locator("input").bounding_box()
            words = label.evaluate(
                "label => { const range = document.createRange();"
                " range.selectNodeContents(label.lastChild);"
                " return range.getBoundingClientRect().left; }"
            )
            assert 0 <= words - (box["x"] + box["width"]) < 12


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_colours(browser, made, scheme):
    """The page follows the colours of the system, and its text can be read."""
    context = browser.new_context(color_scheme=scheme)
    page = context.new_page()
    page.goto((made / "gallery.html").as_uri())
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color,"
        " getComputedStyle(document.body).backgroundColor]"
    )
    levels = [int(one.split("(")[1].split(",")[0]) for one in (ink, paper)]
    context.close()
    assert (levels[0] > levels[1]) == (scheme == "dark")
    assert abs(levels[0] - levels[1]) > 150
