"""A transport whose leave to send comes from a broker: files of a loopback server."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
import scripted
from scripted import MANNERS, drip, reply, until

from harvester.errors import NotFoundError, OutageError
from harvester.transport.body import Limits
from harvester.transport.broker.limit import BrokerLimit
from harvester.transport.broker.server import serving
from harvester.transport.services import Service
from harvester.transport.transport import Transport

pytestmark = pytest.mark.timeout(60)

SECRET = "a secret of the test"


def transport(server, address, patience_s=30.0, **options):
    """Make a transport for one server; it gives a file one try."""
    return Transport(
        [Service("archive", server.url, server.url, MANNERS)],
        version="0",
        limits=Limits(tries=1, patience_s=patience_s),
        machine_limit=BrokerLimit(str(address), SECRET),
        **options,
    )


async def test_lease_that_ends_costs_nothing(tmp_path):
    """A file whose lease ended comes with the next leave; its host is not blamed."""
    endless = drip(reply(length=10**6), b"x" * 100, 0.05)
    script = {"*": [endless, reply(b"whole")]}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(scripted.serving(script))
        broker = await stack.enter_async_context(AsyncExitStack())
        state = {"secret": SECRET, "folder": tmp_path / "state", "lease_s": 1.0}
        address = await broker.enter_async_context(serving(**state))
        client = await stack.enter_async_context(transport(server, address))
        path = tmp_path / "file"
        coming = asyncio.create_task(client.download(f"{server.url}/file", path))
        await until(lambda: server.asked)
        await broker.aclose()
        await until(lambda: not server.connections)
        state_without = client.controls._throttles.by_host[server.host].state()
        assert not coming.done()
        await broker.enter_async_context(serving((address.host, address.port), **state))
        await asyncio.wait_for(coming, 30)
    assert path.read_bytes() == b"whole"
    assert server.count("/file") == 2
    assert (state_without.closed, state_without.slowed_by) == ("", "")
    assert state_without.no_broker


async def test_lease_that_ends_while_a_refusal_is_weighed(tmp_path):
    """The known file that tells a missing one from a ban is asked for again."""
    slow = drip(b"HTTP/1.1 200 OK\r\nSlow: ", b"x", 0.05)
    script = {"/known": [slow, reply(length=4)], "*": reply(status=404)}
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(scripted.serving(script))
        broker = await stack.enter_async_context(AsyncExitStack())
        state = {"secret": SECRET, "folder": tmp_path / "state", "lease_s": 1.0}
        address = await broker.enter_async_context(serving(**state))
        known = {server.host: f"{server.url}/known"}
        client = await stack.enter_async_context(
            transport(server, address, known_good=known)
        )
        missing = client.download(f"{server.url}/missing", tmp_path / "file")
        coming = asyncio.create_task(missing)
        await until(lambda: server.count("/known"))
        await broker.aclose()
        await until(lambda: not server.connections)
        await broker.enter_async_context(serving((address.host, address.port), **state))
        with pytest.raises(NotFoundError):
            await asyncio.wait_for(coming, 30)
    asked = [(one.method, one.path) for one in server.asked]
    assert asked == [("GET", "/missing"), *[("HEAD", "/known")] * 2]


async def test_nothing_is_sent_without_a_broker(tmp_path):
    """Without a broker a file is given up as after an outage, and was never asked."""
    async with (
        scripted.serving({"*": reply(b"whole")}) as server,
        transport(server, "127.0.0.1:1", patience_s=0.2) as client,
    ):
        with pytest.raises(OutageError, match="waits for the broker") as told:
            await client.download(f"{server.url}/file", tmp_path / "file")
    assert told.value.reason == "no_broker"
    assert server.asked == []
