"""What a user may change while requests are under way, in virtual time."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from one_host import OFTEN, ask, machine_limit, throttle_for
from virtual_time import run

from harvester.errors import InputError
from harvester.transport.manners import Manners
from harvester.transport.throttle import GaveUpError
from harvester.transport.transport import Service, Transport

TEN = Manners(rate=10, slots={"file": 4}, most_rate=10)


async def _keep_asking(throttle, log, until):
    while throttle.clock() < until:
        await ask(throttle, "file", lasts_s=0.01, log=log)


def test_pause():
    """In a pause nothing is sent; what is under way ends; then all that wait go."""
    log, ended = [], []

    async def main(clock):
        throttle = throttle_for(clock)
        async with asyncio.TaskGroup() as group:
            first = group.create_task(ask(throttle, lasts_s=5.0, log=log))
            first.add_done_callback(lambda _: ended.append(clock()))
            await asyncio.sleep(1)
            throttle.pause(is_on=True)
            for kind in ("query", "file") * 3:
                group.create_task(ask(throttle, kind, log=log))
            await asyncio.sleep(99_999)
            assert (len(log), ended) == (1, [5.0])
            state = throttle.state()
            assert (state.paused, state.waiting) == (True, 6)
            assert throttle.describe() == "paused"
            throttle.pause(is_on=False)
        assert throttle.describe() == "ready"

    run(main)
    assert len(log) == 7
    assert 100_000 <= log[1][0] <= log[-1][0] < 100_001


def test_patience_in_a_pause():
    """A pause does not count towards the patience with an outage."""

    async def main(clock):
        throttle = throttle_for(clock)
        throttle.cool_down(3_000)
        began = clock()

        async def pause():
            await asyncio.sleep(50)
            throttle.pause(is_on=True)
            await asyncio.sleep(1_000)
            throttle.pause(is_on=False)

        async with asyncio.TaskGroup() as group:
            group.create_task(pause())
            with pytest.raises(GaveUpError):
                async with throttle.slot("query", patience_s=100):
                    pass
        assert 1_100 <= clock() - began < 1_105

    run(main)


@pytest.mark.parametrize("rate", [0.5, 2, 8])
def test_rate(rate):
    """Another rate holds from the next request on, lower or higher than before."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=4, slots={"file": 4}, most_rate=8))
        async with asyncio.TaskGroup() as group:
            for _ in range(4):
                group.create_task(_keep_asking(throttle, log, 110))
            await asyncio.sleep(10)
            throttle.set_rate(rate)
            state = throttle.state()
            assert (state.rate, state.settings_rate) == (rate, 4)
            assert f"rate set to {rate:g} requests/s" in state.words(0)

    run(main)
    before = [at for at, _ in log if at < 10]
    after = [at for at, _ in log if 10 < at < 110]
    assert len(before) == pytest.approx(40, abs=2)
    assert len(after) == pytest.approx(100 * rate, rel=0.05, abs=2)
    assert after[0] - 10 >= 1 / rate


def test_rate_of_the_machine():
    """Other harvests of the machine keep a lowered rate at once, asked or not."""
    log = []

    async def main(clock):
        with TemporaryDirectory() as folder:
            limits = [machine_limit(clock, Path(folder)) for _ in range(2)]
            one, other = (
                throttle_for(clock, TEN, limit=limit.at("archive.example"))
                for limit in limits
            )
            await ask(one, "file")
            async with asyncio.TaskGroup() as group:
                group.create_task(_keep_asking(other, log, 40))
                await asyncio.sleep(20)
                one.set_rate(1)

    run(main)
    # The first harvest counts as active for a minute after its last question.
    assert len([at for at, _ in log if at < 20]) > 150
    assert len([at for at, _ in log if 21 < at < 39]) < 20


def _transport(**manners):
    service = Service(
        name="sdss-sas",
        base="https://data.sdss.org/sas",
        actual="https://data.sdss.org/sas",
        manners=Manners(slots={"file": 1}, **manners),
    )
    return Transport([service], version="1")


@pytest.mark.parametrize(
    ("host", "rate", "words"),
    [
        ("data.sds.org", 1, "Did you mean data.sdss.org?"),
        ("sdss-sas", 1, "Did you mean data.sdss.org?"),
        ("data.sdss.org", 10.1, "at most 10 requests/s"),
        ("data.sdss.org", 0, "pause the harvest"),
        ("data.sdss.org", -1, "pause the harvest"),
        ("data.sdss.org", float("nan"), "pause the harvest"),
        ("data.sdss.org", float("inf"), "pause the harvest"),
    ],
)
def test_refused_rate(host, rate, words):
    """A wrong host or rate is refused, and nothing is changed."""
    transport = _transport(rate=2, most_rate=10)
    with pytest.raises(InputError, match=words):
        transport.controls.set_rate(host, rate)
    assert transport.controls.rates() == {"data.sdss.org": (2, 10)}


def test_rate_of_the_settings():
    """A rate that the settings allow is allowed, also above that of the archive."""
    transport = _transport(rate=100, most_rate=10)
    transport.controls.set_rate("data.sdss.org", 1)
    transport.controls.set_rate("data.sdss.org", 100)
    (state,) = transport.states()
    assert (state.rate, state.settings_rate) == (100, 0)


def test_redirect_in_a_pause():
    """A host that a redirect leads to is held back as well."""
    throttles = _transport(rate=2)._throttles
    throttles.pause(is_on=True)
    late = throttles._of("elsewhere.example", OFTEN)
    assert late.state().paused
    throttles.pause(is_on=False)
    assert not late.state().paused
