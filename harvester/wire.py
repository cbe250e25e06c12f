"""One exchange on the wire: within limits, and with every error made one of ours.

aiohttp's own limits do not catch all that happens. A server that sends a byte now
and then is never silent, so the read timeout does not see it: a floor on the speed
does. A reply without a length may never end, and a compressed one may swell: the
decoded bytes are counted.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import aiohttp

from .address import BlockedAddressError, Guard, GuardedResolver, shown
from .backoff import BusyError, retry_after
from .errors import (
    HarvesterError,
    LocalError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from types import SimpleNamespace

    from aiohttp.abc import AbstractResolver
    from yarl import URL

__all__ = ["Body", "Intake", "Limits", "Moved", "Request", "Wire", "to_ours"]

_MOVED = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_BUSY = frozenset({429, 503})
#: Refusals that mean "not now" and not "never".
_NOT_NOW = frozenset({408, 425})
_NOT_IN_RANGE = 416
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})


@dataclass(frozen=True, slots=True)
class Limits:
    """How long, how much and how often."""

    #: Seconds to find the host and shake hands.
    connect_s: float = 15.0
    #: Seconds from there to the head of the reply; queries may take their time.
    answer_s: float = 180.0
    #: Seconds without a single byte of the body.
    silence_s: float = 60.0
    #: Seconds for one exchange, all in all.
    total_s: float = 900.0
    #: A body that comes slower than so many bytes per second ...
    floor_bytes_per_s: float = 10_000.0
    #: ... for so many seconds is given up.
    floor_window_s: float = 30.0
    #: Largest file, in decoded bytes.
    body_cap: int = 512 * 2**20
    #: Largest reply to a query, in decoded bytes.
    json_cap: int = 64 * 2**20
    #: Tries of one request that fails by itself.
    tries: int = 4
    #: Redirects that are followed one after another.
    redirects: int = 5
    #: Seconds that a request waits for a host that is down.
    patience_s: float = 7200.0
    #: A file that arrives with the same bytes so often is broken at its source.
    same_corrupt: int = 3


@dataclass(frozen=True, slots=True)
class Request:
    """What is sent: one hop of what was asked for."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Moved:
    """The reply is elsewhere."""

    status: int
    location: str


