"""The throttle: what one archive host is asked to bear, shared by every worker.

A request goes when all of these let it: the user's quiet hours, the breaker and the
cool-down (is the host well?), the pace (is it long enough since the last one?) and
the concurrency (how many are under way?). One queue, one timer and one place that
decides, `_admit`: that keeps the gap between requests exact and makes a half-open
breaker let exactly one probe through, however many workers are waiting.

Errors never speed us up: trouble halves the concurrency, a refusal for being too
fast halves the pace as well, and both come back in small steps, by successes.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import OutageError
from .backoff import LONGEST_S, backoff
from .breaker import Breaker
from .host_state import HostState
from .manners import Manners, Share, Timing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

__all__ = ["GaveUpError", "Manners", "Throttle", "Timing", "Turn"]

#: The kind of request that goes before the others: a galaxy that is nearly done
#: frees memory and disk, one that is newly located takes more.
_FIRST = "file"

#: Longest pause in seconds between two looks at the clock on the wall: it may be set.
_LOOK_S = 60.0


class GaveUpError(OutageError):
    """The host was down for longer than the request was willing to wait."""


@dataclass(eq=False, slots=True)
class _Waiter:
    kind: str
    turn: asyncio.Future[Turn] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class Turn:
    """One request's leave to go; it tells the throttle what became of it.

    Leaving the slot without a verdict (cancelled, or this machine's own trouble)
    says nothing about the host.
    """

    def __init__(self, throttle: Throttle, kind: str, *, probe: bool) -> None:
        self._throttle = throttle
        self.host = throttle.host
        self.kind = kind
        self.is_probe = probe
        self.began = throttle.clock()
        self._holds = True
        self._open = True

    def sent(self) -> None:
        """Count the gap to the next request from now: this one is on the wire."""
        self._throttle.space()

    def free(self) -> None:
        """Let the next request go; the verdict on this one may come later."""
        if self._holds:
            self._holds = False
            self._throttle.leave(self)

    def succeeded(self) -> None:
        """Report that the host answered as it should."""
        if self._is_first_verdict():
            self._throttle.succeeded()

    def failed(self, address: str, what: str, *, unreachable: bool = False) -> None:
        """Report trouble; ``unreachable`` if there was no proper reply at all."""
        if self._is_first_verdict():
            self._throttle.failed(self, address, what, unreachable=unreachable)

    def refused(self, cool_down_s: float | None) -> None:
        """Report that the host wants fewer requests, and from when on, if it said."""
        if self._is_first_verdict():
            self._throttle.refused(self, cool_down_s)

    def close(self) -> None:
        """End the turn, with or without a verdict."""
        if self._is_first_verdict():
            self._throttle.abandoned(self)
        self.free()

    def _is_first_verdict(self) -> bool:
        first, self._open = self._open, False
        return first


class Throttle:
    """One host's pace, concurrency, cool-down and breaker.

    Parameters
    ----------
    host
        Its name, for messages and for ``on_cool_down``.
    cooled_until
        Unix seconds of a cool-down that an earlier process was given. It is never
        taken to be longer than the longest one, whatever the clock did since.
    on_cool_down
        Called with the host and the Unix seconds until which it wants to be left
        alone, so that a restart keeps it.
    """

    def __init__(
        self,
        host: str,
        manners: Manners,
        *,
        cooled_until: float = 0.0,
        on_cool_down: Callable[[str, float], None] | None = None,
        timing: Timing | None = None,
    ) -> None:
        timing = timing or Timing()
        self.host = host
        self.clock = timing.clock
        #: How many requests went well, to tell a host's outage from a bad request.
        self.successes = 0
        self._manners = manners
        self._breaker = Breaker(manners.tripping, clock=timing.clock)
        self._on_cool_down = on_cool_down
        self._wall = timing.wall
        self._random = timing.random
        self._waiting: dict[_Waiter, None] = {}
        self._under_way: dict[str, int] = {}
        #: The turn that was given out last, until its owner has woken up to it.
        self._given: Turn | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._next_at = -math.inf
        self._width = Share()
        self._pace = Share()
        self._eased_at = -math.inf
        self._eased_by = ""
        #: Seconds of the clock that were spent in quiet hours, as far as was looked.
        self._quiet_s = 0.0
        self._looked_at = self.clock()
        self._refusals = 0
        self._cool_until = -math.inf
        self._cool_why = ""
        left_s = min(cooled_until - self._wall(), LONGEST_S)
        if left_s > 0:
            self._hold(left_s, "asked for before the restart")

    @property
    def is_down(self) -> bool:
        """Whether nobody passes but a probe."""
        return self._breaker.is_open

    @property
    def down_s(self) -> float:
        """For how many seconds nobody but probes has passed; 0 while all may."""
        return self._breaker.open_s()

    @property
    def is_closed(self) -> bool:
        """Whether a request would only wait: the host is down, and no probe is due."""
        breaker = self._breaker
        is_due = breaker.passes_at <= self.clock() and not breaker.is_probing
        return breaker.is_open and not is_due

    @asynccontextmanager
    async def slot(
        self, kind: str, *, patience_s: float = math.inf
    ) -> AsyncIterator[Turn]:
        """Wait for leave to send one request of this kind, and hold it meanwhile.

        Raises
        ------
        GaveUpError
            The host was down all the time, for ``patience_s`` seconds.
        """
        turn = await self._turn(kind, patience_s)
        try:
            yield turn
        finally:
            turn.close()

    def cool_down(self, seconds: float, why: str = "Retry-After") -> None:
        """Send nothing for so long; then try with a single request."""
        self._hold(seconds, why)
        if self._on_cool_down is not None:
            # A shorter wish does not cut a longer one short.
            left_s = self._cool_until - self.clock()
            self._on_cool_down(self.host, self._wall() + left_s)

    def succeeded(self) -> None:
        """Count a proper reply: closes the breaker, and lets us creep faster."""
        self.successes += 1
        self._refusals = 0
        self._breaker.succeeded()
        self._width.creep()
        self._pace.creep()
        self._admit()

    def failed(self, turn: Turn, address: str, what: str, *, unreachable: bool) -> None:
        """Count a failure: fewer at once, and the breaker opens if it was too many."""
        self._ease(turn, what)
        self._breaker.failed(
            address, what, unreachable=unreachable, probe=turn.is_probe
        )
        self._admit()

    def refused(self, turn: Turn, cool_down_s: float | None) -> None:
        """Cool down for as long as the host asked, or as we think is decent."""
        is_new = self._ease(turn, "too many requests")
        if cool_down_s is not None:
            self.cool_down(cool_down_s)
        else:
            # It does not say when to come: then we come half as often.
            if is_new:
                self._pace.halve()
            self._refusals += 1
            own_s = self._gap_s() + backoff(self._refusals, random=self._random)
            self.cool_down(own_s, "too many requests")
        if turn.is_probe:
            self._breaker.abandoned()
        self._admit()

    def abandoned(self, turn: Turn) -> None:
        """Forget a request that was dropped: it says nothing about the host."""
        if turn.is_probe:
            self._breaker.abandoned()
            self._admit()

    def space(self) -> None:
        """Keep the gap from now on: a request is on the wire."""
        gap_s = self._gap_s() - self._manners.catch_up_s
        self._next_at = max(self._next_at, self.clock() + gap_s)

    def leave(self, turn: Turn) -> None:
        """Take a request off the count of those under way."""
        self._under_way[turn.kind] -= 1
        self._admit()

    def describe(self) -> str:
        """Say in words what the next request waits for."""
        return self.state().words(self._wall())

    def state(self) -> HostState:
        """Tell how the host stands, with times that another process understands."""
        to_wall = self._wall() - self.clock()
        is_eased = min(self._width.value, self._pace.value) < 1
        cool_until, breaker = self._cool_until, self._breaker
        return HostState(
            self.host,
            rate=self._manners.rate * self._pace.value,
            full_rate=self._manners.rate,
            slots={
                kind: (self._under_way.get(kind, 0), self._width_of(kind), full)
                for kind, full in self._manners.slots.items()
            },
            waiting=len(self._waiting),
            slowed_by=self._eased_by if is_eased else "",
            quiet_until=self._quiet_until() or 0.0,
            cooling_until=cool_until + to_wall if cool_until > self.clock() else 0.0,
            cooling_why=self._cool_why,
            closed=breaker.why,
            probe_at=breaker.passes_at + to_wall if breaker.is_open else 0.0,
            probing=breaker.is_probing,
        )

    def awake_s(self) -> float:
        """Tell the time of the clock less the quiet hours: patience is of these."""
        now = self.clock()
        if self._quiet_until() is not None:
            self._quiet_s += now - self._looked_at
        self._looked_at = now
        return now - self._quiet_s

    def _gap_s(self) -> float:
        return self._manners.gap_s / self._pace.value

    def _width_of(self, kind: str) -> int:
        return max(1, int(self._manners.slots.get(kind, 1) * self._width.value))

    def _hold(self, seconds: float, why: str) -> None:
        until = self.clock() + seconds
        if until > self._cool_until:
            self._cool_until, self._cool_why = until, why
        self._breaker.hold(until)

    def _ease(self, turn: Turn, what: str) -> bool:
        # Requests that were under way together fail together: that is one trouble,
        # not eight, and only those sent since then can report another.
        if turn.began < self._eased_at:
            return False
        self._eased_at, self._eased_by = self.clock(), what
        self._width.halve()
        return True

    async def _turn(self, kind: str, patience_s: float) -> Turn:
        waiter = _Waiter(kind)
        self._waiting[waiter] = None
        self._admit()
        try:
            turn = await self._outwait(waiter, patience_s)
        except BaseException:
            self._waiting.pop(waiter, None)
            # The turn may have come at the moment when its owner was cancelled.
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._take(waiter.turn.result())
                waiter.turn.result().close()
            raise
        self._take(turn)
        self._admit()
        return turn

    async def _outwait(self, waiter: _Waiter, patience_s: float) -> Turn:
        limit = None if patience_s == math.inf else patience_s
        quiet_s = self._quiet_s
        while True:
            done, _ = await asyncio.wait({waiter.turn}, timeout=limit)
            if done:
                return waiter.turn.result()
            # Waiting one's turn at a host that is well always comes to an end; only
            # an outage has to be given up.
            self.awake_s()
            down_s = self._breaker.open_s() - (self._quiet_s - quiet_s)
            if down_s >= patience_s:
                msg = f"{self.host} has been down for {down_s:.0f} s; {self.describe()}"
                raise GaveUpError("outage", f"{msg}: resume later")

    def _take(self, turn: Turn) -> None:
        # If this process was held up since the turn was given, its owner goes only
        # now; the next turn keeps its distance from that.
        if self._given is turn:
            self._given = None
            self.space()

    def _admit(self) -> None:
        """Let go whoever may go now, and set the timer for the next one."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while (waiter := self._next()) is not None:
            wait_s = self._wait_s()
            if wait_s > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(wait_s, self._admit)
                return
            del self._waiting[waiter]
            self._given = self._begin(waiter.kind)
            waiter.turn.set_result(self._given)

    def _next(self) -> _Waiter | None:
        """Choose who goes next, of those that the concurrency lets go."""
        if self._given is not None or self._breaker.is_probing:
            return None
        ready = (
            waiter
            for waiter in self._waiting
            if self._under_way.get(waiter.kind, 0) < self._width_of(waiter.kind)
        )
        if self._breaker.is_open:
            # Who waited longest probes: the one that failed last is at the end, so
            # that a single bad request does not keep a sound host shut.
            return next(ready, None)
        return min(ready, key=lambda waiter: waiter.kind != _FIRST, default=None)

    def _wait_s(self) -> float:
        # The breaker knows of the cool-down too, but a request from before it that
        # ends well closes the breaker; what the archive asked for stands.
        passes_at = max(self._next_at, self._cool_until, self._breaker.passes_at)
        wait_s = passes_at - self.clock()
        if self._manners.quiet is None:
            return wait_s
        self.awake_s()
        until = self._quiet_until()
        quiet_s = 0.0 if until is None else until - self._wall()
        return min(_LOOK_S, max(wait_s, quiet_s))

    def _quiet_until(self) -> float | None:
        quiet = self._manners.quiet
        return None if quiet is None else quiet.until(self._wall())

    def _begin(self, kind: str) -> Turn:
        # From when it was due, not from when the timer came round to it.
        self._next_at += self._gap_s()
        self.space()
        self._under_way[kind] = self._under_way.get(kind, 0) + 1
        return Turn(self, kind, probe=self._breaker.admit())
