"""``harvester align``: a whole run on one grid, as a data set of its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from click.testing import CliRunner
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.cli import main
from harvester.dataset.aligned_run.aligned_folder import AlignedFolder
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
    code, said = align(run, "--out", new)
    assert (code, f"{new}: 8 stamps of 3 galaxies\nCentres in" in said) == (0, True)
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
    words = (
        "--to",
        "grid",
        "--pixel-scale",
        "0.25",
        "--size",
        "8arcsec",
        "--no-register",
    )
    assert align(run, "--out", new, *words)[0] == 0
    table = pq.read_table(new / "manifest.parquet")
    assert run_facts(table.schema)["aligned"] == {
        "to": "grid",
        "how": "exact",
        "pixel_scale": 0.25,
        "size": "8arcsec",
        "register": False,
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
    assert "2 stamps of 2 galaxies\n1 galaxies have no stamp in sdss:r" in said
    first, second = harvester.open(new)
    assert first.stamps == ()
    assert first.records[0]["reason"] == "no stamp in sdss:r to align to"
    old = harvester.open(run)[1]["sdss", "r"]
    assert np.array_equal(second["sdss", "r"].flux, old.flux, equal_nan=True)


def tree(folder):
    """Give the bytes of all files of a folder."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Give a run of more than one piece of work, and its aligned files."""
    folder = tmp_path_factory.mktemp("many")
    run = write_run(folder / "run", {"n": list(range(70))}, (RED,), planes=())
    assert align(run, "--out", folder / "new", "--how", "bilinear")[0] == 0
    return run, tree(folder / "new")


def interrupted(run, out, monkeypatch, piece):
    """Align into a folder until the rows of a piece were to be written."""
    real = AlignedFolder.put

    def put(self, number, rows):
        if number == piece:
            raise KeyboardInterrupt
        real(self, number, rows)

    with monkeypatch.context() as patched:
        patched.setattr(AlignedFolder, "put", put)
        assert align(run, "--out", out, "--how", "bilinear")[0] != 0
    assert not (out / "manifest.parquet").exists()


def test_same_bytes_in_processes(many, tmp_path):
    """Many galaxies are divided among processes; the result is the same each time."""
    run, undisturbed = many
    assert len(undisturbed) == 71
    assert align(run, "--out", tmp_path / "b", "--how", "bilinear")[0] == 0
    assert tree(tmp_path / "b") == undisturbed


def test_goes_on(many, tmp_path, monkeypatch):
    """Stamps that are there are not made again, and the bytes are the same."""
    run, undisturbed = many
    interrupted(run, tmp_path / "new", monkeypatch, piece=1)
    first = tmp_path / "new/cutouts/sdss/r/0000/000.fits"
    made = first.stat().st_ino
    assert align(run, "--out", tmp_path / "new", "--how", "bilinear")[0] == 0
    assert first.stat().st_ino == made
    assert tree(tmp_path / "new") == undisturbed


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"no")])
def test_damage_is_made_good(many, tmp_path, monkeypatch, damage):
    """A stamp that is not there whole is made again."""
    run, undisturbed = many
    interrupted(run, tmp_path / "new", monkeypatch, piece=1)
    damage(tmp_path / "new/cutouts/sdss/r/0000/003.fits")
    assert align(run, "--out", tmp_path / "new", "--how", "bilinear")[0] == 0
    assert tree(tmp_path / "new") == undisturbed


def test_other_options(many, tmp_path, monkeypatch):
    """With other options all stamps are made again, and the command says so."""
    run, undisturbed = many
    interrupted(run, tmp_path / "new", monkeypatch, piece=1)
    code, said = align(run, "--out", tmp_path / "new", "--to", "r")
    assert code == 0
    assert "is of another alignment: its stamps are made again." in said
    assert len(tree(tmp_path / "new")) == len(undisturbed)
    table = pq.read_table(tmp_path / "new/manifest.parquet")
    assert run_facts(table.schema)["aligned"]["to"] == "sdss:r"


def test_complete_already(many, tmp_path):
    """The same command on the finished folder changes nothing; another is refused."""
    run, undisturbed = many
    new = tmp_path / "new"
    assert align(run, "--out", new, "--how", "bilinear")[0] == 0
    code, said = align(run, "--out", new, "--how", "bilinear")
    assert (code, "is aligned already" in said) == (0, True)
    assert tree(new) == undisturbed
    code, said = align(run, "--out", new, "--how", "adaptive")
    assert (code, "is a data set already" in said) == (2, True)


def test_other_files(many, tmp_path):
    """A folder with other files is left alone."""
    run, _ = many
    (tmp_path / "notes.txt").write_text("mine")
    code, said = align(run, "--out", tmp_path)
    assert (code, "has files that no alignment wrote" in said) == (2, True)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_was_moved(tmp_path):
    """Manifest, headers and command tell what registration did."""
    run = write_run(tmp_path / "run", {"registered": [1]}, (GREEN, RED))
    code, said = align(run, "--out", tmp_path / "new", "--to", "r")
    assert code == 0
    assert "1 stamps agreed, 0 were moved" in said
    data = harvester.open(tmp_path / "new")
    told = {r["band"]: (r["registered"], r["moved_x"]) for r in data[0].records}
    assert told == {"g": ("agreed", None), "r": ("reference", None)}
    assert data[0].labels == {"label_registered": 1}
    assert data[0]["sdss", "g"].header["REGISTER"] == "agreed"


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
