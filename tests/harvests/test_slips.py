"""Errors of the user that are refused before any request or file."""

from __future__ import annotations

import subprocess

import pytest
from astropy.io import fits
from disks import words_of_own_mounts
from service import HARVESTER, brisk_environment, harvester, status

pytestmark = pytest.mark.harvest


@pytest.mark.parametrize(
    "words",
    [
        ["--base-url=mast=foo"],
        ["--base-url=mast=http://127.0.0.1:99999"],
        ["--base-url=sdss-sas=http://127.0.0.1:x"],
        ["--base-url=mast=http://a.example", "--base-url=s3=http://a.example"],
        ["--size=20arcmin"],
        ["--unit=parsec"],
        ["--survey=sdss:rr"],
    ],
)
def test_slips_leave_no_folder(archives, tmp_path, words):
    """An invalid option is refused before the folder of the run is made."""
    before = archives.stats()
    out = tmp_path / "out"
    done = harvester("run", archives.catalogue, "--out", out, *archives.flags(), *words)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
    assert archives.stats() == before


def test_refused_catalogue_leaves_no_folder(archives, tmp_path):
    """A refused catalogue leaves no folder, so the next try may use it."""
    (tmp_path / "bad.csv").write_text("id,x,y\na,1,2\n")
    out = tmp_path / "out"
    done = harvester("run", tmp_path / "bad.csv", "--out", out, *archives.flags())
    assert done.returncode == 2, done.stderr
    assert not out.exists()


def test_unknown_filter(archives, tmp_path):
    """The error for an unknown filter names similar ones, and leaves no folder."""
    out = tmp_path / "out"
    words = ("--out", out, *archives.flags(), "--survey", "hst:WFC3/IR:F999X")
    done = harvester("run", archives.catalogue, *words)
    assert done.returncode == 2, done.stderr
    assert "MAST has no image of WFC3/IR:F999X. Did you mean F" in done.stderr
    assert not out.exists()


def test_list_of_identifiers(archives, tmp_path):
    """A list of SDSS identifiers is looked up, and harvested like any catalogue."""
    with fits.open(archives.catalogue) as hdus:
        ids = [str(each) for each in hdus[1].data["OBJID"].ravel()]
    (tmp_path / "ids.txt").write_text("".join(f"{each}\n" for each in ids))
    out = tmp_path / "out"
    words = ("--out", out, *archives.flags(), "--survey", "sdss:r", "--locate-only")
    told = harvester("inspect", tmp_path / "ids.txt")
    assert told.returncode == 0, told.stderr
    assert "looked up" in told.stdout
    done = harvester("run", tmp_path / "ids.txt", *words)
    assert done.returncode == 0, done.stderr
    found = status(out)
    assert found["targets"] > 0.9 * len(ids)
    assert found["targets"] + found["rejected"] == len(ids)


def test_no_room(archives, tmp_path):
    """A disk that is too small is an error before the first frame is fetched."""
    own_mounts = words_of_own_mounts()
    if own_mounts is None:
        pytest.skip("mounting needs rights that are not given here")
    (tmp_path / "disk").mkdir()
    before = archives.stats()["sdss-sas"]["bytes_sent"]
    words = [
        *(*HARVESTER, "run", archives.catalogue, "--out", tmp_path / "disk" / "out"),
        *(*archives.flags(), "--survey", "sdss:r"),
    ]
    script = 'mount -t tmpfs -o size=8m none "$0" && exec "$@"'
    done = subprocess.run(
        [*own_mounts, "sh", "-c", script, tmp_path / "disk", *words],
        capture_output=True,
        text=True,
        env=brisk_environment(),
        check=False,
    )
    assert done.returncode == 6, done.stderr
    assert "Free some space" in done.stderr
    assert archives.stats()["sdss-sas"]["bytes_sent"] == before
