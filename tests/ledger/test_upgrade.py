"""Upgrades of ledgers of earlier versions, which keep every row.

``earlier/N.sql`` is a ledger made by the last harvester with ledger version N, and
``tests/harvests/earlier/ledger.sql`` one made by the first harvester with version 1.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harvester.errors import LocalError
from harvester.ledger.file import VERSION, check_file, create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.upgrade import upgrade_ledger
from harvester.ledger.view import LedgerView

HERE = Path(__file__).parent

#: Dumps of earlier ledgers, and the version of each, which a dump does not contain.
EARLIER = {
    "first of 1": (HERE.parent / "harvests" / "earlier" / "ledger.sql", 1),
    **{
        f"last of {version}": (HERE / "earlier" / f"{version}.sql", version)
        for version in range(1, VERSION)
    },
}


@pytest.fixture(params=EARLIER)
def path(request, tmp_path):
    """Create a ledger of an earlier version from its dump."""
    dump, version = EARLIER[request.param]
    path = tmp_path / "ledger.sqlite"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(dump.read_text(encoding="utf-8"))
        db.execute(f"PRAGMA user_version = {version}")
        db.execute("PRAGMA journal_mode = WAL")
    return path


def ask(path, sql):
    """Query the file directly, without the code under test."""
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def schema(path):
    """Return the indexes and triggers by name, and the columns of each table."""
    made = {
        name: re.sub(r"\s+", " ", sql)
        for name, sql in ask(
            path,
            "SELECT name, sql FROM sqlite_master WHERE type IN ('index', 'trigger')",
        )
        # In the first version this index was a constraint in the table.
        if sql and name != "target_stem"
    }
    tables = ask(path, "SELECT name FROM sqlite_master WHERE type = 'table'")
    return made, {name: ask(path, f"PRAGMA table_info({name})") for (name,) in tables}


def rows(path, like=None):
    """Return all rows, with the columns of ``like``, which later versions extend.

    The tallies are left out, because later versions have extended them too.
    """
    tables = ("run", "target", "job", "product", "offer", "listing", "cutout", "host")
    widths = {name: len(like[1][name]) if like else None for name in tables}
    return {
        name: [row[: widths[name]] for row in ask(path, f"SELECT * FROM {name}")]
        for name in tables
    }


def test_same_schema(path, tmp_path):
    """An upgraded ledger has the schema of a new one and keeps its rows."""
    new, before, old = tmp_path / "new.sqlite", rows(path), schema(path)
    create_ledger(new, targets=[], rejects=[], surveys=[], facts={})
    upgrade_ledger(path)
    assert schema(path) == schema(new)
    assert rows(path, like=old) == before
    assert ask(path, "PRAGMA user_version") == [(VERSION,)]
    check_file(path)


async def test_goes_on(path):
    """Opening an earlier ledger upgrades it; all wanted frames are due afterwards."""
    sql = """
        SELECT DISTINCT product
        FROM cutout AS c
        JOIN job AS j USING (survey, target)
        WHERE c.state = 'wanted' AND j.state = 'located'
    """
    expected = {number for (number,) in ask(path, sql)}
    with LedgerView.open(path) as view:
        sdss, hst = view.surveys().values()
    async with Ledger.open(path) as ledger:
        # Jobs postponed by more than ``longest_s`` are due too, whatever the clock.
        due = [number async for number, _ in ledger.frames_due(sdss, longest_s=600)]
        assert await ledger.next_due([sdss]) == 0
        assert await ledger.next_due([hst]) in (0, None)
        assert len(await ledger.known_good()) == 1
    assert sorted(due) == sorted(expected)
    assert ask(path, "PRAGMA user_version") == [(VERSION,)]


def test_substitutes_are_counted(path):
    """The upgrade counts the substitutes, which the first version did not."""
    upgrade_ledger(path)
    sql = "SELECT count FROM tally WHERE what = 'substitutes' ORDER BY survey"
    has_one = ask(path, "SELECT 1 FROM cutout WHERE rank > 0 AND state = 'done'")
    assert ask(path, sql) == [(len(has_one),), (0,)]


def test_reading_changes_nothing(path):
    """Reading a ledger of an earlier version does not upgrade or change it."""
    before = path.read_bytes()
    with LedgerView.open(path) as view:
        assert sum(view.states()["sdss"].values()) == view.count("target")
        assert view.unlocated().keys() <= set(view.surveys())
        assert view.frames_to_come()
        assert list(view.manifest())
        assert view.host_facts() == {}
    assert path.read_bytes() == before
    assert ask(path, "PRAGMA user_version") != [(VERSION,)]


def test_upgrade_that_fails(path, monkeypatch):
    """A failed upgrade step changes nothing; the next upgrade succeeds."""
    before = schema(path)
    script = "harvester.ledger.upgrade.read_script"
    with monkeypatch.context() as patch:
        patch.setattr(script, lambda _: "DROP INDEX job_failed;\nDROP INDEX none;\n")
        with pytest.raises(LocalError):
            upgrade_ledger(path)
    assert schema(path) == before
    upgrade_ledger(path)
    assert ask(path, "PRAGMA user_version") == [(VERSION,)]
