"""One limit shared by several harvests: real files, in virtual time."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from itertools import cycle, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from one_host import ask, end, machine_limit, throttle_for
from virtual_time import run

from harvester.transport.machine_limit import folder_trouble
from harvester.transport.manners import Manners

_REQUESTS = st.lists(
    st.tuples(
        st.integers(0, 2),
        st.floats(0, 3),
        st.sampled_from(["query", "file"]),
        st.floats(0, 5),
        st.sampled_from(["ok", "ok", "ok", "busy", "later", "failed"]),
    ),
    max_size=30,
)

_LATENESS = st.lists(st.floats(0, 0.05), min_size=1, max_size=20)


class Harvests:
    """Several harvests of one machine at one host; ``log`` lists their requests."""

    def __init__(self, clock, folder, *manners):
        self.clock = clock
        self.limits = [machine_limit(clock, folder) for _ in manners]
        self.throttles = [
            throttle_for(clock, one, limit=limit.at("archive.example"))
            for one, limit in zip(manners, self.limits, strict=True)
        ]
        self.log = []

    async def work(self, number, kind="file", *, until, lasts_s=0.1):
        """Send requests one after the other until time ``until``."""
        throttle = self.throttles[number]
        while self.clock() < until:
            async with throttle.slot(kind) as turn:
                turn.sent()
                self.log.append((self.clock(), number, kind))
                await asyncio.sleep(lasts_s)
                turn.succeeded()

    def counts(self, begin, end_at):
        """Count the requests of each harvest between two times."""
        return Counter(number for at, number, _ in self.log if begin <= at < end_at)


def harvest_until(folder, jobs, *manners, lateness=None):
    """Run jobs, each the arguments of one `Harvests.work` call; return the harvests."""

    async def main(clock):
        harvests = Harvests(clock, folder, *manners)
        async with asyncio.TaskGroup() as group:
            for number, kind, options in jobs:
                group.create_task(harvests.work(number, kind, **options))
        return harvests

    return run(main, lateness=lateness)


@settings(max_examples=60, deadline=None)
@given(_REQUESTS, st.sampled_from([0.7, 1.0, 7.0, 20.0]), _LATENESS)
def test_sum(requests, rate, lateness):
    """All harvests together respect a host's gap, slots and cool-downs."""
    manners = Manners(rate=rate, slots={"query": 1, "file": 2})
    under_way = Counter()
    log, quiet = [], []

    async def one(throttle, after_s, kind, lasts_s, outcome):
        await asyncio.sleep(after_s)
        async with throttle.slot(kind) as turn:
            turn.sent()
            log.append(throttle.clock())
            under_way[kind] += 1
            assert under_way[kind] <= manners.slots[kind]
            await asyncio.sleep(lasts_s)
            end(turn, outcome)
            if outcome == "later":
                quiet.append((throttle.clock(), throttle.clock() + 4.0))
            under_way[kind] -= 1

    async def main(clock):
        with TemporaryDirectory() as folder:
            harvests = Harvests(clock, Path(folder), *[manners] * 3)
            async with asyncio.TaskGroup() as group:
                for number, *request in requests:
                    group.create_task(one(harvests.throttles[number], *request))

    run(main, lateness=cycle(lateness))
    assert len(log) == len(requests)
    least_s = 1 / rate - manners.catch_up_s
    assert all(later - begin >= least_s for begin, later in pairwise(log))
    assert not [at for at in log for told, until in quiet if told < at < until]


@pytest.mark.parametrize("rate", [1, 5, 50])
@pytest.mark.parametrize("lateness", [None, [0.0, 0.004, 0.001]])
def test_fair_pace(tmp_path, rate, lateness):
    """Three harvests that could each use the whole rate get a third each."""
    manners = Manners(rate=rate, slots={"file": 16})
    seconds = 300 / rate
    jobs = [(n, "file", {"until": seconds}) for n in (0, 1, 2) for _ in range(8)]
    lateness = lateness and cycle(lateness)
    harvests = harvest_until(tmp_path, jobs, *[manners] * 3, lateness=lateness)
    counts = harvests.counts(0, seconds)
    assert 0.95 * 300 <= counts.total() <= 301
    assert max(counts.values()) - min(counts.values()) <= 3


