"""Paging through the due jobs, a few at a time."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing

import pytest

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Finding, Product, Survey, Target
from harvester.states import State

SURVEY = Survey.parse("sdss:g,r")

#: Number of targets; each frame is shared by two of them.
TARGETS = 10


@pytest.fixture
async def ledger(tmp_path, monkeypatch):
    """Open a ledger of located jobs, two a frame, that are read three at a time."""
    monkeypatch.setattr("harvester.ledger.waiting._JOBS", 3)
    path = tmp_path / "ledger.sqlite"
    targets = [Target(n, f"id{n}", n * 0.01, 0, f"id{n}", n) for n in range(TARGETS)]
    create_ledger(path, targets=targets, rejects=[], surveys=[SURVEY], facts={})
    async with Ledger.open(path) as ledger:
        findings = [Finding(one, _choices(one.number // 2)) for one in targets]
        await ledger.record_located(SURVEY, findings, file_loc=file_loc, keep_all=False)
        yield ledger


def _choices(field):
    return {
        band: [Product("sdss", f"{band}{field}", band, "")] for band in SURVEY.bands
    }


async def _names(ledger, **options):
    return [p.name async for _, p in ledger.frames_due(SURVEY, **options)]


def _postpone(path, due, *targets):
    with closing(sqlite3.connect(path)) as db, db:
        db.executemany(
            "UPDATE job SET due = ? WHERE target = ?", [(due, t) for t in targets]
        )


async def test_all_pages(ledger):
    """Every frame is listed once, in sky order, over several pages of jobs."""
    assert await _names(ledger) == [f"{band}{n}" for n in range(5) for band in "gr"]


async def test_postponed_frames_come_last(ledger, tmp_path):
    """Postponed frames are listed once they are due, after those never postponed."""
    now = time.time()
    _postpone(tmp_path / "ledger.sqlite", now - 1, 0, 1)
    _postpone(tmp_path / "ledger.sqlite", now + 600, *range(4, TARGETS))
    assert await _names(ledger, longest_s=1000) == ["g1", "r1", "g0", "r0"]


async def test_jobs_without_frames_are_passed(ledger, tmp_path):
    """Jobs that want no frame are skipped, also if they fill whole pages."""
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db, db:
        db.execute("UPDATE cutout SET state = 'spare' WHERE target < 8")
    assert await _names(ledger) == ["g4", "r4"]


async def test_pending_from_place_to_place(tmp_path):
    """Each pending job is listed once; postponed ones come last when due."""
    path = tmp_path / "ledger.sqlite"
    targets = [Target(n, f"id{n}", n * 0.01, 0, f"id{n}", n) for n in range(TARGETS)]
    create_ledger(path, targets=targets, rejects=[], surveys=[SURVEY], facts={})
    now = time.time()
    _postpone(path, now - 1, 0)
    _postpone(path, now + 600, 1)
    _postpone(path, now + 10**9, 2)  # by a clock that was ahead
    found, more = [], {}
    async with Ledger.open(path) as ledger:
        while some := await ledger.pending(SURVEY, limit=4, longest_s=1000, **more):
            found += [ask.target.number for _, ask in some]
            more = {"after": some[-1][0]}
        assert await ledger.next_due([SURVEY], State.PENDING) == 0
    assert found == [*range(3, TARGETS), 0, 2]
