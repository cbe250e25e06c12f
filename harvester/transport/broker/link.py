"""The connection of a client to its broker: made again and again, until it holds."""

from __future__ import annotations

import asyncio
import itertools
import logging
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ...errors import InputError
from .absence import Absence
from .address import BrokerAddress
from .greeting import greet_broker
from .messages import answer_of
from .signed_lines import NoBrokerError, SignedLines

if TYPE_CHECKING:
    from collections.abc import Callable

    from .greeting import ClientFacts
    from .host_limit import BrokerHostLimit
    from .lease import Lease

__all__ = ["BrokerLink"]

_log = logging.getLogger(__name__)

#: Seconds after which a permission is too old to be used: others may have been
#: permitted a request since.
_LATE_S = 3.0

#: Seconds between two tries to connect: the first, and the longest.
_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 5.0


class BrokerLink:
    """Keeps a connection to the broker, and what is permitted over it.

    Parameters
    ----------
    where, secret
        As `BrokerAddress.of` takes them; an address file is read for each connection.
    facts
        Who this client is.
    lease
        How long permissions are good.
    clock
        Seconds of the throttles' clock.
    """

    def __init__(
        self,
        where: str,
        secret: str,
        facts: ClientFacts,
        *,
        lease: Lease,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        #: Where the broker is, as the user named it.
        self.where = where
        self._secret = secret
        self._facts = facts
        self.lease = lease
        self.clock = clock
        self.hosts: dict[str, BrokerHostLimit] = {}
        self._lines: SignedLines | None = None
        self._numbers = itertools.count(1)
        #: When each message was sent that is not answered yet, and the host asked for.
        self._asked: dict[int, tuple[float, BrokerHostLimit | None]] = {}
        self._beating: asyncio.TimerHandle | None = None
        self._watching: asyncio.TimerHandle | None = None
        self._absence = Absence(where, clock)
        #: Is set when the first try to connect has ended, well or not.
        self.tried = asyncio.Event()
        #: Why a first try can never succeed.
        self.refused: InputError | None = None

    @property
    def down_s(self) -> float:
        """Seconds since the connection was lost; 0: it holds."""
        return self._absence.lasts_s

    @property
    def waits_for(self) -> str:
        """Say why the broker cannot be asked; empty if it can."""
        return self._absence.words

    async def run(self) -> None:
        """Connect, again after each loss, until it is cancelled."""
        pause_s = _PAUSE_S
        while True:
            try:
                address = BrokerAddress.of(self.where, self._secret)
                lines, lease_s = await greet_broker(address, self._facts)
                pause_s = _PAUSE_S
                await self._use(lines, lease_s)
            except InputError as error:
                self.refused = error
                self._lose(str(error))
            except NoBrokerError as error:
                self._lose(str(error))
            except Exception as error:  # noqa: BLE001 - all requests would wait unsaid
                _log.exception("the connection to the broker failed")
                self._lose(f"unexpected: {error!r}")
            self.tried.set()
            await asyncio.sleep(pause_s)
            pause_s = min(_LONGEST_PAUSE_S, 2 * pause_s)

    async def aclose(self) -> None:
        """Say good-bye, so that the places of this client are free at once."""
        for timer in (self._beating, self._watching):
            if timer is not None:
                timer.cancel()
        lines, self._lines = self._lines, None
        if lines is not None:
            with suppress(NoBrokerError):
                lines.send({"do": "bye"})
            await lines.aclose()

    def ask(self, host: BrokerHostLimit, body: dict[str, Any]) -> None:
        """Ask for a host; the answer comes to it, or never."""
        if self._lines is not None:
            self._send({**body, "host": host.host}, host)

    def tell(self, body: dict[str, Any]) -> None:
        """Tell something, if there is a connection."""
        if self._lines is not None:
            self._write(body)

    async def _use(self, lines: SignedLines, lease_s: float) -> None:
        # It may have run out while there was no connection.
        self._watch()
        self.lease.begin(lease_s)
        self._lines = lines
        self._absence.end()
        self.tried.set()
        try:
            claims = {
                name: host.claim()
                for name, host in self.hosts.items()
                if host.has_asked
            }
            self._send({"do": "claim", "hosts": claims})
            for host in self.hosts.values():
                host.ask_again()
            self._beat()
            while True:
                await self._hear(lines)
        except NoBrokerError:
            lines.abort()
            raise

    async def _hear(self, lines: SignedLines) -> None:
        try:
            async with asyncio.timeout(self.lease.silence_s):
                body = await lines.receive()
        except TimeoutError as error:
            msg = "it does not answer"
            raise NoBrokerError(msg) from error
        if "error" in body:
            msg = str(body["error"])[:300]
            raise NoBrokerError(msg)
        asked_at, host = self._asked.pop(body.get("re", 0), (None, None))
        if asked_at is None:
            msg = "it answers what was not asked"
            raise NoBrokerError(msg)
        self.lease.renew(asked_at)
        self._watch()
        if host is not None:
            is_late = self.lease.clock() - asked_at > _LATE_S
            host.take(answer_of(body, self.clock()), is_late=is_late)

    def _lose(self, why: str) -> None:
        self._lines = None
        self._asked.clear()
        self._absence.note(why)

    def _beat(self) -> None:
        """Renew the lease from time to time, although there is nothing to tell."""
        if self._lines is not None:
            # The machine may have slept: then its timers are late.
            self._watch()
            self._send({"do": "beat"})
            loop = asyncio.get_running_loop()
            self._beating = loop.call_later(self.lease.beat_s, self._beat)

    def _watch(self) -> None:
        """End all requests when the lease has run out."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if (left_s := self.lease.left_s) > 0:
            loop = asyncio.get_running_loop()
            self._watching = loop.call_later(left_s, self._watch)
        else:
            for host in self.hosts.values():
                host.end()

    def _send(self, body: dict[str, Any], host: BrokerHostLimit | None = None) -> None:
        number = next(self._numbers)
        self._asked[number] = self.lease.clock(), host
        self._write({**body, "id": number})

    def _write(self, body: dict[str, Any]) -> None:
        assert self._lines is not None
        try:
            self._lines.send(body)
        except NoBrokerError:
            self._lines.abort()  # the reader sees it
