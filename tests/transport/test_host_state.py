"""The state of a host in words, also when another process reads it later."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest
from one_host import ask, throttle_for
from virtual_time import run

from harvester.transport.host_state import HostState, outage_words
from harvester.transport.manners import Manners

_NOW = 1e9
_WELL = HostState(
    "archive.example",
    rate=10.0,
    full_rate=10.0,
    slots={"query": (0, 2, 2), "file": (3, 4, 4)},
    waiting=0,
)


@pytest.mark.parametrize(
    ("changes", "words", "kind"),
    [
        ({}, "ready", "open"),
        ({"others": 1}, "ready; shared with 1 other harvest on this machine", "open"),
        ({"others": 2}, "ready; shared with 2 other harvests on this machine", "open"),
        (
            {"cooling_until": _NOW + 4, "cooling_why": "Retry-After"},
            "cooling down for 4 s (Retry-After)",
            "open",
        ),
        (
            {"closed": "down: 5 failures in a row (html)", "probe_at": _NOW + 9},
            "down: 5 failures in a row (html), next probe in 9 s",
            "down",
        ),
        (
            {"closed": "after a cool-down", "probing": True},
            "after a cool-down, probing",
            "after a cool-down",
        ),
        (
            {"slots": {"file": (1, 2, 4)}, "slowed_by": "http_503", "rate": 5.0},
            "ready; slowed down by http_503; concurrency 2 of 4 (file); pace 50%",
            "slowed",
        ),
    ],
)
def test_words(changes, words, kind):
    """Each state has its text; its kind omits details that change often."""
    state = replace(_WELL, **changes)
    assert state.words(_NOW) == words
    assert state.kind == kind


def test_quiet_words():
    """Quiet hours take precedence over other states, with the time they end."""
    state = replace(_WELL, quiet_until=_NOW + 60, cooling_until=_NOW + 9)
    assert state.words(_NOW).startswith("quiet hours until ")
    assert state.kind == "quiet"
    assert state.words(_NOW + 61) == "ready"


def test_refusing_words(zone):
    """For a host that refuses everything the text has start, count and status."""
    zone("UTC")
    closed = {"closed": "down: 5 failures in a row (refusals)", "probe_at": _NOW + 9}
    refusing = {"refused_since": _NOW, "refused": 7, "refusal": "403 Forbidden"}
    state = replace(_WELL, **closed, **refusing)
    assert state.words(_NOW) == (
        "has refused everything since 01:46 (7 answers): 403 Forbidden, "
        "next probe in 9 s"
    )
    assert state.kind == "refuses everything"


def test_broker_words():
    """Without the broker nothing else is waited for; its other harvests are told."""
    state = replace(_WELL, no_broker="waits for the broker", closed="down: refused")
    assert state.words(_NOW) == "waits for the broker"
    assert state.kind == "no broker"
    shared = replace(_WELL, others=2, by_broker=True).words(_NOW)
    assert "shared with 2 other harvests through the broker" in shared


def test_load():
    """The load text has requests in flight, slots and rate."""
    assert (
        _WELL.load() == "0 of 2 (query), 3 of 4 (file) in flight, 10 requests/s at most"
    )


def test_later_and_elsewhere():
    """A state written as JSON and read ten seconds later shows waits 10 s shorter."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=4, slots={"file": 4}))
        await ask(throttle, "file", outcome="later")
        throttle.cool_down(30, "asked for")
        return throttle.state()

    state = HostState(**json.loads(json.dumps(asdict(run(main)))))
    assert state.words(_NOW).startswith("cooling down for 30 s (asked for)")
    assert state.words(_NOW + 10).startswith("cooling down for 20 s (asked for)")
    after = state.words(_NOW + 31)
    assert after.startswith("after a cool-down, next probe in 0 s")


def test_outage(zone):
    """The text of an outage has the host, the duration, the start and the reason."""
    zone("UTC")
    words = outage_words("archive.example", 50_520, 7200, "down: 5 failures in a row")
    assert words == (
        "gave up after 2 h of outage of archive.example, down since 14:02: "
        "5 failures in a row"
    )
