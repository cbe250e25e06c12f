"""A sandbox whose connections have a limited bandwidth."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from served import serving_file

from harvester.sandbox.breakages import KINDS
from harvester.sandbox.faults import Faults
from harvester.sandbox.front import Front
from harvester.sandbox.line import Line
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.sandbox.stats import Stats

BODY = bytes(range(256)) * 1500


@pytest.fixture
def stats():
    """Create the counters."""
    return Stats({"s3": None})


async def over(counters):
    """Wait until a request is counted, which can be after the client disconnects."""
    async with asyncio.timeout(30):
        while not counters.statuses:
            await asyncio.sleep(0.005)


@pytest.fixture
async def port(stats):
    """Serve one file at 1 MB/s."""
    front = Front(
        "s3", stats, Faults(1, KINDS), latency={}, is_strict=False, bandwidth=1e6
    )
    async with serving_file(front, BODY) as port:
        yield port


async def test_not_faster(port, stats):
    """A file arrives unchanged and no faster than the bandwidth allows."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/a") as reply,
    ):
        assert await reply.read() == BODY
    assert loop.time() - begin >= len(BODY) / 1e6 - 0.01
    await over(stats["s3"])
    assert stats["s3"].sent == len(BODY)


async def test_hanging_up(port, stats):
    """When a client disconnects early, the rest of the file is not counted as sent."""
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, ("127.0.0.1", port))
        await loop.sock_sendall(client, b"GET /a HTTP/1.1\r\nHost: x\r\n\r\n")
        got = 0
        while got < 50_000:
            got += len(await loop.sock_recv(client, 4096))
    await over(stats["s3"])
    # The reply's headers are not counted as sent.
    assert got - 1000 < stats["s3"].sent < got + 150_000 < len(BODY)
    assert stats["s3"].broken == {"/a": 1}


async def test_shared_line(stats):
    """Connections together are no faster than their line, and end at one time."""
    loop, line, ends = asyncio.get_running_loop(), Line(2e6), []
    front = Front("s3", stats, Faults(1, KINDS), latency={}, is_strict=False, line=line)

    async def fetch(http, name):
        async with http.get(f"/{name}") as reply:
            assert await reply.read() == BODY
        ends.append(loop.time())

    async with serving_file(front, BODY) as port:
        url, begin = f"http://127.0.0.1:{port}", loop.time()
        async with aiohttp.ClientSession(url) as http, asyncio.TaskGroup() as group:
            for name in "abc":
                group.create_task(fetch(http, name))
    total = 3 * len(BODY) / 2e6
    assert ends[-1] - begin >= total - 0.06
    # One after the other, the first would end after a third of the time.
    assert ends[0] - begin >= 0.8 * total


async def test_idle_line():
    """A piece on an idle line takes its own time, whenever it comes."""
    loop, line = asyncio.get_running_loop(), Line(1e6)
    for _ in range(3):
        begin = loop.time()
        await line.carry(100_000)
        assert loop.time() - begin >= 0.04
        await asyncio.sleep(0.1)


async def test_changed_line(stats):
    """The line of a running sandbox is changed; what is no bandwidth is refused."""
    line = Line()
    front = Front("s3", stats, Faults(1, KINDS), latency={}, is_strict=False, line=line)
    async with serving_file(front, BODY) as port:
        url = f"http://127.0.0.1:{port}/_line"
        async with aiohttp.ClientSession() as http:
            for speed, status in ((2.5, 200), (-1, 400), ("fast", 400), ([], 400)):
                async with http.post(url, json=speed) as reply:
                    assert reply.status == status
    assert line.bandwidth == 2.5e6


@pytest.mark.parametrize("speed", [-1.0, float("nan")])
@pytest.mark.parametrize("name", ["bandwidth", "line"])
def test_wrong_bandwidth(name, speed):
    """A negative or NaN bandwidth raises ValueError."""
    with pytest.raises(ValueError, match="bandwidth"):
        Sandbox(SandboxOptions(targets=3, hst_images=False, **{name: speed}))
