"""Serves the page in a thread of its own while a harvest runs in this process."""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager, nullcontext
from typing import TYPE_CHECKING

from ...errors import HarvesterError
from ...events import Note, PageServed
from ..console import print_line
from .page_token import kept_token
from .server import serving
from .shown_run import shown_runs

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from ...events import Event
    from ...places import Places
    from .address import ListenAddress

__all__ = ["page_beside"]

_log = logging.getLogger(__name__)

#: Seconds that the page gets to close its connections.
_END_S = 3.0


@contextmanager
def page_beside(
    places: Places, address: ListenAddress, *, allows_control: bool = False
) -> Iterator[list[Event]]:
    """Serve the page of a run during the block; give what the log has to tell of it.

    The harvest must not depend on the page: if the address cannot be used, or the page
    fails later, a line says so and the harvest goes on.
    """
    page = _PageThread(places, address, allows_control=allows_control)
    page.start()
    try:
        yield page.events
    finally:
        page.stop()


class _PageThread:
    """An event loop of its own: nothing the page does can delay the harvest's loop."""

    def __init__(
        self, places: Places, address: ListenAddress, *, allows_control: bool
    ) -> None:
        self._places = places
        self._address = address
        self._allows_control = allows_control
        self.events: list[Event] = []
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
            words = f"{error}. The harvest goes on without the page."
            print_line(words, err=True)
            self.events.append(Note(words, is_warning=True))
        except Exception:  # noqa: BLE001 - the harvest must go on
            _log.exception("the status page ended")
            print_line("The status page ended; the harvest goes on.", err=True)
        finally:
            if not self._ready.done():
                self._ready.set_result(None)

    async def _serve(self) -> None:
        self._loop, self._over = asyncio.get_running_loop(), asyncio.Event()
        async with self._announced() as events:
            self.events += events
            self._ready.set_result(None)
            await self._over.wait()

    @asynccontextmanager
    async def _announced(self) -> AsyncIterator[list[Event]]:
        path = self._places.control.absolute() / "page.token"
        tokens = kept_token(path) if self._allows_control else nullcontext()
        runs = shown_runs([self._places])
        with tokens as token:
            async with serving(runs, self._address, token) as real:
                print_line(f"Status page: {real.url}", err=True)
                events: list[Event] = [PageServed(real.url)]
                if token is not None:
                    token.announce(path)
                if warning := real.warning(controls=self._allows_control):
                    print_line(warning, err=True)
                    events.append(Note(warning, is_warning=True))
                yield events
