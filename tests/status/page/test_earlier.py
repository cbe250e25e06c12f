"""The page of runs whose ledgers earlier versions made: they are read as they are."""

from __future__ import annotations

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from harvester.ledger.file import VERSION
from harvester.places import Places
from harvester.status.metrics.exposition import metrics_of
from harvester.status.metrics.run_reading import read_run
from harvester.status.page.about_run import about_run
from harvester.status.page.latest_stamps import latest_stamps
from harvester.status.page.over_time import over_time
from harvester.status.page.overview import overview
from harvester.status.page.shown_run import shown_runs
from harvester.status.page.sky_map import sky_map

_TESTS = Path(__file__).parent.parent.parent

#: Dumps of earlier ledgers, and the version of each.
_EARLIER = [(_TESTS / "harvests/earlier/ledger.sql", 1)]
_EARLIER += [
    (_TESTS / f"ledger/earlier/{version}.sql", version) for version in range(1, VERSION)
]


@pytest.fixture(params=_EARLIER, ids=lambda one: f"{one[0].parent.name}-{one[1]}")
def run(request, tmp_path):
    """Make a run with an earlier ledger."""
    dump, version = request.param
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        db.executescript(dump.read_text("utf-8"))
        db.execute(f"PRAGMA user_version = {version}")
    return shown_runs([Places(tmp_path)])[0]


def test_earlier_ledgers(run):
    """All parts of the page are read, and the ledger stays as it was, byte for byte."""
    before = hashlib.sha256(run.places.ledger.read_bytes()).hexdigest()
    told = overview(run)
    assert told["state"] in {"stopped", "finished"}, told
    assert told["total"] > 0
    assert sky_map(run, 0, None)["points"]
    assert over_time(run, "all")["charts"] == []
    assert latest_stamps(run) == []
    assert about_run(run)["facts"]["Ledger"].startswith("schema")
    assert b"\nharvester_targets{" in metrics_of([read_run(run.name, run.places)])
    for group in told["failures"]:
        assert run.failures(group["survey"], group["reason"], -1)["galaxies"]
    assert hashlib.sha256(run.places.ledger.read_bytes()).hexdigest() == before
