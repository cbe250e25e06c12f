"""Requests are held back for as long as a server asks, and not longer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harvester.dataset.publish.rate_limit import (
    Pause,
    read_rate_limits,
    wait_asked_for,
)
from harvester.errors import TransientError

_NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class _Clock:
    """A clock that sleeping moves on."""

    def __init__(self):
        self.now, self.slept = 100.0, []

    def sleep(self, seconds):
        self.slept.append(seconds)
        self.now += seconds


def _pause():
    clock, said = _Clock(), []
    pause = Pause(said.append, sleep=clock.sleep, clock=lambda: clock.now)
    return pause, clock, said


@pytest.mark.parametrize(
    ("status", "headers", "seconds"),
    [
        (429, {"ratelimit": '"api";r=0;t=55'}, 56),
        (200, {"ratelimit": '"api";r=0;t=55'}, 56),
        (200, {"ratelimit": '"api";r=1;t=55'}, 0),
        (200, {"ratelimit": '"burst";r=0;t=5, "day";r=0;t=90'}, 91),
        (200, {"ratelimit": '"a;b, c";t=9;r=0;pk=:YQ==:'}, 10),
        (429, {"retry-after": "120"}, 120),
        (503, {"retry-after": format_datetime(_NOW + timedelta(seconds=30))}, 30),
        (503, {"retry-after": format_datetime(_NOW - timedelta(seconds=30))}, 0),
        (429, {"retry-after": "7", "ratelimit": '"api";r=0;t=55'}, 56),
        (301, {"retry-after": "120"}, 0),
        (429, {"retry-after": "soon"}, 0),
        (429, {}, 0),
    ],
)
def test_wait(status, headers, seconds):
    """The longest wait that an answer asks for counts."""
    assert wait_asked_for(status, headers, _NOW) == seconds


def test_parameters():
    """A limit has a name and numbers; parameters of other types are skipped."""
    (found,) = read_rate_limits('"api";r=3;pk=:YQ==:;t=55;q="x"')
    assert (found.name, dict(found.numbers)) == ("api", {"r": 3, "t": 55})


@given(st.text())
@example("0\x1f")
def test_any_text(text):
    """No header, however strange, ends in an error."""
    assert wait_asked_for(429, {"ratelimit": text, "retry-after": text}, _NOW) >= 0


def test_held():
    """The next request waits, the one after it does not; the user is told why."""
    pause, clock, said = _pause()
    policy = '"fixed window";"api";q=500;w=300'
    headers = {"ratelimit": '"api";r=0;t=55', "ratelimit-policy": policy}
    pause.heed("hub.example", 200, headers)
    pause.hold()
    pause.hold()
    assert clock.slept == [56]
    assert said == [f"hub.example limits requests ({policy}): waiting 56 s."]


def test_shorter_wait():
    """A later answer that asks for less does not shorten the wait."""
    pause, clock, _ = _pause()
    pause.heed("hub.example", 429, {"retry-after": "50"})
    pause.heed("hub.example", 429, {"retry-after": "5"})
    pause.hold()
    assert clock.slept == [50]


def test_too_long():
    """A wait of more than half an hour ends the command."""
    pause, clock, _ = _pause()
    with pytest.raises(TransientError, match="asks to wait 60 minutes"):
        pause.heed("hub.example", 429, {"retry-after": "3600"})
    assert clock.slept == []
