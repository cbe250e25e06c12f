"""The throttle of one host, in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from itertools import combinations, cycle, pairwise
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_host import ask, end, throttle_for
from virtual_time import run

from harvester.transport.breaker import Tripping
from harvester.transport.throttle import Manners

_REQUESTS = st.lists(
    st.tuples(
        st.floats(0, 3),
        st.sampled_from(["query", "file"]),
        st.floats(0, 5),
        st.sampled_from(
            ["ok", "ok", "ok", "busy", "later", "down", "failed", "declined"]
        ),
    ),
    max_size=40,
)


_LATENESS = st.lists(st.floats(0, 0.1), min_size=1, max_size=20)


@settings(max_examples=150, deadline=None)
@given(_REQUESTS, st.sampled_from([0.3, 1.0, 7.0, 20.0, 250.0]), _LATENESS)
def test_pace(requests, rate, lateness):
    """No span of a second or longer exceeds the rate, even if timers are late."""
    slots = {"query": 2, "file": 3}
    log = []
    under_way = Counter()

    async def one(throttle, after_s, kind, lasts_s, outcome):
        await asyncio.sleep(after_s)
        async with throttle.slot(kind) as turn:
            log.append(throttle.clock())
            under_way[kind] += 1
            assert under_way[kind] <= slots[kind]
            await asyncio.sleep(lasts_s)
            end(turn, outcome)
            under_way[kind] -= 1

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=rate, slots=slots))
        async with asyncio.TaskGroup() as group:
            for request in requests:
                group.create_task(one(throttle, *request))
        return throttle

    throttle = run(main, lateness=cycle(lateness))
    assert len(log) == len(requests)
    least_s = 1 / rate - Manners(rate=rate, slots=slots).catch_up_s
    assert all(later - begin >= least_s for begin, later in pairwise(log))
    for (first, begin), (last, end_at) in combinations(enumerate(log), 2):
        if last - first >= rate:
            assert end_at - begin >= (last - first) / rate
    assert not len(throttle._queue)
    assert not any(throttle._queue.under_way.values())


def test_pace_saturated():
    """Workers that always have a request waiting reach 97 % of the rate."""
    log = []

    async def work(throttle):
        while throttle.clock() < 100:
            await ask(throttle, lasts_s=0.3, log=log)

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=5, slots={"query": 4}))
        async with asyncio.TaskGroup() as group:
            for _ in range(6):
                group.create_task(work(throttle))

    run(main)
    assert 0.97 * 500 <= sum(at < 100 for at, _ in log) <= 500


@pytest.mark.parametrize("rate", [10, 20, 50])
def test_lateness_is_made_up(rate):
    """With timers 2 ms late on average, 97 % of the rate is still reached."""
    log = []
    dice = Random(1)

    async def work(throttle):
        while throttle.clock() < 60:
            await ask(throttle, lasts_s=0.3, log=log)

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=rate, slots={"query": 32}))
        async with asyncio.TaskGroup() as group:
            for _ in range(32):
                group.create_task(work(throttle))

    run(main, lateness=iter(lambda: dice.expovariate(1 / 0.002), None))
    assert 0.97 * 60 * rate <= sum(at < 60 for at, _ in log) <= 60 * rate


def test_gap_after_hold_up():
    """After the process was blocked, two requests are not sent without a gap."""
    log = []
    manners = Manners(rate=20, slots={"query": 3})

    async def main(clock):
        loop = asyncio.get_running_loop()

        def hold_up():
            loop._virtual.now += 0.5

        throttle = throttle_for(clock, manners)
        async with asyncio.TaskGroup() as group:
            for _ in range(3):
                group.create_task(ask(throttle, log=log))
            # Just after the second slot was granted, before its task resumes.
            due_s = manners.gap_s - manners.catch_up_s
            loop.call_later(due_s + 0.0005, hold_up)

    run(main, lateness=cycle([0.001]))
    times = [at for at, _ in log]
    assert times[1] > 0.5
    assert times[2] - times[1] >= 1 / 20 - manners.catch_up_s


@pytest.mark.parametrize("rate", [1.0, 2.0])
def test_strict_gap(rate):
    """At rates up to 2/s, as for SkyServer, every gap has its full length."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=rate, slots={"query": 2}))
        for _ in range(20):
            await ask(throttle, log=log)

    run(main, lateness=cycle([0.3, 0.0, 0.009]))
    times = [at for at, _ in log]
    assert all(later - begin >= 1 / rate for begin, later in pairwise(times))


