"""The broker: a server that lends places at the archives' hosts to its clients."""

from __future__ import annotations

import asyncio
import logging
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from ...errors import InputError, LocalError
from .address import BrokerAddress
from .greeting import greet_client
from .lender import Lender
from .messages import answer_words, counts_of, seconds_of, wish_of
from .signed_lines import LONGEST, NoBrokerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from .greeting import ClientFacts
    from .signed_lines import SignedLines

__all__ = ["LEASE_S", "BrokerServer", "serving"]

_log = logging.getLogger(__name__)

#: Seconds without a message after which the places of a client are free again.
LEASE_S = 30.0

#: Connections at once at most.
_MOST_CLIENTS = 2000


@dataclass(eq=False, slots=True)
class _Client:
    """A client that has proved that it knows the secret, on its last connection."""

    facts: ClientFacts
    lines: SignedLines
    since: float
    #: Whether the connection has ended, and the lease not yet.
    lost_at: float | None = None


class BrokerServer:
    """Answers its clients from the accounts of this machine.

    Parameters
    ----------
    folder
        Where the harvests of this machine keep their accounts.
    secret
        What every client has to know.
    lease_s
        Seconds without a message after which the places of a client are free again.
    clock
        Seconds; the same in every process of the machine.
    """

    def __init__(
        self,
        folder: Path,
        secret: str,
        *,
        lease_s: float = LEASE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = secret
        self._lease_s = lease_s
        self._clock = clock
        self._lender = Lender(folder, lease_s, clock)
        # One thread: the files are read and written one after the other anyway.
        self._thread = ThreadPoolExecutor(1, "broker")
        self._clients: dict[str, _Client] = {}
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def open(self) -> None:
        """Open the accounts.

        Raises
        ------
        LocalError
            Their folder cannot be used.
        """
        try:
            await self._in_thread(self._lender.open)
        except OSError as error:
            msg = f"the broker cannot keep its accounts: {error}"
            raise LocalError(msg) from error

    async def meet(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Serve one connection to its end."""
        task = asyncio.current_task()
        assert task is not None
        peer = str((writer.get_extra_info("peername") or ["?"])[0])
        self._connections[task] = writer
        try:
            if len(self._connections) > _MOST_CLIENTS:
                msg = f"there are {_MOST_CLIENTS} others already"
                raise NoBrokerError(msg)  # noqa: TRY301 - told as every refusal
            await self._serve(reader, writer, peer)
        except NoBrokerError as error:
            _log.warning("refused a connection from %s: %s", peer, error)
        finally:
            del self._connections[task]
            writer.close()

    async def aclose(self) -> None:
        """End all connections. Leases go on, until their time is up."""
        # Python 3.11 reports an error for each of these tasks that is cancelled.
        for writer in self._connections.values():
            writer.transport.abort()
        if self._connections:
            await asyncio.wait(list(self._connections))
        await self._in_thread(self._lender.close)
        self._thread.shutdown(wait=False)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str
    ) -> None:
        lines, facts = await greet_client(reader, writer, self._secret, self._lease_s)
        await self._forget_lost()
        client = _Client(facts, lines, self._clock())
        earlier = self._clients.get(facts.client)
        if earlier is not None:
            earlier.lines.abort()
        self._clients[facts.client] = client
        verb = "came" if earlier is None else "came back"
        _log.info("%s %s from %s", facts.words, verb, peer)
        try:
            await self._hear(client)
        except OSError as error:
            # Without its files it must permit nothing.
            _log.error("the accounts cannot be used: %s", error)
            client.lost_at = self._clock()
            with suppress(NoBrokerError):
                lines.send({"error": f"the broker cannot use its accounts: {error}"})
        except NoBrokerError as error:
            if self._clients.get(facts.client) is client:
                client.lost_at = self._clock()
                words = "lost %s (%s): its places come back in %.0f s, or it does"
                _log.warning(words, facts.words, error, self._lease_s)

    async def _hear(self, client: _Client) -> None:
        """Answer a client until it says good-bye or is silent for a whole lease."""
        key = client.facts.client
        while True:
            try:
                async with asyncio.timeout(self._lease_s):
                    body = await client.lines.receive()
            except TimeoutError:
                await self._end(client, "was silent for too long")
                return
            if self._clients.get(key) is not client:  # it has another connection
                return
            if body.get("do") == "bye":
                await self._end(client, "has ended")
                return
            reply = await self._in_thread(partial(self._do, key, body))
            if "id" in body:
                client.lines.send({"re": body["id"], **reply})

    async def _forget_lost(self) -> None:
        """Forget the clients whose leases have run out."""
        latest = self._clock() - 2 * self._lease_s
        for key, one in list(self._clients.items()):
            if one.lost_at is not None and one.lost_at < latest:
                del self._clients[key]
                await self._in_thread(partial(self._lender.drop, key))

    async def _end(self, client: _Client, why: str) -> None:
        del self._clients[client.facts.client]
        await self._in_thread(partial(self._lender.drop, client.facts.client))
        _log.info("%s %s: its places are free", client.facts.words, why)

    def _do(self, client: str, body: dict[str, Any]) -> dict[str, Any]:
        """Do what a message says; the result is its answer."""
        lender, do, host = self._lender, body.get("do"), str(body.get("host", ""))[:300]
        reply: dict[str, Any] = {}
        match do:
            case "ask":
                answer = lender.ask(client, host, wish_of(body.get("wish")))
                reply = answer_words(answer, self._clock())
            case "sent":
                lender.sent(client, host)
            case "left":
                lender.left(client, host, str(body.get("kind", ""))[:300])
            case "cool":
                lender.cool_down(client, host, seconds_of(body.get("seconds")))
            case "pace":
                wish = wish_of(body.get("wish"))
                lender.set_pace(client, host, wish.gap_s, wish.catch_up_s)
            case "claim":
                self._claim(client, body.get("hosts"))
            case "status":
                reply = self._status()
        lender.renew(client)
        return reply

    def _claim(self, client: str, hosts: object) -> None:
        if not isinstance(hosts, dict):
            msg = "a claim names no hosts"
            raise NoBrokerError(msg)
        for host, facts in hosts.items():
            if not isinstance(facts, dict):
                continue
            wish = wish_of(facts.get("wish"))
            under_way = counts_of(facts.get("under_way"))
            self._lender.claim(client, str(host)[:300], wish, under_way)
            if cool_s := seconds_of(facts.get("cool_s", 0)):
                self._lender.cool_down(client, str(host)[:300], cool_s)

    def _status(self) -> dict[str, Any]:
        now = self._clock()
        return {
            "lease_s": self._lease_s,
            "clients": [
                {
                    "client": key,
                    "machine": one.facts.machine,
                    "pid": one.facts.pid,
                    "run": one.facts.run,
                    "for_s": now - one.since,
                    "lost_s": None if one.lost_at is None else now - one.lost_at,
                }
                for key, one in list(self._clients.items())
                if one.lost_at is None or now - one.lost_at < self._lease_s
            ],
            "hosts": self._lender.hosts(),
        }

    async def _in_thread(self, work: Callable[[], Any]) -> Any:  # noqa: ANN401 - what the work gives
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


@asynccontextmanager
async def serving(
    listen: tuple[str, int] = ("127.0.0.1", 0),
    *,
    secret: str,
    folder: Path,
    lease_s: float = LEASE_S,
) -> AsyncIterator[BrokerAddress]:
    """Serve a broker while the block runs; give the address that it really has.

    Raises
    ------
    InputError
        It cannot listen there, or would without a secret at an address that other
        machines reach.
    LocalError
        The folder of the accounts cannot be used.
    """
    if not secret and not _is_loopback(listen[0]):
        msg = (
            f"a broker at {listen[0]} can be reached from other machines and needs a "
            "secret: give --address-file or --secret-file"
        )
        raise InputError(msg)
    broker = BrokerServer(folder, secret, lease_s=lease_s)
    await broker.open()
    try:
        server = await asyncio.start_server(broker.meet, *listen, limit=LONGEST)
    except OSError as error:
        msg = f"a broker cannot listen at {listen[0]}:{listen[1]}: {error.strerror}"
        raise InputError(msg) from error
    try:
        port = server.sockets[0].getsockname()[1]
        yield BrokerAddress(listen[0], port, secret)
    finally:
        server.close()
        await broker.aclose()


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
