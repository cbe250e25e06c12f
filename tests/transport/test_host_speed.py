"""What replies tell of a host: bandwidth, latency, ranges."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harvester.models import HostFacts
from harvester.transport.host_speed import HostSpeed, HostSpeeds

KNOWN = HostFacts(11e6, 0.18, 1000.0, ranges=True, ranges_at=900.0, limit="rate")


@pytest.fixture
def speed(clock):
    """Give a host of which nothing is known."""
    return HostSpeed(clock=clock, wall=clock)


def send(speed, clock, *, waits, takes=0.0, size=0):
    """Send a request whose reply comes after a while, in two pieces."""
    with speed.reply() as reply:
        reply.sent()
        clock.now += waits
        reply.answered()
        reply.add(1)
        clock.now += takes
        if size:
            reply.add(size)


def test_nothing_known(speed):
    """Before the first reply nothing is known."""
    assert speed.facts == HostFacts()
    assert not speed.is_without_ranges


def test_one_file(speed, clock):
    """One file tells latency and bandwidth; waiting is not part of the bandwidth."""
    send(speed, clock, waits=0.3, takes=0.5, size=1_000_000)
    assert speed.facts.latency_s == pytest.approx(0.3)
    assert speed.facts.bandwidth == pytest.approx(2e6)
    assert speed.facts.measured_at == clock.now


def test_latency_of_full_line(speed, clock):
    """Replies that wait for the bytes of others do not count."""
    for waits in (0.2, 0.9, 0.21, 1.5, 0.8, 0.19, 2.0, 1.1):
        send(speed, clock, waits=waits)
    assert speed.facts.latency_s == pytest.approx(0.21)


def test_refusals_do_not_count(speed, clock):
    """A reply that brings an error tells nothing about latency."""
    with speed.reply() as reply:
        reply.sent()
        clock.now += 5
    assert speed.facts == HostFacts()


def test_shared_line(speed, clock):
    """Transfers at the same time share the line; one that has not begun does not."""
    with speed.reply() as one, speed.reply() as other, speed.reply():
        one.add(1)
        other.add(1)
        clock.now += 1
        one.add(1_000_000)
        other.add(1_000_000)
        clock.now += 1
        one.add(1_000_000)
    assert speed.facts.bandwidth == pytest.approx(1e6)


def test_pause_between_transfers(speed, clock):
    """Time without any transfer does not count, also within one sample."""
    for _ in range(2):
        send(speed, clock, waits=0.1, takes=0.1, size=300_000)
        clock.now += 100
    assert speed.facts.bandwidth == pytest.approx(3e6)


def test_small_replies(speed, clock):
    """A few bytes tell nothing about the bandwidth."""
    send(speed, clock, waits=0.1, takes=0.001, size=100_000)
    assert speed.facts.bandwidth is None


def test_burst(speed, clock):
    """A burst out of a buffer does not change the bandwidth."""
    for takes in (0.5, 0.5, 1e-6, 0.5, 0.5):
        send(speed, clock, waits=0.1, takes=takes, size=1_000_000)
    assert speed.facts.bandwidth == pytest.approx(2e6)


def test_new_values_win(clock):
    """What an earlier run knew is used at once, and soon outweighed."""
    speed = HostSpeed(KNOWN, clock=clock, wall=clock)
    assert speed.facts == KNOWN
    for _ in range(3):
        send(speed, clock, waits=0.02, takes=0.1, size=10_000_000)
    assert speed.facts.bandwidth == pytest.approx(1e8)
    assert speed.facts.latency_s == pytest.approx(0.02)


def test_ranges(speed, clock):
    """A host that gave no range is asked again after a day, or if the clock is off."""
    speed.note_ranges(given=False)
    assert speed.is_without_ranges
    clock.now += 86_399
    assert speed.is_without_ranges
    clock.now += 2
    assert not speed.is_without_ranges
    clock.now = -5
    assert not speed.is_without_ranges
    clock.now = 0
    speed.note_ranges(given=True)
    assert (speed.is_without_ranges, speed.facts.ranges) == (False, True)


def test_several_ranges(speed, clock):
    """So is a host that did not send several ranges; one that did is believed."""
    assert speed.gives_several is None
    speed.gives_several = False
    assert (speed.gives_several, speed.facts.several) == (False, False)
    clock.now += 86_401
    assert speed.gives_several is None
    speed.gives_several = True
    clock.now += 86_401
    assert HostSpeed(speed.facts, wall=clock).gives_several is True


def test_hosts():
    """Each host has its own facts; told are those that were used, if there are any."""
    speeds = HostSpeeds({"a": KNOWN, "c": KNOWN})
    assert speeds.at("a").facts == KNOWN
    speeds.at("b")
    assert speeds.facts() == {"a": KNOWN}
    speeds.at("b").note_ranges(given=True)
    facts = replace(speeds.facts()["b"], ranges_at=0.0)
    assert facts == HostFacts(ranges=True)
