"""The one polite transport: every byte to and from an archive goes through here.

An onion. `query` and `download` try again until patience ends; each try follows
redirects; each hop waits for its host's throttle, goes over the wire, and tells the
throttle what became of it. There is no way round: a host that no service is known
for is not asked.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from functools import reduce
from operator import or_
from random import random as any_number
from typing import TYPE_CHECKING, Self, TypeVar

from yarl import URL

from ..errors import OutageError, PermanentError, TransientError
from .address import Guard, Official, shown, to_url
from .backoff import Patience
from .body import Limits
from .doubt import Doubts
from .errand import Errand, Waits
from .headers import kept, user_agent
from .hops import Hops, Result, Throttles
from .intake import Buffer, Download, Enough, PartialFile, Reply, refuse_text
from .manners import Manners, Timing
from .part import Part, RangeRefusedError, TakesPart
from .refusals import is_refusal
from .services import Directory, Service
from .turn import GaveUpError
from .wire import Request, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from aiohttp.abc import AbstractResolver

    from .headers import ApiToken
    from .host_state import HostState
    from .throttle import Throttle

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
    "Waits",
]

#: Tries of a file that can be had elsewhere too: the second is for a single hiccup.
_MIRROR_TRIES = 2

#: Seconds that a request waits for a host that is down if it sits no outage out.
_SHORT_S = 1.0

T = TypeVar("T")


def _ignore(*_: object) -> None:
    """Nobody wants to know."""


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
    known_good
        Official addresses of files that came before a restart, by host: by them a
        host that refuses everything is told from a file that is not there.
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
        tokens: Sequence[ApiToken] = (),
        known_good: Mapping[str, str] | None = None,
        random: Callable[[], float] = any_number,
        resolver: AbstractResolver | None = None,
    ) -> None:
        self._directory = Directory(services)
        self._limits = limits or Limits()
        #: Bytes of the largest file that `download` takes.
        self.largest_file = self._limits.body_cap
        self._agent = user_agent(version, contact)
        self._tokens = tokens
        self._timing = Timing(random=random)
        self._resolver = resolver
        self._guard = Guard(
            [
                URL(url)
                for service in self._directory.services
                for url in (service.base, service.actual)
            ],
            [
                URL(service.actual)
                for service in self._directory.services
                if service.is_elsewhere
            ],
            reduce(or_, (service.official for service in services), Official()),
        )
        self._throttles = Throttles(
            self._directory,
            cool_downs=cool_downs or {},
            on_cool_down=on_cool_down,
            timing=self._timing,
        )
        self._hops = Hops(
            self._directory,
            self._throttles,
            self._guard,
            self._limits,
            on_traffic or _ignore,
        )
        known = {host: self._checked(url) for host, url in (known_good or {}).items()}
        self._doubts = Doubts(self._limits, self._look, known)

    async def __aenter__(self) -> Self:
        self._hops.wire = Wire(
            self._limits, self._guard, self._agent, self._resolver, self._tokens
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; what is under way breaks."""
        if self._hops.wire is not None:
            await self._hops.wire.aclose()
            self._hops.wire = None

    async def query(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Callable[[Reply], None] | None = None,
        at_once: Collection[str] = (),
        kind: str = "query",
    ) -> Reply:
        """Ask and read the answer into memory.

        Parameters
        ----------
        check
            Called in a thread before anyone else sees the reply. It raises
            `OutageError` if the archive must be out of order (such as a web page in
            place of data; that is the check if there is none) and `TransientError`
            if the answer came damaged: both are tried again. `QueryRefusedError` is
            raised as it is: the service is well.
        at_once
            Reasons of errors that are raised at their first sign: the caller has
            another way to ask.
        kind
            Whose place it takes among the host's slots.

        Raises
        ------
        TransientError
            It failed as often as allowed; `OutageError` if the host was down for
            longer than allowed, or refuses us (``refuses``).
        PermanentError
            It will not work: ``http_400``, ``too_large``, ``unknown_host``,
            ``bad_url``; of a file also `NotFoundError`, ``http_403``,
            ``blocked_redirect``.
        """

        def ask(place: str, *, is_mirror: bool = False) -> Awaitable[Reply]:
            intake = Buffer(self._limits.json_cap, check)
            request = Request(method.upper(), self._checked(place), kept(headers), body)
            errand = self._errand(request, kind, is_mirror=is_mirror)
            return self._persevere(errand, intake, () if is_mirror else at_once)

        for mirror in self.mirrors(url):
            if not self.is_down(mirror):
                with suppress(TransientError, PermanentError):
                    return await ask(mirror, is_mirror=True)
        return await ask(url)

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
        waits: Waits = Waits.LONG,
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
        ``is_mirror``: it can be had elsewhere too. A refusal is believed at once and
        says nothing of the host, and nothing is sat out: the second failure, of
        whatever kind, is raised. ``waits``: which outages are sat out.
        """
        limits = self._limits
        request = Request("GET", self._checked(url), {})
        intake = PartialFile(path, limits.body_cap, limits.same_corrupt, check, enough)
        errand = self._errand(
            *(request, kind, on_bytes), is_mirror=is_mirror, waits=waits
        )
        try:
            return await self._persevere(errand, intake)
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
        waits: Waits = Waits.LONG,
    ) -> Part:
        """Fetch the bytes ``start`` to before ``stop`` of a file into memory.

        A file that ends before gives what it has. ``validator`` is that of an
        earlier part: only the same version of the file will do. ``is_mirror`` and
        ``waits`` as for `download`.

        Raises
        ------
        RangeRefusedError
            The server sends anything else than that part of that version. It is not
            asked again.
        TransientError, PermanentError
            As for `query`.
        """
        request = Request("GET", self._checked(url), {})
        intake = TakesPart(start, stop, validator)
        errand = self._errand(
            *(request, kind, on_bytes), is_mirror=is_mirror, waits=waits
        )
        return await self._persevere(errand, intake)

    def describe(self) -> dict[str, str]:
        """Say in words, for each host, what its next request waits for."""
        throttles = self._throttles.by_host
        return {host: throttle.describe() for host, throttle in throttles.items()}

    def states(self) -> list[HostState]:
        """Tell how each host stands."""
        return [throttle.state() for throttle in self._throttles.by_host.values()]

    def is_down(self, url: str) -> bool:
        """Whether the host of an official address lets no request through just now.

        False when a probe is due: the next request is to find out.
        """
        throttle = self._throttle_for(url)
        # One that refuses is asked for other files, which may show that it is well.
        return throttle.is_closed and not throttle.refusals("file").is_full

    def down_s(self, url: str) -> float:
        """Tell for how many seconds the host of an official address has been down."""
        return self._throttle_for(url).down_s

    def awake_s(self, url: str) -> float:
        """Tell the time of a clock that stands still in the quiet hours of a host."""
        return self._throttle_for(url).awake_s()

    def mirrors(self, url: str) -> list[str]:
        """Give the addresses that the user has set before that of an official one."""
        return [str(one) for one in self._directory.mirrors(to_url(url))]

    def to_actual(self, url: str) -> str:
        """Give the address that is really asked in place of an official one."""
        return str(self._directory.to_actual(to_url(url)))

    def _errand(
        self,
        request: Request,
        kind: str,
        heard: Heard = _ignore,
        *,
        is_mirror: bool = False,
        waits: Waits = Waits.LONG,
    ) -> Errand:
        service = self._directory.service_of(request.url)
        throttle = self._throttles.of(service.host, service.manners)
        return Errand(
            *(request, kind, service, throttle, heard),
            is_mirror=is_mirror,
            waits=Waits.NEVER if is_mirror else waits,
        )

    async def _persevere(
        self, errand: Errand, intake: Result[T], at_once: Collection[str] = ()
    ) -> T:
        limits = self._limits
        patience = Patience(
            min(limits.tries, _MIRROR_TRIES) if errand.is_mirror else limits.tries,
            0.0 if errand.waits is Waits.NEVER else limits.patience_s,
            clock=errand.throttle.awake_s,
            random=self._timing.random,
        )
        last: TransientError | None = None
        while True:
            errand.handful = self._doubts.handful(errand)
            try:
                # Refusals are waited for, not long: the next file asked may be given.
                is_refusing = errand.throttle.refusals(errand.kind).is_full
                is_long = errand.waits is Waits.LONG or is_refusing
                left_s = patience.left_s() if is_long else _SHORT_S
                result = await self._hops.attempt(errand, intake, left_s)
            except GaveUpError as error:
                if error.reason == "refuses":
                    raise self._doubts.refused(errand) from error
                words = f"{error}. The last failure: {last}" if last else str(error)
                raise GaveUpError(error.reason, words) from error
            except TransientError as error:
                last = error
                if error.reason in at_once:
                    raise
                wait_s = await self._after(errand, error, patience)
            except PermanentError as error:
                if not self._is_doubtful(errand, error):
                    raise
                wait_s = await self._doubts.weigh(errand, error, patience)
            else:
                self._doubts.came(errand)
                return result
            await asyncio.sleep(wait_s)

    async def _after(
        self, errand: Errand, error: TransientError, patience: Patience
    ) -> float:
        if errand.waits is Waits.WHILE_UP and errand.is_down:
            raise OutageError(error.reason, str(error)) from error
        # Of a mirror any failure spends a try: there are not many.
        is_sound = errand.is_mirror or (
            isinstance(error, OutageError) and await self._doubts.is_sound(errand)
        )
        return patience.after(
            error,
            down=errand.is_down,
            successes=errand.throttle.successes,
            is_sound=is_sound,
        )

    def _is_doubtful(self, errand: Errand, error: PermanentError) -> bool:
        # A mirror has no say in what an archive has, unless it is the archive itself
        # that refuses everything.
        refusals = errand.throttle.refusals(errand.kind)
        return is_refusal(error) and (not errand.is_mirror or refusals.is_full)

    async def _look(self, errand: Errand, url: URL) -> None:
        """Ask for the head of a file that the host of an errand has had."""
        look = replace(
            errand,
            request=Request("HEAD", url, {}),
            heard=_ignore,
            is_mirror=False,
            is_look=True,
            # That one is enough.
            handful=1,
        )
        head = Buffer(self._limits.json_cap, refuse_text)
        await self._hops.attempt(look, head, self._limits.patience_s)

    def _throttle_for(self, url: str) -> Throttle:
        service = self._directory.service_of(self._checked(url))
        return self._throttles.of(service.host, service.manners)

    def _checked(self, text: str) -> URL:
        url = to_url(text)
        if url.user is not None or url.password is not None:
            msg = f"{shown(url)} holds a user name, which is not sent anywhere"
            raise PermanentError(reason="bad_url", message=msg)
        return self._directory.to_actual(url.with_fragment(None))
