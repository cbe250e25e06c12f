from __future__ import annotations

import pytest
from click.testing import CliRunner
from PIL import Image

from harvester.cli import main


def call(*words):
    """Run a command in this process."""
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture
def out(make_run, row):
    """Return a run with a galaxy in three bands, and one without any stamp."""
    missing = {"survey": "hst", "band": "F160W", "status": "no_coverage"}
    rows = [row("587722981742084144", band) for band in "gri"]
    rows += [row("587722981742084144", **missing, missing_reason="outside_footprint")]
    return make_run([*rows, row("587722981742084145", status="failed")])


def test_record_in_words(out):
    """The record tells position, stamps, why one is missing, labels and pages."""
    result = call("show", "587722981742084144", out)
    assert result.exit_code == 0, result.output
    for told in (
        "at RA 150.000000, Dec +2.000000", "SDSS g: done", "pixel_scale  0.396 arcsec",
        "HST F160W: no coverage (outside footprint)", "GALAXY_CLASS  spiral",
        "SDSS: https://skyserver.sdss.org/dr17/",
    ):  # fmt: skip
        assert told in result.output
    assert "\x1b" not in result.output


def test_order_of_bands(make_run, row):
    """Bands come by wavelength, in whatever order they were asked for."""
    out = make_run([row("a", band) for band in "zugir"])
    lines = call("show", "a", out).output.splitlines()
    bands = [line[5] for line in lines if line.endswith(": done")]
    assert "".join(bands) == "ugriz"


def test_reason_of_failure(make_run, row):
    """The code of an error is told, which says more than that there was one."""
    out = make_run([row("a", status="failed", reason="not_found")])
    assert "SDSS r: failed (not found)" in call("show", "a", out).output


@pytest.mark.parametrize(
    ("way", "start"), [("kitty", "\x1b_G"), ("sixel", "\x1bPq"), ("blocks", "\x1b[38")]
)
def test_pictures(out, way, start):
    """The pictures are printed before the record in the way that is asked for."""
    result = call("show", "587722981742084144", out, "--as", way)
    assert result.output.startswith(start)
    assert "SDSS g: done" in result.output


def test_png(out, tmp_path):
    """The file has the picture in colour and each band, side by side."""
    target = tmp_path / "galaxy.png"
    result = call("show", "587722981742084144", out, "--png", target)
    assert result.exit_code == 0, result.output
    told = f"{target}: SDSS gri (16.2 arcsec wide), SDSS g (16.2 arcsec wide)"
    assert result.output.startswith(told)
    with Image.open(target) as picture:
        assert picture.size == (4 * 248 - 8, 260)


def test_png_only(out, tmp_path):
    """A name that promises another format is refused."""
    result = call("show", "587722981742084144", out, "--png", tmp_path / "galaxy.gif")
    assert (result.exit_code, "ends with .png" in result.output) == (2, True)


def test_no_stamp(out, tmp_path):
    """A galaxy without a stamp has a record; a picture of it is refused."""
    assert "SDSS r: failed" in call("show", "587722981742084145", out).output
    target = tmp_path / "galaxy.png"
    result = call("show", "587722981742084145", out, "--png", target)
    assert result.exit_code == 2
    assert not target.exists()


def test_unknown_identifier(out):
    """An unknown identifier is an error that names the nearest ones."""
    result = call("show", "58772298174208414", out)
    assert result.exit_code == 2
    assert "587722981742084144" in result.output


def test_repeated_identifier(make_run, row):
    """All galaxies with the identifier are shown."""
    result = call("show", "a", make_run([row("a"), row("a", ra=11.0)]))
    assert result.output.count("at RA") == 2
