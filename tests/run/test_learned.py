"""What is learned of hosts, kept in the ledger over a restart."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import HostFacts, Survey
from harvester.run.learned import Learned, kept_learned
from harvester.transport.host_speed import HostSpeeds
from harvester.transport.shared_hosts import read_shared_hosts

FACTS = HostFacts(11e6, 0.18, 1000.5, ranges=True, ranges_at=900.0, limit="rate")
BARE = HostFacts(ranges=False, ranges_at=7.0, several=False, several_at=8.0)


@pytest.fixture
def path(tmp_path):
    """Create an empty ledger."""
    path = tmp_path / "ledger.sqlite"
    surveys = [Survey.parse("sdss:r")]
    create_ledger(path, targets=[], rejects=[], surveys=surveys, facts={})
    return path


async def test_kept(path):
    """A run begins with what the last one has learned, and a reader sees it."""
    async with Ledger.open(path) as ledger, kept_learned(ledger, HostSpeeds()):
        assert await ledger.host_facts() == {}
    speeds = HostSpeeds({"a": FACTS, "b": BARE})
    async with Ledger.open(path) as ledger, kept_learned(ledger, speeds):
        speeds.at("b").note_ranges(given=True)
    async with Ledger.open(path) as ledger:
        kept = await ledger.host_facts()
    assert kept == {"b": speeds.facts()["b"]}
    with LedgerView.open(path) as view:
        assert view.host_facts() == kept


async def test_other_harvests(path, tmp_path):
    """At its end a run tells the other harvests of the machine what it has learned."""
    speeds, folder = HostSpeeds({"data.example": FACTS}), tmp_path / "state"
    async with Ledger.open(path) as ledger, kept_learned(ledger, speeds, folder):
        speeds.at("data.example").note_ranges(given=False)
    assert read_shared_hosts(folder)["data.example"].ranges is False


async def test_same_values(path):
    """Every value comes back as it was, also those that are not known."""
    async with Ledger.open(path) as ledger:
        ledger.keep_host_facts({"a": FACTS, "b": BARE})
    async with Ledger.open(path) as ledger:
        assert await ledger.host_facts() == {"a": FACTS, "b": BARE}


async def test_only_changes(path):
    """What has not changed is not written again."""
    written = []
    speeds = HostSpeeds({"a": FACTS})
    async with Ledger.open(path) as ledger:
        ledger.keep_host_facts = written.append
        learned = Learned(ledger, speeds)
        learned.keep()
        assert written == []
        speeds.at("b").note_ranges(given=True)
        learned.keep()
        learned.keep()
    assert [list(one) for one in written] == [["b"]]


async def test_while_it_runs(path, monkeypatch):
    """A harvest that is killed has kept what it knew a little earlier."""
    monkeypatch.setattr("harvester.run.learned._EVERY_S", 0.0)
    speeds = HostSpeeds()
    async with Ledger.open(path) as ledger, kept_learned(ledger, speeds):
        speeds.at("a").note_ranges(given=True)
        # A later commit is on disk: so are those before it.
        while not await ledger.host_facts():
            await ledger.keep_fact("x", "y")
        with closing(sqlite3.connect(path)) as db:
            assert db.execute("SELECT name, ranges FROM host_fact").fetchall() == [
                ("a", 1)
            ]
