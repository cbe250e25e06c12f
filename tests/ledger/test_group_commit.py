"""Commits that SQLite refuses: the error raised, and the counts that are kept."""

from __future__ import annotations

import aiosqlite
import pytest

from harvester.errors import BusyError, LocalError
from harvester.ledger.file import create_ledger
from harvester.ledger.group_commit import GroupCommit
from harvester.ledger.tally import FETCHED
from harvester.models import Survey

SDSS = Survey.parse("sdss:r")
HOSTS = "CREATE TABLE host (name PRIMARY KEY, requests, bytes)"


async def write(db):
    """Write a row."""
    await db.execute("INSERT INTO host VALUES ('data.sdss.org', 1, 2)")


async def nothing(_db):
    """Write nothing, so that the commit has only the pending counts."""


async def refusal(path, pragma):
    """Write under a pragma that makes SQLite refuse; return the error."""
    async with aiosqlite.connect(path, isolation_level=None) as db:
        await db.execute(f"PRAGMA {pragma}")
        async with GroupCommit(db) as commits:
            with pytest.raises(LocalError) as caught:
                await commits.record(write)
    return caught.value


async def test_held_by_another(tmp_path):
    """A ledger locked by another program is an error with exit code 5."""
    path = tmp_path / "ledger.sqlite"
    async with aiosqlite.connect(path, isolation_level=None) as other:
        await other.execute(HOSTS)
        await other.execute("BEGIN EXCLUSIVE")
        error = await refusal(path, "busy_timeout = 0")
    assert error.exit_code == 5
    assert "another program holds the ledger" in str(error)


async def test_refused_by_the_disk(tmp_path):
    """A write that SQLite refuses as readonly is an error with exit code 6."""
    path = tmp_path / "ledger.sqlite"
    async with aiosqlite.connect(path) as db:
        await db.execute(HOSTS)
    error = await refusal(path, "query_only = ON")
    assert error.exit_code == 6
    assert "readonly" in str(error)


async def test_counts_outlive_a_refusal(tmp_path):
    """If a commit is refused, its counts are added once by the next commit."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, targets=[], rejects=[], surveys=[SDSS], facts={})
    async with (
        aiosqlite.connect(path, isolation_level=None) as other,
        aiosqlite.connect(path, isolation_level=None) as db,
    ):
        # Without a WAL file, a reader blocks the commit of a writer but not its BEGIN.
        await db.execute("PRAGMA journal_mode = DELETE")
        await db.execute("PRAGMA busy_timeout = 0")
        async with GroupCommit(db) as commits:
            await other.execute("BEGIN")
            await other.execute_fetchall("SELECT * FROM host")
            commits.count_traffic("data.sdss.org", 1, 10)
            commits.count(0, FETCHED, 7)
            with pytest.raises(BusyError):
                await commits.record(nothing)
            await other.execute("ROLLBACK")
            commits.count_traffic("data.sdss.org", 1, 10)
            commits.count(0, FETCHED, 7)
            for _ in range(2):
                await commits.record(nothing)
        host = await db.execute_fetchall("SELECT name, requests, bytes FROM host")
        tally = await db.execute_fetchall(
            "SELECT count FROM tally WHERE survey = 0 AND what = ?", (FETCHED,)
        )
    assert list(host) == [("data.sdss.org", 2, 20)]
    assert list(tally) == [(14,)]