def test_fair_places(tmp_path):
    """Two harvests with long transfers get half of the slots each."""
    manners = Manners(rate=50, slots={"file": 4})
    jobs = [
        *[(0, "file", {"until": 100, "lasts_s": 2.0})] * 8,
        *[(1, "file", {"until": 100, "lasts_s": 2.0})] * 8,
    ]
    harvests = harvest_until(tmp_path, jobs, manners, manners)
    counts = harvests.counts(10, 100)
    assert counts.total() >= 0.95 * 4 * 90 / 2
    assert abs(counts[0] - counts[1]) <= 4


@pytest.mark.parametrize(("busy", "seldom"), [("file", "query"), ("query", "file")])
def test_kinds_of_two_harvests(tmp_path, busy, seldom):
    """A busy harvest leaves half the rate to a harvest of another request kind."""
    manners = Manners(rate=5, slots={"query": 4, "file": 4})
    jobs = [*[(0, busy, {"until": 20})] * 6, (1, seldom, {"until": 20})]
    harvests = harvest_until(tmp_path, jobs, manners, manners)
    counts = harvests.counts(0, 20)
    assert counts.total() >= 95
    assert abs(counts[0] - counts[1]) <= 2


def test_full_kind_does_not_hold_up(tmp_path):
    """When one harvest's files hold all file slots, another's query is not delayed."""
    manners = Manners(rate=50, slots={"query": 1, "file": 1})
    jobs = [
        (0, "file", {"until": 1, "lasts_s": 100}),
        (1, "file", {"until": 99, "lasts_s": 1}),
        (1, "query", {"until": 1, "lasts_s": 1}),
    ]
    harvests = harvest_until(tmp_path, jobs, manners, manners)
    assert [at < 1 for at, _, kind in harvests.log if kind == "query"] == [True]


def test_stricter_holds(tmp_path):
    """The strictest rate and slot count apply to all, until that harvest ends."""
    strict = Manners(rate=2, slots={"file": 1})
    loose = Manners(rate=20, slots={"file": 8})
    jobs = [
        (0, "file", {"until": 30, "lasts_s": 0.4}),
        *[(1, "file", {"until": 200, "lasts_s": 0.4})] * 8,
    ]
    harvests = harvest_until(tmp_path, jobs, strict, loose)
    assert 50 <= harvests.counts(0, 30).total() <= 60
    # The first harvest's limits expire a minute after its last request.
    assert harvests.counts(100, 200)[1] >= 0.95 * 20 * 100


def test_cool_down(tmp_path):
    """A Retry-After received by one harvest is a cool-down for the others too."""
    manners = Manners(rate=50, slots={"file": 4})

    async def main(clock):
        harvests = Harvests(clock, tmp_path, manners, manners)
        async with harvests.throttles[0].slot("file") as turn:
            turn.refused(30.0)
        began = clock()
        turning = asyncio.create_task(ask(harvests.throttles[1]))
        await asyncio.sleep(1)
        words = harvests.throttles[1].describe()
        await turning
        return words, clock() - began

    words, waited_s = run(main)
    assert words.startswith(
        "cooling down for 29 s (asked of another harvest on this machine)"
    )
    assert waited_s == pytest.approx(30, abs=0.1)


def test_others_are_told(tmp_path):
    """A host's state has the number of other harvests on this machine."""
    manners = Manners(rate=50, slots={})

    async def main(clock):
        harvests = Harvests(clock, tmp_path, manners, manners, manners)
        for throttle in harvests.throttles:
            await ask(throttle)
        before = [throttle.state().others for throttle in harvests.throttles]
        harvests.limits[0].close()
        await ask(harvests.throttles[2])
        return before, harvests.throttles[2].state().others

    assert run(main) == ([0, 1, 2], 1)


def test_hosts_apart(tmp_path):
    """Hosts have separate limits, and two ports of one address are two hosts."""

    async def main(clock):
        limit = machine_limit(clock, tmp_path)
        throttles = [
            throttle_for(clock, Manners(rate=1, slots={}), limit=limit.at(host))
            for host in ("mast.stsci.edu", "127.0.0.1:8001", "127.0.0.1:8002")
        ]
        for throttle in throttles:
            await ask(throttle)
        return clock()

    assert run(main) < 0.01


