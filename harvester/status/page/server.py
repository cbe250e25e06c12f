"""The routes of the page, and the stream of events that keeps it current."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from ...errors import LocalError
from .address import ListenAddress
from .guard import add_headers, guard
from .overview import overview
from .shared import PageAnswer, SharedAnswers, as_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from .shown_run import ShownRun

__all__ = ["StatusPage", "serving"]

#: Seconds for which the overview is used; longer if reading it takes long.
_OVERVIEW_S = 1.0

#: Seconds after which a quiet stream sends a comment, so that no proxy closes it.
_SIGN_S = 15.0

#: Viewers at most; each holds one connection.
_MOST_VIEWERS = 100

#: The files of the page, in the folder ``static``, by their endings.
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_KINDS |= {".svg": "image/svg+xml"}


class StatusPage:
    """Answers the requests of browsers about some runs."""

    def __init__(self, runs: Sequence[ShownRun]) -> None:
        self._runs = runs
        self._shared = SharedAnswers()
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
        app.router.add_get("/api/{run}/failures", self._failures)
        return app

    async def _end_streams(self, _: web.Application) -> None:
        self._over.set()

    def close(self) -> None:
        """Stop reading."""
        self._shared.close()

    # -- files ------------------------------------------------------------------------

    async def _index(self, request: web.Request) -> web.Response:
        return _answered(request, _file("index.html"))

    async def _static(self, request: web.Request) -> web.Response:
        return _answered(request, _file(request.match_info["name"]))

    # -- what changes -----------------------------------------------------------------

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if self._viewers >= _MOST_VIEWERS:
            raise web.HTTPServiceUnavailable(text="Too many viewers.")
        stream = web.StreamResponse()
        stream.content_type = "text/event-stream"
        self._viewers += 1
        news = _News(self._overview)
        try:
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
            return as_json({"runs": [overview(run) for run in self._runs]})

        return await self._shared.get("overview", read, lasts_s=_OVERVIEW_S)

    async def _failures(self, request: web.Request) -> web.Response:
        run = self._run(request)
        reason, after = request.query.get("reason", ""), _number(request, "after")
        survey = _number(request, "survey")
        return await self._answer(
            request,
            ("failures", run.number, survey, reason, after),
            lambda: as_json(run.failures(survey, reason, after)),
        )

    # -- parts of all answers ---------------------------------------------------------

    def _run(self, request: web.Request) -> ShownRun:
        with suppress(ValueError, IndexError):
            number = int(request.match_info["run"])
            if number >= 0:
                return self._runs[number]
        raise web.HTTPNotFound(text="There is no such run on this page.")

    async def _answer(
        self,
        request: web.Request,
        key: tuple[object, ...],
        make: Callable[[], PageAnswer],
        *,
        lasts_s: float = 5.0,
    ) -> web.Response:
        return _answered(request, await self._shared.get(key, make, lasts_s=lasts_s))


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


def _number(request: web.Request, name: str) -> int:
    text = request.query.get(name, "-1")
    try:
        return int(text)
    except ValueError:
        raise web.HTTPBadRequest(text=f"{name} is no whole number.") from None


def _file(name: str) -> PageAnswer:
    folder = files(__package__).joinpath("static")
    if name not in {one.name for one in folder.iterdir()}:
        raise web.HTTPNotFound(text="There is no such file.")
    kind = _KINDS[Path(name).suffix]
    return PageAnswer(folder.joinpath(name).read_bytes(), kind)


def _answered(request: web.Request, answer: PageAnswer) -> web.Response:
    tag = f'"{answer.tag}"'
    if request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers={"ETag": tag})
    response = web.Response(headers={"ETag": tag})
    response.content_type = answer.kind
    if answer.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.body = answer.packed
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.body = answer.body
    if answer.kind.startswith("text/"):
        response.charset = "utf-8"
    return response


@asynccontextmanager
async def serving(
    runs: Sequence[ShownRun], address: ListenAddress
) -> AsyncIterator[ListenAddress]:
    """Serve the page of these runs during the block; give the address it really has.

    Raises
    ------
    LocalError
        The address cannot be used.
    """
    page = StatusPage(runs)
    runner = web.AppRunner(page.application(), access_log=None, shutdown_timeout=0.5)
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
