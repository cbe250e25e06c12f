"""The sandbox's counters of requests, bytes and violations."""

from __future__ import annotations

import asyncio
import json
from email.utils import formatdate

import aiohttp
import pytest
from served import counted, serving_file

from harvester.sandbox.breakages import KINDS
from harvester.sandbox.faults import Faults
from harvester.sandbox.front import Front
from harvester.sandbox.stats import (
    RateLimit,
    ServiceStats,
    Stats,
    Visit,
    cooldown_seconds,
)

BODY = b"0123456789" * 20_000


@pytest.fixture
async def stats():
    """Create the counters of two services, one with a rate limit."""
    return Stats({"s3": RateLimit(per_minute=3, gap=0.0), "mast": None})


@pytest.fixture
async def faults():
    """Create an empty list of faults."""
    return Faults(1, KINDS)


@pytest.fixture(params=[False])
async def url(request, stats, faults):
    """Serve one file; the parameter is whether the service is strict."""
    front = Front("s3", stats, faults, latency={"file": 0.0}, is_strict=request.param)
    async with serving_file(front, BODY) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
async def client():
    """Open an HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def fetch(client, url, **headers) -> bytes:
    """Fetch a URL and return the whole body."""
    async with client.get(url, headers=headers) as reply:
        return await reply.read()


async def test_counts(url, stats, client):
    """Requests, bytes, statuses, ranges and whole files are counted."""
    await fetch(client, f"{url}/a")
    await fetch(client, f"{url}/a")
    await fetch(client, f"{url}/b", Range="bytes=0-9")
    await fetch(client, f"{url}/none/such")
    await counted(stats["s3"])
    found = stats.as_json()["s3"]
    assert found["requests"] == 4
    assert found["bytes_sent"] > 2 * len(BODY) + 10
    assert found["by_status"] == {"200": 2, "206": 1, "404": 1}
    assert found["fetched_more_than_once"] == {"/a": 2}
    assert found["range_requests"] == {"/b": 1}
    assert stats["s3"].whole == {"/a": 2}
    assert stats.as_json()["mast"]["requests"] == 0


async def test_broken_off(url, stats, faults, client):
    """A truncated body counts as broken off, with only the bytes that were sent."""
    faults.switch_on(["truncate@s3"])
    with pytest.raises(aiohttp.ClientPayloadError):
        await fetch(client, f"{url}/a")
    await counted(stats["s3"])
    found = stats.as_json()["s3"]
    assert found["broken_off"] == {"/a": 1}
    assert found["bytes_sent"] == len(BODY) // 2
    assert found["files"] == 0


async def test_head_is_no_fetch(url, stats, client):
    """A HEAD request counts no bytes and no file."""
    async with client.head(f"{url}/a") as reply:
        assert reply.headers["Content-Length"] == str(len(BODY))
    await counted(stats["s3"])
    assert stats["s3"].sent == 0
    assert not stats["s3"].whole


async def test_stats_page(url, client):
    """``/_stats`` shows the counters, ``/_reset`` clears them; neither is counted."""
    await fetch(client, f"{url}/a")
    shown = json.loads(await fetch(client, f"{url}/_stats"))
    assert shown["s3"]["requests"] == 1
    async with client.post(f"{url}/_reset") as reply:
        assert (await reply.json())["s3"]["requests"] == 0
    assert json.loads(await fetch(client, f"{url}/_stats"))["s3"]["requests"] == 0


async def test_log_page(url, client):
    """``/_log`` lists each request with path, range and bytes sent."""
    await fetch(client, f"{url}/a?b=1", Range="bytes=5-9")
    (visit,) = json.loads(await fetch(client, f"{url}/_log"))
    assert (visit["path"], visit["ranged"], visit["sent"]) == ("/a?b=1", True, 5)


async def test_peak(url, stats, faults, client):
    """The peak is the highest number of requests open at the same time."""
    faults.switch_on(["slow=0.5@s3"])
    await asyncio.gather(*(fetch(client, f"{url}/{n}") for n in range(5)))
    await fetch(client, f"{url}/again")
    assert stats["s3"].peak == 5


async def test_cooldown(url, stats, faults, client):
    """A request before the end of a Retry-After counts as a violation."""
    faults.switch_on(["status=429@s3:retry_after=60:times=1"])
    await fetch(client, f"{url}/a")
    assert stats["s3"].cooldown_violations == 0
    await fetch(client, f"{url}/a")
    assert stats["s3"].cooldown_violations == 1


@pytest.mark.parametrize("url", [True], indirect=True)
async def test_strict(url, stats, client):
    """A strict service refuses requests above its rate, in the archive's words."""
    replies = [await fetch(client, f"{url}/a") for _ in range(4)]
    assert replies[:3] == [BODY] * 3
    assert replies[3].startswith(b"#Table1\nerror_message\nERROR: Maximum 3 queries")
    assert stats["s3"].rate_violations == 1


def _visits(stats: ServiceStats, *times: float) -> None:
    for at in times:
        stats.arrive(Visit(at=at, method="GET", path="/", ranged=False))


def test_rate_gap():
    """Each request that follows the previous one within the gap is a violation."""
    stats = ServiceStats(RateLimit(per_minute=60, gap=1.0))
    _visits(stats, 0.0, 1.0, 1.5, 2.6, 2.7)
    assert stats.rate_violations == 2


def test_rate_minute():
    """Each request that exceeds the limit within any 60 s is a violation."""
    stats = ServiceStats(RateLimit(per_minute=3, gap=0.0))
    _visits(stats, 0.0, 10.0, 20.0, 59.0, 60.5, 120.0)
    assert stats.rate_violations == 2


def test_no_limit():
    """A service without a limit has no violations."""
    stats = ServiceStats(None)
    _visits(stats, *([0.0] * 100))
    assert stats.rate_violations == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("4", 4.0),
        (formatdate(1030, usegmt=True), 30.0),
        (formatdate(10, usegmt=True), 0.0),
        ("soon", 0.0),
        ("-5", 0.0),
    ],
)
def test_cooldown_seconds(text, seconds):
    """Retry-After is read as seconds or date; a past or invalid one is 0 s."""
    assert cooldown_seconds(text, 1000.0) == seconds
