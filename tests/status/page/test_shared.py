from __future__ import annotations

import asyncio
import threading

import pytest

from harvester.status.page.shared import PageAnswer, SharedAnswers, as_json


@pytest.fixture
def shared(clock):
    """Give answers that are kept by that clock."""
    made = SharedAnswers(clock)
    yield made
    made.close()


async def test_viewers_share(shared):
    """Twenty viewers that ask at once cost one read."""
    reads = []

    def read():
        reads.append(threading.get_ident())
        return PageAnswer(b"%d" % len(reads))

    answers = await asyncio.gather(
        *(shared.get("a", read, lasts_s=1) for _ in range(20))
    )
    assert {answer.body for answer in answers} == {b"1"}
    assert len(reads) == 1
    assert reads[0] != threading.get_ident()


async def test_one_at_a_time(shared):
    """Different answers are read one after the other."""
    at_work, most = 0, 0

    def read():
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        at_work -= 1
        return PageAnswer(b"")

    await asyncio.gather(*(shared.get(n, read, lasts_s=1) for n in range(20)))
    assert most == 1


async def test_age(shared, clock):
    """An answer is used as long as it lasts, and twenty times as long as it took."""
    reads = 0

    def read():
        nonlocal reads
        reads += 1
        clock.now += 2  # the read takes two seconds
        return PageAnswer(b"")

    await shared.get("a", read, lasts_s=1)
    clock.now += 39
    await shared.get("a", read, lasts_s=1)
    assert reads == 1
    clock.now += 1
    await shared.get("a", read, lasts_s=1)
    assert reads == 2


async def test_viewer_leaves(shared):
    """A viewer that leaves while an answer is read does not disturb the next one."""
    begun, go_on = threading.Event(), threading.Event()

    def read():
        begun.set()
        go_on.wait()
        return PageAnswer(b"whole")

    leaving = asyncio.create_task(shared.get("a", read, lasts_s=1))
    await asyncio.to_thread(begun.wait)
    leaving.cancel()
    go_on.set()
    assert (await shared.get("a", read, lasts_s=1)).body == b"whole"


async def test_error(shared):
    """A read that fails is an error for who asked, and is tried again."""

    def fail():
        msg = "no"
        raise OSError(msg)

    with pytest.raises(OSError, match="no"):
        await shared.get("a", fail, lasts_s=1)
    assert (await shared.get("a", lambda: PageAnswer(b"yes"), lasts_s=1)).body == b"yes"


async def test_bounded(shared):
    """Old answers are dropped."""
    for number in range(1000):
        await shared.get(number, lambda: PageAnswer(b""), lasts_s=1)
    assert len(shared._kept) <= 400


def test_compressed():
    """Only long answers are compressed, and the tag changes with the content."""
    short, long = as_json([1]), as_json(["galaxy"] * 1000)
    assert not short.packed
    assert len(long.packed) < len(long.body) / 10
    assert short.tag != long.tag
