"""``harvester align``: a whole run on one grid, as a data set of its own."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from click.testing import CliRunner
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.cli import main
from harvester.dataset.manifest import run_facts

BANDS = (GREEN, RED, INFRARED)


def align(*words):
    """Run the command; give its exit code and what it prints."""
    done = CliRunner().invoke(main, ["align", *map(str, words)])
    return done.exit_code, done.output


def test_two_surveys_become_one_array(tmp_path):
    """All bands of both surveys have one shape, so that they are one array."""
    planes = ("ivar", "mask", "psf")
    missing = {(1, "F160W")}
    labels, out = {"n": [1, 2, 3]}, tmp_path / "run"
    run = write_run(out, labels, BANDS, missing=missing, planes=planes)
    new = tmp_path / "new"
    assert align(run, "--out", new) == (0, f"{new}: 8 stamps of 3 galaxies\n")
    data = harvester.open(new)
    samples = data.samples(labels="n", planes=["flux", "ivar", "good"])
    assert [samples[number]["n"] for number in range(2)] == [1, 3]
    item = samples[0]
    assert item["flux"].shape == item["ivar"].shape == item["good"].shape == (3, 24, 24)
    # The infrared stamps show less of the sky.
    assert np.isfinite(item["flux"]).mean(axis=(1, 2)).min() > 0.5
    assert data[1].labels == {"n": 2}
    assert ("hst", "F160W") not in data[1]


def test_files_and_manifest(tmp_path):
    """Stamps are sound FITS files, and the manifest tells what they are now."""
    run = write_run(tmp_path / "run", {"n": [1]}, BANDS)
    new = tmp_path / "new"
    words = ("--to", "grid", "--pixel-scale", "0.25", "--size", "8arcsec", "--register")
    assert align(run, "--out", new, *words)[0] == 0
    table = pq.read_table(new / "manifest.parquet")
    assert run_facts(table.schema)["aligned"] == {
        "to": "grid",
        "how": "exact",
        "pixel_scale": 0.25,
        "size": "8arcsec",
        "register": True,
    }
    for row in table.to_pylist():
        path = new / row["file_loc"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"]
        assert (row["nx"], row["ny"], row["x0"]) == (32, 32, None)
        assert row["pixel_scale"] == pytest.approx(0.25)
        with fits.open(path) as hdus:
            hdus.verify("exception")
            assert [hdu.name for hdu in hdus] == ["PRIMARY", "IVAR", "MASK"]
            assert {hdu.data.shape for hdu in hdus} == {(32, 32)}
            assert hdus[0].header["ALIGNED"] == "grid, exact"
            assert hdus["MASK"].header["BIT0"] == "GOOD"
            assert np.isfinite(hdus[0].data).mean() == pytest.approx(row["coverage"])


def test_galaxies_without_the_band(tmp_path):
    """Galaxies without the band whose pixels are taken are left out, and counted."""
    missing = {(0, "r")}
    run = write_run(tmp_path / "run", {"n": [1, 2]}, (GREEN, RED), missing=missing)
    new = tmp_path / "new"
    code, said = align(run, "--out", new, "--to", "r")
    assert code == 0
    assert "2 stamps of 2 galaxies\n1 galaxies have no stamp in r" in said
    first, second = harvester.open(new)
    assert first.stamps == ()
    assert first.records[0]["reason"] == "no stamp in sdss:r to align to"
    old = harvester.open(run)[1]["sdss", "r"]
    assert np.array_equal(second["sdss", "r"].flux, old.flux, equal_nan=True)


def test_same_bytes_in_processes(tmp_path):
    """Many galaxies are divided among processes; the result is the same each time."""
    run = write_run(tmp_path / "run", {"n": list(range(70))}, (RED,), planes=())
    for name in ("a", "b"):
        assert align(run, "--out", tmp_path / name, "--how", "bilinear")[0] == 0
    first, second = (
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*.*")
            if path.is_file()
        }
        for name in ("a", "b")
    )
    assert len(first) == 71
    assert first == second


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "y"), "there is no band 'y'; there are sdss:r"),
        (("--to", "r", "--size", "9px"), "no size can be given"),
        (("--size", "huge"), "size 'huge' is not like"),
    ],
)
def test_wrong_words(tmp_path, words, said):
    """A wrong word ends with exit code 2, and leaves no data set."""
    run = write_run(tmp_path / "run", {"n": [1]}, (RED,))
    code, output = align(run, "--out", tmp_path / "new", *words)
    assert (code, said in output) == (2, True), output
    assert not (tmp_path / "new" / "manifest.parquet").exists()


def test_never_over_a_data_set(tmp_path):
    """A run is never written over, also not by itself."""
    run = write_run(tmp_path / "run", {"n": [1]}, (RED,))
    code, output = align(run, "--out", run)
    assert code == 2
    assert "is a data set already" in output
