"""The transport: every byte to and from an archive goes through here.

Three layers. Calls are tried again until tries or time are up (`tries.py`); each try
follows redirects (`hops.py`); each hop waits for the throttle of its host, is sent
(`wire.py`), and reports the outcome to the throttle. A host that belongs to no known
service is not asked.
"""

from __future__ import annotations

import logging
from functools import reduce
from operator import or_
from random import random as any_number
from typing import TYPE_CHECKING, Self, TypeVar

from yarl import URL

from ..errors import PermanentError, TransientError
from .address import Guard, Official
from .body import Limits
from .byte_range import (
    ByteRange,
    RangeHead,
    RangeIntake,
    RangeRefusedError,
    RangesIntake,
)
from .call import Call, Waits
from .headers import kept, user_agent
from .hops import Hops, Throttles
from .host_controls import HostControls
from .host_speed import HostSpeeds
from .intake import Buffer, Download, Enough, PartialFile, Reply
from .known_hosts import KnownHosts
from .manners import Manners, Timing
from .services import Directory, Service
from .tail_first import Ends, TailFirstFile
from .tries import Tries
from .wire import Request, Wire

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from aiohttp.abc import AbstractResolver

    from .byte_range import OnHead
    from .headers import ApiToken
    from .hops import Result
    from .shared_limit import SharedLimit
    from .sighting import OnSeen

    OnBytes = Callable[[int], None]

__all__ = [
    "ByteRange",
    "Download",
    "Ends",
    "Enough",
    "Limits",
    "Manners",
    "RangeHead",
    "RangeRefusedError",
    "Reply",
    "Service",
    "Transport",
    "Waits",
]

T = TypeVar("T")

_log = logging.getLogger(__name__)


def _ignore(*_: object) -> None:
    """Do nothing: the caller gave no callback."""


class Transport(KnownHosts):
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
        machine, or at a broker; it is started and closed with the transport.
    speeds
        Learns from file requests how quick each host is.
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
        machine_limit: SharedLimit | None = None,
        speeds: HostSpeeds | None = None,
        random: Callable[[], float] = any_number,
        resolver: AbstractResolver | None = None,
        on_seen: OnSeen | None = None,
    ) -> None:
        self._on_seen = on_seen
        directory, timing = Directory(services), Timing(random=random)
        throttles = Throttles(
            directory,
            cool_downs=cool_downs or {},
            on_cool_down=on_cool_down,
            timing=timing,
            machine_limit=machine_limit,
        )
        super().__init__(directory, throttles, speeds or HostSpeeds())
        #: What a user may change while requests are under way.
        self.controls = HostControls(directory, throttles)
        self._limits = limits or Limits()
        #: Bytes of the largest file that `download` takes.
        self.largest_file = self._limits.body_cap
        self._agent = user_agent(version, contact)
        self._tokens = tokens
        self._resolver = resolver
        self._guard = Guard(
            [
                URL(url)
                for service in directory.services
                for url in (service.base, service.actual)
            ],
            [
                URL(service.actual)
                for service in directory.services
                if service.is_elsewhere
            ],
            reduce(or_, (service.official for service in services), Official()),
        )
        self._machine_limit = machine_limit
        self._hops = Hops(
            self._directory,
            self._throttles,
            self._guard,
            self._limits,
            on_traffic or _ignore,
            self.speeds,
        )
        known = {host: self._checked(url) for host, url in (known_good or {}).items()}
        self._tries = Tries(
            self._hops, self._limits, known_good=known, random=timing.random
        )

    async def __aenter__(self) -> Self:
        if self._machine_limit is not None:
            await self._machine_limit.start()
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
            await self._machine_limit.aclose()

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
            both are tried again. `QueryRefusedError` is raised as it is.
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
        ends: Ends | None = None,
        on_bytes: OnBytes = _ignore,
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
        connection is closed, and what came appears at ``path`` unverified. ``ends``
        asks for both ends of the file only. The last bytes come first, as ``tail`` of
        the result; a server may also send all of the file, and no tail.
        ``on_bytes`` is called with the size of each piece that is read, in all tries.
        ``is_mirror``: other hosts have the file too. A refusal counts at once and says
        nothing about the host, no outage is waited for, and the second failure of any
        kind is raised. ``waits``: which outages are waited for.
        """
        limits = self._limits
        facts = (path, limits.body_cap, limits.same_corrupt, check, enough)
        intake = TailFirstFile(*facts, ends) if ends else PartialFile(*facts)
        try:
            got = await self._take(url, intake, on_bytes, waits, is_mirror=is_mirror)
        finally:
            await intake.aclose()
        if got.gives_several is not None:
            self.speed_of(url).gives_several = got.gives_several
        if not got.gives_ranges:
            self.speed_of(url).note_ranges(given=False)
        return got

    async def fetch_range(
        self,
        url: str,
        start: int,
        stop: int,
        *,
        validator: str = "",
        on_bytes: OnBytes = _ignore,
        on_head: OnHead | None = None,
        is_mirror: bool = False,
        waits: Waits = Waits.LONG,
    ) -> ByteRange:
        """Fetch the bytes ``start`` to before ``stop`` of a file into memory.

        If the file ends before ``stop``, fewer bytes are returned. ``validator`` is
        that of an earlier range: only the same version of the file is accepted.
        ``on_head`` is called when the right reply begins, before its body is here.
        ``is_mirror`` and ``waits`` as for `download`.

        Raises
        ------
        RangeRefusedError
            The server sends anything but that range of that version. It is not asked
            again.
        TransientError, PermanentError
            As for `query`.
        """
        intake, speed = RangeIntake(start, stop, validator, on_head), self.speed_of(url)
        try:
            part = await self._take(url, intake, on_bytes, waits, is_mirror=is_mirror)
        except RangeRefusedError:
            # With a validator the file may only have been replaced.
            if not validator:
                speed.note_ranges(given=False)
            raise
        speed.note_ranges(given=True)
        return part

    async def fetch_ranges(
        self,
        url: str,
        spans: Sequence[tuple[int, int]],
        *,
        validator: str,
        on_bytes: OnBytes = _ignore,
        is_mirror: bool = False,
        waits: Waits = Waits.LONG,
    ) -> dict[int, bytes]:
        """Fetch several ranges of a file in one request; give them by their place.

        Each is its first byte and the one after its last. Otherwise as `fetch_range`;
        a host that sends one range at a time refuses them.
        """
        intake = RangesIntake(spans, validator)
        return await self._take(url, intake, on_bytes, waits, is_mirror=is_mirror)

    async def _take(
        self,
        url: str,
        intake: Result[T],
        on_bytes: OnBytes,
        waits: Waits,
        *,
        is_mirror: bool,
    ) -> T:
        request = Request("GET", self._checked(url), {})
        call = self._call(request, "file", on_bytes, is_mirror=is_mirror, waits=waits)
        return await self._tries.persevere(call, intake)

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
