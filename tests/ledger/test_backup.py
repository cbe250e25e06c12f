"""Backups of a ledger that is in use."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.errors import InputError, LedgerError, LocalError
from harvester.ledger.backup import back_up
from harvester.ledger.file import check_file, create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Survey, Target
from harvester.places import Places

SDSS = Survey.parse("sdss:r")


@pytest.fixture
def path(tmp_path):
    """Create a ledger with a thousand targets."""
    path = tmp_path / "run" / "ledger.sqlite"
    path.parent.mkdir()
    create_ledger(
        path,
        targets=[Target(n, f"id{n}", n * 0.1, 0.0, f"id{n}") for n in range(1000)],
        rejects=[],
        surveys=[SDSS],
        facts={},
    )
    return path


def states(path):
    """Return the number of jobs in each state; check it against the job rows."""
    with LedgerView.open(path) as view:
        counted = dict(view.states()["sdss"])
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT state, count(*) FROM job GROUP BY state").fetchall()
    assert counted == dict(rows)
    return counted


async def _settle(ledger, asks):
    for _, ask in asks:
        await ledger.record_located(
            SDSS, [Finding(ask.target, {})], file_loc=str, keep_all=False
        )


async def test_copy_of_a_ledger_in_use(path, tmp_path):
    """A copy made while jobs are recorded is consistent and can be resumed."""
    target = tmp_path / "copy.sqlite"
    async with Ledger.open(path) as ledger:
        asks = await ledger.pending(SDSS, limit=1000)
        await _settle(ledger, asks[:10])
        async with asyncio.TaskGroup() as group:
            settling = group.create_task(_settle(ledger, asks[10:]))
            await asyncio.to_thread(back_up, path, target)
            is_in_use = not settling.done()
        assert is_in_use
    assert 10 <= states(target)["no_coverage"] < 1000
    async with Ledger.open(target) as ledger:
        await _settle(ledger, await ledger.pending(SDSS, limit=1000))
    assert states(target) == states(path) == {"no_coverage": 1000}


async def test_nothing_beside_it(path, tmp_path):
    """The copy is a single file, although the ledger has a WAL file beside it."""
    folder = tmp_path / "copies"
    folder.mkdir()
    async with Ledger.open(path) as ledger:
        await _settle(ledger, (await ledger.pending(SDSS, limit=3)))
        assert path.with_name("ledger.sqlite-wal").exists()
        size = back_up(path, folder / "copy")
    assert [one.name for one in folder.iterdir()] == ["copy"]
    assert size == (folder / "copy").stat().st_size
    assert states(folder / "copy")["no_coverage"] == 3


@pytest.mark.parametrize(
    "name", ["a#b", "a?mode=rwc&b", "a%23b", "a%b", "a b", "é", "file:a", "\udce9"]
)
def test_odd_folders(path, tmp_path, monkeypatch, name):
    """Reading and copying work in a folder of any name and create no other file."""
    folder = path.parent.rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for run in (Places(folder), Places(Path(name))):
        check_file(run.ledger)
        back_up(run.ledger, run.out / "copy", force=True)
        assert states(folder / "copy") == states(run.ledger) == {"pending": 1000}
    assert list(tmp_path.iterdir()) == [folder]
    assert {one.name for one in folder.iterdir()} <= {
        *("copy", "ledger.sqlite", "ledger.sqlite-shm", "ledger.sqlite-wal")
    }


def test_no_overwriting(path, tmp_path):
    """An existing file is overwritten only with ``--force``."""
    target = tmp_path / "copy"
    target.write_bytes(b"precious")
    with pytest.raises(InputError, match="--force"):
        back_up(path, target)
    assert target.read_bytes() == b"precious"
    back_up(path, target, force=True)
    assert states(target) == {"pending": 1000}


def test_unfit_targets(path, tmp_path):
    """A folder, the ledger itself and a database in use are never overwritten."""
    before = path.read_bytes()
    in_use = tmp_path / "other.sqlite"
    in_use.with_name("other.sqlite-wal").touch()
    linked = tmp_path / "linked"
    linked.symlink_to(path)
    for target, words in [
        (tmp_path, "is a folder"),
        (path, "is the ledger itself"),
        (linked, "is the ledger itself"),
        (in_use, "in use"),
    ]:
        with pytest.raises(InputError, match=words):
            back_up(path, target, force=True)
    assert path.read_bytes() == before


def test_damaged_ledger(path, tmp_path):
    """Copying a damaged ledger raises LedgerError and leaves no file."""
    whole = bytearray(path.read_bytes())
    whole[8192 : len(whole) // 2] = bytes(len(whole) // 2 - 8192)
    path.write_bytes(whole)
    with pytest.raises(LedgerError):
        back_up(path, tmp_path / "copy")
    assert not list(tmp_path.glob("copy*"))


def test_full_disk(path, tmp_path):
    """On a full disk the old copy stays and no partial copy is left."""
    target = tmp_path / "copy"
    target.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(LocalError, match="Is the disk full"):
            back_up(path, target, force=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert target.read_bytes() == b"old"
    assert [one.name for one in tmp_path.glob("copy*")] == ["copy"]


def test_command(path, tmp_path):
    """``backup`` reports the checked copy; its exit codes are 0, 2 and 6."""
    run, target = str(path.parent), str(tmp_path / "copy")
    done = CliRunner().invoke(main, ["backup", run, target])
    assert (done.exit_code, "checked" in done.output) == (0, True)
    assert CliRunner().invoke(main, ["backup", run, target]).exit_code == 2
    assert CliRunner().invoke(main, ["backup", run, target, "--force"]).exit_code == 0
    gone = CliRunner().invoke(main, ["backup", str(tmp_path), target])
    assert (gone.exit_code, "no harvest" in gone.output) == (2, True)
    nowhere = str(tmp_path / "nowhere" / "copy")
    assert CliRunner().invoke(main, ["backup", run, nowhere]).exit_code == 6
