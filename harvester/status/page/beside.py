"""Serves the page in a thread of its own while a harvest runs in this process."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from ...errors import HarvesterError
from ..console import print_line
from .server import serving
from .shown_run import shown_runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ...places import Places
    from .address import ListenAddress

__all__ = ["page_beside"]

_log = logging.getLogger(__name__)

#: Seconds that the page gets to close its connections.
_END_S = 3.0


@contextmanager
def page_beside(places: Places, address: ListenAddress) -> Iterator[None]:
    """Serve the page of a run during the block.

    The harvest must not depend on the page: if the address cannot be used, or the page
    fails later, a line says so and the harvest goes on.
    """
    page = _PageThread(places, address)
    page.start()
    try:
        yield
    finally:
        page.stop()


class _PageThread:
    """An event loop of its own: nothing the page does can delay the harvest's loop."""

    def __init__(self, places: Places, address: ListenAddress) -> None:
        self._places = places
        self._address = address
        self._ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._over: asyncio.Event | None = None
        # A daemon, because Python would wait for it at exit if it hung.
        self._thread = threading.Thread(target=self._run, name="page", daemon=True)

    def start(self) -> None:
        self._thread.start()
        self._ready.result()

    def stop(self) -> None:
        if self._loop and self._over and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(_END_S)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except HarvesterError as error:
            print_line(f"{error}. The harvest goes on without the page.", err=True)
        except Exception:  # noqa: BLE001 - the harvest must go on
            _log.exception("the status page ended")
            print_line("The status page ended; the harvest goes on.", err=True)
        finally:
            if not self._ready.done():
                self._ready.set_result(None)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with _announced(self._places, self._address):
            self._ready.set_result(None)
            await self._over.wait()


@asynccontextmanager
async def _announced(places: Places, address: ListenAddress) -> AsyncIterator[None]:
    async with serving(shown_runs([places]), address) as real:
        print_line(f"Status page: {real.url}", err=True)
        if warning := real.warning():
            print_line(warning, err=True)
        yield
