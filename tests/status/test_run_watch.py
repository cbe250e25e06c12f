"""The signs of life of a harvest, by a clock that the test moves on."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import sqlite3
from contextlib import ExitStack, closing

import pytest
from click.testing import CliRunner

from harvester.cli import main
from harvester.events import Moved, Stalled, Stamped
from harvester.ledger.file import owned
from harvester.ledger.ledger import Ledger
from harvester.ledger.runner import RUNNER
from harvester.ledger.view import LedgerView
from harvester.states import State
from harvester.status.health import read_health
from harvester.status.report import read_report, state_of, unsettled
from harvester.status.report_words import beat_of, one_line, words
from harvester.status.run_watch import watched

HOST = "data.sdss.org"


async def _locate_all(places):
    """Make all jobs located, as a harvest does before the first frame."""
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("UPDATE job SET state = 'located'")


async def _settle(ledger, count, state="no_coverage"):
    """Settle some jobs that are located."""

    async def write(db):
        await db.execute(
            "UPDATE job SET state = ? WHERE target IN "
            "(SELECT target FROM job WHERE state = 'located' LIMIT ?)",
            (state, count),
        )

    await ledger._commits.record(write)


async def _synced(ledger):
    """Wait until all that was told is in the ledger."""

    async def nothing(_db):
        pass

    await ledger._commits.record(nothing)


async def _hang(ledger, watch, transport, clock, seconds):
    """Have four requests under way that bring nothing, for some seconds."""
    transport.in_flight = 4
    transport.facts["waiting"] = 2
    with ExitStack() as stack:
        for _ in range(4):
            stack.enter_context(transport.pulse.beat()).sent()
        for _ in range(0, seconds, 2):
            clock.now += 2
            watch.look(transport.states())
        await _synced(ledger)


async def test_hanging_archive_for_150_s(places, clock, transport, make_watch):
    """After 150 s of a hanging archive status names it, and does not call it ready."""
    await _locate_all(places)
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        watch.keep_moment(transport)
        await _hang(ledger, watch, transport, clock, 150)
        report = read_report(places, clock.now)
    (limit,) = report["pace"]["limits"]
    assert (limit["limit"], limit["host"]) == ("silence", HOST)
    assert limit["words"] == f"{HOST}: silent for 2 min, 4 requests under way"
    assert report["pace"]["eta_s"] is None
    assert "end not known: data.sdss.org: silent for" in words(report)
    assert "ready" not in words(report)


async def test_stall_is_said(places, clock, transport, make_watch, said):
    """After five minutes without a byte one line says so, and the next after ten."""
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        await _hang(ledger, watch, transport, clock, 290)
        assert not [one for one in said if isinstance(one, Stalled)]
        await _hang(ledger, watch, transport, clock, 320)
        stalls = [one for one in said if isinstance(one, Stalled)]
        assert [one.text[:32] for one in stalls] == [
            "nothing has moved for 5 min: dat",
            "nothing has moved for 10 min: da",
        ]
        assert "silent for 5 min, 4 requests under way" in stalls[0].text
        watch.listener(Moved("sdss", State.DONE, 1))
        watch.look(transport.states())
    assert said[-1].is_over


async def test_pause_is_no_stall(places, clock, transport, make_watch, said):
    """In a pause nothing need move; after it the time counts from its end."""
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        await _hang(ledger, watch, transport, clock, 200)
        watch.pause("me")
        await _hang(ledger, watch, transport, clock, 100_000)
        report = read_report(places, clock.now)
        assert re.search(
            r"paused by me since \d{4}-\d\d-\d\d \d\d:\d\d;", words(report)
        )
        assert read_health(places, 900, clock.now).is_healthy
        watch.resume()
        await _hang(ledger, watch, transport, clock, 290)
        assert not [one for one in said if isinstance(one, Stalled)]
        assert read_health(places, 900, clock.now).is_healthy
        await _hang(ledger, watch, transport, clock, 20)
        assert [one for one in said if isinstance(one, Stalled)]
        await _hang(ledger, watch, transport, clock, 600)
        assert not read_health(places, 900, clock.now).is_healthy


async def test_bytes_are_movement(places, clock, transport, make_watch, said):
    """While bytes of a large file arrive, nothing is said to stand still."""
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        with transport.pulse.beat() as beat:
            for _ in range(400):
                clock.now += 2
                beat.heard()
                watch.look(transport.states())
    assert not [one for one in said if isinstance(one, Stalled)]


async def test_status_during_a_run(places, clock, transport, make_watch):
    """While a harvest runs, status names it and does not say to resume or retry."""
    await _locate_all(places)
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        await _settle(ledger, 3, "failed")
        watch.listener(Stamped("sdss", "frame", 3))
        watch.look(transport.states())
        await _synced(ledger)
        clock.now += 8
        report = read_report(places, clock.now)
        said = words(report)
    assert report["running"]["pid"] == os.getpid()
    assert report["running"]["since"] == clock.now - 8
    assert f"running for 8 s (process {os.getpid()}" in said
    assert "last progress 8 s ago" in said
    assert "harvester resume" not in said
    assert "To try failed jobs again: harvester ctl " in said
    assert "To do: 97 jobs of sdss." in said


async def test_signs_out(places, transport, make_watch):
    """After a harvest has ended, status says how to go on."""
    async with Ledger.open(places.ledger) as ledger:
        async with watched(make_watch(ledger), transport, places):
            await _synced(ledger)
            assert read_report(places, transport.pulse.timing.wall())["running"]
        await _synced(ledger)
    report = read_report(places)
    assert (report["running"], report["pace"]) == (None, None)
    assert "Run `harvester resume" in words(report)
    with LedgerView.open(places.ledger) as view:
        assert view.band_history()


async def test_speed_and_end(places, clock, transport, make_watch):
    """The end follows from the speed of the last minutes, per band."""
    await _locate_all(places)
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        watch.keep_moment(transport)
        for _ in range(5):
            clock.now += 60
            await _settle(ledger, 4, "failed")
            if watch.look(transport.states()):
                watch.keep_moment(transport)
        await _synced(ledger)
        report = read_report(places, clock.now)
    pace = report["pace"]
    assert pace["settled_per_min"] == pytest.approx(8), "four in each of two bands"
    assert pace["eta_s"] == pytest.approx(80 / 4 * 60)
    assert "about 20 min to go" in pace["words"]
    beat = beat_of(report)
    assert (beat.settled, beat.total) == (40, 200)
    assert beat.text.startswith("40 of 200 settled (20.0%); 0 stamps/min")
    assert one_line(report).endswith(beat.text)


async def test_health_of_a_dead_run(places, clock, transport, make_watch):
    """A run whose process is gone is not healthy, and status says what happened."""
    async with Ledger.open(places.ledger) as ledger:
        make_watch(ledger).look(transport.states())
    _edit_runner(places, lambda told: told["process"].update(started="another"))
    found = read_health(places, 900, clock.now)
    assert not found.is_healthy
    assert f"process {os.getpid()}" in found.words
    assert "ended without notice" in found.words
    assert "100 jobs are not done" in found.words
    done = CliRunner().invoke(main, ["health", str(places.out)])
    assert done.exit_code == 5
    report = read_report(places, clock.now)
    assert report["running"]["life"] == "dead"
    assert "Run `harvester resume" in words(report)


async def test_restart_of_a_killed_run(places, clock, transport, make_watch):
    """A killed run is not called dead any more once another process owns it."""
    async with Ledger.open(places.ledger) as ledger:
        make_watch(ledger).look(transport.states())
    _edit_runner(places, lambda told: told["process"].update(started="another"))
    with owned(places.lock):
        report = read_report(places, clock.now)
        found = read_health(places, 900, clock.now)
    assert (report["running"]["life"], report["pace"]) == ("starting", None)
    assert state_of(report) == "starting"
    assert found.is_healthy
    here = f"process {os.getpid()} on {socket.gethostname()}"
    assert found.words == f"{here} works on the run; it is starting or ending"
    assert "harvester resume" not in words(report)
    assert not read_health(places, 900, clock.now).is_healthy


def _edit_runner(places, edit):
    with closing(sqlite3.connect(places.ledger)) as db, db:
        sql = "SELECT value FROM run WHERE key = ?"
        told = json.loads(db.execute(sql, (RUNNER,)).fetchone()[0])
        edit(told)
        db.execute("UPDATE run SET value = ? WHERE key = ?", (json.dumps(told), RUNNER))


async def test_health_of_a_stalled_run(places, clock, transport, make_watch):
    """A harvest is healthy until it has not moved for the allowed time."""
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        await _hang(ledger, watch, transport, clock, 600)
        assert read_health(places, 900, clock.now).is_healthy
        await _hang(ledger, watch, transport, clock, 310)
        found = read_health(places, 900, clock.now)
    assert not found.is_healthy
    assert "nothing has moved for 15 min: data.sdss.org: silent" in found.words


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({"closed": "down: 3 failures", "probe_at": 2e9}, "down: 3 failures"),
        ({"cooling_until": 2e9, "cooling_why": "Retry-After"}, "cooling down"),
        ({"quiet_until": 2e9}, "quiet hours until"),
    ],
)
async def test_health_of_a_wait(places, clock, transport, make_watch, facts, why):
    """A harvest that waits for an outage, a cool-down or quiet hours is healthy."""
    transport.facts = {"waiting": 3, **facts}
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        for _ in range(100):
            clock.now += 20
            watch.look(transport.states())
        await _synced(ledger)
        found = read_health(places, 900, clock.now)
    assert found.is_healthy
    assert "nothing has moved for 33 min" in found.words
    assert why in found.words


async def test_health_of_a_wait_told_just_now(places, clock, transport, make_watch):
    """What a harvest writes while the health check begins is read as well."""
    transport.facts |= {"waiting": 2, "closed": "down: 5 failures in a row (html)"}
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        watch.look(transport.states())
        clock.now += 2000
        watch.look(transport.states())
        await _synced(ledger)
        assert read_health(places, 900, clock.now - 0.1).is_healthy


async def test_health_of_a_hung_process(places, clock, transport, make_watch):
    """A live process that reports nothing for minutes is not healthy."""
    async with Ledger.open(places.ledger) as ledger:
        make_watch(ledger).look(transport.states())
        await _synced(ledger)
        clock.now += 300
        found = read_health(places, 900, clock.now)
    assert not found.is_healthy
    assert "hangs: it has not reported for 5 min" in found.words


async def test_health_at_the_end(places, clock):
    """A run in which nothing is left to do is healthy without a process."""
    with closing(sqlite3.connect(places.ledger)) as db, db:
        db.execute("UPDATE job SET state = 'no_coverage'")
    assert not unsettled(read_report(places))
    assert read_health(places, 900, clock.now).is_healthy


async def test_heartbeat(places, transport, make_watch, said, clock):
    """A harvest that runs for a minute sends a heartbeat, and keeps a moment."""
    async with Ledger.open(places.ledger) as ledger:
        watch = make_watch(ledger)
        watch.keep_moment(transport)
        clock.now += 61
        async with watched(watch, transport, places), asyncio.timeout(60):
            while not said:
                clock.now += 1
                await asyncio.sleep(0.01)
    assert (said[0].settled, said[0].total) == (0, 200)
    with LedgerView.open(places.ledger) as view:
        assert len(view.host_history()) >= 2
