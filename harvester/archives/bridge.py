"""Sends the requests of astroquery through the harvester's own transport.

astroquery builds the queries and parses the replies, because it is kept up to date
with the archives. It is synchronous, so it runs in a thread. A transport adapter on
its sessions hands each request to the event loop, where the transport sends it.
astroquery opens no connection of its own.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import warnings
from concurrent.futures import CancelledError
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar

import requests
from requests.adapters import BaseAdapter

from ..errors import HarvesterError, TransientError
from ..transport.address import shown
from ..transport.call import Waits

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..transport.transport import Reply, Transport

    #: Checks a reply, given the body of the request, before astroquery sees it. Raises
    #: if the reply is not an answer; else returns its JSON, None for other content.
    Check = Callable[[Reply, bytes], Any]

__all__ = ["Bridge", "json_of"]

T = TypeVar("T")

#: Requests that one call of astroquery may send, unless the caller allows more: one
#: for the columns of the service, and one for each of a few pages.
_USUAL_MOST = 8

#: Longest pause in seconds between two polls of a query that MAST is still running;
#: astroquery itself would poll without a pause.
_LONGEST_POLL_S = 10.0

#: Seconds that MAST may run one query; astroquery has the same limit.
_LONGEST_WORK_S = 600.0

#: Headers of astroquery that are dropped. The transport sets its own user agent and
#: framing, and adds the token for MAST itself; no other secret may be sent.
_NOT_FORWARDED = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-length",
        "proxy-authorization",
        "user-agent",
    }
)


class Bridge:
    """Runs astroquery calls one at a time over the transport."""

    def __init__(self, transport: Transport, check: Check) -> None:
        """Take the check that `ask` uses if its caller passes no other."""
        self._turn = asyncio.Lock()
        self._check = check
        self._adapter = _Adapter(transport, asyncio.get_running_loop())

    def mount(self, *sessions: requests.Session) -> None:
        """Send all requests of astroquery's sessions through the transport."""
        for session in sessions:
            # Otherwise requests would add a password from ~/.netrc.
            session.trust_env = False
            session.adapters.clear()
            session.mount("https://", self._adapter)
            session.mount("http://", self._adapter)

    async def ask(
        self,
        call: Callable[[], T],
        *,
        check: Check | None = None,
        most: int = _USUAL_MOST,
        at_once: Collection[str] = (),
        waits: Waits = Waits.LONG,
    ) -> T:
        """Run an astroquery call in a thread; cancelling it cancels its request.

        Parameters
        ----------
        most
            Requests that the call may send; polls of a running query do not count.
        at_once
            Reasons of errors after which a request is not retried, because the caller
            has another way to ask.
        waits
            Which outages are waited for.

        Raises
        ------
        TransientError
            astroquery does not understand the reply, the query took too long, or the
            call would send more than ``most`` requests.
        """
        async with self._turn:
            asking = _Asking(check or self._check, most, at_once, waits)
            try:
                return await asyncio.to_thread(asking.run, call)
            except asyncio.CancelledError:
                asking.stop()
                raise
            except HarvesterError:
                raise
            except Exception as error:
                # astroquery raises any of a dozen types on a malformed reply. The
                # archive caused it, so it must not count against the galaxies.
                msg = f"astroquery cannot read the archive's reply: {error!r:.300}"
                raise TransientError("bad_answer", msg) from error


class _Asking:
    """One call of astroquery, and its request in flight.

    A thread cannot be cancelled and may outlive its caller; after `stop` its further
    requests are refused. All methods but `run` run in the event loop's thread, so that
    no lock is needed.
    """

    def __init__(
        self, check: Check, most: int, at_once: Collection[str], waits: Waits
    ) -> None:
        self.check = check
        self.at_once = at_once
        self.waits = waits
        self._most = most
        self._sent = 0
        self._stopped = False
        self._request: asyncio.Task[Any] | None = None

    def run(self, call: Callable[[], T]) -> T:
        """Make the call in this thread, and count the thread's requests as its own."""
        _ASKING.set(self)
        with warnings.catch_warnings():
            # Warnings such as "no results" only repeat what the result shows.
            warnings.simplefilter("ignore")
            return call()

    def begin_request(self) -> None:
        """Register the current task as the request in flight.

        Raises
        ------
        TransientError
            The call was stopped, or has used up its requests.
        """
        if self._stopped:
            raise _stopped()
        self._sent += 1
        if self._sent > self._most:
            # The number of pages comes from the reply, which may be wrong.
            msg = f"one query to the archive would take over {self._most} requests"
            raise TransientError("endless", msg)
        self._request = asyncio.current_task()

    def stop(self) -> None:
        """Cancel the request in flight, and refuse further ones."""
        self._stopped = True
        if self._request is not None:
            self._request.cancel()


