from __future__ import annotations

import json
import os
import re
from html.parser import HTMLParser

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image, ImageFont

from harvester.dataset.gallery import gallery
from harvester.dataset.gallery.chunks import read_chunk
from harvester.dataset.gallery.contact_sheet import SheetGalaxy, draw_sheet
from harvester.dataset.gallery.gallery import write_gallery
from harvester.dataset.gallery.tiles import SIDE
from harvester.errors import InputError, LocalError

HST = {"survey": "hst", "band": "F160W"}


class Page(HTMLParser):
    """Collects tags with attributes, and the content of scripts, like a browser."""

    def __init__(self, path):
        super().__init__()
        self.text = path.read_text("utf-8")
        self.tags, self.scripts = [], []
        self.feed(self.text)

    def handle_starttag(self, tag, attrs):
        """Collect a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")

    def handle_data(self, data):
        """Collect the text of the script that was opened last."""
        if self.scripts and self.tags[-1][0] == "script":
            self.scripts[-1] += data

    @property
    def facts(self):
        """Return what the page knows before it loads anything."""
        return json.loads(self.scripts[0])


def test_records(make_run, row):
    """Every galaxy has a record with all columns, its tiles, and pages of archives."""
    out = make_run([row("a"), row("a", status="no_coverage", **HST), row("b")])
    summary = write_gallery(out)
    assert (summary.galaxies, summary.drawn, summary.kept) == (2, 1, 0)
    facts = Page(summary.page).facts
    assert facts["galaxies"] == 2
    assert [band["counts"] for band in facts["bands"]] == [
        {"done": 2},
        {"no_coverage": 1},
    ]
    records, picture = read_chunk(out, 0)
    assert picture.size == (2 * SIDE, SIDE)
    first = records[0]
    assert [tile["name"] for tile in first["tiles"]] == ["SDSS r"]
    assert first["labels"] == ["spiral", 0.0731234]
    rows = [dict(zip(facts["own"], values, strict=True)) for values in first["rows"]]
    assert [one["missing_reason"] for one in rows] == ["", "error"]
    pages = dict(first["pages"])
    assert "/dr17/" in pages["SDSS"]
    assert "150.000000" in pages["HST"]


def test_colour(make_run, row):
    """Three bands give a picture in colour before those of the bands, by wavelength."""
    out = make_run([row("a", band) for band in "zigru"])
    write_gallery(out)
    (record,), picture = read_chunk(out, 0)
    names = [tile["name"] for tile in record["tiles"]]
    assert names == ["SDSS gri", *(f"SDSS {band}" for band in "ugriz")]
    pixels = np.asarray(picture, int)
    chroma = np.ptp(pixels, axis=2)
    assert chroma[:, :SIDE].mean() > 3
    assert chroma[:, SIDE : 2 * SIDE].mean() < 1


def test_two_bands(make_run, row):
    """Two bands give no colour: the third one is not invented."""
    out = make_run([row("a", band) for band in "gr"])
    write_gallery(out)
    (record,), _ = read_chunk(out, 0)
    assert not any(tile["colour"] for tile in record["tiles"])


def test_second_call(make_run, row):
    """A second call leaves what is up to date, and draws what has changed."""
    rows = [row(f"g{number:03d}") for number in range(40)]
    out = make_run(rows)
    assert write_gallery(out, pages=0).drawn == 3
    before = {path: path.stat().st_mtime_ns for path in out.rglob("chunks/**/*.*")}
    assert len(before) == 6
    again = write_gallery(out, pages=0)
    assert (again.drawn, again.kept) == (0, 3)
    assert all(path.stat().st_mtime_ns == when for path, when in before.items())
    rows[20] |= {"sha256": "of another stamp"}
    assert write_gallery(make_run(rows), pages=0).drawn == 1


def test_lost_and_damaged_files(make_run, row):
    """A lost stamp, and a picture that was cut short, are drawn again."""
    out = make_run([row("a"), row("b")])
    write_gallery(out)
    (out / "sdss/r/a.fits").unlink()
    assert write_gallery(out).drawn == 1
    assert [one["tiles"][0]["at"] for one in read_chunk(out, 0)[0]] == [-1, 1]
    picture = out / "gallery/chunks/0000/000000.jpg"
    os.truncate(picture, 100)
    assert write_gallery(out).drawn == 1
    assert picture.stat().st_size > 100


def test_damaged_stamp(make_run, row):
    """A damaged stamp is shown as missing; it is not an error."""
    out = make_run([row("a")])
    (out / "sdss/r/a.fits").write_bytes(b"SIMPLE  =")
    write_gallery(out)
    assert read_chunk(out, 0)[0][0]["tiles"][0]["at"] == -1


def test_processes(make_run, row):
    """Several processes write the same files as one."""
    rows = [row(f"g{number:03d}") for number in range(16 * 17)]
    out = make_run(rows)
    assert write_gallery(out, pages=0, processes=2).drawn == 17
    parallel = {path: path.read_bytes() for path in out.rglob("chunks/**/*.*")}
    for path in parallel:
        path.unlink()
    assert write_gallery(out, pages=0, processes=1).drawn == 17
    assert parallel == {path: path.read_bytes() for path in parallel}


def test_size_and_progress(make_run, row):
    """The size is that of all files, and each chunk is reported."""
    out = make_run([row(f"g{number}") for number in range(20)])
    seen = []
    summary = write_gallery(out, progress=lambda *step: seen.append(step))
    files = [out / "gallery.html", *out.glob("gallery/**/*.*")]
    assert summary.size == sum(path.stat().st_size for path in files)
    assert seen == [(1, 2), (2, 2)]


def test_hostile_text(make_run, row):
    """Text of a catalogue cannot become markup or script."""
    evil = "</script><img src=x onerror=alert(1)>\"'&<!--"
    out = make_run([row("1", GALAXY_CLASS=evil) | {"id_str": evil, "band": evil}])
    page = Page(write_gallery(out).page)
    assert "onerror" not in [name for _, attrs in page.tags for name in attrs]
    assert len(page.scripts) == 2
    assert page.facts["filters"][0]["values"] == [evil]
    assert read_chunk(out, 0)[0][0]["id"] == evil


def test_self_contained(make_run, row):
    """The page names no address of a server, and its policy forbids others' files."""
    page = Page(write_gallery(make_run([row("a")])).page)
    assert not re.search(r"https?://[a-z]|<link|@import|src=\"http", page.text)
    (policy,) = [
        attrs["content"]
        for tag, attrs in page.tags
        if tag == "meta" and "http-equiv" in attrs
    ]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_sheets(make_run, row):
    """Each class of a label has its sheets, with at most the pages asked for."""
    rows = [row(f"s{number:03d}") for number in range(100)]
    rows += [row("e", GALAXY_CLASS="elliptical/E0"), row("n", GALAXY_CLASS=None)]
    out = make_run(rows)
    summary = write_gallery(out, pages=2)
    names = [
        path.relative_to(out / "gallery/sheets").as_posix() for path in summary.sheets
    ]
    assert names == [
        "GALAXY_CLASS/elliptical_E0-001.png",
        "GALAXY_CLASS/none-001.png",
        "GALAXY_CLASS/spiral-001.png",
        "GALAXY_CLASS/spiral-002.png",
    ]
    assert summary.more_sheets == 1
    with Image.open(summary.sheets[2]) as sheet:
        assert sheet.width == pytest.approx(1400, abs=150)
        assert np.asarray(sheet).std() > 10


