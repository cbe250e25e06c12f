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
    from collections.abc import Callable, Mapping

    from ..transport.transport import Reply, Transport

__all__ = ["Bridge", "json_of"]

T = TypeVar("T")

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

    def __init__(self, transport: Transport, check: Callable[[Reply], None]) -> None:
        """Take a ``check`` that refuses a reply before astroquery sees it."""
        self._turn = asyncio.Lock()
        self._adapter = _Adapter(transport, check, asyncio.get_running_loop())

    def mount(self, *sessions: requests.Session) -> None:
        """Make the transport the only way out of astroquery's sessions."""
        for session in sessions:
            # Else it would look into ~/.netrc for a password to send along.
            session.trust_env = False
            session.adapters.clear()
            session.mount("https://", self._adapter)
            session.mount("http://", self._adapter)

    async def ask(self, call: Callable[[], T]) -> T:
        """Run an astroquery call in a thread; cancelling ends what it sends.

        Raises
        ------
        TransientError
            The reply is no answer that astroquery understands, or it took too long.
        """
        async with self._turn:
            asking = _Asking()
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

    def __init__(self) -> None:
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

    def __init__(
        self,
        transport: Transport,
        check: Callable[[Reply], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__()
        self._transport = transport
        self._check = check
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
            reply = carried.result()
        except CancelledError as error:
            raise _stopped() from error
        return _response(request, reply)

    async def _carry(self, request: requests.PreparedRequest, asking: _Asking) -> Reply:
        asking.begin_request()
        assert request.method is not None
        assert request.url is not None
        body = request.body.encode() if isinstance(request.body, str) else request.body
        assert body is None or isinstance(body, bytes)  # astroquery streams nothing
        began = self._loop.time()
        for attempt in itertools.count(1):
            reply = await self._transport.query(
                request.method,
                request.url,
                headers=_forwarded(request.headers),
                body=body,
                check=self._check,
            )
            if not _still_working(reply):
                break
            if self._loop.time() - began >= _LONGEST_WORK_S:
                where = shown(reply.url)
                msg = f"{where} still works on it after {_LONGEST_WORK_S:.0f} s"
                raise TransientError("never_ready", msg)
            await asyncio.sleep(min(_LONGEST_POLL_S, 0.5 * attempt))
        return reply

    def close(self) -> None:
        """Leave nothing open; the transport is closed by its owner."""


def _forwarded(headers: Mapping[str, str | bytes]) -> dict[str, str]:
    return {
        name: text if isinstance(text, str) else text.decode("latin-1")
        for name, text in headers.items()
        if name.lower() not in _NOT_FORWARDED
    }


def _still_working(reply: Reply) -> bool:
    # Only MAST answers so; the first bytes tell, the rest may be megabytes.
    if b'"EXECUTING"' not in reply.body[:200]:
        return False
    return bool(json_of(reply).get("status") == "EXECUTING")


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


def _response(request: requests.PreparedRequest, reply: Reply) -> requests.Response:
    response = requests.Response()
    response.status_code = reply.status
    response.headers.update(reply.headers)
    response.raw = io.BytesIO(reply.body)
    response.url = request.url or ""
    response.request = request
    response.encoding = "utf-8"
    return response
