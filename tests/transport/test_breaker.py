"""The circuit breaker alone, with a clock that the test advances."""

from __future__ import annotations

import math

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harvester.transport.breaker import Breaker, Tripping


class _Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """Make a clock that the test advances."""
    return _Clock()


def _fail(breaker, *addresses, unreachable=False, probe=False):
    for address in addresses:
        breaker.failed(address, "http_503", unreachable=unreachable, probe=probe)


def test_opens_after_failures(clock):
    """Five failures in a row at three addresses open the breaker."""
    breaker = Breaker(clock=clock)
    _fail(breaker, "a", "b", "c", "a")
    assert not breaker.is_open
    _fail(breaker, "b")
    assert breaker.is_open
    assert breaker.passes_at == 5


def test_one_bad_file(clock):
    """Failures at only two addresses never open the breaker."""
    breaker = Breaker(clock=clock)
    _fail(breaker, *("a", "b") * 20)
    assert not breaker.is_open
    assert breaker.why == ""


def test_success_between(clock):
    """A success resets the count of failures."""
    breaker = Breaker(clock=clock)
    for _ in range(5):
        _fail(breaker, "a", "b", "c", "d")
        assert not breaker.is_open
        breaker.succeeded()


def test_success_between_unreachable(clock):
    """A success also resets the count of unreachable failures."""
    breaker = Breaker(clock=clock)
    for _ in range(5):
        _fail(breaker, "a", "a", unreachable=True)
        assert not breaker.is_open
        breaker.succeeded()


def test_opens_when_unreachable(clock):
    """Three unreachable failures in a row open the breaker, even at one address."""
    breaker = Breaker(clock=clock)
    _fail(breaker, "a", "a", unreachable=True)
    _fail(breaker, "a")
    _fail(breaker, "a", "a", unreachable=True)
    assert not breaker.is_open
    _fail(breaker, "a", unreachable=True)
    assert breaker.is_open


def test_probe_intervals(clock):
    """Each failed probe doubles the wait, up to five minutes."""
    breaker = Breaker(clock=clock)
    _fail(breaker, "a", "a", "a", unreachable=True)
    waits = []
    for _ in range(9):
        waits.append(breaker.passes_at - clock.now)
        clock.now = breaker.passes_at
        assert breaker.admit()
        _fail(breaker, "a", probe=True)
    assert waits == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_late_failures(clock):
    """Failures of requests sent before the breaker opened do not extend the wait."""
    breaker = Breaker(clock=clock)
    _fail(breaker, "a", "a", "a", unreachable=True)
    _fail(breaker, *"bcdefgh", unreachable=True)
    assert breaker.passes_at == 5


def test_recovery(clock):
    """A successful probe closes the breaker; the next outage starts with 5 s again."""
    breaker = Breaker(clock=clock)
    for _ in range(2):
        _fail(breaker, "a", "a", "a", unreachable=True)
        assert breaker.passes_at == clock.now + 5
        clock.now = breaker.passes_at
        breaker.admit()
        _fail(breaker, "a", probe=True)
        clock.now = breaker.passes_at
        breaker.admit()
        breaker.succeeded()
        assert not breaker.is_open
        assert not breaker.admit()


def test_abandoned_probe(clock):
    """After a cancelled probe the next request may probe at once."""
    breaker = Breaker(clock=clock)
    _fail(breaker, "a", "a", "a", unreachable=True)
    clock.now = 5.0
    breaker.admit()
    assert breaker.is_probing
    breaker.abandoned()
    assert not breaker.is_probing
    assert breaker.is_open
    assert breaker.passes_at <= clock.now


def test_hold(clock):
    """A hold lasts until the time asked for; a shorter hold does not reduce it."""
    breaker = Breaker(clock=clock)
    breaker.hold(60.0)
    breaker.hold(10.0)
    assert breaker.is_open
    assert breaker.passes_at == 60
    clock.now = 20.0
    assert breaker.open_s() == 20


def test_words(clock):
    """The breaker states in words why it is open."""
    breaker = Breaker(Tripping(failures=5, addresses=1), clock=clock)
    _fail(breaker, *"aaaaa")
    assert breaker.why == "down: 5 failures in a row (http_503)"
    clock.now = 9.0
    breaker.admit()
    _fail(breaker, "a", probe=True)
    assert breaker.why == "down: 6 failures in a row (http_503)"
    breaker.succeeded()
    breaker.hold(60.0)
    assert breaker.why == "after a cool-down"


class _AnyHistory(RuleBasedStateMachine):
    """For any order of events, an open breaker admits at most one probe."""

    def __init__(self):
        super().__init__()
        self.clock = _Clock()
        self.breaker = Breaker(clock=self.clock)
        self.under_way = []
        self.held_until = -math.inf

    def _may_pass(self):
        breaker = self.breaker
        return not breaker.is_probing and breaker.passes_at <= self.clock.now

    @rule(seconds=st.floats(0.1, 400))
    def wait(self, seconds):
        """Let time pass."""
        self.clock.now += seconds

    @precondition(_may_pass)
    @rule()
    def send(self):
        """Send a request when the breaker admits it."""
        was_open = self.breaker.is_open
        probe = self.breaker.admit()
        assert probe is was_open
        self.under_way.append(probe)

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), unreachable=st.booleans())
    def fail(self, data, unreachable):
        """Let one of the requests in flight fail."""
        probe = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        address = data.draw(st.sampled_from("abcd"))
        before, was_open = self.breaker.passes_at, self.breaker.is_open
        self.breaker.failed(address, "x", unreachable=unreachable, probe=probe)
        assert self.breaker.passes_at >= before
        if was_open:
            assert self.breaker.is_open

    @precondition(lambda self: self.under_way)
    @rule(data=st.data())
    def succeed(self, data):
        """Let one of the requests in flight succeed."""
        self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self.under_way = [False] * len(self.under_way)
        self.breaker.succeeded()
        assert not self.breaker.is_open

    @rule(seconds=st.floats(0.1, 4000))
    def hold(self, seconds):
        """Let the archive ask for a pause."""
        self.breaker.hold(self.clock.now + seconds)
        assert self.breaker.passes_at >= self.clock.now + seconds

    @invariant()
    def one_probe(self):
        """At most one probe is in flight, and every wait is finite."""
        assert sum(self.under_way) == self.breaker.is_probing
        if self.breaker.is_open:
            assert self.breaker.passes_at < math.inf


TestAnyHistory = _AnyHistory.TestCase
TestAnyHistory.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None
)