def test_gap_from_sending():
    """The gap counts from when a request is sent, not from when it got its slot."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1, slots={"query": 2}))
        async with throttle.slot("query") as turn:
            await asyncio.sleep(0.4)
            turn.sent()
            await ask(throttle)
            return clock()

    assert run(main) == pytest.approx(1.4 + 0.015)


def test_kinds_take_turns():
    """Kinds of requests alternate; within a kind the order is first in, first out."""
    order = []

    async def note(throttle, name, kind):
        async with throttle.slot(kind) as turn:
            order.append(name)
            turn.succeeded()

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1, slots={"query": 1, "file": 1}))
        await ask(throttle)
        async with asyncio.TaskGroup() as group:
            for name in ["q1", "q2", "f1", "q3", "f2", "q4"]:
                kind = "file" if name.startswith("f") else "query"
                group.create_task(note(throttle, name, kind))

    run(main)
    assert order == ["f1", "q1", "f2", "q2", "q3", "q4"]


@pytest.mark.parametrize(("busy", "seldom"), [("file", "query"), ("query", "file")])
def test_no_kind_starves(busy, seldom):
    """A kind that could use the whole rate leaves half to the other kind."""
    log = []
    manners = Manners(rate=5, slots={"query": 4, "file": 4})

    async def work(throttle, kind):
        while throttle.clock() < 20:
            await ask(throttle, kind, lasts_s=0.1, log=log)

    async def main(clock):
        throttle = throttle_for(clock, manners)
        async with asyncio.TaskGroup() as group:
            for kind in [*[busy] * 6, seldom]:
                group.create_task(work(throttle, kind))

    run(main)
    counts = Counter(kind for at, kind in log if at < 20)
    assert counts.total() >= 95
    assert abs(counts[busy] - counts[seldom]) <= 1


def test_kinds_apart():
    """A kind with no free slot does not delay the other kind."""

    async def main(clock):
        throttle = throttle_for(clock)
        async with throttle.slot("file"), throttle.slot("file"), throttle.slot("file"):
            async with throttle.slot("file"):
                blocked = asyncio.create_task(ask(throttle, "file"))
                await ask(throttle, "query")
                assert not blocked.done()
            await blocked
            return clock()

    assert run(main) < 0.1


def test_freed_early():
    """A request can free its slot before its outcome is known."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1000, slots={"file": 1}))
        async with throttle.slot("file") as turn:
            turn.free()
            await ask(throttle, "file")
            turn.succeeded()
        await ask(throttle, "file")
        return throttle

    throttle = run(main)
    assert throttle.successes == 3
    assert throttle._queue.under_way == {"file": 0}


def test_concurrency_halves():
    """Failures halve the concurrency, once for requests in flight together."""

    async def main(clock):
        throttle = throttle_for(
            clock, Manners(rate=1000, slots={"file": 8}, tripping=Tripping(99, 99, 99))
        )
        async with asyncio.TaskGroup() as group:
            for _ in range(8):
                group.create_task(ask(throttle, "file", outcome="failed", lasts_s=1))
        widths = [throttle._effort.width_of("file")]
        assert throttle.describe() == (
            "ready; slowed down by http_503; concurrency 4 of 8 (file)"
        )
        for _ in range(5):
            await ask(throttle, "file", outcome="failed", lasts_s=1)
            widths.append(throttle._effort.width_of("file"))
        for _ in range(64):
            await ask(throttle, "file")
            widths.append(throttle._effort.width_of("file"))
        return widths

    widths = run(main)
    assert widths[:6] == [4, 2, 1, 1, 1, 1]
    assert widths[6 + 8 : 6 + 24 : 8] == [1, 2]
    assert widths == [*widths[:6], *sorted(widths[6:])]
    assert widths.index(2, 6) == 6 + 15
    assert widths[-1] == 8


