"""Values that are derived from the rate and the slots of one host."""

from __future__ import annotations

import asyncio

import pytest
from one_host import ask, throttle_for
from virtual_time import run

from harvester.transport.throttle import Manners


@pytest.mark.parametrize(
    ("rate", "catch_up_s"), [(1, 0), (2, 0), (3, 0.01), (50, 0.01), (100, 0.005)]
)
def test_catching_up(rate, catch_up_s):
    """Up to 0.01 s or half a gap of delay is made up for; none at 2/s or less."""
    manners = Manners(rate, {})
    assert manners.catch_up_s == catch_up_s
    assert manners.gap_s - manners.catch_up_s > 0.5 / rate


def test_kind_without_a_number():
    """A kind of request without a slot count has one slot."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(ask(throttle, "other", lasts_s=5.0, log=log))

    run(main)
    times = [at for at, _ in log]
    assert times[1] >= times[0] + 5
    assert times[2] >= times[1] + 5