#: The call that runs in this thread; `asyncio.to_thread` copies the context, so that
#: each call sees its own.
_ASKING: ContextVar[_Asking] = ContextVar("_ASKING")


def _stopped() -> TransientError:
    return TransientError("stopped", "the harvest is being stopped")


class _Adapter(BaseAdapter):
    """The transport adapter of the requests library that uses our transport."""

    def __init__(self, transport: Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop

    def send(
        self,
        request: requests.PreparedRequest,
        *_args: Any,  # noqa: ANN401 - timeouts and certificates are the transport's
        **_kwargs: Any,  # noqa: ANN401 - as above
    ) -> requests.Response:
        """Send one request; the requests library calls this in astroquery's thread."""
        carried = asyncio.run_coroutine_threadsafe(
            self._carry(request, _ASKING.get()), self._loop
        )
        try:
            reply, parsed = carried.result()
        except CancelledError as error:
            raise _stopped() from error
        return _response(request, reply, parsed)

    async def _carry(
        self, request: requests.PreparedRequest, asking: _Asking
    ) -> tuple[Reply, Any]:
        asking.begin_request()
        assert request.method is not None
        assert request.url is not None
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes)  # astroquery streams nothing
        reply_check = _ReplyCheck(asking.check, body or b"")
        began = self._loop.time()
        for attempt in itertools.count(1):
            reply = await self._transport.query(
                request.method,
                request.url,
                headers=_forwarded(request.headers),
                body=body,
                check=reply_check,
                at_once=asking.at_once,
                waits=asking.waits,
            )
            if not reply_check.is_unfinished:
                break
            if self._loop.time() - began >= _LONGEST_WORK_S:
                where = shown(reply.url)
                msg = f"{where} has not finished a query in {_LONGEST_WORK_S:.0f} s"
                raise TransientError("never_ready", msg)
            await asyncio.sleep(min(_LONGEST_POLL_S, 0.5 * attempt))
        return reply, reply_check.parsed

    def close(self) -> None:
        """Do nothing: the owner of the transport closes it."""


def _forwarded(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    return {
        name: text if isinstance(text, str) else text.decode("latin-1")
        for name, text in headers.items()
        if name.lower() not in _NOT_FORWARDED
    }


class _ReplyCheck:
    """Checks a reply in the transport's thread, and keeps its parsed JSON.

    A page of a list has about 26 MB: parse it only once, and outside the event loop.
    """

    def __init__(self, check: Check, asked: bytes) -> None:
        self._check = check
        self._asked = asked
        #: JSON of the last reply; None if it was not JSON.
        self.parsed: Any = None

    def __call__(self, reply: Reply) -> None:
        self.parsed = None
        self.parsed = self._check(reply, self._asked)

    @property
    def is_unfinished(self) -> bool:
        """Whether MAST is still running the query."""
        return (
            isinstance(self.parsed, dict) and self.parsed.get("status") == "EXECUTING"
        )


def json_of(reply: Reply) -> Mapping[str, Any]:
    """Parse a reply that should be a JSON object; empty for other JSON.

    Raises
    ------
    TransientError
        The body is not valid JSON.
    """
    try:
        parsed = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        msg = f"{shown(reply.url)} answered with damaged JSON: {error}"
        raise TransientError("bad_answer", msg) from error
    return parsed if isinstance(parsed, dict) else {}


class _Response(requests.Response):
    """A reply for astroquery, with the JSON that was parsed already."""

    parsed: Any = None

    def json(self, **options: Any) -> Any:  # noqa: ANN401 - as the base class has it
        """Give the JSON that the check has parsed; astroquery calls this repeatedly."""
        return super().json(**options) if self.parsed is None else self.parsed


def _response(
    request: requests.PreparedRequest,
    reply: Reply,
    parsed: Any,  # noqa: ANN401 - JSON
) -> requests.Response:
    response = _Response()
    response.parsed = parsed
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response.raw = io.BytesIO(reply.body)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
