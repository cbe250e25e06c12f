"""The transport: every byte to and from an archive goes through here.

Three layers. Calls are tried again until tries or time are up (`tries.py`); each try
follows redirects (`hops.py`); each hop waits for the throttle of its host, is sent
(`wire.py`), and reports the outcome to the throttle. A host that belongs to no known
service is not asked.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import reduce
from operator import or_
from random import random as any_number
from typing import TYPE_CHECKING, Self

from yarl import URL

from ..errors import PermanentError, TransientError
from .address import Guard, Official, shown, to_url
from .body import Limits
from .byte_range import ByteRange, RangeIntake, RangeRefusedError
from .call import Call, Waits
from .headers import kept, user_agent
from .hops import Hops, Throttles
from .intake import Buffer, Download, Enough, PartialFile, Reply
from .manners import Manners, Timing
from .services import Directory, Service
from .tries import Tries
from .wire import Request, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from aiohttp.abc import AbstractResolver

    from .headers import ApiToken
    from .host_state import HostState
    from .machine_limit import MachineLimit
    from .pulse import Answers
    from .sighting import OnSeen
    from .throttle import Throttle

    OnBytes = Callable[[int], None]

__all__ = [
    "ByteRange",
    "Download",
    "Enough",
    "Limits",
    "Manners",
    "RangeRefusedError",
    "Reply",
    "Service",
    "Transport",
    "Waits",
]

_log = logging.getLogger(__name__)


def _ignore(*_: object) -> None:
    """Do nothing: the caller gave no callback."""


class Transport:
    """The client for all archives; use it as an async context manager.

    Parameters
    ----------
    services
        The only hosts that are asked, with their manners.
    contact
        Mail address or web page in the User-Agent, so that an archive can reach us.
    on_traffic
        Called with the host, requests sent and bytes received since the last call.
    on_cool_down
        Called with the host and the Unix seconds of the end of a cool-down.
    cool_downs
        What ``on_cool_down`` was called with before a restart, by host.
    token
        A secret for one host, which no other gets to see.
    known_good
        Official addresses of files that came before a restart, by host: asking for
        them tells a host that refuses everything from a file that is missing.
    machine_limit
        Counts this harvest's requests together with those of all others on this
        machine; it is closed with the transport.
    on_seen
        Called with what was seen of each request, when it has ended.
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
        machine_limit: MachineLimit | None = None,
        random: Callable[[], float] = any_number,
        resolver: AbstractResolver | None = None,
        on_seen: OnSeen | None = None,
    ) -> None:
        self._on_seen = on_seen
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
            machine_limit=machine_limit,
        )
        self._machine_limit = machine_limit
        self._hops = Hops(
            self._directory,
            self._throttles,
            self._guard,
            self._limits,
            on_traffic or _ignore,
        )
        known = {host: self._checked(url) for host, url in (known_good or {}).items()}
        self._tries = Tries(
            self._hops, self._limits, known_good=known, random=self._timing.random
        )

    async def __aenter__(self) -> Self:
        self._hops.wire = Wire(
            *(self._limits, self._guard, self._agent, self._resolver, self._tokens),
            on_seen=self._on_seen,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection; requests that are under way fail."""
        if self._hops.wire is not None:
            await self._hops.wire.aclose()
            self._hops.wire = None
        if self._machine_limit is not None:
            self._machine_limit.close()

    async def query(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        check: Callable[[Reply], None] | None = None,
        at_once: Collection[str] = (),
        waits: Waits = Waits.LONG,
        kind: str = "query",
    ) -> Reply:
        """Ask and read the answer into memory.

        Parameters
        ----------
        check
            Called with the reply in a thread. It raises `OutageError` if the archive
            must be out of order (such as a web page in place of data; that is the
            check if there is none) and `TransientError` if the answer came damaged:
            both are tried again. `QueryRefusedError` is
            raised as it is: the service is well.
        at_once
            Reasons of errors that are raised at once: the caller has another way to
            ask.
        waits
            Which outages are waited for.
        kind
            The kind of request, which decides whose place it takes.

        Raises
        ------
        TransientError
            It failed as often as allowed; `OutageError` if the host was down for
            longer than allowed, or refuses everything (``refuses``).
        PermanentError
            It will not work: ``http_400``, ``too_large``, ``unknown_host``,
            ``bad_url``; of a file also `NotFoundError`, ``http_403``,
            ``blocked_redirect``.
        """

        def ask(place: str, *, is_mirror: bool = False) -> Awaitable[Reply]:
            intake = Buffer(self._limits.json_cap, check)
            request = Request(method.upper(), self._checked(place), kept(headers), body)
            call = self._call(request, kind, is_mirror=is_mirror, waits=waits)
            return self._tries.persevere(call, intake, () if is_mirror else at_once)

        for mirror in self.mirrors(url):
            if not self.is_down(mirror):
                try:
                    return await ask(mirror, is_mirror=True)
                except (TransientError, PermanentError) as error:
                    _log.info("the next address is asked instead: %s", error)
        return await ask(url)

    async def download(
        self,
        url: str,
        path: Path,
        *,
        check: Callable[[Path], None] | None = None,
        enough: Enough | None = None,
        on_bytes: OnBytes = _ignore,
        kind: str = "file",
        is_mirror: bool = False,
        waits: Waits = Waits.LONG,
    ) -> Download:
        """Fetch a file, which appears at ``path`` when it is whole and verified.

        A body that breaks is resumed if the server can tell that the file is still
        the same. ``check`` is called in a thread with the temporary path of the file,
        before the file is renamed; it may raise, and this method raises, as `query`
        says. A file that arrives damaged with the same bytes again and again is
        ``corrupt_at_source`` and given up. `LocalError`: the disk is full or cannot be
        written. Whatever happens, no partial file is left behind.

        ``enough`` may end it early: then the rest of the body is not read, the
        connection is closed, and what came appears at ``path`` unverified.
        ``on_bytes`` is called with the size of each piece that is read, in all tries.
        ``is_mirror``: other hosts have the file too. A refusal counts at once and says
        nothing about the host, no outage is waited for, and the second failure of any
        kind is raised. ``waits``: which outages are waited for.
        """
        limits = self._limits
        request = Request("GET", self._checked(url), {})
        intake = PartialFile(path, limits.body_cap, limits.same_corrupt, check, enough)
        call = self._call(*(request, kind, on_bytes), is_mirror=is_mirror, waits=waits)
        try:
            return await self._tries.persevere(call, intake)
        finally:
            await intake.aclose()

    async def fetch_range(
        self,
        url: str,
        start: int,
        stop: int,
        *,
        validator: str = "",
        on_bytes: OnBytes = _ignore,
        kind: str = "file",
        is_mirror: bool = False,
        waits: Waits = Waits.LONG,
    ) -> ByteRange:
        """Fetch the bytes ``start`` to before ``stop`` of a file into memory.

        If the file ends before ``stop``, fewer bytes are returned. ``validator`` is
        that of an earlier range: only the same version of the file is accepted.
        ``is_mirror`` and ``waits`` as for `download`.

        Raises
        ------
        RangeRefusedError
            The server sends anything but that range of that version. It is not asked
            again.
        TransientError, PermanentError
            As for `query`.
        """
        request = Request("GET", self._checked(url), {})
        intake = RangeIntake(start, stop, validator)
        call = self._call(*(request, kind, on_bytes), is_mirror=is_mirror, waits=waits)
        return await self._tries.persevere(call, intake)

    def describe(self) -> dict[str, str]:
        """Say in words, for each host, what its next request waits for."""
        throttles = self._throttles.by_host
        return {host: throttle.describe() for host, throttle in throttles.items()}

    def states(self) -> list[HostState]:
        """Give the state of each host."""
        pulse = self._throttles.pulse
        return [
            replace(
                throttle.state(),
                heard_at=pulse(host).heard_at,
                silent_since=pulse(host).silent_since,
            )
            for host, throttle in self._throttles.by_host.items()
        ]

    def take_answers(self) -> dict[str, Answers]:
        """Give for each host the answers that have begun since the last call."""
        hosts = self._throttles.by_host
        return {host: self._throttles.pulse(host).take() for host in hosts}

    def is_down(self, url: str) -> bool:
        """Whether the host of an official address is down, so that requests wait.

        False when a probe is due: the next request will be the probe.
        """
        throttle = self._throttle_for(url)
        # A host that refuses is asked for other files, which may be served.
        return throttle.is_closed and not throttle.refusals("file").is_full

    def down_s(self, url: str) -> float:
        """Give the seconds for which the host of an official address has been down."""
        return self._throttle_for(url).down_s

    def awake_s(self, url: str) -> float:
        """Read a clock that stands still in the quiet hours of a host."""
        return self._throttle_for(url).awake_s()

    def mirrors(self, url: str) -> list[str]:
        """Give the addresses that the user has set before that of an official one."""
        return [str(one) for one in self._directory.mirrors(to_url(url))]

    def to_actual(self, url: str) -> str:
        """Give the address that is really asked in place of an official one."""
        return str(self._directory.to_actual(to_url(url)))

    def _call(
        self,
        request: Request,
        kind: str,
        on_bytes: OnBytes = _ignore,
        *,
        is_mirror: bool = False,
        waits: Waits = Waits.LONG,
    ) -> Call:
        service = self._directory.service_of(request.url)
        throttle = self._throttles.of_service(service)
        return Call(
            *(request, kind, service, throttle, on_bytes),
            is_mirror=is_mirror,
            waits=Waits.NEVER if is_mirror else waits,
        )

    def _throttle_for(self, url: str) -> Throttle:
        service = self._directory.service_of(self._checked(url))
        return self._throttles.of_service(service)

    def _checked(self, text: str) -> URL:
        url = to_url(text)
        if url.user is not None or url.password is not None:
            msg = f"{shown(url)} holds a user name, which is not sent anywhere"
            raise PermanentError(reason="bad_url", message=msg)
        return self._directory.to_actual(url.with_fragment(None))
