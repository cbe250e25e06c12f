"""Cool-downs and outages of one host, in virtual time."""

from __future__ import annotations

import asyncio

import pytest
from one_host import ask, end, throttle_for
from virtual_time import run

from harvester.transport.throttle import GaveUpError, Manners


async def _knock_out(throttle):
    for _ in range(3):
        await ask(throttle, outcome="down")
    assert throttle.is_down


def test_cool_down():
    """After Retry-After one request is sent first, then half as many at once."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock)
        await ask(throttle, outcome="later")
        assert throttle.describe().startswith("cooling down for 4 s (Retry-After)")
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(ask(throttle, "file", lasts_s=2.0, log=log))
        assert "slowed down by too many requests" in throttle.describe()

    run(main)
    times = [at for at, _ in log]
    assert times[0] >= 4
    assert times[1] >= times[0] + 2
    assert times[2] < times[1] + 2 <= times[3]


def test_cool_down_and_stragglers():
    """A request sent before a cool-down does not shorten it when it succeeds."""

    async def main(clock):
        throttle = throttle_for(clock)
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(throttle, lasts_s=2.0))
            group.create_task(ask(throttle, outcome="later"))
        assert clock() == pytest.approx(2)
        await ask(throttle)
        return clock()

    assert run(main) >= 4


def test_cool_down_kept():
    """A cool-down is reported in Unix seconds and still applies after a restart."""
    reported = []

    async def first(clock):
        throttle = throttle_for(clock, on_cool_down=lambda *what: reported.append(what))
        await asyncio.sleep(1)
        await ask(throttle, outcome="later")

    async def second(clock):
        throttle = throttle_for(clock, cooled_until=reported[0][1])
        assert "cooling down for 5 s" in throttle.describe()
        await ask(throttle)
        return clock()

    run(first)
    assert reported == [("archive.example", 1e9 + 5)]
    assert run(second) == pytest.approx(5)


def test_shorter_wish():
    """Of two cool-downs the longer one is kept and reported."""
    reported = []

    async def main(_clock):
        throttle = throttle_for(
            _clock, on_cool_down=lambda *what: reported.append(what)
        )
        throttle.cool_down(600)
        throttle.cool_down(5)

    run(main)
    assert reported == [("archive.example", 1e9 + 600)] * 2


@pytest.mark.parametrize(("until", "waits"), [(9e9, 3600), (1.0, 0)])
def test_cool_down_and_clock_jump(until, waits):
    """If the clock jumped between runs, the cool-down lasts an hour at most."""

    async def main(clock):
        await ask(throttle_for(clock, cooled_until=until))
        return clock()

    assert run(main) == pytest.approx(waits)


def test_single_probe():
    """When a probe is due, exactly one of ten waiting requests is sent."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock)
        await _knock_out(throttle)
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(ask(throttle, "file", lasts_s=30.0, log=log))
            await asyncio.sleep(30)
            assert len(log) == 1
            assert throttle.describe().startswith("down: 3 failures in a row")

    run(main)
    assert len(log) == 10


@pytest.mark.parametrize("outcome", ["ok", "down", "busy", "later", "dropped"])
def test_late_verdict_of_a_probe(outcome):
    """For any late outcome of a probe, the waiting requests are sent afterwards."""

    async def main(clock):
        throttle = throttle_for(clock)
        await _knock_out(throttle)
        async with asyncio.TaskGroup() as group, throttle.slot("file") as turn:
            assert turn.is_probe
            turn.free()
            waiting = group.create_task(ask(throttle, "file"))
            await asyncio.sleep(30)
            assert not waiting.done()
            end(turn, outcome)
        assert not throttle.is_down

    run(main)


