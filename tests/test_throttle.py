"""What one host is asked to bear, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from virtual_time import run

from harvester.breaker import Tripping
from harvester.throttle import GaveUpError, Manners, Throttle, Timing

_OFTEN = Manners(rate=1000, slots={"query": 2, "file": 4})


def _throttle(clock, manners=_OFTEN, **options):
    timing = Timing(clock=clock, wall=lambda: 1e9 + clock(), random=lambda: 0.5)
    return Throttle("archive.example", manners, timing=timing, **options)


async def _ask(throttle, kind="query", *, outcome="ok", lasts_s=0.0, log=None):
    """Send one request that lasts so long and ends like that."""
    async with throttle.slot(kind) as turn:
        if log is not None:
            log.append((throttle.clock(), kind))
        await asyncio.sleep(lasts_s)
        match outcome:
            case "ok":
                turn.succeeded()
            case "busy":
                turn.refused(None)
            case "later":
                turn.refused(4.0)
            case "down":
                turn.failed("a", "refused", unreachable=True)
            case "poison":
                turn.failed("a", "http_504")
            case "failed":
                turn.failed(f"{throttle.clock()}", "http_503")


async def _knock_out(throttle):
    for _ in range(3):
        await _ask(throttle, outcome="down")
    assert throttle.is_down


_REQUESTS = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.sampled_from(["query", "file"]),
        st.floats(0, 5),
        st.sampled_from(["ok", "ok", "ok", "busy", "later", "down", "failed"]),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(_REQUESTS, st.sampled_from([0.3, 1.0, 7.0, 250.0]))
def test_pace(requests, rate):
    """No window of any length holds more requests than the rate allows."""
    log = []
    under_way = Counter()
    slots = {"query": 2, "file": 3}

    async def one(throttle, after_s, kind, lasts_s, outcome):
        await asyncio.sleep(after_s)
        async with throttle.slot(kind) as turn:
            under_way[kind] += 1
            assert under_way[kind] <= slots[kind]
            log.append(throttle.clock())
            turn.close()
            under_way[kind] -= 1
        await _ask(throttle, kind, outcome=outcome, lasts_s=lasts_s, log=None)

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=rate, slots=slots))
        starts = []
        begin = throttle._begin

        def note(kind):
            starts.append(clock())
            return begin(kind)

        throttle._begin = note
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(one(throttle, *request))
        return starts, throttle

    starts, throttle = run(main)
    assert len(starts) == 2 * len(requests)
    for begin, later in pairwise(starts):
        assert later - begin >= (1 / rate) * (1 - 1e-9)
    assert not throttle._waiting
    assert not any(throttle._under_way.values())


def test_pace_saturated():
    """Workers who always want more get at least 97 % of the rate."""
    log = []

    async def work(throttle):
        while throttle.clock() < 100:
            await _ask(throttle, lasts_s=0.3, log=log)

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=5, slots={"query": 4}))
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(work(throttle))

    run(main)
    assert 0.97 * 500 <= sum(at < 100 for at, _ in log) <= 500


def test_gap_from_sending():
    """The gap counts from when a request is on the wire, if that took a while."""

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1, slots={"query": 2}))
        async with throttle.slot("query") as turn:
            await asyncio.sleep(0.4)
            turn.sent()
            await _ask(throttle)
            return clock()

    assert run(main) == pytest.approx(1.4)


def test_files_first():
    """Files go before queries; within a kind, who asked first goes first."""
    order = []

    async def ask(throttle, name, kind):
        async with throttle.slot(kind) as turn:
            order.append(name)
            turn.succeeded()

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1, slots={"query": 1, "file": 1}))
        await _ask(throttle)
        async with asyncio.TaskGroup() as group:
            for name in ["q1", "q2", "f1", "q3", "f2"]:
                kind = "file" if name.startswith("f") else "query"
                group.create_task(ask(throttle, name, kind))

    run(main)
    assert order == ["f1", "f2", "q1", "q2", "q3"]


def test_kinds_apart():
    """A kind whose places are taken does not hold up the other kind."""

    async def main(clock):
        throttle = _throttle(clock)
        async with throttle.slot("file"), throttle.slot("file"), throttle.slot("file"):
            async with throttle.slot("file"):
                blocked = asyncio.create_task(_ask(throttle, "file"))
                await _ask(throttle, "query")
                assert not blocked.done()
            await blocked
            return clock()

    assert run(main) < 0.1


def test_freed_early():
    """A request that is off the wire makes room before its verdict is known."""

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1000, slots={"file": 1}))
        async with throttle.slot("file") as turn:
            turn.free()
            await _ask(throttle, "file")
            turn.succeeded()
        await _ask(throttle, "file")
        return throttle

    throttle = run(main)
    assert throttle.successes == 3
    assert throttle._under_way == {"file": 0}


def test_cool_down():
    """Nobody goes before the time the archive named, then a single one, then all."""
    log = []

    async def main(clock):
        throttle = _throttle(clock)
        await _ask(throttle, outcome="later")
        assert throttle.describe() == "cooling down for 4 s (Retry-After)"
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(_ask(throttle, "file", lasts_s=2.0, log=log))
        assert throttle.describe() == "open road"

    run(main)
    times = [at for at, _ in log]
    assert times[0] >= 4
    assert times[1] >= times[0] + 2
    assert times[4] < times[1] + 0.1


def test_cool_down_and_stragglers():
    """A request from before that ends well does not cut the cool-down short."""

    async def main(clock):
        throttle = _throttle(clock)
        async with asyncio.TaskGroup() as group:
            group.create_task(_ask(throttle, lasts_s=2.0))
            group.create_task(_ask(throttle, outcome="later"))
        assert clock() == pytest.approx(2)
        await _ask(throttle)
        return clock()

    assert run(main) >= 4


def test_cool_down_kept():
    """A cool-down is reported in Unix seconds, and holds after a restart."""
    reported = []

    async def first(clock):
        throttle = _throttle(clock, on_cool_down=lambda *what: reported.append(what))
        await asyncio.sleep(1)
        await _ask(throttle, outcome="later")

    async def second(clock):
        throttle = _throttle(clock, cooled_until=reported[0][1])
        assert "cooling down for 5 s" in throttle.describe()
        await _ask(throttle)
        return clock()

    run(first)
    assert reported == [("archive.example", 1e9 + 5)]
    assert run(second) == pytest.approx(5)


@pytest.mark.parametrize(("until", "waits"), [(9e9, 3600), (1.0, 0)])
def test_cool_down_and_clock_jump(until, waits):
    """A clock that jumped between runs costs an hour at most."""

    async def main(clock):
        await _ask(_throttle(clock, cooled_until=until))
        return clock()

    assert run(main) == pytest.approx(waits)


def test_single_probe():
    """When the host may be back, ten callers make exactly one request."""
    log = []

    async def main(clock):
        throttle = _throttle(clock)
        await _knock_out(throttle)
        async with asyncio.TaskGroup() as group:
            for _ in range(10):
                group.create_task(_ask(throttle, "file", lasts_s=30.0, log=log))
            await asyncio.sleep(30)
            assert len(log) == 1
            assert throttle.describe().startswith("closed: 3 failures in a row")

    run(main)
    assert len(log) == 10


def test_outage_of_an_hour():
    """A dead host sees 25 requests in an hour, and is back within one interval."""
    log = []

    async def work(throttle, back_s):
        while throttle.clock() < back_s + 1000:
            outcome = "down" if throttle.clock() < back_s else "ok"
            # The verdict is drawn when the request is sent.
            async with throttle.slot("file") as turn:
                outcome = "down" if throttle.clock() < back_s else "ok"
                log.append((throttle.clock(), outcome))
                if outcome == "ok":
                    turn.succeeded()
                    await asyncio.sleep(10)
                else:
                    turn.failed("a", "refused", unreachable=True)

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=4, slots={"file": 4}))
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(work(throttle, 3600))

    run(main)
    assert sum(outcome == "down" for _, outcome in log) <= 25
    recovery = next(at for at, outcome in log if outcome == "ok")
    assert recovery <= 3600 + 300 + 5


def test_probes_rotate():
    """One request that always fails does not keep a sound host shut."""
    log = []

    async def poison(throttle):
        while len(log) < 3:
            await _ask(throttle, "file", outcome="poison")
            await asyncio.sleep(0.5)

    async def main(clock):
        throttle = _throttle(clock)
        await _knock_out(throttle)
        async with asyncio.TaskGroup() as group:
            group.create_task(poison(throttle))
            for _ in range(3):
                group.create_task(_ask(throttle, "query", log=log))
        return clock()

    assert run(main) < 20


def test_concurrency_halves():
    """Trouble halves the concurrency, once for all that were under way together."""

    async def main(clock):
        throttle = _throttle(
            clock, Manners(rate=1000, slots={"file": 8}, tripping=Tripping(99, 99, 99))
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(_ask(throttle, "file", outcome="failed", lasts_s=1))
        widths = [throttle._width_of("file")]
        assert throttle.describe() == "open road; concurrency 4 of 8 (file)"
        for _ in range(5):
            await _ask(throttle, "file", outcome="failed", lasts_s=1)
            widths.append(throttle._width_of("file"))
        for _ in range(64):
            await _ask(throttle, "file")
            widths.append(throttle._width_of("file"))
        return widths

    widths = run(main)
    assert widths[:6] == [4, 2, 1, 1, 1, 1]
    assert widths[6 + 8 : 6 + 24 : 8] == [1, 2]
    assert widths == [*widths[:6], *sorted(widths[6:])]
    assert widths[-1] == 8


def test_refused_without_a_time():
    """Too many requests, and no time named: our own cool-down, and half the pace."""
    log = []

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1, slots={"query": 4}))
        for _ in range(3):
            await _ask(throttle, outcome="busy", log=log)
        assert "too many requests" in throttle.describe()
        await asyncio.sleep(10)
        assert throttle.describe().endswith("concurrency 1 of 4 (query); pace 12%")
        for _ in range(80):
            await _ask(throttle, log=log)

    run(main)
    times = [at for at, _ in log]
    assert times[1] - times[0] >= 2
    assert times[2] - times[1] >= 4
    gaps = [later - begin for begin, later in pairwise(times[3:])]
    assert gaps[0] == pytest.approx(8)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] == pytest.approx(1)


def test_cancelled_while_waiting():
    """Who is cancelled leaves no place taken and nobody waiting."""

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1, slots={"query": 1}))
        await _ask(throttle)
        tasks = [asyncio.create_task(_ask(throttle, lasts_s=5)) for _ in range(5)]
        await asyncio.sleep(2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert not throttle._waiting
        assert throttle._under_way == {"query": 0}
        await _ask(throttle)
        return clock()

    # One gap more than the last request that went: the turns that were handed on
    # from one cancelled task to the next count as sent.
    assert run(main) == pytest.approx(3)


def test_cancelled_on_admission():
    """A turn that comes at the moment of the cancellation is given back."""

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1, slots={"query": 1}))
        async with throttle.slot("query"):
            task = asyncio.create_task(_ask(throttle))
            await asyncio.sleep(2)
        # The place was given to the task, which has not run since.
        assert throttle._under_way == {"query": 1}
        task.cancel()
        await asyncio.wait({task})
        assert throttle._under_way == {"query": 0}

    run(main)


def test_cancelled_probe():
    """A probe that is cancelled leaves its place to the next one."""

    async def main(clock):
        throttle = _throttle(clock)
        await _knock_out(throttle)
        probe = asyncio.create_task(_ask(throttle, lasts_s=100))
        await asyncio.sleep(10)
        probe.cancel()
        await asyncio.wait({probe})
        assert throttle.is_down
        await _ask(throttle)
        assert not throttle.is_down
        return clock()

    assert run(main) == pytest.approx(10, abs=0.1)


def test_patience_ends():
    """Who waits for a host that is down for too long is told so."""

    async def main(clock):
        throttle = _throttle(clock)
        await _ask(throttle, outcome="later")
        throttle.cool_down(500)
        with pytest.raises(GaveUpError, match="resume later"):
            async with throttle.slot("query", patience_s=60):
                pass
        assert not throttle._waiting
        return clock()

    assert run(main) == pytest.approx(60, abs=0.1)


def test_patience_in_a_queue():
    """Waiting one's turn at a host that is well is no outage, however long."""

    async def main(clock):
        throttle = _throttle(clock, Manners(rate=1, slots={"query": 1}))
        async with asyncio.TaskGroup() as group:
            group.create_task(_ask(throttle, lasts_s=1000))
            await asyncio.sleep(0)
            async with throttle.slot("query", patience_s=60) as turn:
                turn.succeeded()
        return clock()

    assert run(main) == pytest.approx(1000)
