"""A run of which everything is known that can be known of one, and promtool."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

import pytest

from harvester.ledger.ledger import Ledger
from harvester.models import HostFacts
from harvester.status.metrics.run_reading import read_run

HOST = "data.sdss.org"
BILL = {"frames": {}, "requests": {HOST: 90}, "bytes": {HOST: 9_000}}


@pytest.fixture
async def at_work(places, clock, transport, make_watch):
    """Read a run at work, with failures, a bill and facts of a host."""
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("UPDATE job SET state = 'located'")
        db.execute("UPDATE job SET state='failed', reason='not_found' WHERE target < 7")
        db.execute("INSERT INTO host (name) VALUES (?)", (HOST,))
        db.execute("INSERT INTO run VALUES ('bill sdss', ?)", (json.dumps(BILL),))
    async with Ledger.open(places.ledger) as ledger:
        ledger.keep_host_facts({HOST: HostFacts(2e6, 0.25, clock.now)})
        watch = make_watch(ledger)
        watch.keep_moment(transport)
        with transport.pulse.beat() as beat:
            beat.sent()
            transport.in_flight = 1
            clock.now += 60
            beat.heard()
            watch.look(transport.states())
            await _move_on(ledger)
            yield read_run("zoo", places, clock.now)


async def _move_on(ledger):
    """Settle nine more jobs after what was told before, and count their traffic."""

    async def write(db):
        await db.execute("UPDATE job SET state = 'no_coverage' WHERE target > 90")
        await db.execute("UPDATE host SET requests = 30, bytes = 3000")

    await ledger._commits.record(write)
