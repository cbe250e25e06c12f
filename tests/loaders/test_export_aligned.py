"""``harvester export --align``: an aligned data set by one command."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
import sys
import time
from contextlib import suppress

import numpy as np
import pyarrow.parquet as pq
import pytest
from astropy.io import fits
from click.testing import CliRunner
from written_run import GREEN, INFRARED, RED, write_run

import harvester
from harvester.cli import main
from harvester.dataset.aligned_run.aligned_folder import AlignedFolder
from harvester.dataset.export.pieces import ExportFolder

BANDS = (GREEN, RED, INFRARED)
BY_RED = ("--align", "r", "--resampling", "bilinear")


def export(run, *words):
    """Run the command; give its exit code and what it prints."""
    done = CliRunner().invoke(main, ["export", str(run), *map(str, words)])
    return done.exit_code, done.output


def tree(folder):
    """Give the digest of each file of a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).digest()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def run(tmp_path):
    """Give a run of three galaxies in two surveys, of which one lacks a band."""
    missing = {(1, "F160W")}
    return write_run(tmp_path / "zoo", {"n": [1, 2, 3]}, BANDS, missing=missing)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Give a run of several pieces, and the files of its aligned export."""
    folder = tmp_path_factory.mktemp("many")
    run = write_run(folder / "zoo", {"n": list(range(80))}, (GREEN, RED))
    assert export(run, "--to", "numpy", *BY_RED)[0] == 0
    return run, tree(run / "exports/numpy")


def test_one_grid(run):
    """All bands of both surveys have one shape, and the galaxy in the same place."""
    code, said = export(run, "--to", "numpy", "--align", "north")
    assert code == 0, said
    made = run / "exports/numpy"
    wide, deep = (np.load(made / name / "flux.npy") for name in ("sdss", "hst"))
    assert (wide.shape, deep.shape) == ((3, 2, 24, 24), (2, 1, 24, 24))
    galaxy = harvester.open(run)[0]
    aligned = galaxy.aligned("north", pixel_scale=0.396, size="24px")
    stamps = pq.read_table(made / "sdss/stamps.parquet")["object_id"].to_pylist()
    first = wide[stamps.index("000"), 1]
    assert np.array_equal(first, aligned["sdss", "r"].flux, equal_nan=True)
    told = pq.read_table(made / "galaxies.parquet")["sdss_r_registered"]
    assert set(told.to_pylist()) <= {"reference", "agreed"}
    assert [path.name for path in (run / "exports").iterdir()] == ["numpy"]
    options = json.loads((made / "export.json").read_text())["options"]
    assert options["align"]["to"] == "north"


def test_headers_and_card(run):
    """Headers and card say how the stamps were aligned."""
    words = ("--align", "grid", "--resampling", "bilinear", "--no-register")
    assert export(run, "--to", "fits-cube", *words)[0] == 0
    (cube,) = (run / "exports/fits-cube").rglob("000.fits")
    with fits.open(cube) as hdus:
        header = hdus["SDSS_R"].header
        assert header["ALIGNED"] == "grid, bilinear"
        assert "REGISTER" not in header
    card = (run / "exports/fits-cube/README.md").read_text()
    assert card.startswith("# zoo\n")
    assert "one pixel grid for each galaxy (`--align grid`, `bilinear`)" in card
    assert "| option `--no-register` | `yes` |" in card
    assert "No band was moved: their astrometry is that of the frames." in card


def test_card_tells_the_moves(run):
    """The card counts by band what registration did."""
    assert export(run, "--to", "numpy", *BY_RED)[0] == 0
    card = (run / "exports/numpy/README.md").read_text()
    assert "`--align sdss:r`, `bilinear`" in card
    assert "| SDSS | g | 0 | 3 | 0 | - | 0 | 0 |" in card
    assert "by at most 0.5 of the widest pixels" in card


def test_chosen_bands_only(run):
    """Only the bands that are exported are aligned, also to one that is not."""
    words = ("--align", "F160W", "--bands", "sdss:r", "--to", "numpy")
    code, said = export(run, *words)
    assert code == 0, said
    assert "1 galaxies have no stamp in hst:F160W" in said
    assert np.load(run / "exports/numpy/sdss/flux.npy").shape == (2, 1, 60, 60)
    assert not (run / "exports/numpy/hst").exists()


def test_starter_aligns_few(many, tmp_path, monkeypatch):
    """A small edition aligns its own galaxies only, and has the same pixels."""
    run, _ = many
    calls = []
    real = AlignedFolder.put

    def put(self, number, rows):
        calls.append(len(rows["file_loc"].drop_null()))
        real(self, number, rows)

    monkeypatch.setattr(AlignedFolder, "put", put)
    out = tmp_path / "small"
    words = ("--to", "numpy", *BY_RED, "--starter", "5", "--out", out)
    assert export(run, *words)[0] == 0
    assert sum(calls) == 10
    small = pq.read_table(out / "galaxies.parquet")["object_id"].to_pylist()
    whole = pq.read_table(run / "exports/numpy/galaxies.parquet")["object_id"]
    places = [whole.to_pylist().index(one) for one in small]
    fluxes = np.load(run / "exports/numpy/sdss/flux.npy")[places]
    assert np.array_equal(np.load(out / "sdss/flux.npy"), fluxes, equal_nan=True)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--align", "y"), "--align y: there is no band 'y'; there are sdss:g, sdss:r"),
        ((*BY_RED, "--size", "9px"), "no size can be given"),
        (("--align", "north", "--bands", "q"), "--bands q: the run has no such band"),
        (("--align", "north", "--labels", "q"), "the catalogue has no such column"),
        (("--resampling", "exact"), "are of --align: name a band"),
        (("--no-register",), "are of --align: name a band"),
    ],
)
def test_wrong_words(run, words, said):
    """A wrong word ends with exit code 2, says what there is, and leaves no export."""
    code, output = export(run, "--to", "numpy", *words)
    assert (code, said in output) == (2, True), output
    assert not (run / "exports/numpy").exists()


def test_interrupted_writing(many, tmp_path, monkeypatch):
    """Stamps that were aligned before an interruption are not aligned again."""
    run, undisturbed = many
    words = ("--to", "numpy", *BY_RED, "--out", tmp_path / "made")

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ExportFolder, "write", stopped)
        assert export(run, *words)[0] != 0
    code, said = export(run, *words)
    assert code == 0
    assert f"{tmp_path / 'made'}.aligned is aligned already." in said
    made = tree(tmp_path / "made")
    assert made.pop("export.json") == undisturbed.get("export.json")
    assert made.items() <= undisturbed.items()
    code, said = export(run, *words)
    assert (code, "is complete already." in said) == (0, True)
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


def test_other_alignment(many, tmp_path):
    """Another alignment is another export: it is made again, and replaces the old."""
    run, _ = many
    words = ("--to", "numpy", "--bands", "r", "--starter", "3", "--out", tmp_path / "x")
    assert export(run, *words)[0] == 0
    plain = tree(tmp_path / "x")
    assert export(run, *words, "--align", "north")[0] == 0
    north = tree(tmp_path / "x")
    assert plain["sdss/flux.npy"] != north["sdss/flux.npy"]
    assert export(run, *words)[0] == 0
    assert tree(tmp_path / "x") == plain
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


@pytest.mark.long
@pytest.mark.timeout(900)
def test_kills(many, tmp_path):
    """After ten kills the same command gives the bytes of an undisturbed export."""
    run, undisturbed = many
    out = tmp_path / "made"
    words = ["--to", "numpy", *BY_RED, "--out", str(out)]
    command = [sys.executable, "-m", "harvester", "export", str(run), *words]
    draw, kills, took = random.Random(3), 0, 20.0
    while kills < 10:
        started = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        # The time is the fault here, not something that is waited for.
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=draw.uniform(0, took))
        if process.poll() is None:
            process.kill()
            process.communicate()
            kills += 1
        elif out.exists():
            took = time.monotonic() - started
            assert tree(out) == undisturbed
            for path in sorted(out.rglob("*"), reverse=True):
                path.rmdir() if path.is_dir() else path.unlink()
            out.rmdir()
    assert subprocess.run(command, check=False).returncode == 0
    assert tree(out) == undisturbed
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