def test_sheets_of_stamps_only(make_run, row):
    """Galaxies without a stamp have no place on a sheet, and a class of them none."""
    rows = [row("a"), row("b", status="no_coverage"), row("c")]
    rows += [row("d", GALAXY_CLASS="elliptical", status="failed")]
    summary = write_gallery(make_run(rows), by="GALAXY_CLASS")
    assert [path.name for path in summary.sheets] == ["spiral-001.png"]
    with Image.open(summary.sheets[0]) as sheet:
        pictures = np.asarray(sheet.convert("L"))[70:180].max(axis=0) > 60
        starts = np.flatnonzero(np.diff(pictures.astype(int)) == 1)
        # Two galaxies in a row, not three places.
        assert sheet.width < 3 * 148
        assert starts.size >= 2


def test_whole_names():
    """Galaxies are as far apart as their names are long, so that none is cut."""
    short, long = (
        draw_sheet([SheetGalaxy(letter * count, ()) for letter in "12"], title="")
        for count in (3, 26)
    )
    font = ImageFont.load_default(12)
    assert short.width < long.width
    assert long.width > 2 * font.getlength("1" * 26)


def test_sheets_without_classes(make_run, row):
    """Without a label with classes there is one series of sheets of all galaxies."""
    rows = [row(f"g{n}", GALAXY_CLASS=None, REDSHIFT=float(n)) for n in range(3)]
    summary = write_gallery(make_run(rows))
    assert [path.name for path in summary.sheets] == ["all-001.png"]
    assert write_gallery(make_run(rows), pages=0).sheets == []


def test_unknown_label(make_run, row):
    """A label that does not exist is refused, and the labels are named."""
    with pytest.raises(InputError, match="it has GALAXY_CLASS, REDSHIFT"):
        write_gallery(make_run([row("a")]), by="GALAXY_CLAS")


def test_label_without_classes(make_run, row):
    """A sheet for each value of a number is refused, before anything is drawn."""
    out = make_run([row(f"g{n}", REDSHIFT=n / 200) for n in range(101)])
    with pytest.raises(InputError, match="--by REDSHIFT: it has 101 different"):
        write_gallery(out, by="REDSHIFT")
    assert not (out / "gallery").exists()


def test_nothing_done(make_run, row):
    """A run without any stamp gets a page with its counts."""
    rows = [row("a", status="pending"), row("b", status="no_coverage")]
    summary = write_gallery(make_run(rows))
    (band,) = Page(summary.page).facts["bands"]
    assert band["counts"] == {"pending": 1, "no_coverage": 1}


def test_empty_manifest(make_run, row):
    """A manifest without rows has a page too."""
    out = make_run([row("a")])
    table = pq.read_table(out / "manifest.parquet")
    pq.write_table(table[:0], out / "manifest.parquet")
    summary = write_gallery(out)
    assert summary.sheets == []
    assert Page(summary.page).facts["galaxies"] == 0


def test_several_images(make_run, row):
    """Where a galaxy has several stamps in a band, each has its tile."""
    out = make_run([row("a"), row("a", file_loc="sdss/r/a@1.fits")])
    write_gallery(out)
    assert len(read_chunk(out, 0)[0][0]["tiles"]) == 2


def test_nowhere_to_write(make_run, row):
    """A page that cannot be written is a local error."""
    out = make_run([row("a")])
    (out / "gallery.html").mkdir()
    with pytest.raises(LocalError, match=r"gallery\.html"):
        gallery.write_gallery(out)
