"""A broker and its clients: real connections on loopback, real accounts on disk."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import time
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise

import pytest
from one_host import ask

from harvester.errors import InputError, OutageError
from harvester.transport.broker.address import write_address_file
from harvester.transport.broker.greeting import ClientFacts, greet_broker
from harvester.transport.broker.lease import Lease
from harvester.transport.broker.limit import BrokerLimit
from harvester.transport.broker.overview import ask_overview, overview_words
from harvester.transport.broker.server import serving
from harvester.transport.broker.signed_lines import NoBrokerError
from harvester.transport.manners import Manners
from harvester.transport.throttle import Throttle
from harvester.transport.turn import LeaseEndedError

pytestmark = pytest.mark.timeout(60)

SECRET = "a secret of the test"
HOST = "archive.example"
BRISK = Manners(rate=200, slots={"file": 2})


def throttle(limit, manners=BRISK):
    """Make a throttle that keeps its limit together with other clients."""
    return Throttle(HOST, manners, limit=limit.at(HOST))


@asynccontextmanager
async def client(where, *, secret=SECRET, **options):
    """Take part in the limits of a broker."""
    limit = BrokerLimit(str(where), secret, **options)
    await limit.start()
    try:
        yield limit
    finally:
        await limit.aclose()


def free_port():
    """Give a port that nothing listens at."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


async def until(happened, seconds=30):
    """Wait until a condition holds."""
    async with asyncio.timeout(seconds):
        while not happened():
            await asyncio.sleep(0.005)


async def test_sum_of_two(tmp_path):
    """Two clients together keep the gap and the places of one host."""
    manners = Manners(rate=20, slots={"file": 2})
    log, under_way, most = [], [], []

    async def work(one):
        for _ in range(6):
            async with one.slot("file") as turn:
                under_way.append(turn)
                most.append(len(under_way))
                turn.sent()
                log.append(time.monotonic())
                await asyncio.sleep(0.12)
                under_way.remove(turn)
                turn.succeeded()

    async with (
        serving(secret=SECRET, folder=tmp_path) as address,
        client(address) as first,
        client(address) as second,
        asyncio.TaskGroup() as group,
    ):
        for one in (throttle(first, manners), throttle(second, manners)):
            for _ in range(2):
                group.create_task(work(one))
    assert len(log) == 24
    assert max(most) <= 2
    assert min(later - begin for begin, later in pairwise(log)) >= 1 / 20


async def test_new_client_holds_up_none(tmp_path):
    """A client that has not asked a host yet does not lower the limit of others."""
    async with (
        serving(secret=SECRET, folder=tmp_path) as address,
        client(address) as limit,
    ):
        newcomer, one = BrokerLimit(str(address), SECRET), throttle(limit)
        throttle(newcomer)
        await newcomer.start()
        async with asyncio.timeout(30), one.slot("file") as first:
            first.sent()
            async with one.slot("file") as second:
                second.sent()
                assert one.state().others == 0
        await newcomer.aclose()


async def test_wrong_secret(tmp_path, caplog):
    """A client with another secret is refused, with words on both sides."""
    caplog.set_level(logging.INFO)
    async with serving(secret=SECRET, folder=tmp_path) as address:
        with pytest.raises(InputError, match="secret is not that of the broker"):
            async with client(address, secret="another"):
                pass
    assert "it does not know the secret" in caplog.text
    assert SECRET not in caplog.text


async def test_no_broker(caplog):
    """Without a broker nothing is sent, it is said why, and patience ends."""
    port = free_port()
    async with client(f"127.0.0.1:{port}") as limit:
        one = throttle(limit)
        with pytest.raises(OutageError, match=r"gave up after .* waits for the broker"):
            async with one.slot("file", patience_s=0.2):
                pytest.fail("it was sent without leave")
        words = one.state().words(time.time())
    expected = f"waits for the broker at 127.0.0.1:{port} (refused): no request is sent"
    assert words.startswith(expected)
    assert expected in caplog.text
    assert one.state().kind == "no broker"


async def test_broker_comes_later(tmp_path):
    """A client that was started before its broker begins when the broker is there."""
    port = free_port()
    async with client(f"127.0.0.1:{port}") as limit:
        asking = asyncio.create_task(ask(throttle(limit), "file"))
        await until(lambda: limit.at(HOST).is_asking)
        async with serving(("127.0.0.1", port), secret=SECRET, folder=tmp_path):
            await asyncio.wait_for(asking, 30)


async def test_lease_ends_the_request(tmp_path):
    """A request under way is ended before its lease runs out at the broker."""
    async with AsyncExitStack() as broker:
        address = await broker.enter_async_context(
            serving(secret=SECRET, folder=tmp_path, lease_s=1.2)
        )
        async with client(address) as limit, throttle(limit).slot("file") as turn:
            turn.sent()
            await broker.aclose()
            began = time.monotonic()
            with pytest.raises(LeaseEndedError, match="not heard for too long"):
                async with turn.leased():
                    await asyncio.Event().wait()
            assert time.monotonic() - began <= 1.2


async def test_request_outlives_its_connection(tmp_path):
    """A connection that breaks and is made again costs no request, and no place."""
    one_place = Manners(rate=200, slots={"file": 1})
    async with (
        serving(secret=SECRET, folder=tmp_path) as address,
        client(address) as limit,
        client(address) as other,
    ):
        async with throttle(limit, one_place).slot("file") as turn, turn.leased():
            turn.sent()
            limit._link._lines.abort()
            await until(lambda: limit._link.down_s)
            await until(lambda: not limit._link.down_s)
            waiting = asyncio.create_task(ask(throttle(other, one_place), "file"))
            await until(lambda: other.at(HOST).ask_at > 0)
            assert not waiting.done()
            turn.succeeded()
        await asyncio.wait_for(waiting, 30)


async def test_late_permission(tmp_path):
    """A permission that comes late is given back, and another one is asked for."""
    clock = Seconds()
    one_place = Manners(rate=200, slots={"file": 1})
    async with (
        serving(secret=SECRET, folder=tmp_path) as address,
        client(address, lease=Lease(clock)) as limit,
    ):
        host, log = limit.at(HOST), []
        take = host.take

        def slow(answer, *, is_late):
            log.append((answer.kind, is_late))
            take(answer, is_late=is_late)

        host.take = slow
        asking = asyncio.create_task(ask(throttle(limit, one_place), "file"))
        await asyncio.sleep(0)  # the question goes out
        clock.now += 4
        await asyncio.wait_for(asking, 30)
        (facts,) = (await ask_overview(address))["hosts"]
    assert (log[0], log[-1]) == (("file", True), ("file", False))
    assert facts["under_way"] == {"file": 0}


class Seconds:
    """A clock that the test can set."""

    now = 1000.0

    def __call__(self):
        """Read it."""
        return self.now


async def test_sleep_of_the_machine(tmp_path):
    """A machine that slept through its lease ends its requests when it wakes up."""
    clock = Seconds()
    async with (
        serving(secret=SECRET, folder=tmp_path, lease_s=6) as address,
        client(address, lease=Lease(clock)) as limit,
        throttle(limit).slot("file") as turn,
    ):
        turn.sent()

        async def sleep():
            async with turn.leased():
                limit._link._write = lambda _: None
                clock.now += 60
                await asyncio.wait_for(asyncio.Event().wait(), 30)

        with pytest.raises(LeaseEndedError):
            await sleep()


