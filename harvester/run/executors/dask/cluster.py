"""The connection to a Dask scheduler; it is made again when it is lost."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING, Any, ClassVar, Self

from ....errors import InputError, LocalError
from ....importing import IMPORTING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .workers import DaskWorkers

__all__ = ["Cluster", "SchedulerLostError"]

#: Seconds of one attempt to connect, and between two.
_CONNECT_S, _PAUSE_S = 10.0, 1.0

#: Seconds between two looks at the workers.
_LOOK_S = 1.0

#: Seconds within which a connection is closed.
_CLOSE_S = 2.0


class SchedulerLostError(LocalError):
    """The Dask scheduler could not be reached for as long as was allowed."""

    exit_code: ClassVar[int] = 5


class Cluster:
    """A scheduler and its workers.

    Parameters
    ----------
    address
        Gives the address of the scheduler.
    patience_s
        Seconds for which a scheduler that does not answer is waited for.
    say
        Is called with messages for the user.
    """

    def __init__(
        self,
        address: Callable[[], Awaitable[str]],
        workers: DaskWorkers,
        *,
        patience_s: float,
        say: Callable[[str], None],
    ) -> None:
        self._address = address
        self.workers = workers
        self._patience_s = patience_s
        self._say = say
        self._link: asyncio.Task[Any] | None = None
        #: Tasks beside: the look at the workers, and connections that are being closed.
        self._beside: set[asyncio.Task[None]] = set()
        self._level = logging.NOTSET

    async def __aenter__(self) -> Self:
        """Return itself, without connecting."""
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Close the connection."""
        for task in self._beside:
            task.cancel()
        if self._link is None:
            return
        self._link.cancel()
        await asyncio.wait([self._link, *self._beside])
        if not self._link.cancelled() and not self._link.exception():
            await _close(self._link.result())
        logging.getLogger("distributed").setLevel(self._level)

    def start(self) -> None:
        """Connect in the background."""
        if self._link is None:
            self._link = asyncio.create_task(self._connect())

    async def ready(self) -> Any:  # noqa: ANN401 - distributed may be absent
        """Return the client of a cluster with workers; wait until there are any.

        Raises
        ------
        SchedulerLostError
            It could not be reached for as long as was allowed.
        InputError
            There are workers, but none can be used.
        """
        while True:
            client = await self._connected()
            if self.workers.good:
                return client
            self.workers.need_any()
            async with self.workers.changed:
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LOOK_S):
                        await self.workers.changed.wait()

    def lose(self, client: Any) -> None:  # noqa: ANN401 - as above
        """Connect again, because the scheduler has lost the tasks of this client."""
        link = self._link
        if link and link.done() and not link.cancelled() and link.result() is client:
            self._link = None
            self._keep(_close(client))

    async def _connected(self) -> Any:  # noqa: ANN401 - as above
        self.start()
        assert self._link is not None
        # Shielded: if this job is cancelled, others still wait for the connection.
        return await asyncio.shield(self._link)

    async def _connect(self) -> Any:  # noqa: ANN401 - as above
        await asyncio.to_thread(_load)
        self._silence()
        client, address = await self._reach()
        self._keep(self._watch(client, address))
        return client

    async def _reach(self) -> tuple[Any, str]:
        """Try to connect until it works, or the patience is over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_s
        for attempt in count():
            address = await self._address()
            try:
                return await self._look_at(address), address
            except (OSError, TimeoutError) as error:
                if attempt == 0:
                    self._say(f"waiting for the Dask scheduler {address}: {error}")
                if loop.time() >= deadline:
                    raise self._lost(address, error) from error
            await asyncio.sleep(_PAUSE_S)
        raise AssertionError  # mypy does not know that `count` never ends

    def _lost(self, address: str, error: BaseException) -> SchedulerLostError:
        return SchedulerLostError(
            f"the Dask scheduler {address} could not be reached for "
            f"{self._patience_s:.0f} s ({error}). Start it again, then resume"
        )

    async def _look_at(self, address: str) -> Any:  # noqa: ANN401 - as above
        client = await _open(address)
        try:
            await self.workers.look(client)
        except BaseException:
            await _close(client)
            raise
        return client

    async def _watch(self, client: Any, address: str) -> None:  # noqa: ANN401 - as above
        """Look at the workers until the connection is lost."""
        is_said = False
        with suppress(OSError, TimeoutError):
            while True:
                if self.workers.good or self.workers.refused:
                    is_said = False
                elif not is_said:
                    is_said = True
                    self._say(
                        f"no Dask worker at {address}: start one with `dask worker "
                        f"{address} --nthreads 1`. The harvest waits for it."
                    )
                await asyncio.sleep(_LOOK_S)
                await self.workers.look(client)
        self.lose(client)

    def _silence(self) -> None:
        # What it has to say of lost connections, the harvest says in its own words.
        log = logging.getLogger("distributed")
        if log.level < logging.CRITICAL:
            self._level = log.level
            log.setLevel(logging.CRITICAL)

    def _keep(self, work: Any) -> None:  # noqa: ANN401 - a coroutine of any kind
        task = asyncio.create_task(work)
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _load() -> None:
    with IMPORTING:
        import distributed  # noqa: F401 - loaded in a thread, used below


async def _open(address: str) -> Any:  # noqa: ANN401 - as above
    from distributed import Client, Security

    security = Security()
    known = security.get_connection_args("client").get("ssl_context")
    if address.startswith("tls:") and known is None:
        msg = (
            f"{address} needs certificates: name them in Dask's own configuration "
            "(distributed.comm.tls)"
        )
        raise InputError(msg)
    return await Client(
        address,
        asynchronous=True,
        security=security,
        set_as_default=False,
        timeout=_CONNECT_S,
        name="harvester",
    )


async def _close(client: Any) -> None:  # noqa: ANN401 - as above
    with suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CLOSE_S):
            await client.close(timeout=_CLOSE_S)
