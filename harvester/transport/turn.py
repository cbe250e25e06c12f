"""A request's leave to go, and what it tells the throttle in the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..errors import OutageError

if TYPE_CHECKING:
    from .throttle import Throttle

__all__ = ["GaveUpError", "Turn", "Waiter"]


class GaveUpError(OutageError):
    """The host was down for longer than the request was willing to wait."""


class Turn:
    """One request's leave to go; it tells the throttle what became of it.

    Leaving the slot without a verdict (cancelled, or this machine's own trouble)
    says nothing about the host.
    """

    def __init__(self, throttle: Throttle, kind: str, *, probe: bool) -> None:
        self.throttle = throttle
        self.host = throttle.host
        self.kind = kind
        self.is_probe = probe
        self.began = throttle.clock()
        self._holds = True
        self._open = True

    def sent(self) -> None:
        """Count the gap to the next request from now: this one is on the wire."""
        self.throttle.sent()

    def free(self) -> None:
        """Let the next request go; the verdict on this one may come later."""
        if self._holds:
            self._holds = False
            self.throttle.leave(self)

    def linger(self, seconds: float) -> None:
        """Keep the place for so long: the server still works on what it was asked."""
        if self._holds:
            self._holds = False
            loop = asyncio.get_running_loop()
            loop.call_later(seconds, self.throttle.leave, self)

    def succeeded(self) -> None:
        """Report that the host answered as it should."""
        if self._is_first_verdict():
            self.throttle.succeeded(self)

    def answered(self) -> None:
        """Report an answer that shows a host at work, and nothing more."""
        if self._is_first_verdict():
            self.throttle.answered()

    def failed(self, address: str, what: str, *, unreachable: bool = False) -> None:
        """Report trouble; ``unreachable`` if there was no proper reply at all."""
        if self._is_first_verdict():
            self.throttle.failed(self, address, what, unreachable=unreachable)

    def declined(
        self, address: str, words: str, *, handful: float, slows: bool = False
    ) -> None:
        """Report a refusal, which may be of this address or of all.

        ``handful``: so many different addresses, with nothing good among them, make it
        the host's matter; ``slows``: it may mean that the requests are too many.
        """
        if self._is_first_verdict():
            self.throttle.declined(self, address, words, handful=handful, slows=slows)

    def refused(self, cool_down_s: float | None) -> None:
        """Report that the host wants fewer requests, and from when on, if it said."""
        if self._is_first_verdict():
            self.throttle.refused(self, cool_down_s)

    def close(self) -> None:
        """End the turn, with or without a verdict."""
        if self._is_first_verdict():
            self.throttle.abandoned(self)
        self.free()

    def _is_first_verdict(self) -> bool:
        first, self._open = self._open, False
        return first


@dataclass(eq=False, slots=True)
class Waiter:
    """A request that waits for its turn."""

    kind: str
    #: Whether it goes on with the probe: it need not wait for that one's end.
    rides: bool = False
    turn: asyncio.Future[Turn] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )
