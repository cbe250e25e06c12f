"""The throttle: how many requests one host gets, shared by all workers.

A request is sent when all of these allow it: the user (a pause, quiet hours), the
breaker and the cool-down (is the host up?), the pace (is the last request long enough
ago?), the concurrency (how many are under way?), and last the limit that all harvests
of this machine share. There is one queue, one timer and one method that decides,
`_admit`. So the gap between requests is exact, and a half-open breaker lets exactly one
probe through, however many workers wait.

Errors never make requests faster: trouble halves the concurrency, a 429 halves the
pace as well, and successes bring both back in small steps.
"""

from __future__ import annotations

import asyncio
import math
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .awake import AwakeClock
from .backoff import LONGEST_S, backoff
from .breaker import Breaker
from .effort import Effort
from .host_state import HostState, outage_words, refusal_words
from .machine_limit import HostLimit
from .manners import Manners, Timing
from .refusals import Refusals
from .request_queue import RequestQueue
from .turn import GaveUpError, Turn, Waiter, outwait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from .account import Answer
    from .shared_limit import SharedHostLimit

__all__ = ["GaveUpError", "Manners", "Throttle", "Timing", "Turn"]

#: Longest wait in seconds before the wall clock is read again, as it may be changed.
_LOOK_S = 60.0


