"""What the transport learns of hosts from the replies of a server."""

from __future__ import annotations

import asyncio
import time

import pytest
from scripted import opened, reply, serving

from harvester.errors import NotFoundError
from harvester.models import HostFacts
from harvester.transport.transport import RangeRefusedError

FILE = "https://mast.stsci.edu/file"
BODY = bytes(1_900_000)


async def _slow(writer, _asked):
    """Answer after a while, and send the body in pieces."""
    await asyncio.sleep(0.05)
    whole = reply(BODY)
    for start in range(0, len(whole), 300_000):
        writer.write(whole[start : start + 300_000])
        await writer.drain()
        await asyncio.sleep(0.01)


def facts_of(transport):
    """Give what is known of the only host that files were asked from."""
    known = transport.speeds.facts()
    return next(iter(known.values()), HostFacts())


async def test_file(tmp_path):
    """A file tells the latency and the bandwidth of its host."""
    async with serving({"/file": _slow}) as server, opened(server) as transport:
        began = time.monotonic()
        await transport.download(FILE, tmp_path / "file")
        took_s = time.monotonic() - began
        facts = facts_of(transport)
        assert transport.speed_of(FILE).facts == facts
    assert 0.05 <= facts.latency_s < took_s
    assert facts.bandwidth > len(BODY) / 10 / took_s
    assert abs(time.time() - facts.measured_at) < 60


async def test_query():
    """A query tells nothing: a service may need any time for its answer."""
    async with serving({"/file": _slow}) as server, opened(server) as transport:
        await transport.query("GET", FILE, check=lambda _: None)
        assert transport.speeds.facts() == {}


async def test_missing_file(tmp_path):
    """A refusal tells nothing of latency."""
    script = {"/file": reply(status=404, reason="Not Found")}
    async with serving(script) as server, opened(server) as transport:
        with pytest.raises(NotFoundError):
            await transport.download(FILE, tmp_path / "file")
        assert facts_of(transport).latency_s is None


@pytest.mark.parametrize(
    ("answer", "validator", "ranges"),
    [
        (reply(b"12", 206, Content_Range="bytes 0-1/9"), "", True),
        (reply(b"123456789"), "", False),
        # The file may have been replaced meanwhile.
        (reply(b"123456789"), '"one"', None),
    ],
)
async def test_ranges(answer, validator, ranges):
    """The first range of a file tells whether its host gives any."""
    async with serving({"/file": answer}) as server, opened(server) as transport:
        try:
            await transport.fetch_range(FILE, 0, 2, validator=validator)
        except RangeRefusedError:
            assert not ranges
        assert facts_of(transport).ranges is ranges


async def test_unknown_address():
    """Of an address that is not asked nothing is learned, and nothing fails."""
    async with serving({}) as server, opened(server) as transport:
        transport.speed_of("https://elsewhere.example/a").note_ranges(given=False)
        transport.speed_of("no address").note_ranges(given=False)
        assert transport.speeds.facts() == {}