def test_outage_of_an_hour():
    """An outage of an hour costs at most 25 requests, and its end is seen in 305 s."""
    log = []

    async def work(throttle, back_s):
        while throttle.clock() < back_s + 1000:
            outcome = "down" if throttle.clock() < back_s else "ok"
            # The outcome is decided when the request is sent.
            async with throttle.slot("file") as turn:
                outcome = "down" if throttle.clock() < back_s else "ok"
                log.append((throttle.clock(), outcome))
                if outcome == "ok":
                    turn.succeeded()
                    await asyncio.sleep(10)
                else:
                    turn.failed("a", "refused", unreachable=True)

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=4, slots={"file": 4}))
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(work(throttle, 3600))

    run(main)
    assert sum(outcome == "down" for _, outcome in log) <= 25
    recovery = next(at for at, outcome in log if outcome == "ok")
    assert recovery <= 3600 + 300 + 5


def test_probes_rotate():
    """One request that always fails does not keep the breaker open."""
    log = []

    async def poison(throttle):
        while len(log) < 3:
            await ask(throttle, "file", outcome="poison")
            await asyncio.sleep(0.5)

    async def main(clock):
        throttle = throttle_for(clock)
        await _knock_out(throttle)
        async with asyncio.TaskGroup() as group:
            group.create_task(poison(throttle))
            for _ in range(3):
                group.create_task(ask(throttle, "query", log=log))
        return clock()

    assert run(main) < 20


def test_cancelled_probe():
    """After a cancelled probe the next request is the probe."""

    async def main(clock):
        throttle = throttle_for(clock)
        await _knock_out(throttle)
        probe = asyncio.create_task(ask(throttle, lasts_s=100))
        await asyncio.sleep(10)
        probe.cancel()
        await asyncio.wait({probe})
        assert throttle.is_down
        await ask(throttle)
        assert not throttle.is_down
        return clock()

    assert run(main) == pytest.approx(10, abs=0.1)


def test_patience_ends():
    """A request that waits longer than its patience for a host raises GaveUpError."""

    async def main(clock):
        throttle = throttle_for(clock)
        await ask(throttle, outcome="later")
        throttle.cool_down(500)
        with pytest.raises(
            GaveUpError,
            match=r"gave up after \d+ s of outage of .*, down since \d\d:\d\d: ",
        ):
            async with throttle.slot("query", patience_s=60):
                pass
        assert not len(throttle._queue)
        return clock()

    assert run(main) == pytest.approx(60, abs=0.1)


def test_patience_in_a_queue():
    """Waiting for a slot of a working host never spends the patience."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1, slots={"query": 1}))
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(throttle, lasts_s=1000))
            await asyncio.sleep(0)
            async with throttle.slot("query", patience_s=60) as turn:
                turn.succeeded()
        return clock()

    assert run(main) == pytest.approx(1000)


async def _refuse(throttle, count, kind="file"):
    for _ in range(count):
        await ask(throttle, kind, outcome="declined")
        await asyncio.sleep(0.01)


def test_ban_of_an_hour():
    """A host that refuses everything for an hour gets at most 30 requests."""
    log = []

    async def work(throttle):
        while throttle.clock() < 3600:
            await ask(throttle, "file", outcome="declined", log=log)

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=10, slots={"file": 4}))
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(work(throttle))
        return throttle.describe()

    assert run(main).startswith("has refused everything since ")
    assert len(log) <= 30


def test_refusals_among_good_answers():
    """Refusals with successes between them never open the breaker."""

    async def main(clock):
        throttle = throttle_for(clock)
        for _ in range(20):
            await _refuse(throttle, 4)
            await ask(throttle, "file")
        assert throttle.successes == 20
        return throttle.is_down

    assert run(main) is False


def test_forbidden_slows_down():
    """A refusal that may be caused by too many requests halves the concurrency."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1000, slots={"file": 8}))
        async with throttle.slot("file") as turn:
            turn.declined("a", "403 Forbidden", handful=5, slows=True)
        return throttle.describe()

    words = run(main)
    assert words == "ready; slowed down by refusals; concurrency 4 of 8 (file)"


