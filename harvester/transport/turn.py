"""The permission to send one request, and what it reports to the throttle."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from ..errors import OutageError
from ..events import duration_words

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from .throttle import Throttle

__all__ = ["GaveUpError", "LeaseEndedError", "Turn", "Waiter", "outwait"]

#: A waiting request checks so often, in seconds, whether it has waited for too long.
_GLANCE_S = 1.0


class GaveUpError(OutageError):
    """The host was down, or refused everything, for longer than the request waits."""


class LeaseEndedError(OutageError):
    """The permission to send was taken back while the request was under way.

    It says nothing about the host, and costs nothing.
    """

    def __init__(self, message: str) -> None:
        super().__init__("no_broker", message)

    def __reduce__(self) -> tuple[type[Self], tuple[str]]:
        return type(self), (str(self),)


class Turn:
    """The permission to send one request; it reports the outcome to the throttle.

    A turn that ends without an outcome (cancelled, or trouble of this machine) says
    nothing about the host.
    """

    def __init__(self, throttle: Throttle, kind: str, *, probe: bool) -> None:
        self.throttle = throttle
        self.host = throttle.host
        self.kind = kind
        self.is_probe = probe
        self.began = throttle.clock()
        self._holds = True
        self._open = True

    def leased(self) -> AbstractAsyncContextManager[None]:
        """Send the request in this block, which ends if its permission is taken back.

        Raises
        ------
        LeaseEndedError
            It was taken back.
        """
        return self.throttle.limit.leased()

    def sent(self) -> None:
        """Count the gap to the next request from now: this one has been sent."""
        self.throttle.sent()

    def free(self) -> None:
        """Give the place to the next request; the outcome may be reported later."""
        if self._holds:
            self._holds = False
            self.throttle.leave(self)

    def linger(self, seconds: float) -> None:
        """Keep the place for so long, as the server may still work on the request."""
        if self._holds:
            self._holds = False
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, self.throttle.leave, self)

    def succeeded(self) -> None:
        """Report that the host answered as it should."""
        if self._is_first_verdict():
            self.throttle.succeeded(self)

    def answered(self) -> None:
        """Report an answer that shows that the host is up, and nothing more."""
        if self._is_first_verdict():
            self.throttle.answered()

    def failed(self, address: str, what: str, *, unreachable: bool = False) -> None:
        """Report a failure; ``unreachable`` if there was no HTTP reply at all."""
        if self._is_first_verdict():
            self.throttle.failed(self, address, what, unreachable=unreachable)

    def declined(
        self, address: str, words: str, *, handful: float, slows: bool = False
    ) -> None:
        """Report a refusal, which may concern this address or all of the host.

        ``handful``: if so many different addresses are refused, without a good answer
        among them, the host refuses everything. ``slows``: the refusal may mean that
        there were too many requests.
        """
        if self._is_first_verdict():
            self.throttle.declined(self, address, words, handful=handful, slows=slows)

    def refused(self, cool_down_s: float | None) -> None:
        """Report that the host wants fewer requests, and the wait that it asked for."""
        if self._is_first_verdict():
            self.throttle.refused(self, cool_down_s)

    def close(self) -> None:
        """End the turn, with or without an outcome."""
        if self._is_first_verdict():
            self.throttle.abandoned(self)
        self.free()

    def _is_first_verdict(self) -> bool:
        first, self._open = self._open, False
        return first


@dataclass(eq=False, slots=True)
class Waiter:
    """A request that waits to be sent."""

    kind: str
    #: Whether it follows a redirect of the probe: it need not wait for its end.
    rides: bool = False
    turn: asyncio.Future[Turn] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


async def outwait(
    throttle: Throttle, waiter: Waiter, patience_s: float, refusal_patience_s: float
) -> Turn:
    """Wait for the turn of a request, but not for too long at a host that is down.

    Raises
    ------
    GaveUpError
        As `Throttle.slot` says.
    """
    began, quiet_s = throttle.clock(), throttle.awake_s.quiet_s
    is_endless = min(patience_s, refusal_patience_s) == math.inf
    limit = None if is_endless else min(_GLANCE_S, patience_s)
    while True:
        done, _ = await asyncio.wait({waiter.turn}, timeout=limit)
        if done:
            return waiter.turn.result()
        # At a host that is up every request gets its turn in the end; only an outage
        # must be given up.
        throttle.awake_s()
        if throttle.refusals(waiter.kind).full_s() >= refusal_patience_s:
            raise GaveUpError("refuses", throttle.refusal_words(waiter.kind))
        down_s = throttle.down_s - (throttle.awake_s.quiet_s - quiet_s)
        waited_s, unpermitted_s = throttle.clock() - began, throttle.limit.down_s
        if min(waited_s, down_s) >= patience_s:
            raise GaveUpError("outage", throttle.outage_words(down_s))
        if min(waited_s, unpermitted_s) >= patience_s:
            lasts = duration_words(unpermitted_s)
            words = f"gave up after {lasts}: {throttle.limit.waits_for}"
            raise GaveUpError("no_broker", words)
