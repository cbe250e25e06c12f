"""What SQLite's refusals become."""

from __future__ import annotations

import aiosqlite
import pytest

from harvester.errors import LocalError
from harvester.ledger.group_commit import GroupCommit

HOSTS = "CREATE TABLE host (name PRIMARY KEY, requests, bytes)"


async def write(db):
    """Write a row."""
    await db.execute("INSERT INTO host VALUES ('data.sdss.org', 1, 2)")


async def refusal(path, pragma):
    """Write to a file that refuses it; give the error that comes of it."""
    async with aiosqlite.connect(path, isolation_level=None) as db:
        await db.execute(f"PRAGMA {pragma}")
        async with GroupCommit(db) as commits:
            with pytest.raises(LocalError) as caught:
                await commits.record(write)
    return caught.value


async def test_held_by_another(tmp_path):
    """A ledger that another program holds is a reason to come again: code 5."""
    path = tmp_path / "ledger.sqlite"
    async with aiosqlite.connect(path, isolation_level=None) as other:
        await other.execute(HOSTS)
        await other.execute("BEGIN EXCLUSIVE")
        error = await refusal(path, "busy_timeout = 0")
    assert error.exit_code == 5
    assert "another program holds the ledger" in str(error)


async def test_refused_by_the_disk(tmp_path):
    """What the disk does not take needs somebody at this machine: code 6."""
    path = tmp_path / "ledger.sqlite"
    async with aiosqlite.connect(path) as db:
        await db.execute(HOSTS)
    error = await refusal(path, "query_only = ON")
    assert error.exit_code == 6
    assert "readonly" in str(error)
