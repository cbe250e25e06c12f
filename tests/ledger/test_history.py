"""The history of a run: it outlives a restart, and old rows become few."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.history import HostNow, write_history
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Receipt, Survey, Target

_SURVEY = Survey.parse("sdss:g,r")
_HOST = HostNow("data.sdss.org", 3, 1, 10.0, "open", answers=8, p50_s=0.2, p95_s=1.5)
_NOON = 1_800_000_000


@pytest.fixture
def path(tmp_path):
    """Return a ledger with two galaxies in two bands."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(
        path,
        targets=[Target(n, f"id{n}", float(n), 0.0, f"id{n}") for n in range(2)],
        rejects=[],
        surveys=[_SURVEY],
        facts={},
    )
    return path


async def _cut_in_g(ledger):
    """Locate the first galaxy in both bands, and cut its stamp in g."""
    target = Target(0, "id0", 0.0, 0.0, "id0")
    choices = {
        band: [Product("sdss", f"frame-{band}", band, f"https://a/{band}")]
        for band in _SURVEY.bands
    }
    await ledger.record_located(
        _SURVEY,
        [Finding(target, choices)],
        file_loc=lambda _survey, _target, product, _rank: f"{product.band}.fits",
        keep_all=False,
    )
    due = {p.band: number async for number, p in ledger.frames_due(_SURVEY)}
    receipt = Receipt(0, file_loc="g.fits", sha256="1", size=1, coverage=1.0)
    await ledger.record_receipts(_SURVEY, due["g"], [receipt])


async def test_moments(path):
    """A moment has the counts of each band, and the traffic and answers of a host."""
    async with Ledger.open(path) as ledger:
        ledger.count_traffic("data.sdss.org", 7, 1000)
        await _cut_in_g(ledger)
        ledger.keep_history([_HOST], _NOON)
    with LedgerView.open(path) as view:
        g, r = view.band_history()
        (host,) = view.host_history()
    assert (g.band, g.done, g.open) == ("g", 1, 1)
    assert (r.band, r.done, r.open) == ("r", 0, 2)
    assert host[2:] == (7, 1000, 3, 1, 10.0, "open", 8, 0.2, 1.5)


async def test_outlives_a_restart(path):
    """Moments of an earlier process are still there, and read from any time on."""
    for minute in range(3):
        async with Ledger.open(path) as ledger:
            await _keep(ledger, [_NOON + 60 * minute])
    with LedgerView.open(path) as view:
        assert [one.at - _NOON for one in view.host_history()] == [0, 60, 120]
        assert [one.at - _NOON for one in view.host_history(_NOON)] == [60, 120]
        assert len(view.band_history(_NOON + 60)) == 2


async def _keep(ledger, times):
    """Write moments at these times, in one commit."""

    async def write(db):
        for at in times:
            await write_history(db, [_HOST], at)

    await ledger._commits.record(write)


def _write_minutes(path, minutes):
    """Write a month as it would be if nothing were ever thinned."""
    with closing(sqlite3.connect(path)) as db, db:
        hosts = [("data.sdss.org", at, *_HOST[1:-1], at % 7200 / 1e3) for at in minutes]
        db.executemany(
            "INSERT INTO host_history VALUES (?, ?, 0, 0, ?, ?, ?, ?, ?, ?, ?)", hosts
        )
        bands = [(band, at) for band in _SURVEY.bands for at in minutes]
        db.executemany("INSERT INTO band_history VALUES (0, ?, ?, 0, 0, 0, 2)", bands)


async def test_weeks_stay_small(path):
    """Thirty days are a minute's rows of a day, and few of the time before."""
    minutes = range(_NOON, _NOON + 30 * 86_400, 60)
    now = minutes[-1] + 60
    _write_minutes(path, minutes)
    async with Ledger.open(path) as ledger:
        await _keep(ledger, [now, now])
    with LedgerView.open(path) as view:
        hosts, bands = view.host_history(), view.band_history()
    ages = [now - one.at for one in hosts]
    assert sum(age <= 86_400 for age in ages) == 1441
    in_two_weeks = sum(86_400 < age <= 14 * 86_400 for age in ages)
    assert in_two_weeks == pytest.approx(13 * 144, abs=2)
    assert sum(age > 14 * 86_400 for age in ages) == pytest.approx(16 * 24, abs=2)
    assert len(bands) == 2 * len(hosts)
    assert sum(one.answers for one in hosts) == 8 * (len(minutes) + 1), "none is lost"
    # The slowest answers of each hour are kept.
    assert all(one.p95_s >= 3.5 for one in hosts[:384])


def test_earlier_ledger(path):
    """A ledger without history has none, and its bands are counted."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("DROP TABLE band_history")
        db.execute("DROP TABLE host_history")
        db.execute("PRAGMA user_version = 4")
    with LedgerView.open(path) as view:
        assert (view.band_history(), view.host_history()) == ([], [])
        assert [one.pending for one in view.bands()] == [2, 2]
