"""Lines of a connection that are forged, replayed or too long are refused."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from harvester.transport.broker.signed_lines import (
    LONGEST,
    BrokenLineError,
    NoBrokerError,
    SignedLines,
)

pytestmark = pytest.mark.timeout(60)


@asynccontextmanager
async def both_ends(other_secret="secret"):
    """Give the signed lines of two ends, and the reader and writer of the second."""
    ends = asyncio.get_running_loop().create_future()
    server = await asyncio.start_server(
        lambda *two: ends.set_result(two), "127.0.0.1", 0, limit=LONGEST
    )
    port = server.sockets[0].getsockname()[1]
    near = await asyncio.open_connection("127.0.0.1", port, limit=LONGEST)
    far = await ends
    one = SignedLines(*near, "secret", mine="a", other="b", nonces="n")
    other = SignedLines(*far, other_secret, mine="b", other="a", nonces="n")
    try:
        yield one, other, *far
    finally:
        one.abort()
        other.abort()
        server.close()


async def test_there_and_back():
    """What one end sends, the other receives, in both directions."""
    async with both_ends() as (one, other, *_):
        for number in range(3):
            one.send({"n": number})
            other.send({"m": number})
        assert [await other.receive() for _ in range(3)] == [{"n": n} for n in range(3)]
        assert [await one.receive() for _ in range(3)] == [{"m": n} for n in range(3)]


async def test_other_secret():
    """A line signed with another secret is refused."""
    async with both_ends("another") as (one, other, *_):
        one.send({})
        with pytest.raises(BrokenLineError):
            await other.receive()


@pytest.mark.parametrize("harm", ["replayed", "left out", "changed", "sent back"])
async def test_forged(harm):
    """A line that is not the next one of the other end is refused."""
    async with both_ends() as (one, other, reader, writer):
        one.send({"do": "left"})
        one.send({"do": "sent"})
        first, second = [await reader.readline() for _ in range(2)]
        forged = {
            "replayed": first + first,
            "left out": second,
            "changed": first.replace(b"left", b"sent"),
            "sent back": b"",
        }[harm]
        if harm == "sent back":
            writer.write(first)
            with pytest.raises(BrokenLineError):
                await one.receive()
            return
        reader.feed_data(forged)
        if harm == "replayed":
            assert await other.receive() == {"do": "left"}
        with pytest.raises(BrokenLineError):
            await other.receive()


@pytest.mark.parametrize("harm", [b"x" * (LONGEST + 10), b"no end of line", b""])
async def test_no_line(harm):
    """A line that is too long or has no end is an error, and is not kept."""
    async with both_ends() as (one, _, _, writer):
        writer.write(harm)
        writer.close()
        with pytest.raises(NoBrokerError, match=r"too long|closed|broke"):
            await one.receive()


async def test_closed():
    """Nothing can be sent over a connection that is closed."""
    async with both_ends() as (one, *_):
        one.abort()
        with pytest.raises(NoBrokerError, match="broke"):
            one.send({})
