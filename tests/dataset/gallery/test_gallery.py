from __future__ import annotations

import re
from html.parser import HTMLParser

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from make_frames import noise, tan_header
from PIL import Image

from harvester.dataset.gallery.gallery import write_gallery
from harvester.errors import InputError, LocalError


class Page(HTMLParser):
    """Collects tags with attributes, and text, like a browser."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        """Collect a tag."""
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        """Collect text."""
        self.texts.append(data)

    def named(self, tag):
        """Return the attributes of each tag with this name."""
        return [attrs for name, attrs in self.tags if name == tag]


def row(galaxy, band="r", status="done", survey="sdss:r", **more):
    """Return a row of a manifest."""
    done = status == "done"
    return {
        "id_str": galaxy,
        "ra": 10.0,
        "dec": -1.5,
        "survey": survey,
        "band": band,
        "status": status,
        "reason": "",
        "file_loc": f"{band}/{galaxy}.fits" if done else None,
        "coverage": 1.0 if done else None,
        "product": "p" if done else None,
        "sha256": "0" * 64 if done else None,
        "GZ1_MORPHOLOGY_NAME": "SPIRAL",
        "REDSHIFT": 0.0731234,
    } | more


def manifest(out, rows, *, side=40):
    """Write a manifest, and stamps for the rows that are done."""
    for each in rows:
        if each["file_loc"]:
            path = out / each["file_loc"]
            path.parent.mkdir(parents=True, exist_ok=True)
            data = noise((side, side))
            data[:3] = np.nan
            fits.PrimaryHDU(data, tan_header(data.shape)).writeto(path, overwrite=True)
    pq.write_table(pa.Table.from_pylist(rows), out / "manifest.parquet")


def show(out, **options):
    """Write the gallery; return the parsed page and the contact sheet."""
    page, sheet = write_gallery(out, **options)
    with Image.open(sheet) as picture:
        return Page(page.read_text("utf-8")), picture.copy()


HST = {"band": "F160W", "survey": "hst:WFC3/IR:F160W"}


def test_gallery(tmp_path):
    """Every galaxy has a card with its stamps, names, labels and missing stamps."""
    rows = [
        row("a"),
        row("a", status="no_coverage", **HST),
        row("b", coverage=0.925),
        row("b", **HST),
    ]
    manifest(tmp_path, rows)
    page, sheet = show(tmp_path)
    assert len(page.named("article")) == 2
    assert len(page.named("img")) == 3
    text = " ".join(page.texts)
    for told in (
        "Gallery: 2 of 2 galaxies", "SDSS r", "HST WFC3/IR F160W", "92%", "SPIRAL",
        "0.07312", "HST WFC3/IR F160W: no coverage", "1 done, 1 no coverage",
        "10.00000",
    ):  # fmt: skip
        assert told in text
    assert sheet.width > 2 * 120
    assert np.asarray(sheet).std() > 10


def test_best_covered_first(tmp_path):
    """Galaxies with stamps in most surveys come first, then catalogue order."""
    rows = [row("none", status="failed"), row("one"), row("other")]
    rows += [row("bands", "g"), row("bands", "i"), row("two"), row("two", **HST)]
    manifest(tmp_path, rows)
    page, _ = show(tmp_path)
    names = [attrs["data-text"].split()[0] for attrs in page.named("article")]
    assert names == ["two", "bands", "one", "other"]
    page, _ = show(tmp_path, limit=2)
    assert len(page.named("article")) == 2
    assert "Gallery: 2 of 5 galaxies" in page.texts


def test_same_identifier(tmp_path):
    """Two galaxies with the same identifier have a card each."""
    manifest(tmp_path, [row("a"), row("a", ra=11.0)])
    page, _ = show(tmp_path)
    assert len(page.named("article")) == 2
    assert "11.00000 -1.50000" in page.texts


def test_hostile_text(tmp_path):
    """All text from a catalogue is shown as text, never as markup."""
    evil = "<img src=x onerror=alert(1)>\"'&"
    bad = row("1", GZ1_MORPHOLOGY_NAME=evil, survey=f"sdss:{evil}")
    bad |= {"id_str": evil, "band": evil, "file_loc": "r/1.fits"}
    manifest(tmp_path, [bad, {**bad, "status": evil, "file_loc": None}])
    page, _ = show(tmp_path)
    assert page.texts.count(evil) >= 2
    assert all(attrs["src"].startswith("data:image/png") for attrs in page.named("img"))
    assert not [attrs for _, attrs in page.tags if "onerror" in attrs]
    assert len(page.named("script")) == 1


def test_self_contained(tmp_path):
    """The page loads nothing from a server, and its CSP forbids it."""
    manifest(tmp_path, [row("a")])
    text = write_gallery(tmp_path)[0].read_text("utf-8")
    assert not re.search(r"https?://|url\(|<link|@import|src=\"(?!data:)", text)
    (policy,) = [
        attrs["content"] for attrs in Page(text).named("meta") if "http-equiv" in attrs
    ]
    assert policy.startswith("default-src 'none'")


def test_missing_stamp(tmp_path):
    """A missing or damaged stamp is shown as "file missing"; it is not an error."""
    manifest(tmp_path, [row("a"), row("b"), row("c")])
    (tmp_path / "r/a.fits").unlink()
    (tmp_path / "r/b.fits").write_bytes(b"SIMPLE  =")
    page, _ = show(tmp_path)
    assert page.texts.count("file missing") == 2
    assert len(page.named("img")) == 1


def test_nothing_done(tmp_path):
    """A run without any stamp gets a page with its counts."""
    manifest(tmp_path, [row("a", status="pending"), row("b", status="no_coverage")])
    page, sheet = show(tmp_path)
    assert page.named("article") == []
    assert "1 pending, 1 no coverage" in page.texts
    assert sheet.width > 0


def test_empty_manifest(tmp_path):
    """A manifest without rows has a page too."""
    table = pa.Table.from_pylist([row("a")])[:0]
    pq.write_table(table, tmp_path / "manifest.parquet")
    page, _ = show(tmp_path)
    assert "Gallery: 0 of 0 galaxies" in page.texts


@pytest.mark.parametrize(("columns", "width"), [(10, 10), (4, 4), (1, 1)])
def test_sheet_columns(tmp_path, columns, width):
    """The sheet has the requested width, and shows every galaxy."""
    manifest(tmp_path, [row(f"g{n}") for n in range(12)])
    _, sheet = show(tmp_path, columns=columns)
    assert sheet.width == 2 * 28 + width * (120 + 22) - 22
    assert sheet.height > 12 / columns * 120


def test_one_display_size(tmp_path):
    """HST stamps, which have more pixels, are drawn as large as those of SDSS."""
    manifest(tmp_path, [row("a", **HST)], side=124)
    _, large = show(tmp_path)
    manifest(tmp_path, [row("a")])
    _, small = show(tmp_path)
    assert large.size == small.size


def test_no_manifest(tmp_path):
    """Without a manifest the error names the command that makes one."""
    with pytest.raises(InputError, match="run `harvester manifest`"):
        write_gallery(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html>"])
def test_damaged_manifest(tmp_path, content):
    """A file that is not a manifest is refused."""
    (tmp_path / "manifest.parquet").write_bytes(content)
    with pytest.raises(InputError, match="harvester manifest"):
        write_gallery(tmp_path)


def test_other_table(tmp_path):
    """A Parquet file with other columns is not a manifest."""
    pq.write_table(pa.table({"id_str": ["a"]}), tmp_path / "manifest.parquet")
    with pytest.raises(InputError, match="no column 'ra'"):
        write_gallery(tmp_path)


def test_nowhere_to_write(tmp_path):
    """A page that cannot be written is a local error."""
    manifest(tmp_path, [row("a")])
    (tmp_path / "gallery.html").mkdir()
    with pytest.raises(LocalError, match=r"gallery\.html"):
        write_gallery(tmp_path)
