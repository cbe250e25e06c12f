"""Signals: the first ends a harvest tidily, the second at once."""

from __future__ import annotations

import signal
from contextlib import suppress

import pytest

from harvester.run import stop as module
from harvester.run.stop import Stop


class _Harvest:
    def __init__(self):
        self.stops = 0

    def stop(self):
        self.stops += 1


@pytest.fixture
def ends(monkeypatch):
    """Collect the exit codes of a process that is ended at once."""
    codes = []

    def end(code):
        codes.append(code)
        raise SystemExit

    monkeypatch.setattr(module.os, "_exit", end)
    return codes


@pytest.mark.parametrize(
    ("later_s", "exits"), [(0.0, []), (0.49, []), (0.5, [143]), (9.0, [143])]
)
def test_second_signal(ends, later_s, exits):
    """A second signal within half a second is the first one, sent in two ways."""
    times = iter([100.0, 100.0 + later_s])
    stop, harvest = Stop("resume", clock=lambda: next(times)), _Harvest()
    stop.started(harvest)
    stop._hear(signal.SIGTERM)
    with suppress(SystemExit):
        stop._hear(signal.SIGINT)
    assert ends == exits
    assert (harvest.stops, stop.exit_code) == (1, 143)
