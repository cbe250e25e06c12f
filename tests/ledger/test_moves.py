"""Changes of jobs and products that no other test of the ledger covers."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Finding, Product, Sample, Survey, Target
from harvester.states import State

SDSS = Survey.parse("sdss:r")


@pytest.fixture
def path(tmp_path):
    """Create a ledger of one target in one survey."""
    path = tmp_path / "ledger.sqlite"
    target = Target(0, "id0", 10.0, 0.0, "id0", 0)
    create_ledger(path, targets=[target], rejects=[], surveys=[SDSS], facts={})
    return path


async def locate(ledger):
    """Record that every pending target is in one frame."""
    frame = Product("sdss", "frame", "r", "https://archive/frame", size=5)
    asks = [ask for _, ask in await ledger.pending(SDSS, limit=9)]
    findings = [Finding(ask.target, {"r": [frame]}) for ask in asks]
    await ledger.record_located(SDSS, findings, file_loc=file_loc, keep_all=False)


async def fail(ledger):
    """Postpone the job once; two attempts are allowed."""
    return await ledger.postpone(
        SDSS, 1, [0], reason="http_500", attempts=2, longest_s=0
    )


async def test_retry_begins_anew(path):
    """A retried job is pending, due at once, with no attempts used."""
    async with Ledger.open(path) as ledger:
        await locate(ledger)
        assert await fail(ledger) == {State.LOCATED: 1}
        assert await fail(ledger) == {State.FAILED: 1}
        assert (await ledger.retry()).total() == 1
    with closing(sqlite3.connect(path)) as db:
        (row,) = db.execute("SELECT state, attempts, due, reason FROM job")
    assert row == ("pending", 0, 0, "")


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        (Sample(1, size=7, mirrors=("https://copy/frame",)), (7, "https://copy/frame")),
        (Sample(1, size=0), (0, "")),
        (Sample(1, mirrors=("https://copy/frame",)), (5, "https://copy/frame")),
    ],
)
async def test_samples(path, sample, expected):
    """A sample updates the size and mirrors it has; missing values stay."""
    async with Ledger.open(path) as ledger:
        await locate(ledger)
        await ledger.keep_samples("sdss", [sample], "three frames")
    with closing(sqlite3.connect(path)) as db:
        (row,) = db.execute(
            "SELECT size, coalesce(mirrors ->> 0, '') FROM product WHERE number = 1"
        )
        asked = db.execute("SELECT value FROM run WHERE key = 'samples sdss'")
        assert row == expected
        assert asked.fetchone() == ("three frames",)
