"""A run that grows: what is added is harvested, and what was there stays."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from service import galaxies, harvester, status

if TYPE_CHECKING:
    from pathlib import Path

    import pyarrow as pa

pytestmark = [
    pytest.mark.harvest,
    # Two harvests and seven other commands; `tests/run/extend` has the quick tests.
    pytest.mark.long,
]

#: Galaxies of the catalogue before and afterwards.
FEW, MORE = 12, 18


class Grown(NamedTuple):
    """A run before and after it has grown by galaxies and a band."""

    out: Path
    #: Of the run before: its stamps, its manifest, and the requests for files.
    stamps: dict[str, bytes]
    manifest: pa.Table
    files: list[str]
    #: What extend told, and the requests for files afterwards.
    told: dict
    files_after: list[str]


@pytest.fixture(scope="module")
def catalogues(archives, tmp_path_factory):
    """Write a catalogue of few galaxies, and one of more that begins with them."""
    folder = tmp_path_factory.mktemp("catalogues")
    table = galaxies(archives)
    paths = folder / "few.csv", folder / "more.csv"
    for path, rows in zip(paths, (FEW, MORE), strict=True):
        table[:rows].write(path)
    return paths


@pytest.fixture(scope="module")
def grown(archives, catalogues, tmp_path_factory):
    """Harvest few galaxies in r, add others and the band i, and go on."""
    out = tmp_path_factory.mktemp("grown") / "out"
    few, more = catalogues
    words = ("run", few, "--out", out, "--survey", "sdss:r", *archives.flags())
    done = harvester(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    before = _stamps(out), pq.read_table(out / "manifest.parquet")
    files = _files(archives)
    told = harvester("extend", out, more, "--survey", "sdss:i", "--json")
    assert told.returncode == 0, told.stderr
    done = harvester("resume", out)
    assert done.returncode == 0, done.stdout + done.stderr
    return Grown(out, *before, files, json.loads(told.stdout), _files(archives))


def _stamps(out):
    paths = out.glob("cutouts/**/*.fits")
    return {str(path.relative_to(out)): path.read_bytes() for path in paths}


def _files(archives):
    """Give the names of the frames that were sent so far."""
    visits = json.loads(archives.ask("/_log", service="sdss-sas"))
    sent = [visit for visit in visits if visit["status"] in {200, 206}]
    return [visit["path"].rsplit("/", 1)[1] for visit in sent]


def test_stamps_stay(grown):
    """Stamps of galaxies that were there have the same paths and bytes."""
    after = _stamps(grown.out)
    assert grown.stamps
    assert grown.stamps == {path: after[path] for path in grown.stamps}


def test_manifest_rows_stay(grown):
    """The manifest has all rows of before unchanged, and those that are new."""
    after = pq.read_table(grown.out / "manifest.parquet")
    is_old = pc.and_(pc.less(after["target"], FEW), pc.equal(after["band"], "r"))
    assert after.filter(is_old).to_pylist() == grown.manifest.to_pylist()
    assert after.num_rows == 2 * MORE
    assert len((grown.out / "manifest.csv").read_text().splitlines()) == 2 * MORE + 1


def test_nothing_fetched_again(grown):
    """No frame is fetched again unless one of the new galaxies is in it."""
    table = pq.read_table(grown.out / "manifest.parquet")
    is_new = pc.or_(
        pc.greater_equal(table["target"], FEW), pc.equal(table["band"], "i")
    )
    wanted = set(table.filter(is_new)["product"].to_pylist())
    later = grown.files_after[len(grown.files) :]
    assert later
    assert set(later) <= wanted


def test_everything_told(grown):
    """What was understood is told: which galaxies are new, and which band."""
    told = grown.told
    assert (told["added"], told["dropped"], told["targets"]) == (MORE - FEW, 0, MORE)
    assert told["added_bands"] == ["sdss:i"]
    assert told["catalogue"]["known"] == FEW
    assert told["catalogue"]["becomes_catalogue"]


def test_status_after(grown):
    """Counts, bill and dates are those of the whole run."""
    told = status(grown.out)
    assert told["targets"] == MORE
    assert {band["name"]: band["total"] for band in told["bands"]} == {
        "sdss:r": MORE,
        "sdss:i": MORE,
    }
    assert told["settled"]
    assert told["cutouts"] == len(_stamps(grown.out))
    assert told["bill"]["frames"]["sdss:r,i"] >= told["frames"]["sdss:r,i"]


def test_verified(grown):
    """Ledger and disk agree, and other commands take the run as it is."""
    for words in (
        ("verify", grown.out, "--deep"),
        ("gallery", grown.out),
        ("report", grown.out),
        ("plan", grown.out),
    ):
        done = harvester(*words)
        assert done.returncode == 0, (words, done.stdout + done.stderr)


def test_continued_with_either(grown, catalogues):
    """`run` with the catalogue of before or of now continues the run."""
    for catalogue in catalogues:
        done = harvester(
            "run",
            catalogue,
            "--out",
            grown.out,
            "--survey",
            "sdss:r,i",
            "--locate-only",
        )
        assert done.returncode == 0, done.stderr


def test_another_catalogue_told_how(archives, grown, tmp_path):
    """Another catalogue is refused with how its galaxies are added."""
    other = tmp_path / "other.csv"
    galaxies(archives)[MORE:].write(other)
    done = harvester("run", other, "--out", grown.out, "--survey", "sdss:r,i")
    assert done.returncode == 2
    assert f"harvester extend {grown.out} {other}" in done.stderr


def test_removed_with_stamps(grown, catalogues):
    """With --removed drop the others stay, and every command takes what is left."""
    done = harvester("extend", grown.out, catalogues[0], "--removed", "drop")
    assert "removed from the run" in done.stdout
    assert harvester("manifest", grown.out).returncode == 0
    assert _stamps(grown.out).keys() >= grown.stamps.keys()
    table = pq.read_table(grown.out / "manifest.parquet")
    assert set(table["target"].to_pylist()) == set(range(FEW))
    done = harvester("verify", grown.out)
    assert (done.returncode, "not in the ledger" in done.stdout) == (0, False)
    assert status(grown.out)["cutouts"] == len(_stamps(grown.out))