class Throttle:
    """One host's pace, concurrency, cool-down and breaker.

    Parameters
    ----------
    host
        Its name, for messages and for ``on_cool_down``.
    cooled_until
        Unix seconds of the end of a cool-down of an earlier process. If the clock was
        changed since, the wait is still not longer than the longest cool-down.
    on_cool_down
        Called with the host and the Unix seconds of the end of a cool-down, so that
        it can be kept over a restart.
    limit
        The limit that all harvests of this machine share; None: nothing is shared.
    """

    def __init__(
        self,
        host: str,
        manners: Manners,
        *,
        cooled_until: float = 0.0,
        on_cool_down: Callable[[str, float], None] | None = None,
        timing: Timing | None = None,
        limit: SharedHostLimit | None = None,
    ) -> None:
        timing = timing or Timing()
        self.host = host
        self.clock = timing.clock
        #: How many requests succeeded, to tell an outage from a bad request.
        self.successes = 0
        #: If so many different addresses are refused, the host refuses everything.
        self.handful = manners.tripping.refusals
        self._manners = manners
        self._breaker = Breaker(manners.tripping, clock=timing.clock)
        self._on_cool_down = on_cool_down
        self._wall = timing.wall
        self._random = timing.random
        self._queue = RequestQueue()
        self.limit: SharedHostLimit = limit or HostLimit()
        #: The turn that was given last, until the request that waited for it wakes up.
        self._given: Turn | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._effort = Effort(manners)
        self._next_at = -math.inf
        #: Seconds of the clock less quiet hours and pauses, by which patience counts.
        self.awake_s = AwakeClock(manners.quiet, timing)
        #: How many replies in a row asked for fewer requests.
        self._too_many = 0
        self._refusals: dict[str, Refusals] = {}
        self._cool_until = -math.inf
        self._cool_why = ""
        left_s = min(cooled_until - self._wall(), LONGEST_S)
        if left_s > 0:
            self._hold(left_s, "asked for before the restart")

    @property
    def is_down(self) -> bool:
        """Whether only probes are sent."""
        return self._breaker.is_open

    @property
    def down_s(self) -> float:
        """Give the seconds for which only probes were sent; 0 if the host is up."""
        return self._breaker.open_s()

    @property
    def is_closed(self) -> bool:
        """Whether a request would only wait: the host is down, and no probe is due."""
        waits = self._breaker.is_probing or self._breaker.passes_at > self.clock()
        return self._breaker.is_open and waits

    def is_at_work(self, kind: str) -> bool:
        """Whether requests of this kind are under way, or wait for their turn."""
        return self._queue.is_at_work(kind)

    def refusals(self, kind: str) -> Refusals:
        """Give what the host has refused of requests of this kind."""
        new = Refusals(clock=self.clock, awake=self.awake_s)
        return self._refusals.setdefault(kind, new)

    @asynccontextmanager
    async def slot(
        self,
        kind: str,
        *,
        patience_s: float = math.inf,
        refusal_patience_s: float = math.inf,
        rides: bool = False,
    ) -> AsyncIterator[Turn]:
        """Wait until a request of this kind may be sent; hold its place in the block.

        ``rides``: it follows a redirect of the probe that is under way.

        Raises
        ------
        GaveUpError
            The host was down all the time, for ``patience_s`` seconds, or refused
            everything for ``refusal_patience_s``: then its reason is ``refuses``.
        """
        turn = await self._turn(Waiter(kind, rides), patience_s, refusal_patience_s)
        try:
            yield turn
        finally:
            turn.close()

    def cool_down(self, seconds: float, why: str = "Retry-After") -> None:
        """Send nothing for so long; then try with a single request."""
        self._hold(seconds, why)
        if self._on_cool_down is not None:
            # A shorter cool-down does not shorten one that is going on.
            left_s = self._cool_until - self.clock()
            self._on_cool_down(self.host, self._wall() + left_s)
        self.limit.cool_down(seconds)

    def succeeded(self, turn: Turn) -> None:
        """Count a good reply: it closes the breaker and raises the limits a little."""
        self.successes += 1
        self._too_many = 0
        refusals = self.refusals(turn.kind)
        refusals.contradict(turn.began)
        # A request that was sent before the host refused everything proves nothing.
        if not refusals.is_full:
            self._breaker.succeeded()
        self._effort.creep()
        self._admit()

    def answered(self) -> None:
        """Close the breaker: the host is up."""
        self._breaker.succeeded()
        self._admit()

    def failed(self, turn: Turn, address: str, what: str, *, unreachable: bool) -> None:
        """Count a failure: lower the concurrency; too many open the breaker."""
        self._effort.ease(turn.began, self.clock(), what)
        self._breaker.failed(
            address, what, unreachable=unreachable, probe=turn.is_probe
        )
        self._admit()

    def declined(
        self, turn: Turn, address: str, words: str, *, handful: float, slows: bool
    ) -> None:
        """Count a refusal: it opens the breaker only if everything is refused."""
        if slows:
            self._effort.ease(turn.began, self.clock(), "refusals")
        refusals = self.refusals(turn.kind)
        refusals.add(address, words, handful)
        if self._breaker.is_open:
            self._breaker.failed(address, words, unreachable=False, probe=turn.is_probe)
        elif refusals.is_full:
            self._breaker.trip("refusals")
        self._admit()

    def shut(self, kind: str) -> None:
        """Treat the host as one that refuses everything of this kind."""
        self.refusals(kind).fill()
        self._breaker.trip("refusals")

    def refused(self, turn: Turn, cool_down_s: float | None) -> None:
        """Cool down for as long as the host asked, else by our own backoff."""
        is_new = self._effort.ease(turn.began, self.clock(), "too many requests")
        if cool_down_s is not None:
            self.cool_down(cool_down_s)
        else:
            # Without a time from the host, the pace is halved.
            if is_new:
                self._effort.slow_down()
            self._too_many += 1
            own_s = self._effort.gap_s + backoff(self._too_many, random=self._random)
            self.cool_down(own_s, "too many requests")
        if turn.is_probe:
            self._breaker.abandoned()
        self._admit()

    def abandoned(self, turn: Turn) -> None:
        """Forget a request that ended without an outcome."""
        if turn.is_probe:
            self._breaker.abandoned()
            self._admit()

    def pause(self, *, is_on: bool) -> None:
        """Send nothing until the pause ends; requests under way are finished."""
        self.awake_s.pause(is_on=is_on)
        self._admit()

    @property
    def most_rate(self) -> float:
        """Requests a second that a user may set at most."""
        return self._effort.most_rate

    def set_rate(self, rate: float) -> None:
        """Allow so many requests a second from now on."""
        self._effort.set_rate(rate)
        # The last request was sent before now, so that the new gap is kept.
        self._next_at = self.clock() + self._effort.gap_s
        self.limit.set_pace(self._effort.gap_s, self._effort.catch_up_s)
        self._admit()

    def space(self) -> None:
        """Keep the gap from now on."""
        gap_s = self._effort.gap_s - self._effort.catch_up_s
        self._next_at = max(self._next_at, self.clock() + gap_s)

    def sent(self) -> None:
        """Keep the gap from now on, in all harvests: a request has been sent."""
        self.space()
        self.limit.sent()

    def leave(self, turn: Turn) -> None:
        """Count a request as no longer under way."""
        self._queue.under_way[turn.kind] -= 1
        self.limit.left(turn.kind)
        self._admit()

    def describe(self) -> str:
        """Say in words what the next request waits for."""
        return self.state().words(self._wall())

    def state(self) -> HostState:
        """Give the state of the host, with times in Unix seconds."""
        to_wall = self._wall() - self.clock()
        cool_until, breaker = self._cool_until, self._breaker
        full = next((one for one in self._refusals.values() if one.is_full), None)
        return HostState(
            self.host,
            rate=self._effort.rate,
            full_rate=self._effort.full_rate,
            slots=self._effort.slots(self._queue.under_way),
            waiting=len(self._queue),
            slowed_by=self._effort.slowed_by,
            **self.limit.facts(),
            quiet_until=self.awake_s.quiet_until() or 0.0,
            cooling_until=cool_until + to_wall if cool_until > self.clock() else 0.0,
            cooling_why=self._cool_why,
            closed=breaker.why,
            probe_at=breaker.passes_at + to_wall if breaker.is_open else 0.0,
            probing=breaker.is_probing,
            refused_since=full.since + to_wall if full else 0.0,
            refused=full.count if full else 0,
            refusal=full.words if full else "",
            paused=self.awake_s.is_paused,
            settings_rate=self._effort.settings_rate,
        )

    def outage_words(self, lasts_s: float) -> str:
        """Say that the host was given up after so many seconds of an outage."""
        since = self._wall() - self._breaker.open_s()
        return outage_words(self.host, since, lasts_s, self._breaker.why)

    def refusal_words(self, kind: str) -> str:
        """Say since when the host refuses requests of this kind, and in which words."""
        told = self.refusals(kind)
        since = told.since + self._wall() - self.clock()
        return f"{self.host} {refusal_words(since, told.count, told.words)}"

    def _hold(self, seconds: float, why: str) -> None:
        until = self.clock() + seconds
        if until > self._cool_until:
            self._cool_until, self._cool_why = until, why
        self._breaker.hold(until)

    async def _turn(
        self, waiter: Waiter, patience_s: float, refusal_patience_s: float
    ) -> Turn:
        self._queue.add(waiter)
        self.limit.news()
        self._admit()
        try:
            turn = await outwait(self, waiter, patience_s, refusal_patience_s)
        except BaseException:
            self._queue.drop(waiter)
            # The turn may have been given just before the request was cancelled.
            if waiter.turn.done() and not waiter.turn.cancelled():
                self._take(waiter.turn.result())
                waiter.turn.result().close()
            raise
        self._take(turn)
        self._admit()
        return turn

    def _take(self, turn: Turn) -> None:
        # A process that was held up sends it only now: the gap counts from here.
        if self._given is turn:
            self._given = None
            self.space()

    def _admit(self) -> None:
        """Give turns to all requests that may be sent now; set a timer for the next."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while not self.limit.is_asking and (first := self._candidates()):
            wait_s = self._wait_s()
            if wait_s > 0:
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(wait_s, self._admit)
                return
            if self.limit.is_on:
                wish = self._effort.wish([waiter.kind for waiter in first])
                self.limit.ask(wish, self._answered)
                return
            self._give(first[0], self._next_at + self._effort.gap_s)

    def _answered(self, answer: Answer | None) -> None:
        """Act on the answer of the shared limit; None: it cannot be used any more."""
        if answer is not None and answer.kind:
            self._give_granted(answer)
        elif answer is not None and answer.cool_until:
            left_s = answer.cool_until - self.clock()
            self._hold(left_s, "asked of another harvest on this machine")
        elif answer is not None and not answer.is_full:
            self._next_at = answer.at
        self._admit()

    def _give_granted(self, answer: Answer) -> None:
        # The request may have been cancelled meanwhile, or the host found to be down.
        is_held = self._held_s() > 0
        waiter = next((w for w in self._candidates() if w.kind == answer.kind), None)
        if waiter is None or is_held:
            self._next_at = answer.at
            self.limit.left(answer.kind)
        else:
            self._give(waiter, answer.at)

    def _candidates(self) -> list[Waiter]:
        """Give the next request of each kind that has a place, the first one first."""
        if self._given is not None:
            return []
        breaker, queue = self._breaker, self._queue
        ready = queue.ready(self._effort.width_of, only_rides=breaker.is_probing)
        # While the breaker is open, the request that has waited longest is the probe.
        # The one that failed last is at the end: a single bad request cannot keep a
        # host shut that is up.
        return ready[:1] if breaker.is_open else queue.first_of_each_kind(ready)

    def _wait_s(self) -> float:
        paced_s = max(self._next_at, self.limit.ask_at) - self.clock()
        return min(_LOOK_S, max(paced_s, self._held_s()))

    def _held_s(self) -> float:
        """Give the seconds for which nothing is sent, whatever the pace."""
        # The breaker knows the cool-down too, but a success of an earlier request
        # closes the breaker; the cool-down must hold all the same.
        passes_at = max(self._cool_until, self._breaker.passes_at)
        return max(passes_at - self.clock(), self.awake_s.left_s())

    def _give(self, waiter: Waiter, next_at: float) -> None:
        """Give a request its turn; the next one may follow at ``next_at``."""
        self._queue.let_go(waiter)
        # Counted from when this one was due, not from when the timer fired.
        self._next_at = next_at
        self.space()
        self._given = Turn(self, waiter.kind, probe=self._breaker.admit())
        waiter.turn.set_result(self._given)
