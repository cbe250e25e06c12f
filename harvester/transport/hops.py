"""One try of a call: from redirect to redirect, each through the throttle of its host.

If a redirect leads to another host, that host gets a throttle too. The outcome of the
last reply is reported to the host that was asked first as well.
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..errors import PermanentError
from .address import shown
from .call import Waits
from .headers import without_personal, without_type
from .host_speed import HostSpeed
from .pulse import Pulse
from .throttle import Throttle
from .verdict import Chain, judged
from .wire import Intake

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from yarl import URL

    from .address import Guard
    from .body import Limits
    from .call import Call
    from .host_speed import HostSpeeds
    from .manners import Manners, Timing
    from .services import Directory, Service
    from .shared_limit import SharedLimit
    from .turn import Turn
    from .wire import Redirected, Request, Wire

__all__ = ["Hops", "Result", "Throttles"]

#: After these a form is not sent again; its answer is fetched with GET.
_BECOMES_GET = frozenset({301, 302, 303})

T_co = TypeVar("T_co", covariant=True)


class Result(Intake, Protocol[T_co]):
    """Where the body of a reply goes, and what is made of it."""

    async def finish(self) -> T_co:
        """Give the result when the body is complete."""


class Throttles:
    """The throttle of each host, made when the host is first asked."""

    def __init__(
        self,
        directory: Directory,
        *,
        cool_downs: Mapping[str, float],
        on_cool_down: Callable[[str, float], None] | None,
        timing: Timing,
        machine_limit: SharedLimit | None = None,
    ) -> None:
        self._machine_limit = machine_limit
        self._directory = directory
        self._cool_downs = dict(cool_downs)
        self._on_cool_down = on_cool_down
        self._timing = timing
        self.by_host: dict[str, Throttle] = {}
        self._is_paused = False
        self._pulses: dict[str, Pulse] = {}
        for service in directory.services:
            self.of_service(service)

    def at(self, url: URL, sender: Service) -> Throttle:
        """Give the throttle for an address that is really asked.

        If it is at no known service, a redirect led there: its host gets a throttle
        with the limits of ``sender``.
        """
        service = self._directory.find(url)
        if service is None:
            return self._of(url.host_port_subcomponent or "", sender.manners)
        return self.of_service(service)

    def of_service(self, service: Service) -> Throttle:
        """Give the throttle of a service's host."""
        return self._of(service.host, service.manners)

    def pause(self, *, is_on: bool) -> None:
        """Begin or end a pause at all hosts, also at those that are asked later."""
        self._is_paused = is_on
        for throttle in self.by_host.values():
            throttle.pause(is_on=is_on)

    def pulse(self, host: str) -> Pulse:
        """Give when a host was heard, and its answers."""
        return self._pulses.setdefault(host, Pulse(self._timing))

    def _of(self, host: str, manners: Manners) -> Throttle:
        if host not in self.by_host:
            machine_limit = self._machine_limit
            self.by_host[host] = Throttle(
                host,
                manners,
                cooled_until=self._cool_downs.get(host, 0.0),
                on_cool_down=self._on_cool_down,
                timing=self._timing,
                limit=None if machine_limit is None else machine_limit.at(host),
            )
            if self._is_paused:
                self.by_host[host].pause(is_on=True)
        return self.by_host[host]


class Hops:
    """Sends a request, follows redirects, and reports the outcome."""

    def __init__(
        self,
        directory: Directory,
        throttles: Throttles,
        guard: Guard,
        limits: Limits,
        on_traffic: Callable[[str, int, int], None],
        speeds: HostSpeeds,
    ) -> None:
        self._directory = directory
        self._throttles = throttles
        self._guard = guard
        self._limits = limits
        self._on_traffic = on_traffic
        self._speeds = speeds
        #: None while the transport is not open.
        self.wire: Wire | None = None

    async def attempt(
        self, call: Call, result: Result[T_co], patience_s: float
    ) -> T_co:
        """Try a call once; wait up to ``patience_s`` for a host that is down."""
        # Every hop keeps its turn to the end, when the outcome of all is known.
        async with AsyncExitStack() as turns:
            chain = Chain(call, self._lingers_s(call))
            with judged(chain):
                request = call.request
                for _ in range(self._limits.redirects + 1):
                    turn = await self._turn(call, request, patience_s, chain, turns)
                    redirect = await self._send(request, result, turn, call)
                    # The next request may be sent while this reply is checked.
                    turn.free()
                    if redirect is None:
                        return await result.finish()
                    request = self._next_hop(request, redirect)
                raise self._too_many(call)
        raise AssertionError  # mypy cannot see that `judged` swallows nothing

    async def _turn(
        self,
        call: Call,
        request: Request,
        patience_s: float,
        chain: Chain,
        turns: AsyncExitStack,
    ) -> Turn:
        call.last = throttle = self._throttles.at(request.url, call.service)
        refusal_patience_s = self._limits.refusal_patience_s
        slot = throttle.slot(
            call.kind,
            patience_s=patience_s,
            refusal_patience_s=0.0 if call.waits is Waits.NEVER else refusal_patience_s,
            rides=chain.rides_on(throttle),
        )
        turn = await turns.enter_async_context(slot)
        chain.add(turn, request.url)
        return turn

    async def _send(
        self, request: Request, intake: Intake, turn: Turn, call: Call
    ) -> Redirected | None:
        host = turn.host
        assert self.wire is not None, "the transport is not open"
        pulse, speed = self._throttles.pulse(host), self._speed(call, host)
        with pulse.beat() as beat, speed.reply() as reply:

            def on_sent() -> None:
                turn.sent()
                beat.sent()
                reply.sent()
                self._on_traffic(host, 1, 0)

            def on_bytes(size: int) -> None:
                beat.heard()
                reply.add(size)
                self._on_traffic(host, 0, size)
                call.on_bytes(size)

            async with turn.leased():
                redirect = await self.wire.exchange(
                    request,
                    intake,
                    answer_s=self._answer_s(call),
                    on_sent=on_sent,
                    on_bytes=on_bytes,
                    on_answer=reply.answered,
                )
            beat.heard()  # an answer without a body
            return redirect

    def _speed(self, call: Call, host: str) -> HostSpeed:
        # An answer to a query may take any time: that says nothing about the line.
        return self._speeds.at(host) if call.kind == "file" else HostSpeed()

    def _next_hop(self, request: Request, redirect: Redirected) -> Request:
        url = self._directory.to_actual(
            self._guard.follow(request.url, redirect.location)
        )
        hop = replace(request, url=url)
        if url.origin() != request.url.origin():
            hop = replace(hop, headers=without_personal(request.headers))
        if redirect.status in _BECOMES_GET and request.method == "POST":
            kept_too = without_type(hop.headers)
            return replace(hop, method="GET", body=None, headers=kept_too)
        return hop

    def _too_many(self, call: Call) -> PermanentError:
        where, most = shown(call.request.url), self._limits.redirects
        msg = f"{where} redirects more than {most} times"
        return PermanentError(reason="blocked_redirect", message=msg)

    def _answer_s(self, call: Call) -> float:
        own_s = call.service.answer_s if call.kind == "query" else None
        return self._limits.answer_s if own_s is None else own_s

    def _lingers_s(self, call: Call) -> float:
        """Seconds for which a server may still work on a query that was given up."""
        works_on_s = self._limits.works_on_s
        return max(works_on_s - self._answer_s(call), works_on_s / 20)
