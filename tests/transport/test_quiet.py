"""Quiet hours of one host, in virtual time; each test begins at 01:46:40 UTC."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from one_host import OFTEN, ask, throttle_for
from virtual_time import run

from harvester.transport.backoff import Patience
from harvester.transport.quiet_hours import QuietHours
from harvester.transport.throttle import GaveUpError

#: Seconds from the beginning of the test to 02:00 and to 03:00 UTC.
_TWO, _THREE = 800.0, 4400.0


def _manners(span):
    return replace(OFTEN, quiet=QuietHours.parse(span))


def test_nothing_is_sent():
    """No request is sent in quiet hours; all waiting ones are sent when they end."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock, _manners("01:00-02:00 UTC"))
        async with asyncio.TaskGroup() as group:
            for kind in ("query", "file") * 3:
                group.create_task(ask(throttle, kind, log=log))
            await asyncio.sleep(_TWO - 1)
            assert not log
            assert throttle.describe().startswith("quiet hours until")
            assert throttle.state().quiet_until == 1e9 + _TWO
            assert throttle.state().waiting == 6
        assert throttle.describe() == "ready"

    run(main)
    assert len(log) == 6
    assert _TWO <= log[0][0] <= log[-1][0] < _TWO + 1


def test_what_is_under_way_ends():
    """A request in flight may end in quiet hours; the next is sent after them."""
    log, ended = [], []

    async def work(throttle):
        while throttle.clock() < _THREE + 60:
            await ask(throttle, lasts_s=7.0, log=log)
            ended.append(throttle.clock())

    async def main(clock):
        throttle = throttle_for(clock, _manners("02:00-03:00 UTC"))
        async with asyncio.TaskGroup() as group:
            group.create_task(work(throttle))
            group.create_task(work(throttle))

    run(main)
    times = [at for at, _ in log]
    assert not [at for at in times if _TWO <= at < _THREE]
    assert [at for at in ended if _TWO < at < _TWO + 7]
    assert min(at for at in times if at > _TWO) == pytest.approx(_THREE, abs=1)


def test_patience_is_not_spent():
    """Quiet hours do not count towards the patience with an outage."""

    async def main(clock):
        throttle = throttle_for(clock, _manners("02:00-03:00 UTC"))
        await asyncio.sleep(_TWO - 2)
        for _ in range(3):
            await ask(throttle, outcome="down")
        assert throttle.is_down
        async with throttle.slot("query", patience_s=100) as turn:
            assert turn.is_probe
            turn.failed("a", "refused", unreachable=True)
        woken = clock()
        throttle.cool_down(1000)
        with pytest.raises(GaveUpError, match="gave up after 1 h 2 min of outage of"):
            async with throttle.slot("query", patience_s=100):
                pass
        return woken, clock()

    woken, gave_up = run(main)
    assert woken == pytest.approx(_THREE, abs=1)
    assert gave_up == pytest.approx(_THREE + 100, abs=1)


def test_awake():
    """The clock of the patience stops during quiet hours."""

    async def main(clock):
        throttle = throttle_for(clock, _manners("02:00-03:00 UTC"))
        patience = Patience(4, 100, clock=throttle.awake_s)
        await asyncio.sleep(_TWO - 1)
        before = throttle.awake_s()
        await asyncio.sleep(2)
        await ask(throttle)
        assert clock() == pytest.approx(_THREE, abs=1)
        assert patience.left_s() == 100
        return before, throttle.awake_s()

    before, after = run(main)
    assert before == _TWO - 1
    assert after == pytest.approx(_TWO, abs=61)
