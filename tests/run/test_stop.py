"""Signals: the first ends a harvest tidily, the second at once."""

from __future__ import annotations

import asyncio
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


async def test_second_signal_of_a_library():
    """In a program that calls the harvester the second signal ends the harvest only."""
    times = iter([0.0, 1.0])
    stop = Stop("resume", ends_process=False, clock=lambda: next(times))

    async def harvest():
        stop.begin()
        stop.started(_Harvest())
        stop._hear(signal.SIGINT)
        stop._hear(signal.SIGINT)
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(harvest())


async def test_signal_before_the_harvest():
    """A signal that comes before the harvest has begun ends it as it begins."""
    stop = Stop("resume", ends_process=False)
    with stop.listening():
        signal.raise_signal(signal.SIGTERM)

    async def harvest():
        stop.begin()
        await asyncio.Event().wait()

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(harvest())
    assert stop.signal == signal.SIGTERM


def test_handlers_are_put_back():
    """Afterwards the caller's handlers are there again; a hang-up ignored stays so."""
    heard = []
    before = {number: signal.getsignal(number) for number in module._NUMBERS}
    signal.signal(signal.SIGTERM, lambda *_: heard.append("caller"))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop = Stop("resume", ends_process=False)
    try:
        with stop.listening():
            meanwhile = [signal.getsignal(number) for number in before]
        signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert meanwhile == [stop._catch, stop._catch, signal.SIG_IGN]
    assert (heard, stop.signal) == (["caller"], 0)