class Intake(Protocol):
    """Where the body of a reply goes; it lives through all tries of a request."""

    def headers(self) -> Mapping[str, str]:
        """Headers that it wants to be sent, such as the part that it lacks."""

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Read the reply; raise if it is not what it should be."""

    def restart(self) -> None:
        """Forget what came so far."""


class Body:
    """The body of a reply, read within the limits."""

    def __init__(
        self,
        response: aiohttp.ClientResponse,
        limits: Limits,
        on_bytes: Callable[[int], None],
    ) -> None:
        self._response = response
        self._limits = limits
        self._on_bytes = on_bytes
        # Only time spent waiting for the archive counts: a slow disk is our own.
        self._silent_s = 0.0
        self._window_s = 0.0
        self._window_bytes = 0

    async def chunks(self, cap: int) -> AsyncIterator[bytes]:
        """Give the decoded bytes as they come, up to ``cap`` of them."""
        size = 0
        while not self._response.content.at_eof():
            chunk = await self._next()
            size += len(chunk)
            if size > cap:
                msg = f"{shown(self._response.url)} sends more than {cap} bytes"
                raise PermanentError(reason="too_large", message=msg)
            self._on_bytes(len(chunk))
            yield chunk

    async def _next(self) -> bytes:
        began = time.monotonic()
        chunk = b""
        try:
            async with asyncio.timeout(self._patience_s()) as limit:
                chunk = await self._response.content.readany()
        except TimeoutError:
            if not limit.expired():
                raise
        self._heard(len(chunk), time.monotonic() - began)
        return chunk

    def _patience_s(self) -> float:
        limits = self._limits
        return min(
            limits.silence_s - self._silent_s,
            limits.floor_window_s - self._window_s,
        )

    def _heard(self, size: int, waited_s: float) -> None:
        limits = self._limits
        self._silent_s = 0.0 if size else self._silent_s + waited_s
        self._window_s += waited_s
        self._window_bytes += size
        if self._silent_s >= limits.silence_s:
            raise self._slow("stalled", f"sent nothing for {limits.silence_s:g} s")
        if self._window_s >= limits.floor_window_s:
            # A window without any byte is silence, which has a limit of its own.
            floor = limits.floor_bytes_per_s * self._window_s
            if 0 < self._window_bytes < floor:
                what = f"sent {self._window_bytes} bytes in {self._window_s:.0f} s"
                raise self._slow("too_slow", what)
            self._window_s, self._window_bytes = 0.0, 0

    def _slow(self, reason: str, what: str) -> TransientError:
        return TransientError(reason, f"{shown(self._response.url)} {what}")


class Wire:
    """The aiohttp session, without cookies, proxies or retries of its own."""

    def __init__(
        self,
        limits: Limits,
        guard: Guard,
        agent: str,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._limits = limits
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the throttles count
                resolver=GuardedResolver(guard, resolver),
                socket_factory=guard.open_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": agent},
            timeout=aiohttp.ClientTimeout(
                total=None, connect=limits.connect_s, sock_connect=limits.connect_s
            ),
            trace_configs=[_tell_when_sent()],
            trust_env=False,
        )
        # It would send a request again, past the throttle, when a kept connection
        # breaks; there is no public switch.
        self._session._retry_connection = False  # noqa: SLF001 - see above

    async def exchange(
        self,
        request: Request,
        intake: Intake,
        *,
        on_sent: Callable[[], None],
        on_bytes: Callable[[int], None],
    ) -> Moved | None:
        """Send a request and pour the reply into the intake, unless it moved."""
        limits = self._limits
        async with _within(limits.total_s, "too_slow", request.url):
            async with _within(limits.answer_s, "stalled", request.url):
                response = await self._send(request, intake, on_sent)
            async with response:
                location = response.headers.get("Location")
                if response.status in _MOVED and location:
                    return Moved(response.status, location)
                _check_status(response, intake)
                await intake.take(response, Body(response, limits, on_bytes))
                return None

    async def aclose(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def _send(
        self, request: Request, intake: Intake, on_sent: Callable[[], None]
    ) -> aiohttp.ClientResponse:
        return await self._session.request(
            request.method,
            request.url,
            headers={**request.headers, **intake.headers()},
            data=request.body,
            allow_redirects=False,
            trace_request_ctx=on_sent,
        )


def to_ours(error: Exception, url: URL) -> Exception:
    """Sort a low-level error by what to do about it; bugs stay what they are."""
    where = shown(url)
    ours = error
    match error:
        case aiohttp.ClientConnectorError():
            ours = _unreachable(error, where)
        case aiohttp.ConnectionTimeoutError():
            ours = OutageError(
                reason="connect_timeout", message=f"{where} does not pick up"
            )
        case aiohttp.ClientPayloadError():
            reason = "reset" if "ConnectionResetError" in str(error) else "truncated"
            ours = TransientError(reason, f"{where} ended in the middle: {error}")
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            ours = PermanentError(reason="bad_url", message=f"{where}: {error}")
        case aiohttp.ClientConnectionError():
            ours = TransientError(reason="reset", message=f"{where} hung up: {error}")
        case aiohttp.ClientError():
            what = f"{where} speaks no proper HTTP: {error}"
            ours = TransientError(reason="bad_http", message=what)
    return ours


def _unreachable(error: aiohttp.ClientConnectorError, where: str) -> HarvesterError:
    cause = error.os_error
    if cause.errno in _OUT_OF_DESCRIPTORS:
        msg = (
            f"{where}: no file descriptors are left; raise the limit (ulimit -n) or "
            "use fewer workers, then resume"
        )
        return LocalError(msg)
    match cause:
        case BlockedAddressError():
            reason = "blocked_address"
        case socket.gaierror():
            reason = "dns"
        case ConnectionRefusedError():
            reason = "refused"
        case _:
            reason = "tls" if isinstance(error, aiohttp.ClientSSLError) else "network"
    return OutageError(reason, f"{where} cannot be reached: {cause}")


def _check_status(response: aiohttp.ClientResponse, intake: Intake) -> None:
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    what = f"{shown(response.url)} answered {status} {response.reason}"
    reason = f"http_{status}"
    if status in _GONE:
        raise NotFoundError(what)
    if status in _BUSY:
        _check_busy(response, what)
    if status == _NOT_IN_RANGE and "Range" in intake.headers():
        intake.restart()
        raise TransientError(reason="bad_range", message=what)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_NOW:
        raise TransientError(reason, what)
    raise PermanentError(reason, what)


def _check_busy(response: aiohttp.ClientResponse, what: str) -> None:
    headers = response.headers
    wait_s = retry_after(
        headers.get("Retry-After"), date=headers.get("Date"), now=time.time()
    )
    if wait_s is not None or response.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise BusyError(what, wait_s)


def _tell_when_sent() -> aiohttp.TraceConfig:
    """Call what a request brought as its context when its head is on the wire."""

    async def tell(
        _session: aiohttp.ClientSession,
        context: SimpleNamespace,
        _sent: aiohttp.TraceRequestHeadersSentParams,
    ) -> None:
        context.trace_request_ctx()

    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(tell)
    return trace


@asynccontextmanager
async def _within(seconds: float, reason: str, url: URL) -> AsyncIterator[None]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise TransientError(reason, f"{shown(url)}: over {seconds:g} s") from error
