"""One HTTP request and its reply: within limits, with every error made one of ours.

aiohttp sends and reads, and decides nothing: it keeps no cookies, follows no redirect,
takes no proxy from the environment and sends nothing twice.
"""

from __future__ import annotations

import asyncio
import errno
import re
import socket
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Protocol

import aiohttp

from ..errors import (
    HarvesterError,
    InputError,
    LocalError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)
from .address import BlockedAddressError, Guard, GuardedResolver, shown
from .backoff import TooManyRequestsError, retry_after
from .body import Body
from .sighting import TlsResponse, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from types import SimpleNamespace

    from aiohttp.abc import AbstractResolver
    from yarl import URL

    from .body import Limits
    from .headers import ApiToken
    from .sighting import OnSeen

__all__ = ["Intake", "NoAnswerError", "Redirected", "Request", "Wire", "to_ours"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({404, 410})
_BUSY = frozenset({429, 503})
#: Refusals that mean "not now" and not "never".
_NOT_NOW = frozenset({408, 425})
#: A gateway answers so if the server behind it does not.
_BAD_GATEWAY = frozenset({502, 503, 504})
_NOT_IN_RANGE = 416
#: Of a page with a refusal: bytes that are read, characters that are quoted, and
#: seconds that reading may take.
_WORDS_BYTES = 4096
_WORDS_SHOWN = 120
_WORDS_S = 2.0
_TAG = re.compile(r"<(script|style)\b.*?</\1\s*>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_OUT_OF_DESCRIPTORS = frozenset({errno.EMFILE, errno.ENFILE})


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request: the first one of a call, or one that a redirect led to."""

    method: str
    url: URL
    headers: Mapping[str, str]
    body: bytes | None = None


@dataclass(frozen=True, slots=True)
class Redirected:
    """The reply is at another address."""

    status: int
    location: str


class NoAnswerError(OutageError):
    """The reply did not begin in time; the server may still be working on it."""


class Intake(Protocol):
    """Takes the body of a reply. One object serves all tries of a call."""

    def headers(self) -> Mapping[str, str]:
        """Give headers to be sent, such as the range of bytes that are missing."""

    async def take(self, response: aiohttp.ClientResponse, body: Body) -> None:
        """Read the reply; raise if it is not what it should be."""

    def out_of_range(self, what: str) -> HarvesterError:
        """Give the error for a 416; the next try may start from the beginning."""


class Wire:
    """The aiohttp session, without cookies, proxies or retries of its own."""

    def __init__(
        self,
        limits: Limits,
        guard: Guard,
        agent: str,
        resolver: AbstractResolver | None = None,
        tokens: Sequence[ApiToken] = (),
        on_seen: OnSeen | None = None,
    ) -> None:
        self._limits = limits
        self._tokens = tokens
        self._on_seen = on_seen
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,  # the throttles count
                resolver=GuardedResolver(guard, resolver),
                socket_factory=guard.open_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": agent},
            response_class=TlsResponse,
            timeout=aiohttp.ClientTimeout(
                total=None, connect=limits.connect_s, sock_connect=limits.connect_s
            ),
            trace_configs=[_tell_when_sent()],
            trust_env=False,
        )
        # When a kept connection breaks, aiohttp would send a request again without the
        # throttle; there is no public switch.
        self._session._retry_connection = False  # noqa: SLF001 - see above

    async def exchange(
        self,
        request: Request,
        intake: Intake,
        *,
        answer_s: float,
        on_sent: Callable[[], None],
        on_bytes: Callable[[int], None],
        on_answer: Callable[[], None],
    ) -> Redirected | None:
        """Send a request and give the reply to the intake, or return the redirect.

        ``on_answer`` is called when the head of a reply with status 2xx has come.

        Raises
        ------
        NoAnswerError
            The reply did not begin within ``answer_s`` seconds.
        """
        limits = self._limits
        asked = {**request.headers, **intake.headers()}
        with watched(self._on_seen, request.method, request.url, asked) as sighting:
            async with _within(answer_s, "stalled", request.url, NoAnswerError):
                response = await self._send(request, intake, on_sent)
            async with response, _within(limits.total_s, "too_slow", request.url):
                sighting.answer(response)
                location = response.headers.get("Location")
                if response.status in _REDIRECTS and location:
                    return Redirected(response.status, location)
                if response.status == HTTPStatus.UNAUTHORIZED:
                    self._check_tokens(request.url)
                await _check_status(response, intake)
                on_answer()
                body = Body(response, limits, on_bytes, sighting.add)
                await intake.take(response, body)
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
            headers={
                **request.headers,
                **intake.headers(),
                **self._personal(request.url),
            },
            data=request.body,
            allow_redirects=False,
            trace_request_ctx=on_sent,
        )

    def _personal(self, url: URL) -> dict[str, str]:
        return {
            name: text
            for token in self._tokens
            for name, text in token.headers_for(url).items()
        }

    def _check_tokens(self, url: URL) -> None:
        # Every galaxy would meet this refusal, so that the run ends at once.
        for token in self._tokens:
            if token.headers_for(url):
                msg = (
                    f"{shown(url)} refuses the token in {token.variable}: renew or "
                    "unset it"
                )
                raise InputError(msg)


def to_ours(error: Exception, url: URL) -> Exception:
    """Turn a low-level error into ours, sorted by what to do; bugs stay as they are."""
    where = shown(url)
    ours = error
    match error:
        case aiohttp.ClientConnectorError():
            ours = _unreachable(error, where)
        case aiohttp.ConnectionTimeoutError():
            ours = OutageError(
                reason="connect_timeout",
                message=f"{where} did not accept a connection in time",
            )
        case aiohttp.ClientPayloadError():
            reason = "reset" if "ConnectionResetError" in str(error) else "truncated"
            ours = TransientError(
                reason,
                f"{where}: the connection broke in the middle of the reply: {error}",
            )
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            msg = f"{where} is not a valid web address"
            ours = PermanentError(reason="bad_url", message=msg)
        case aiohttp.ClientConnectionError():
            # Before the reply began: a body that breaks is a payload error.
            what = f"{where} closed the connection without a reply: {error}"
            ours = OutageError(reason="reset", message=what)
        case aiohttp.ClientResponseError():
            # str(error) would repeat the address, with its secrets.
            what = f"{where} sent invalid HTTP: {error.status} {error.message}"
            ours = TransientError(reason="bad_http", message=what)
        case aiohttp.ClientError():
            what = f"{where} sent invalid HTTP: {error}"
            ours = TransientError(reason="bad_http", message=what)
    return ours


def _unreachable(error: aiohttp.ClientConnectorError, where: str) -> HarvesterError:
    cause = error.os_error
    if cause.errno in _OUT_OF_DESCRIPTORS:
        msg = (
            f"{where} was not asked: no file descriptors are left. Raise the limit "
            "(ulimit -n) or use fewer workers, then resume"
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


async def _check_status(response: aiohttp.ClientResponse, intake: Intake) -> None:
    status = response.status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return
    what = f"{shown(response.url)} answered {status} {response.reason}"
    reason = f"http_{status}"
    if status in _GONE:
        msg = f"{what}{await _words(response)}"
        raise NotFoundError(msg)
    if status in _BUSY:
        _check_busy(response, what)
    if status == _NOT_IN_RANGE and "Range" in intake.headers():
        raise intake.out_of_range(what)
    if status in _BAD_GATEWAY:
        raise OutageError(reason, what)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or status in _NOT_NOW:
        raise TransientError(reason, what)
    raise PermanentError(reason, f"{what}{await _words(response)}")


async def _words(response: aiohttp.ClientResponse) -> str:
    """Give the first words of a page with a refusal, to be quoted."""
    page = b""
    with suppress(aiohttp.ClientError, TimeoutError):
        async with asyncio.timeout(_WORDS_S):
            while len(page) < _WORDS_BYTES and not response.content.at_eof():
                page += await response.content.readany()
    text = _TAG.sub(" ", page[:_WORDS_BYTES].decode("utf-8", "replace"))
    words = " ".join(text.split())
    return f": {words[:_WORDS_SHOWN]!r}" if words else ""


def _check_busy(response: aiohttp.ClientResponse, what: str) -> None:
    headers = response.headers
    wait_s = retry_after(
        headers.get("Retry-After"), date=headers.get("Date"), now=time.time()
    )
    if wait_s is not None or response.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise TooManyRequestsError(what, wait_s)


def _tell_when_sent() -> aiohttp.TraceConfig:
    """Call the function in the context of a request when its headers have been sent."""

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
async def _within(
    seconds: float,
    reason: str,
    url: URL,
    error_type: type[TransientError] = TransientError,
) -> AsyncIterator[None]:
    limit = asyncio.timeout(seconds)
    try:
        async with limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise error_type(
            reason, f"{shown(url)} took longer than {seconds:g} s"
        ) from error
