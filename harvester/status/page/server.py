"""The routes of the page, and the stream of events that keeps it current."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from aiohttp import web

from ...errors import LocalError
from .address import ListenAddress
from .answers import answered, file_of_page
from .controls import PageControls
from .guard import add_headers, guard
from .overview import overview
from .probes import Probes
from .run_parts import RunParts
from .shared import PageAnswer, SharedAnswers, as_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from .page_token import PageToken
    from .shown_run import ShownRun

__all__ = ["StatusPage", "serving"]

#: Seconds for which the overview is used; longer if reading it takes long.
_OVERVIEW_S = 1.0

#: Seconds after which a quiet stream sends a comment, so that no proxy closes it.
_SIGN_S = 15.0

#: Viewers at most; each holds one connection.
_MOST_VIEWERS = 100


class StatusPage:
    """Answers the requests of browsers about some runs."""

    def __init__(
        self, runs: Sequence[ShownRun], token: PageToken | None = None
    ) -> None:
        self._runs = runs
        self._shared = SharedAnswers()
        #: None: nothing can be changed from the page.
        self._controls = PageControls(runs, token) if token else None
        self._parts = RunParts(runs, self._shared)
        self._probes = Probes(runs, self._shared)
        self._viewers = 0
        self._over = asyncio.Event()

    def application(self) -> web.Application:
        """Return the application with all routes."""
        app = web.Application(middlewares=[guard])
        app.on_response_prepare.append(add_headers)
        app.on_shutdown.append(self._end_streams)
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{name}", self._static)
        app.router.add_get("/events", self._events)
        for name, answer in self._parts.routes().items():
            app.router.add_get(f"/api/{{run}}/{name}", answer)
        for path, probed in self._probes.routes().items():
            app.router.add_get(path, probed)
        if self._controls is not None:
            app.router.add_post("/api/{run}/control", self._controls.answer)
        return app

    async def _end_streams(self, _: web.Application) -> None:
        self._over.set()

    def close(self) -> None:
        """Stop reading."""
        self._shared.close()

    # -- files ------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.Response:
        return answered(request, file_of_page("index.html"))

    async def _static(self, request: web.Request) -> web.Response:
        return answered(request, file_of_page(request.match_info["name"]))

    # -- what changes -----------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._viewers >= _MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text="Too many viewers.")
        stream = web.StreamResponse()
        stream.content_type = "text/event-stream"
        self._viewers += 1
        news = _News(self._overview)
        try:
            with suppress(ConnectionError):  # the viewer has left
                await stream.prepare(request)
                await news.send(stream)
                while await self._is_there(request):
                    await news.send(stream)
        finally:
            self._viewers -= 1
        return stream

    async def _is_there(self, request: web.Request) -> bool:
        """Wait for a moment; tell whether viewer and server are still there."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._over.wait(), _OVERVIEW_S)
        transport = request.transport
        is_gone = transport is None or transport.is_closing()
        return not is_gone and not self._over.is_set()

    async def _overview(self) -> PageAnswer:
        def read() -> PageAnswer:
            runs = [overview(run) for run in self._runs]
            return as_json({"runs": runs, "controls": self._controls is not None})

        return await self._shared.get("overview", read, lasts_s=_OVERVIEW_S)


class _News:
    """What one viewer has been sent, so that only what is new is sent."""

    def __init__(self, overview: Callable[[], Awaitable[PageAnswer]]) -> None:
        self._overview = overview
        self._sent = b""
        self._sent_at = 0.0

    async def send(self, stream: web.StreamResponse) -> None:
        """Send the overview if it has changed, or a sign if nothing was sent long."""
        body, now = (await self._overview()).body, asyncio.get_running_loop().time()
        if body != self._sent:
            await stream.write(b"data: %b\n\n" % body)
        elif now - self._sent_at > _SIGN_S:
            await stream.write(b": still here\n\n")
        else:
            return
        self._sent, self._sent_at = body, now


def _unheard() -> logging.Logger:
    """Give a logger that writes nothing.

    Everyone can send nonsense to a port; that is no business of the harvest's log. What
    the page itself does wrong is logged by `guard`.
    """
    logger = logging.getLogger(f"{__name__}.requests")
    logger.disabled = True
    return logger


@asynccontextmanager
async def serving(
    runs: Sequence[ShownRun], address: ListenAddress, token: PageToken | None = None
) -> AsyncIterator[ListenAddress]:
    """Serve the page of these runs during the block; give the address it really has.

    With a ``token`` those who know it may control the harvests.

    Raises
    ------
    LocalError
        The address cannot be used.
    """
    page = StatusPage(runs, token)
    runner = web.AppRunner(
        page.application(), access_log=None, logger=_unheard(), shutdown_timeout=0.5
    )
    try:
        await runner.setup()
        site = web.TCPSite(runner, *address)
        try:
            await site.start()
        except OSError as error:
            msg = (
                f"the status page cannot be served on {address.host}:{address.port}: "
                f"{error.strerror or error}. Choose another --listen"
            )
            raise LocalError(msg) from error
        yield ListenAddress(address.host, runner.addresses[0][1])
    finally:
        await runner.cleanup()
        page.close()
