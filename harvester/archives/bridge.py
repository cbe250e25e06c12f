"""astroquery speaks, our transport carries.

The queries are built and parsed by astroquery, which follows the archives'
changes so that we need not. It is synchronous, so it runs in a thread; a
transport adapter mounted on its sessions hands each request to the event loop
and so to the one polite transport. Nothing of it reaches the network by itself.
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

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from ..transport.transport import Reply, Transport

    #: Refuses a reply to a request with this body before astroquery sees it; gives
    #: what it read of it as JSON, None if that is not JSON.
    Check = Callable[[Reply, bytes], Any]

__all__ = ["Bridge", "json_of"]

T = TypeVar("T")

#: Requests of one question, unless the caller expects more: the columns of a service
#: are asked for before the first one, and a reply may have a few pages.
_USUAL_MOST = 8

#: Longest pause in seconds between two looks at a query that MAST still works on;
#: astroquery itself would ask again at once.
_LONGEST_POLL_S = 10.0

#: Seconds that MAST may work on one query: what astroquery itself would allow.
_LONGEST_WORK_S = 600.0

#: The transport's to set (who we are, how the body is framed), or a secret: the token
#: for MAST is put on by the transport, and no other is known to anyone.
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
        """Take the check of replies to questions that bring none of their own."""
        self._turn = asyncio.Lock()
        self._check = check
        self._adapter = _Adapter(transport, asyncio.get_running_loop())

    def mount(self, *sessions: requests.Session) -> None:
        """Make the transport the only way out of astroquery's sessions."""
        for session in sessions:
            # Else it would look into ~/.netrc for a password to send along.
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
    ) -> T:
        """Run an astroquery call in a thread; cancelling ends what it sends.

        Parameters
        ----------
        most
            Requests that it may send; looking again at a query that MAST still works
            on is none.
        at_once
            Reasons of errors after which a request is not sent again: the caller has
            another way to ask.

        Raises
        ------
        TransientError
            The reply is no answer that astroquery understands, or it took too long,
            or astroquery does not come to an end.
        """
        async with self._turn:
            asking = _Asking(check or self._check, most, at_once)
            try:
                return await asyncio.to_thread(asking.run, call)
            except asyncio.CancelledError:
                asking.stop()
                raise
            except HarvesterError:
                raise
            except Exception as error:
                # What astroquery raises on a strange reply is any of a dozen
                # types; none of them is the galaxies' fault.
                msg = f"the archive's answer makes no sense: {error!r:.300}"
                raise TransientError("bad_answer", msg) from error


class _Asking:
    """One call of astroquery, and the request of it that is under way.

    Its thread cannot be cancelled, and may go on when nobody waits for it any more:
    what it would send then is refused. All but `run` is called in the event loop's
    thread, so that nothing comes between a look and what follows from it.
    """

    def __init__(self, check: Check, most: int, at_once: Collection[str]) -> None:
        self.check = check
        self.at_once = at_once
        self._most = most
        self._sent = 0
        self._stopped = False
        self._request: asyncio.Task[Any] | None = None

    def run(self, call: Callable[[], T]) -> T:
        """Make the call in this thread, whose requests then belong to it."""
        _ASKING.set(self)
        with warnings.catch_warnings():
            # "No results" and the like are said by what is returned.
            warnings.simplefilter("ignore")
            return call()

    def begin_request(self) -> None:
        """Let the current task send a request, if that is still wanted."""
        if self._stopped:
            raise _stopped()
        self._sent += 1
        if self._sent > self._most:
            # Its loops end where a reply says so, and a reply may say anything.
            msg = f"one question would be more than {self._most} requests"
            raise TransientError("endless", msg)
        self._request = asyncio.current_task()

    def stop(self) -> None:
        """Cancel the request that is under way, and let no other begin."""
        self._stopped = True
        if self._request is not None:
            self._request.cancel()


#: Whose thread this is; `asyncio.to_thread` gives each call a context of its own.
_ASKING: ContextVar[_Asking] = ContextVar("_ASKING")


def _stopped() -> TransientError:
    return TransientError("stopped", "the harvest is being stopped")


class _Adapter(BaseAdapter):
    """What requests takes for the network."""

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
        """Carry one request; called by requests in astroquery's thread."""
        carried = asyncio.run_coroutine_threadsafe(
            self._carry(request, _ASKING.get()), self._loop
        )
        try:
            reply, told = carried.result()
        except CancelledError as error:
            raise _stopped() from error
        return _response(request, reply, told)

    async def _carry(
        self, request: requests.PreparedRequest, asking: _Asking
    ) -> tuple[Reply, Any]:
        asking.begin_request()
        assert request.method is not None
        assert request.url is not None
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes)  # astroquery streams nothing
        reading = _Reading(asking.check, body or b"")
        began = self._loop.time()
        for attempt in itertools.count(1):
            reply = await self._transport.query(
                request.method,
                request.url,
                headers=_forwarded(request.headers),
                body=body,
                check=reading,
                at_once=asking.at_once,
            )
            if not reading.is_unfinished:
                break
            if self._loop.time() - began >= _LONGEST_WORK_S:
                where = shown(reply.url)
                msg = f"{where} still works on it after {_LONGEST_WORK_S:.0f} s"
                raise TransientError("never_ready", msg)
            await asyncio.sleep(min(_LONGEST_POLL_S, 0.5 * attempt))
        return reply, reading.told

    def close(self) -> None:
        """Leave nothing open; the transport is closed by its owner."""


def _forwarded(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    return {
        name: text if isinstance(text, str) else text.decode("latin-1")
        for name, text in headers.items()
        if name.lower() not in _NOT_FORWARDED
    }


class _Reading:
    """Checks a reply in the transport's thread, and keeps what was read of it.

    A page of a list is some 26 MB: it is parsed once, and not in the event loop.
    """

    def __init__(self, check: Check, asked: bytes) -> None:
        self._check = check
        self._asked = asked
        #: JSON of the last reply; None if it was something else.
        self.told: Any = None

    def __call__(self, reply: Reply) -> None:
        self.told = None
        self.told = self._check(reply, self._asked)

    @property
    def is_unfinished(self) -> bool:
        """Whether MAST says that it still works on the query."""
        return isinstance(self.told, dict) and self.told.get("status") == "EXECUTING"


def json_of(reply: Reply) -> Mapping[str, Any]:
    """Read a reply that should be a JSON object; what else it may be has no names.

    Raises
    ------
    TransientError
        It is no JSON: it came damaged.
    """
    try:
        told = json.loads(reply.body)
    except (ValueError, RecursionError) as error:
        msg = f"{shown(reply.url)} answered with damaged JSON: {error}"
        raise TransientError("bad_answer", msg) from error
    return told if isinstance(told, dict) else {}


class _Response(requests.Response):
    """What astroquery reads; it asks for the JSON of a reply several times."""

    told: Any = None

    def json(self, **options: Any) -> Any:  # noqa: ANN401 - as the base class has it
        """Give the JSON that was read when the reply was checked."""
        return super().json(**options) if self.told is None else self.told


def _response(
    request: requests.PreparedRequest,
    reply: Reply,
    told: Any,  # noqa: ANN401 - JSON
) -> requests.Response:
    response = _Response()
    response.told = told
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response.raw = io.BytesIO(reply.body)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
