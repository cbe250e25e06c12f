"""A run that is harvested in parts is, when merged, that of one undivided harvest."""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

import pytest
from service import harvester, kill_group, stamps, start, status

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.harvest,
    # Eight harvests; `tests/run/split` and `tests/run/merge` have the quick tests.
    pytest.mark.machines,
]

_PARTS = 4

_SURVEYS = ("--survey", "sdss:g,r", "--survey", "hst:WFC3/IR:F160W")


class Divided(NamedTuple):
    """An undivided run, the same in parts, and what the archives were asked."""

    whole: Path
    parts: list[Path]
    merged: Path
    #: How often each file was sent to the undivided run, and to all parts.
    sent_whole: Counter[str]
    sent_parts: Counter[str]
    #: Of the folder of the catalogue's parts, merged.
    by_sky: Path


def ran(*words):
    """Run a command that must end well; give what it prints."""
    done = harvester(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def sent(archives):
    """Count the files that the archives have sent so far, without the queries."""
    return Counter(
        visit["path"]
        for service in ("sdss-sas", "mast", "s3")
        for visit in json.loads(archives.ask("/_log", service=service))
        if visit["method"] == "GET"
        and visit["status"] == 200
        and ".fits" in visit["path"]
    )


def resume(folder):
    """Harvest all parts of a folder."""
    parts = sorted(folder.glob("part-*"))
    for part in parts:
        ran("resume", part)
    return parts


@pytest.fixture(scope="module")
def divided(archives, tmp_path_factory):
    """Harvest a catalogue at once, and by frames and by the sky in parts."""
    folder = tmp_path_factory.mktemp("divided")
    how = (*_SURVEYS, *archives.flags())
    listed, whole, run = archives.catalogue, folder / "whole", folder / "run"
    before = sent(archives)
    ran("run", listed, "--out", whole, *how)
    between = sent(archives)
    ran("plan", listed, "--out", run, *how)
    ran("split", run, "--into", _PARTS, "--out", folder / "parts")
    parts = resume(folder / "parts")
    after = sent(archives)
    ran("merge", folder / "parts", "--out", folder / "merged")
    ran("split", listed, "--into", 2, "--out", folder / "sky", *how)
    by_sky = [folder / "sky" / f"part-{n:04d}" for n in range(2)]
    assert resume(folder / "sky") == by_sky
    ran("merge", *by_sky, "--out", folder / "by-sky")
    sent_whole, sent_parts = between - before, after - between
    merged, sky = folder / "merged", folder / "by-sky"
    return Divided(whole, parts, merged, sent_whole, sent_parts, sky)


@pytest.mark.parametrize("name", ["merged", "by_sky"])
def test_same_files(divided, name):
    """Stamps, labels, rejects and both manifests have the same bytes."""
    merged = getattr(divided, name)
    files = ["labels.parquet", "manifest.parquet", "manifest.csv", "rejects.jsonl"]
    assert len(stamps(merged)) > 100
    assert stamps(merged) == stamps(divided.whole)
    for file in (*files, *stamps(merged)):
        assert (merged / file).read_bytes() == (divided.whole / file).read_bytes(), file


def test_no_frame_twice(divided):
    """All parts together fetch what the undivided harvest fetches, each file once."""
    assert divided.sent_parts == divided.sent_whole
    assert set(divided.sent_parts.values()) == {1}
    assert len(divided.sent_parts) > 10


def test_same_ledger(divided):
    """The jobs, stamps and counters of the ledger are those of the undivided run."""
    for query in (
        "SELECT survey, target, sky, state, reason, match FROM job",
        "SELECT survey, target, band, rank, state, file_loc, sha256 FROM cutout",
        "SELECT * FROM tally WHERE count > 0 AND what NOT LIKE 'image bytes %'",
    ):
        ours, theirs = (rows(one, query) for one in (divided.merged, divided.whole))
        assert ours == theirs
        assert ours


def rows(run, query):
    """Give what a query reads in the ledger of a run, sorted."""
    with closing(sqlite3.connect(run / "ledger.sqlite")) as db:
        return sorted(db.execute(query))


def test_traffic(divided):
    """What the parts and the plan have asked of a host is added up."""
    asked = "SELECT name, requests FROM host"
    runs = [divided.whole.with_name("run"), *divided.parts]
    together = sum((Counter(dict(rows(run, asked))) for run in runs), Counter())
    assert Counter(dict(rows(divided.merged, asked))) == together
    assert len(together) > 2


@pytest.mark.parametrize(
    "moment", ["merge.json", "cutouts", "labels.parquet", "ledger.sqlite.part"]
)
def test_killed_merge(divided, tmp_path, moment):
    """A merge that is killed as soon as a file is there is simply called again."""
    out = tmp_path / "merged"
    process = start("merge", divided.merged.with_name("parts"), "--out", out)
    while process.poll() is None and not (out / moment).exists():
        time.sleep(0.002)
    kill_group(process)
    ran("merge", divided.merged.with_name("parts"), "--out", out)
    assert _files(out) == _files(divided.merged)
    assert (out / "manifest.csv").read_bytes() == (
        divided.whole / "manifest.csv"
    ).read_bytes()


def _files(run):
    kept = (path for path in run.rglob("*") if path.suffix in {".fits", ".parquet"})
    return {path.relative_to(run): path.read_bytes() for path in kept}


def test_commands(divided, tmp_path):
    """The commands of a run work on the merged one, and find nothing amiss."""
    assert "0 to be made again" in ran("verify", divided.merged, "--deep")
    told, other = status(divided.merged), status(divided.whole)
    assert told["surveys"] == other["surveys"]
    assert "are the same" in ran("diff", divided.whole, divided.merged)
    ran("gallery", divided.merged)
    ran("report", divided.merged, "--out", tmp_path / "report.html")
    ran("export", divided.merged, "--to", "numpy", "--out", tmp_path / "export")
    assert "settled" in ran("resume", divided.merged)
