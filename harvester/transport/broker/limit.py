"""The limits that a harvest keeps together with those of other machines."""

from __future__ import annotations

import asyncio
import os
import socket
import uuid
from contextlib import suppress
from typing import TYPE_CHECKING

from .greeting import ClientFacts
from .host_limit import BrokerHostLimit
from .lease import Lease
from .link import BrokerLink

__all__ = ["BrokerLimit"]

if TYPE_CHECKING:
    from .address import BrokerAddress

#: Seconds for which the start waits to see whether the broker refuses this client.
_START_S = 5.0


class BrokerLimit:
    """The limits that a broker keeps; without it nothing is sent.

    Use it from one event loop. Give it to a `Transport`, which starts and closes it.

    Parameters
    ----------
    where
        The address of the broker, ``HOST:PORT``, or the path of its address file.
    secret
        What the broker knows too; an address file has it already.
    run
        The folder of this harvest, for the broker to show.
    """

    def __init__(
        self,
        where: str | BrokerAddress,
        secret: str = "",
        *,
        run: str = "",
        lease: Lease | None = None,
    ) -> None:
        if not isinstance(where, str):
            secret = secret or where.secret
        facts = ClientFacts(uuid.uuid4().hex, socket.gethostname(), os.getpid(), run)
        self._link = BrokerLink(str(where), secret, facts, lease=lease or Lease())
        self._task: asyncio.Task[None] | None = None

    def at(self, host: str) -> BrokerHostLimit:
        """Give the common limit of a host, by the name that is really asked."""
        limit = BrokerHostLimit(self._link, host)
        return self._link.hosts.setdefault(host, limit)

    async def start(self) -> None:
        """Connect; go on trying if the broker cannot be reached.

        Raises
        ------
        InputError
            The broker refuses the secret or this version, or there can be none there.
        """
        link = self._link
        self._task = asyncio.create_task(link.run(), name="broker")
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_S):
                await link.tried.wait()
        if link.refused is not None:
            await self.aclose()
            raise link.refused

    async def aclose(self) -> None:
        """End the part of this harvest; its places are free at once."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})
        await self._link.aclose()
