"""A run with a clock of its own, and a transport that only has states."""

from __future__ import annotations

import pytest

from harvester.ledger.file import create_ledger
from harvester.models import Survey, Target
from harvester.places import Places
from harvester.status.run_watch import RunWatch
from harvester.transport.host_state import HostState
from harvester.transport.manners import Timing
from harvester.transport.pulse import Pulse

NOON = 1_800_000_000.0
HOST = "data.sdss.org"


class Clock:
    """Unix seconds that a test moves on."""

    def __init__(self):
        self.now = NOON

    def __call__(self):
        """Give the time."""
        return self.now


class HostTransport:
    """One host, with requests under way that a test begins and answers."""

    def __init__(self, clock):
        self.pulse = Pulse(Timing(clock=clock, wall=clock))
        self.facts = {"waiting": 0}
        self.in_flight = 0

    def states(self):
        """Give the state of the host, as the real transport does."""
        return [
            HostState(
                HOST,
                rate=10.0,
                full_rate=10.0,
                slots={"file": (self.in_flight, 4, 4)},
                heard_at=self.pulse.heard_at,
                silent_since=self.pulse.silent_since,
                **self.facts,
            )
        ]

    def take_answers(self):
        """Give the answers since the last call."""
        return {HOST: self.pulse.take()}


@pytest.fixture
def clock():
    """Return a clock that a test moves on."""
    return Clock()


@pytest.fixture
def transport(clock):
    """Return the transport of one host."""
    return HostTransport(clock)


@pytest.fixture
def places(tmp_path):
    """Return a run of a hundred galaxies in two bands."""
    create_ledger(
        tmp_path / "ledger.sqlite",
        targets=[Target(n, f"id{n}", n / 100, 0.0, f"id{n}") for n in range(100)],
        rejects=[],
        surveys=[Survey.parse("sdss:g,r")],
        facts={},
    )
    return Places(tmp_path)


@pytest.fixture
def said():
    """Return the list of the events that a harvest sends."""
    return []


@pytest.fixture
def make_watch(clock, said):
    """Return a function that makes the watch of a harvest that begins now."""

    def make(ledger):
        return RunWatch(ledger, said.append, hosts={"sdss": (HOST,)}, clock=clock)

    return make