def test_creeping_back_starts_over():
    """A failure resets the count of successes towards more concurrency."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1000, slots={"file": 8}))
        widths = []
        for outcome in ["poison", *["ok"] * 7, "poison", *["ok"] * 7]:
            await ask(throttle, "file", outcome=outcome, lasts_s=1)
            widths.append(throttle._effort.width_of("file"))
        return widths

    assert run(main) == [4] * 8 + [2] * 8


def test_one_verdict():
    """Only the first outcome reported for a request counts."""

    async def main(clock):
        throttle = throttle_for(clock)
        async with throttle.slot("file") as turn:
            turn.succeeded()
            turn.succeeded()
            for _ in range(3):
                turn.failed("a", "refused", unreachable=True)
            turn.refused(9.0)
        return throttle

    throttle = run(main)
    assert throttle.successes == 1
    assert throttle.describe() == "ready"


def test_refusals_start_over():
    """After a success, the next 429 starts with the shortest cool-down again."""

    async def main(clock):
        throttle = throttle_for(clock)
        waits = []
        for outcome in ["busy", "busy", "ok", "busy"]:
            began = clock()
            await ask(throttle, outcome=outcome)
            waits.append(clock() - began)
        began = clock()
        await ask(throttle)
        return [*waits[1:], clock() - began]

    # Half a second and one second, then half a second again; plus a short gap.
    assert run(main) == pytest.approx([0.5, 1.0, 0.0, 0.5], abs=0.05)


def test_refused_without_a_time():
    """A 429 without a time causes a cool-down of our own and halves the pace."""
    log = []

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1, slots={"query": 4}))
        for _ in range(3):
            await ask(throttle, outcome="busy", log=log)
        assert "too many requests" in throttle.describe()
        await asyncio.sleep(10)
        assert throttle.describe().endswith("concurrency 1 of 4 (query); pace 12%")
        for _ in range(80):
            await ask(throttle, log=log)

    run(main)
    times = [at for at, _ in log]
    assert times[1] - times[0] == pytest.approx(2 * 1.015 + 0.5)
    assert times[2] - times[1] == pytest.approx(4 * 1.015 + 1.0)
    gaps = [round(later - begin, 6) for begin, later in pairwise(times[3:])]
    assert gaps[0] == pytest.approx(8 * 1.015)
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] == pytest.approx(1.015)


def test_cancelled_while_waiting():
    """Cancelled requests leave the queue empty and no slot taken."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1, slots={"query": 1}))
        await ask(throttle)
        tasks = [asyncio.create_task(ask(throttle, lasts_s=5)) for _ in range(5)]
        await asyncio.sleep(2)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert not len(throttle._queue)
        assert throttle._queue.under_way == {"query": 0}
        await ask(throttle)
        return clock()

    # One gap after the last request sent: slots passed from one cancelled task to
    # the next count as sent.
    assert run(main) == pytest.approx(2 * 1.015)


def test_cancelled_on_admission():
    """A slot granted at the moment of the cancellation is released."""

    async def main(clock):
        throttle = throttle_for(clock, Manners(rate=1, slots={"query": 1}))
        async with throttle.slot("query"):
            task = asyncio.create_task(ask(throttle))
            await asyncio.sleep(2)
        # The slot was granted to the task, which has not run since.
        assert throttle._queue.under_way == {"query": 1}
        task.cancel()
        await asyncio.wait({task})
        assert throttle._queue.under_way == {"query": 0}

    run(main)
