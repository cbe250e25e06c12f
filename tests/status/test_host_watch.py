"""The states of hosts that a running harvest reports and keeps."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Survey, Target
from harvester.places import Places
from harvester.status.host_watch import HostWatch
from harvester.status.report import read_report
from harvester.status.report_words import words
from harvester.status.run_watch import RunWatch, watched
from harvester.transport.host_state import HostState
from harvester.transport.pulse import Answers

_WELL = HostState(
    "data.sdss.org", rate=10.0, full_rate=10.0, slots={"file": (1, 4, 4)}, waiting=0
)
_SHUT = replace(_WELL, closed="down: 3 failures in a row (refused)", probe_at=1e9 + 9)


class _Kept:
    """A stand-in for the ledger that records the states."""

    def __init__(self):
        self.states = []

    def keep_host_states(self, states):
        self.states.append({host: json.loads(text) for host, text in states.items()})


@pytest.fixture
def kept():
    """Return the stand-in for the ledger."""
    return _Kept()


@pytest.fixture
def said():
    """Return the list of messages for the user."""
    return []


@pytest.fixture
def watch(kept, said):
    """Return a watch that writes to ``kept`` and ``said``."""
    return HostWatch(kept, lambda note: said.append(note.text))


def test_changes_are_said(watch, said):
    """One message reports a host that is down, and another that it is ready again."""
    for seconds, state in [(0, _WELL), (2, _SHUT), (4, _SHUT), (60, _WELL)]:
        watch.look([state], 1e9 + seconds)
    assert said == [
        "data.sdss.org: down: 3 failures in a row (refused), next probe in 7 s",
        "data.sdss.org: ready",
    ]


def test_lines_are_few(watch, said):
    """At most two messages a minute report on a host, and the last one is true."""
    for look in range(60):
        watch.look([(_WELL, _SHUT)[look % 2]], 1e9 + 2 * look)
    assert len(said) <= 5
    watch.look([_SHUT], 1e9 + 200)
    watch.look([_WELL], 1e9 + 300)
    assert said[-1] == "data.sdss.org: ready"


def test_kept_at_changes_and_now_and_then(watch, kept):
    """States are kept when they change, and otherwise every ten seconds."""
    for seconds in range(0, 31, 2):
        watch.look([_WELL], 1e9 + seconds)
    assert [one["data.sdss.org"]["at"] - 1e9 for one in kept.states] == [0, 10, 20, 30]
    watch.look([replace(_WELL, waiting=1)], 1e9 + 32)
    assert kept.states[-1]["data.sdss.org"]["waiting"] == 1


@pytest.fixture
def places(tmp_path):
    """Return a run with one galaxy."""
    create_ledger(
        tmp_path / "ledger.sqlite",
        targets=[Target(0, "a", 1.0, 2.0, "a")],
        rejects=[],
        surveys=[Survey.parse("sdss:r")],
        facts={"settings": "{}"},
    )
    return Places(tmp_path)


class _Transport:
    def states(self):
        return [_SHUT]

    def take_answers(self):
        return {"data.sdss.org": Answers()}


async def test_status_sees_it(places):
    """Another process reads the states while the harvest runs, and none afterwards."""
    async with (
        Ledger.open(places.ledger) as ledger,
        watched(RunWatch(ledger, lambda _: None, hosts={}), _Transport(), places),
        asyncio.timeout(60),
    ):
        while not (hosts := read_report(places)["hosts"]):
            await asyncio.sleep(0.01)
        now = hosts["data.sdss.org"]
        assert now["words"].startswith("down: 3 failures in a row (refused)")
        assert now["slots"] == {"file": [1, 4, 4]}
        assert "now:" not in words(read_report(places)), "no request is sent to it"
        ledger.count_traffic("data.sdss.org", 1, 1)
        while not read_report(places)["requests"]:
            await asyncio.sleep(0.01)
        said = words(read_report(places))
        assert "data.sdss.org now: down: 3 failures" in said
        assert "1 of 4 (file) in flight, 10 requests/s at most" in said
    assert read_report(places)["hosts"] == {}


async def test_why_it_gave_up(places):
    """The reason for giving up a service is reported until the next harvest starts."""
    async with Ledger.open(places.ledger) as ledger:
        ledger.keep_troubles(["data.sdss.org has refused everything since 14:02"])
    assert read_report(places)["troubles"] == [
        "data.sdss.org has refused everything since 14:02"
    ]
    lines = words(read_report(places)).splitlines()
    assert "not finished: data.sdss.org has refused everything since 14:02" in lines
    later = f"Run `harvester resume {places.out}` later."
    assert f"Waiting: 1 job of sdss. {later}" in lines
    async with Ledger.open(places.ledger) as ledger:
        ledger.keep_troubles([])
    assert read_report(places)["troubles"] == []


async def test_old_states(places):
    """States that a killed harvester wrote half a minute ago are ignored."""
    async with Ledger.open(places.ledger) as ledger:
        HostWatch(ledger, lambda _: None).look([_WELL], 1e9)
    assert read_report(places)["hosts"] == {}