def test_gap_outlives_its_harvest(tmp_path):
    """A harvest keeps the gap to the last request of a harvest that has ended."""

    async def main(clock):
        for _ in range(3):
            harvests = Harvests(clock, tmp_path, Manners(rate=1, slots={}))
            await ask(harvests.throttles[0])
            harvests.limits[0].close()
        return clock()

    assert run(main) == pytest.approx(2 * 1.015, abs=0.01)


def test_slow_connection(tmp_path):
    """At 1 request/s, the gap counts from when another harvest's request is sent."""
    manners = Manners(rate=1, slots={"query": 4})
    log = []

    async def main(clock):
        harvests = Harvests(clock, tmp_path, manners, manners)
        async with harvests.throttles[0].slot("query") as turn:
            other = asyncio.create_task(ask(harvests.throttles[1], log=log))
            await asyncio.sleep(5)
            turn.sent()
            await other

    run(main)
    assert log[0][0] == pytest.approx(6.015, abs=0.1)


def test_harvest_that_does_not_come(tmp_path):
    """A harvest suspended while waiting delays the others by one gap at most."""
    manners = Manners(rate=1, slots={})

    async def main(clock):
        harvests = Harvests(clock, tmp_path, manners, manners)
        silent, other = harvests.throttles
        await ask(other)
        waiting = asyncio.create_task(ask(silent))
        await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        # Suspended, as by Ctrl-Z: its timer never fires.
        silent._timer.cancel()
        await ask(other)
        at = clock()
        waiting.cancel()
        await asyncio.wait({waiting})
        return at

    assert run(main) <= 2 * 1.015 + 0.1


@pytest.mark.parametrize("ahead_s", [-1e6, 1e6])
def test_other_clock(tmp_path, ahead_s):
    """A container whose clock is far ahead or behind does not block any harvest."""
    manners = Manners(rate=1, slots={"file": 4})

    async def main(clock):
        here = Harvests(lambda: 2e6 + clock(), tmp_path, manners)
        there = Harvests(lambda: 2e6 + ahead_s + clock(), tmp_path, manners)
        both = [*here.throttles, *there.throttles]
        async with asyncio.TaskGroup() as group:
            for throttle in both:
                for _ in range(5):
                    group.create_task(ask(throttle, "file"))
        return clock()

    assert run(main) <= 15


def test_damaged_account(tmp_path):
    """An account file that is unreadable or was removed is created anew."""

    async def main(clock):
        harvests = Harvests(clock, tmp_path, Manners(rate=10, slots={}))
        for harm in (b"", b"{}\n", b'{"members":3}\n', b"\xff\xfe\x00" * 100):
            await ask(harvests.throttles[0])
            (file,) = tmp_path.glob("*/*/hosts/*")
            file.write_bytes(harm)
        await ask(harvests.throttles[0])
        for file in tmp_path.glob("*/*/*/*"):
            file.unlink()
        await ask(harvests.throttles[0])
        return len(list(tmp_path.glob("*/*/*/*"))), harvests.limits[0].is_off

    assert run(main) == (2, False)


def test_folder_that_cannot_be_used(tmp_path, caplog):
    """If the folder cannot be used, a harvest warns once and keeps its own limits."""
    folder = tmp_path / "file"
    folder.write_text("not a folder")
    with caplog.at_level(logging.WARNING):
        jobs = [(0, "file", {"until": 10})] * 3
        harvests = harvest_until(folder, jobs, Manners(rate=5, slots={"file": 4}))
    assert 48 <= harvests.counts(0, 10).total() <= 50
    (record,) = caplog.records
    assert "cannot be used (Not a directory)" in record.getMessage()
    assert folder_trouble(folder) == record.getMessage()
    assert not folder_trouble(tmp_path)


def test_folder_that_breaks(tmp_path, caplog):
    """If the folder becomes unusable in the middle of a run, no request fails."""

    async def main(clock):
        harvests = Harvests(clock, tmp_path, Manners(rate=5, slots={"file": 1}))
        await ask(harvests.throttles[0], "file")
        for file in tmp_path.glob("*/*/hosts/*"):
            file.unlink()
        (folder,) = tmp_path.glob("*/*/hosts")
        folder.rmdir()
        folder.write_text("")
        for _ in range(10):
            await ask(harvests.throttles[0], "file")
        return clock()

    assert run(main) <= 2.1
    assert len(caplog.records) == 1