def test_refusals_are_no_success():
    """A refusal is no success: it does not reset the count of failures."""

    async def main(clock):
        throttle = throttle_for(clock)
        await ask(throttle, outcome="down")
        await _refuse(throttle, 1)
        for _ in range(2):
            await ask(throttle, outcome="down")
        assert throttle.successes == 0
        return throttle.is_down

    assert run(main) is True


def test_straggler_of_a_ban():
    """A file requested before a ban does not close the breaker when it arrives."""

    async def main(clock):
        throttle = throttle_for(clock)
        async with asyncio.TaskGroup() as group:
            group.create_task(ask(throttle, "file", lasts_s=2.0))
            await asyncio.sleep(0.1)
            await _refuse(throttle, 5)
        assert clock() == pytest.approx(2)
        assert throttle.is_down
        await ask(throttle, "file")
        assert not throttle.is_down
        return clock()

    assert run(main) >= 5


def test_kinds_apart():
    """Successful queries do not reset the count of refused files."""

    async def main(clock):
        throttle = throttle_for(clock)
        await _refuse(throttle, 5)
        await ask(throttle, "query")
        assert throttle.refusals("file").is_full
        await _refuse(throttle, 1)
        return throttle.is_down

    assert run(main) is True


@pytest.mark.parametrize("waits_s", [60.0, 7.0])
def test_patience_with_a_ban(waits_s):
    """A ban has its own patience, counted from the first refusal."""

    async def probe_for_ever(throttle):
        patience = {"patience_s": 7200, "refusal_patience_s": waits_s}
        while True:
            async with throttle.slot("file", **patience) as turn:
                end(turn, "declined")

    async def main(clock):
        throttle = throttle_for(clock)
        await _refuse(throttle, 5)
        with pytest.raises(GaveUpError, match="has refused everything since") as caught:
            await probe_for_ever(throttle)
        assert caught.value.reason == "refuses"
        return clock()

    assert waits_s <= run(main) <= waits_s + 2


def test_hop_of_a_probe():
    """The next redirect hop of a probe is sent while all other requests wait."""

    async def main(clock):
        throttle = throttle_for(clock)
        await _knock_out(throttle)
        async with throttle.slot("file") as first:
            assert first.is_probe
            first.free()
            others = asyncio.create_task(ask(throttle, "file"))
            async with throttle.slot("file", rides=True):
                assert not others.done()
            first.succeeded()
        await others
        return throttle.is_down

    assert run(main) is False


def test_closed():
    """``is_closed`` holds while a host is down, except when a probe is due."""

    async def main(clock):
        throttle = throttle_for(clock)
        assert not throttle.is_closed
        await _knock_out(throttle)
        assert throttle.is_closed
        await asyncio.sleep(5.1)
        assert not throttle.is_closed
        async with throttle.slot("file"):
            assert throttle.is_closed

    run(main)


def test_lingering():
    """A lingering request keeps its slot for the given time."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1000, slots={"query": 1}))
        async with throttle.slot("query") as turn:
            turn.linger(30)
        await ask(throttle, "query")
        return clock()

    assert run(main) == pytest.approx(30)


def test_closed_until_a_probe_is_due():
    """``is_closed`` and ``down_s`` follow an outage, a probe and the recovery."""
    seen = []

    async def main(clock):
        throttle = throttle_for(clock)
        seen.append((throttle.is_closed, throttle.down_s))
        await _knock_out(throttle)
        began = clock()
        seen.append((throttle.is_closed, throttle.down_s))
        await asyncio.sleep(60)
        seen.append((throttle.is_closed, throttle.down_s))
        assert throttle.down_s == clock() - began
        async with throttle.slot("file") as probe:
            seen.append((throttle.is_closed, throttle.down_s))
            end(probe, "ok")
        seen.append((throttle.is_closed, throttle.down_s))

    run(main)
    assert seen == [(False, 0), (True, 0), (False, 60), (True, 60), (False, 0)]
