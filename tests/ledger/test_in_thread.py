"""Queries in threads, which must end when their task is cancelled."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import closing

import pytest

from harvester.ledger.file import create_ledger, open_to_read
from harvester.ledger.in_thread import in_thread
from harvester.models import Survey

#: A query that never ends.
ENDLESS = """
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
    SELECT count(*) FROM n
"""


@pytest.fixture
def path(tmp_path):
    """Create an empty ledger."""
    path = tmp_path / "ledger.sqlite"
    survey = Survey.parse("sdss:r")
    create_ledger(path, targets=[], rejects=[], surveys=[survey], facts={"a": "b"})
    return path


async def test_answer(path):
    """``in_thread`` returns the function's result, or raises its exception."""

    def ask(sql):
        with closing(open_to_read(path)) as db:
            return db.execute(sql).fetchall()

    assert await in_thread(ask, "SELECT * FROM run") == [("a", "b")]
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await in_thread(ask, "SELECT * FROM none")


async def test_cancel_ends_a_query(path):
    """A running query is interrupted when its task is cancelled."""
    loop = asyncio.get_running_loop()
    began, ended, problems = asyncio.Event(), threading.Event(), []

    def ask():
        with closing(open_to_read(path)) as db:
            loop.call_soon_threadsafe(began.set)
            try:
                db.execute(ENDLESS).fetchall()
            except sqlite3.OperationalError as error:
                problems.append(str(error))
            finally:
                ended.set()

    task = asyncio.create_task(in_thread(ask))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.to_thread(ended.wait)
    assert problems == ["interrupted"]


def test_outside_of_a_thread(path):
    """A long query outside of ``in_thread`` is not interrupted."""
    with closing(open_to_read(path)) as db:
        (count,) = db.execute(
            f"{ENDLESS.replace('FROM n)', 'FROM n WHERE i < 300000)', 1)}"
        ).fetchone()
    assert count == 300_000
