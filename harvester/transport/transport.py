"""The one polite transport: every byte to and from an archive goes through here.

An onion. `query` and `download` try again until patience ends; each try follows
redirects; each hop waits for its host's throttle, goes over the wire, and tells the
throttle what became of it. There is no way round: a host that no service is known
for is not asked.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from random import random as any_number
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from yarl import URL

from ..errors import OutageError, PermanentError, TransientError
from .address import Guard, shown, to_url
from .backoff import Patience
from .body import Limits
from .headers import kept, user_agent, without_personal, without_type
from .intake import Buffer, Download, Enough, PartialFile, Reply, refuse_text
from .manners import Manners, Timing
from .part import Part, RangeRefusedError, TakesPart
from .services import Directory, Service
from .throttle import GaveUpError, Throttle, Turn
from .verdict import judged
from .wire import Intake, Moved, Request, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from aiohttp.abc import AbstractResolver

    from .headers import ApiToken
    from .host_state import HostState

    Heard = Callable[[int], None]

__all__ = [
    "Download",
    "Enough",
    "Limits",
    "Manners",
    "Part",
    "RangeRefusedError",
    "Reply",
    "Service",
    "Transport",
]

#: After these a form is not sent again; its answer is fetched.
_BECOMES_GET = frozenset({301, 302, 303})

#: Tries of a file that can be had elsewhere too: the second is for a single hiccup.
_MIRROR_TRIES = 2

T_co = TypeVar("T_co", covariant=True)


def _ignore(*_: object) -> None:
    """Nobody wants to know."""


class _Result(Intake, Protocol[T_co]):
    async def finish(self) -> T_co: ...


@dataclass(slots=True)
class _Errand:
    """What a caller asked for, through all tries."""

    request: Request
    kind: str
    service: Service
    #: The host that was asked last; a redirect may have led to another one.
    throttle: Throttle
    #: The address that was asked last.
    asked: URL
    #: Called with the bytes that came, piece by piece.
    heard: Heard


class Transport:
    """The client for all archives; use it as an async context manager.

    Parameters
    ----------
    services
        The only hosts that are asked, with their manners.
    contact
        Mail or web address that an archive may complain to; goes into User-Agent.
    on_traffic
        Called with the host, requests sent and bytes received since the last call.
    on_cool_down
        Called with the host and the Unix seconds until which it is left alone.
    cool_downs
        What ``on_cool_down`` said before a restart, by host.
    token
        A secret for one host, which no other gets to see.
    """

    def __init__(  # noqa: PLR0913 - only the composition root knows all of these
        self,
        services: Sequence[Service],
        *,
        version: str,
        contact: str = "",
        limits: Limits | None = None,
        on_traffic: Callable[[str, int, int], None] | None = None,
        on_cool_down: Callable[[str, float], None] | None = None,
        cool_downs: Mapping[str, float] | None = None,
        token: ApiToken | None = None,
        random: Callable[[], float] = any_number,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._directory = Directory(services)
        self._limits = limits or Limits()
        self._agent = user_agent(version, contact)
        self._token = token
        self._on_traffic = on_traffic or _ignore
        self._on_cool_down = on_cool_down
        self._cool_downs = dict(cool_downs or {})
        self._timing = Timing(random=random)
        self._resolver = resolver
        self._guard = Guard(
            [
                URL(url)
                for service in services
                for url in (service.base, service.actual)
            ],
            [URL(service.actual) for service in services if service.is_elsewhere],
        )
        #: The file that came last from a host: by it a sound host is known.
        self._came: dict[str, URL] = {}
        self._throttles: dict[str, Throttle] = {}
        for service in services:
            self._throttle_of(service.host, service.manners)
        self._wire: Wire | None = None

    async def __aenter__(self) -> Self:
        self._wire = Wire(
            self._limits, self._guard, self._agent, self._resolver, self._token
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; what is under way breaks."""
        if self._wire is not None:
            await self._wire.aclose()
            self._wire = None

    async def query(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Callable[[Reply], None] | None = None,
        kind: str = "query",
    ) -> Reply:
        """Ask and read the answer into memory.

        Parameters
        ----------
        check
            Called in a thread before anyone else sees the reply. It raises
            `OutageError` if the archive must be out of order (such as a web page in
            place of data; that is the check if there is none) and `TransientError`
            if the answer came damaged: both are tried again.
        kind
            Whose place it takes among the host's slots.

        Raises
        ------
        TransientError
            It failed as often as allowed; `OutageError` if the host was down, for
            longer than allowed.
        PermanentError
            It will not work: `NotFoundError`, ``http_403``, ``too_large``,
            ``blocked_redirect``, ``unknown_host``, ``bad_url``.
        """
        intake = Buffer(self._limits.json_cap, check)
        request = Request(method.upper(), self._checked(url), kept(headers), body)
        return await self._persevere(request, kind, intake)

    async def download(
        self,
        url: str,
        path: Path,
        *,
        check: Callable[[Path], None] | None = None,
        enough: Enough | None = None,
        on_bytes: Heard = _ignore,
        kind: str = "file",
        is_mirror: bool = False,
    ) -> Download:
        """Fetch a file, which appears at ``path`` when it is whole and verified.

        A body that breaks is resumed where the server can tell that the file is
        still the same. ``check`` is called in a thread with the path of the file as
        it lies aside, before it gets its name; what it may raise, and what is
        raised here, is as for `query`. A file that arrives damaged with the same
        bytes again and again is ``corrupt_at_source`` and given up. `LocalError`:
        the disk is full or closed to us. Whatever happens, no part is left behind.

        ``enough`` may end it before: then the rest of the body is not read, its
        connection is closed, and what came appears at ``path`` unverified.
        ``on_bytes`` is called with the bytes of each piece that is read, in all tries.
        ``is_mirror``: the file can be had elsewhere too, so that nothing is sat out:
        the second failure, of whatever kind, is raised.
        """
        limits = self._limits
        request = Request("GET", self._checked(url), {})
        intake = PartialFile(path, limits.body_cap, limits.same_corrupt, check, enough)
        try:
            return await self._persevere(
                request, kind, intake, on_bytes, is_mirror=is_mirror
            )
        finally:
            await intake.aclose()

    async def fetch_part(
        self,
        url: str,
        start: int,
        stop: int,
        *,
        validator: str = "",
        on_bytes: Heard = _ignore,
        kind: str = "file",
        is_mirror: bool = False,
    ) -> Part:
        """Fetch the bytes ``start`` to before ``stop`` of a file into memory.

        A file that ends before gives what it has. ``validator`` is that of an
        earlier part: only the same version of the file will do. ``is_mirror`` as for
        `download`.

        Raises
        ------
        RangeRefusedError
            The server sends anything else than that part of that version, or does
            not tell versions apart. It is not asked again.
        TransientError, PermanentError
            As for `query`.
        """
        request = Request("GET", self._checked(url), {})
        intake = TakesPart(start, stop, validator)
        return await self._persevere(
            request, kind, intake, on_bytes, is_mirror=is_mirror
        )

    def describe(self) -> dict[str, str]:
        """Say in words, for each host, what its next request waits for."""
        return {host: throttle.describe() for host, throttle in self._throttles.items()}

    def states(self) -> list[HostState]:
        """Tell how each host stands."""
        return [throttle.state() for throttle in self._throttles.values()]

    def is_down(self, url: str) -> bool:
        """Whether the host of an official address lets no request through just now.

        False when a probe is due: the next request is to find out.
        """
        return self._throttle_for(url).is_closed

    def down_s(self, url: str) -> float:
        """Tell for how many seconds the host of an official address has been down."""
        return self._throttle_for(url).down_s

    def to_actual(self, url: str) -> str:
        """Give the address that is really asked in place of an official one."""
        return str(self._directory.to_actual(to_url(url)))

    async def _persevere(
        self,
        request: Request,
        kind: str,
        intake: _Result[T_co],
        heard: Heard = _ignore,
        *,
        is_mirror: bool = False,
    ) -> T_co:
        service = self._directory.service_of(request.url)
        throttle = self._throttle_of(service.host, service.manners)
        errand = _Errand(request, kind, service, throttle, request.url, heard)
        limits = self._limits
        patience = Patience(
            min(limits.tries, _MIRROR_TRIES) if is_mirror else limits.tries,
            0.0 if is_mirror else limits.patience_s,
            clock=throttle.awake_s,
            random=self._timing.random,
        )
        while True:
            try:
                return await self._try(errand, intake, patience.left_s())
            except GaveUpError:
                raise
            except TransientError as error:
                throttle = errand.throttle
                # Of a mirror any failure spends a try: there are not many.
                is_sound = is_mirror or (
                    isinstance(error, OutageError)
                    and await self._is_sound(errand, patience.left_s())
                )
                wait_s = patience.after(
                    error,
                    down=throttle.is_down,
                    successes=throttle.successes,
                    is_sound=is_sound,
                )
            await asyncio.sleep(wait_s)

    async def _is_sound(self, errand: _Errand, patience_s: float) -> bool:
        """Look whether a host that fails a file still has another one, which it had.

        Without that look the last file of a run, if it always fails, could not be told
        from an outage: there are no others that go well meanwhile.
        """
        throttle, url = errand.throttle, self._came.get(errand.throttle.host)
        if errand.kind != "file" or throttle.is_down or url in {None, errand.asked}:
            return False
        assert url is not None
        look = replace(errand, request=Request("HEAD", url, {}), heard=_ignore)
        try:
            await self._try(
                look, Buffer(self._limits.json_cap, refuse_text), patience_s
            )
        except PermanentError:
            return True  # a clear answer
        except TransientError:
            return False
        return True

    async def _try(
        self, errand: _Errand, intake: _Result[T_co], patience_s: float
    ) -> T_co:
        """Follow the redirects to the reply; each hop asks its own host's leave."""
        request = errand.request
        for _ in range(self._limits.redirects + 1):
            errand.throttle = self._throttle_at(request.url, errand.service)
            errand.asked = request.url
            async with errand.throttle.slot(errand.kind, patience_s=patience_s) as turn:
                with judged(turn, request.url, is_asked=request is errand.request):
                    moved = await self._send(request, intake, turn, errand.heard)
                    # The wire is free for the next one while this is checked.
                    turn.free()
                    if moved is None:
                        result = await intake.finish()
                        if errand.kind == "file" and request.method == "GET":
                            self._came[errand.throttle.host] = request.url
                        return result
                    request = self._next_hop(request, moved)
        where, most = shown(errand.request.url), self._limits.redirects
        msg = f"{where} redirects more than {most} times"
        raise PermanentError(reason="blocked_redirect", message=msg)

    async def _send(
        self, request: Request, intake: Intake, turn: Turn, heard: Heard
    ) -> Moved | None:
        host = turn.host

        def on_sent() -> None:
            turn.sent()
            self._on_traffic(host, 1, 0)

        def on_bytes(size: int) -> None:
            self._on_traffic(host, 0, size)
            heard(size)

        assert self._wire is not None, "the transport is not open"
        return await self._wire.exchange(
            request, intake, on_sent=on_sent, on_bytes=on_bytes
        )

    def _next_hop(self, request: Request, moved: Moved) -> Request:
        url = self._directory.to_actual(self._guard.follow(request.url, moved.location))
        hop = replace(request, url=url)
        if url.origin() != request.url.origin():
            hop = replace(hop, headers=without_personal(request.headers))
        if moved.status in _BECOMES_GET and request.method == "POST":
            kept_too = without_type(hop.headers)
            return replace(hop, method="GET", body=None, headers=kept_too)
        return hop

    def _checked(self, text: str) -> URL:
        url = to_url(text)
        if url.user is not None or url.password is not None:
            msg = f"{shown(url)} holds a user name, which is not sent anywhere"
            raise PermanentError(reason="bad_url", message=msg)
        return self._directory.to_actual(url.with_fragment(None))

    def _throttle_for(self, url: str) -> Throttle:
        service = self._directory.service_of(self._checked(url))
        return self._throttle_of(service.host, service.manners)

    def _throttle_at(self, url: URL, sender: Service) -> Throttle:
        # An archive may send us on to another host of its own: that one gets a
        # throttle too, with the manners of the service that sent us there.
        service = self._directory.find(url)
        if service is None:
            return self._throttle_of(url.host_port_subcomponent or "", sender.manners)
        return self._throttle_of(service.host, service.manners)

    def _throttle_of(self, host: str, manners: Manners) -> Throttle:
        if host not in self._throttles:
            self._throttles[host] = Throttle(
                host,
                manners,
                cooled_until=self._cool_downs.get(host, 0.0),
                on_cool_down=self._on_cool_down,
                timing=self._timing,
            )
        return self._throttles[host]