async def test_broker_is_started_again(tmp_path):
    """A broker that comes back at another port is found by its address file."""
    file = tmp_path / "broker.json"
    one_place = Manners(rate=200, slots={"file": 1})
    async with AsyncExitStack() as broker:
        state = {"secret": SECRET, "folder": tmp_path / "state"}
        address = await broker.enter_async_context(serving(**state))
        write_address_file(file, address)
        async with client(file) as limit, client(file) as other:
            async with throttle(limit, one_place).slot("file") as turn:
                turn.sent()
                await broker.aclose()
                await until(lambda: limit._link.down_s)
                write_address_file(
                    file, await broker.enter_async_context(serving(**state))
                )
                waiting = asyncio.create_task(ask(throttle(other, one_place), "file"))
                await until(lambda: other.at(HOST).ask_at > 0)
                assert not waiting.done()
                turn.succeeded()
            await asyncio.wait_for(waiting, 30)


async def test_silent_client(tmp_path, caplog):
    """A client that says nothing for a whole lease loses its places."""
    caplog.set_level(logging.INFO)
    one_place = Manners(rate=200, slots={"file": 1})
    async with (
        serving(secret=SECRET, folder=tmp_path, lease_s=1) as address,
        client(address) as limit,
        client(address) as other,
        throttle(limit, one_place).slot("file") as turn,
    ):
        turn.sent()
        limit._link._write = lambda _: None
        await asyncio.wait_for(ask(throttle(other, one_place), "file"), 30)
    assert re.search(r"was silent for too long|the connection was closed", caplog.text)


@pytest.mark.parametrize(
    "words", [b"GET / HTTP/1.1\r\n\r\n", b"{}\n", b"\xff\n", b"[1]\n", b""]
)
async def test_strangers(tmp_path, caplog, words):
    """Whatever connects and is no client is refused; the broker goes on."""
    async with serving(secret=SECRET, folder=tmp_path) as address:
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(words)
        writer.write_eof()
        await asyncio.wait_for(reader.read(), 30)
        writer.close()
        async with client(address) as limit:
            await ask(throttle(limit), "file")
    assert "refused a connection from 127.0.0.1" in caplog.text


async def test_other_version():
    """A broker of another version is refused in clear words."""

    async def greet(_reader, writer):
        writer.write(b'{"harvester-broker": 99, "nonce": "n"}\n')
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(InputError, match=r"speaks version 99 .* all machines"):
        async with client(f"127.0.0.1:{port}"):
            pass
    server.close()


async def test_overview(tmp_path):
    """The broker tells its clients, and what they have under way."""
    async with (
        serving(secret=SECRET, folder=tmp_path) as address,
        client(address, run="/a/run") as limit,
        throttle(limit).slot("file") as turn,
    ):
        turn.sent()
        words = overview_words(await ask_overview(address))
    assert "1 client:" in words
    assert "under way: 1 file at archive.example" in words
    assert "/a/run" in words


async def test_needs_a_secret(tmp_path):
    """A broker that other machines can reach does not listen without a secret."""
    with pytest.raises(InputError, match="needs a secret"):
        async with serving(("0.0.0.0", 0), secret="", folder=tmp_path):
            pass


async def test_rate_of_a_user(tmp_path):
    """A rate that a user sets at one client holds at the other one, too."""
    async with (
        serving(secret=SECRET, folder=tmp_path) as address,
        client(address) as limit,
        client(address) as other,
    ):
        first, second = throttle(limit), throttle(other)
        await ask(first, "file")
        await ask(second, "file")
        first.set_rate(1.0)
        await ask_overview(address)
        answers = []
        wish = second._effort.wish(["file"])
        other.at(HOST).ask(wish, answers.append)
        await until(lambda: answers)
        (answer,) = answers
    assert answer.kind == "" or answer.at - time.monotonic() > 0.5


async def test_name_that_is_a_path(tmp_path, caplog):
    """A client whose number is a path of the broker's machine is refused."""
    async with serving(secret=SECRET, folder=tmp_path) as address:
        with pytest.raises(NoBrokerError, match=r"closed|broke"):
            await greet_broker(address, ClientFacts("../../hosts/x", "machine", 1))
    assert "the client has no number" in caplog.text
