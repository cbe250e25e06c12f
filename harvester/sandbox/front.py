"""The middleware of all services: control pages, counters, faults and delays.

``GET /_stats`` and ``POST /_reset`` show and clear the counters, ``GET /_log`` lists
the requests one by one, ``GET`` and ``POST /_faults`` show and replace the faults, and
``POST /_line`` changes the bandwidth of all connections together (a number, MB/s).
They are served on every port, concern all services, and are not counted.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from .breakages import befall, page
from .exchange import Exchange
from .faults import FaultError, Faults
from .line import Line
from .stats import Stats, Visit, cooldown_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from .stats import ServiceStats

    Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

__all__ = ["Front"]

#: SkyServer's answer, with status 200, to a client above its rate limit.
_REJECTED = (
    "#Table1\nerror_message\n"
    "ERROR: Maximum {} queries allowed per minute. Rejected query.\n"
)


class Front:
    """The middleware of one service."""

    def __init__(
        self,
        service: str,
        stats: Stats,
        faults: Faults,
        *,
        latency: Mapping[str, float],
        is_strict: bool,
        bandwidth: float = 0.0,
        line: Line | None = None,
    ) -> None:
        self._service = service
        self._stats = stats
        self._faults = faults
        self._latency = latency
        self._is_strict = is_strict
        #: Bytes a second of each connection; 0: no limit.
        self._bandwidth = bandwidth
        #: What all connections of all services share.
        self._line = line or Line()

    def application(self, routes: list[web.RouteDef]) -> web.Application:
        """Make the web application of the service."""

        @web.middleware
        async def pass_through(
            request: web.Request, handler: Answer
        ) -> web.StreamResponse:
            if request.path.startswith("/_"):
                return await _or_page(handler, request)
            return await self._count(request, handler)

        # Uploaded lists of positions exceed aiohttp's default limit.
        application = web.Application(
            middlewares=[pass_through], client_max_size=64 * 1024**2
        )
        application.on_response_prepare.append(_without_server_name)
        application.add_routes([*self._controls(), *routes])
        return application

    async def _count(self, request: web.Request, answer: Answer) -> web.StreamResponse:
        visit = Visit(
            at=self._stats.clock(),
            method=request.method,
            path=request.raw_path,
            ranged=hdrs.RANGE in request.headers,
        )
        counters = self._stats[self._service]
        exchange = Exchange(request, self._bandwidth, self._line)
        is_too_much = counters.arrive(visit)
        try:
            if is_too_much and self._is_strict:
                return await exchange.deliver(_rejected(counters))
            response = await self._answer(exchange, answer)
            _note_cooldown(counters, response, self._stats.clock())
            return await exchange.deliver(response)
        except ConnectionError:
            # The client hung up, or a fault closed the connection.
            return exchange.response or web.Response()
        finally:
            visit.status, visit.sent = exchange.status, exchange.sent
            visit.length, visit.is_file = exchange.length, exchange.is_file
            counters.leave(visit)

    async def _answer(self, exchange: Exchange, answer: Answer) -> web.StreamResponse:
        request = exchange.request
        await asyncio.sleep(self._delay(request.path))

        async def routed(asked: web.Request) -> web.StreamResponse:
            return await _or_page(answer, asked)

        for fault in self._faults.choose(self._service, request.raw_path):
            if fault.kind != "slow":
                return await befall(fault, exchange, routed)
            await asyncio.sleep(fault.number(1.0))
        return await routed(request)

    def _delay(self, path: str) -> float:
        is_file = self._service in {"sdss-sas", "s3"} or path.endswith("Download/file")
        kind = "file" if is_file else "query"
        return self._latency.get(self._service, self._latency.get(kind, 0.0))

    def _controls(self) -> list[web.RouteDef]:
        return [
            web.get("/_stats", self._show_stats),
            web.post("/_reset", self._reset),
            web.get("/_log", self._show_log),
            web.get("/_faults", self._show_faults),
            web.post("/_faults", self._switch_faults),
            web.post("/_line", self._limit_line),
        ]

    async def _show_stats(self, _request: web.Request) -> web.Response:
        return web.json_response(self._stats.as_json())

    async def _reset(self, _request: web.Request) -> web.Response:
        self._stats.reset()
        return web.json_response(self._stats.as_json())

    async def _show_log(self, _request: web.Request) -> web.Response:
        visits = self._stats[self._service].log
        return web.json_response([asdict(visit) for visit in visits])

    async def _show_faults(self, _request: web.Request) -> web.Response:
        return web.json_response(self._faults.as_json())

    async def _switch_faults(self, request: web.Request) -> web.Response:
        try:
            self._faults.switch_on(await request.json())
        except (FaultError, TypeError, ValueError) as error:
            return web.json_response({"problem": str(error)}, status=400)
        return web.json_response(self._faults.as_json())

    async def _limit_line(self, request: web.Request) -> web.Response:
        try:
            self._line.limit(1e6 * float(await request.json()))
        except (TypeError, ValueError) as error:
            return web.json_response({"problem": str(error)}, status=400)
        return web.json_response(self._line.bandwidth / 1e6)


def _rejected(counters: ServiceStats) -> web.Response:
    limit = counters.limit
    return web.Response(text=_REJECTED.format(limit.per_minute if limit else 0))


def _note_cooldown(
    counters: ServiceStats, response: web.StreamResponse, now: float
) -> None:
    if retry_after := response.headers.get(hdrs.RETRY_AFTER):
        counters.ask_for_quiet(now + cooldown_seconds(retry_after, time.time()))


async def _or_page(answer: Answer, request: web.Request) -> web.StreamResponse:
    """Answer; errors that aiohttp raises itself (404, 405) become HTML pages."""
    try:
        return await answer(request)
    except web.HTTPException as refusal:
        return page(refusal.status, refusal.reason)


async def _without_server_name(
    _request: web.Request, response: web.StreamResponse
) -> None:
    response.headers.pop(hdrs.SERVER, None)
