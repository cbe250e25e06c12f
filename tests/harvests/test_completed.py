"""Stamps over the row edges of fields in whole harvests with the sandbox."""

from __future__ import annotations

import io
import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from service import harvester, sandbox, status

from harvester.models import Bit
from harvester.sandbox.paint_sdss import sdss_frame
from harvester.sandbox.scans import COLUMNS, FIELD_STEP, ROWS, object_id
from harvester.sandbox.sky import Sky

pytestmark = [pytest.mark.harvest, pytest.mark.long, pytest.mark.timeout(900)]

#: Side of the stamps, even as by default; rows and columns before and behind a centre.
SIDE, HALF = 160, 80


@pytest.fixture(scope="module")
def sky():
    """Make the sky that the sandbox of these tests serves."""
    return Sky.make(7, targets=60)


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    """Serve that sky."""
    options = ("--seed", "7", "--targets", "60", "--no-hst-images")
    with sandbox(tmp_path_factory.mktemp("archives"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def pair(sky):
    """Find two fields that follow each other, with none before the first."""
    after = {key: key._replace(field=key.field + 1) for key in sky.fields}
    before = set(after.values())
    return next((k, n) for k, n in after.items() if n in sky.fields and k not in before)


@pytest.fixture(scope="module")
def scans(sky, pair):
    """Give all pixels of the two fields, with shared rows of the first, or second.

    They are the same counts of the camera, but each field has its own rounding.
    """
    one, two = (
        fits.getdata(io.BytesIO(sdss_frame(sky, key, "r"))).astype("f4") for key in pair
    )
    return (
        np.vstack([one, two[ROWS - FIELD_STEP :]]),
        np.vstack([one[:FIELD_STEP], two]),
    )


def line(sky, key, number, row, column):
    """Give the line of the catalogue for a pixel of a field, located by identifier."""
    tangent = sky.fields[key].tangent("r")
    # A quarter off the middle between two pixels, where rounding would be doubtful.
    ra, dec = tangent.to_sky(column - 0.25, row - 0.25)
    return f"{object_id(key, number, sky=2, rerun=301)},{ra:.9f},{dec:.9f}\n"


def harvested(archives, folder, lines, *options):
    """Harvest these lines; give the folder of the run and the manifest's rows."""
    catalogue, out = folder / "edges.csv", folder / "out"
    catalogue.write_text("objid,ra,dec\n" + "".join(lines))
    done = harvester(
        *("run", catalogue, "--out", out, "--survey", "sdss:r"),
        *("--size", f"{SIDE}px", *options, *archives.flags()),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return out, pq.read_table(out / "manifest.parquet").to_pylist()


@pytest.fixture(scope="module")
def edges(sky, archives, pair, tmp_path_factory):
    """Harvest places at each edge: behind the first field, before the second, ..."""
    first, second = pair
    lines = [
        line(sky, first, 1, ROWS - 6, 600),
        line(sky, second, 2, 5, 900),
        line(sky, first, 3, 5, 900),
        line(sky, first, 4, ROWS - 6, 10),
        line(sky, first, 5, 700, 700),
    ]
    folder = tmp_path_factory.mktemp("edges")
    return (folder, lines, *harvested(archives, folder, lines))


def cut(scan, row, column):
    """Cut the pixels around a place out of the scan."""
    box = np.s_[row - HALF : row + HALF, max(0, column - HALF) : column + HALF]
    return scan[box]


def test_completed(edges, scans, pair):
    """Rows beyond both edges are those of the neighbouring field, pixel by pixel."""
    _, _, out, (behind, before, *_) = edges
    for row, scan, place, other in (
        (behind, scans[0], (ROWS - 6, 600), pair[1]),
        (before, scans[1], (FIELD_STEP + 5, 900), pair[0]),
    ):
        flux, header = fits.getdata(out / row["file_loc"], header=True)
        np.testing.assert_array_equal(flux, cut(scan, *place))
        assert row["coverage"] == 1
        assert f"-{other.field:04d}.fits" in row["filled_from"] == header["FILLFROM"]
        assert {"edge", "filled"} <= set(row["flags"].split())
        bits = fits.getdata(out / row["file_loc"], "MASK")
        assert set(np.unique(bits)) == {Bit.GOOD, Bit.GOOD | Bit.FILLED}


def test_wcs_of_completed(edges):
    """The galaxy is in the middle of a completed stamp, by its own header."""
    _, _, out, rows = edges
    for row in rows[:2]:
        wcs = WCS(fits.getheader(out / row["file_loc"]))
        x, y = wcs.all_world2pix(row["ra"], row["dec"], 0)
        assert np.hypot(x - HALF, y - HALF) < 0.71
        assert np.hypot(x - row["x"], y - row["y"]) < 0.01


def test_end_of_run(edges):
    """Where the run ends, the stamp stays partial: an answer, and no error."""
    _, _, out, rows = edges
    assert rows[2]["status"] == "done"
    assert rows[2]["coverage"] == pytest.approx((HALF + 5) / SIDE, abs=1e-6)
    assert (rows[2]["filled_from"], rows[2]["filled_parent"]) == ("", "")
    bits = fits.getdata(out / rows[2]["file_loc"], "MASK")
    assert (bits[: HALF - 5] == Bit.OUTSIDE).all()


def test_corner(edges, scans):
    """Over a row edge and a column edge, only the rows are completed."""
    _, _, out, rows = edges
    flux = fits.getdata(out / rows[3]["file_loc"])
    assert rows[3]["coverage"] == (HALF + 10) / SIDE
    assert np.isnan(flux[:, : HALF - 10]).all()
    np.testing.assert_array_equal(flux[:, HALF - 10 :], cut(scans[0], ROWS - 6, 10))


def test_inside(edges):
    """A stamp inside its field has nothing of another."""
    rows = edges[3]
    assert (rows[4]["coverage"], rows[4]["filled_from"]) == (1, "")
    assert "edge" not in rows[4]["flags"]


def test_same_from_the_other_field(sky, archives, pair, tmp_path):
    """The neighbour's own stamp of the same place has the same pixels and flux."""
    first, second = pair
    column = 600
    row = ROWS - 30
    lines = [
        line(sky, first, 1, row, column),
        line(sky, second, 2, row - FIELD_STEP, column),
    ]
    out, rows = harvested(archives, tmp_path, lines)
    filled, whole = (fits.getdata(out / row["file_loc"]) for row in rows)
    assert (rows[0]["filled_from"], rows[1]["filled_from"]) == (rows[1]["product"], "")
    noise = 1.4826 * np.median(np.abs(whole - np.median(whole)))
    assert np.median(np.abs(filled - whole)) < 0.01 * noise
    assert filled.sum() == pytest.approx(whole.sum(), abs=0.1 * float(noise) * SIDE)
    flags = [row["flags"].split() for row in rows]
    assert all("duplicate_position" in one for one in flags)


def test_not_completed(archives, edges, tmp_path):
    """With --no-complete stamps end at the edge, and no neighbour is fetched."""
    _, lines, *_ = edges
    out, rows = harvested(archives, tmp_path, lines[:1], "--no-complete")
    assert status(out)["requests"][archives.host("sdss-sas")] == 1
    assert rows[0]["coverage"] == pytest.approx((HALF + 6) / SIDE, abs=1e-6)
    assert set(rows[0]["flags"].split()) == {"edge", "partial"}
    again = harvester("run", tmp_path / "edges.csv", "--out", out, "--complete")
    assert again.returncode == 2
    assert "complete was None and is now 'sdss'" in again.stderr


def test_history(archives, edges, tmp_path):
    """A stamp that was completed alone has the same bytes as one among others."""
    _, lines, _, rows = edges
    other, alone = harvested(archives, tmp_path, lines[1:2])
    assert alone[0]["sha256"] == rows[1]["sha256"]
    verified = harvester("verify", other, "--deep")
    assert verified.returncode == 0, verified.stdout
    source, again = other / "manifest.parquet", tmp_path / "again"
    rebuilt = harvester("rebuild", "--from", source, again, *archives.flags())
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr


def test_large_stamps_by_position(sky, archives, tmp_path):
    """Large stamps of galaxies located by position are whole between fields."""
    galaxies = sky.galaxies
    lines = [f"g{n},{g.ra:.8f},{g.dec:.8f}\n" for n, g in enumerate(galaxies)]
    out, rows = harvested(archives, tmp_path, lines, "--size", "600px", "--large")
    filled = [row for row in rows if row["filled_from"]]
    assert len(filled) >= 5
    for row in filled:
        flux = fits.getdata(out / row["file_loc"])
        own = row["y0"] >= 0
        edge = ROWS - row["y0"] if own else -row["y0"]
        inside = slice(max(0, -row["x0"]), COLUMNS - row["x0"])
        assert 0 < edge < 600
        assert np.isfinite(flux[:, inside]).all()


def test_plan(archives, edges, tmp_path):
    """The bill says how many neighbours large stamps may need."""
    _, lines, *_ = edges
    catalogue = tmp_path / "edges.csv"
    catalogue.write_text("objid,ra,dec\n" + "".join(lines))
    asked = ("plan", catalogue, "--survey", "sdss:r", "--json", *archives.flags())
    small = harvester(*asked, "--out", tmp_path / "small")
    large = harvester(*asked, "--out", tmp_path / "large", "--size", "600px")
    one, other = (
        json.loads(done.stdout)["surveys"]["sdss:r"] for done in (small, large)
    )
    assert one["neighbours"] == 0
    assert 0 < other["neighbours"] <= 2 * other["frames"]
