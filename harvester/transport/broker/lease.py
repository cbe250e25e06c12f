"""How long a client may rely on what the broker has permitted."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Lease", "clock_with_sleep"]

#: A lease ends here earlier than at the broker, by this part of it: requests under way
#: must have ended when their places are given to others.
_MARGIN = 1 / 6


def clock_with_sleep() -> float:
    """Give the seconds of a clock that goes on while this machine sleeps.

    The usual clock of Linux stands still then: a lease would seem to be good that has
    run out.
    """
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if clock is None else time.clock_gettime(clock)


class Lease:
    """A lease that is renewed by each message that the broker has answered.

    It counts from when the message was sent, as the broker cannot have heard it before.
    """

    def __init__(self, clock: Callable[[], float] = clock_with_sleep) -> None:
        self.clock = clock
        self._length_s = 0.0
        self._renewed_at = -math.inf

    def begin(self, length_s: float) -> None:
        """Take over how long the broker lends; call it when a connection was made."""
        self._length_s = length_s

    def renew(self, sent_at: float) -> None:
        """Count it from when a message was sent that was answered now."""
        self._renewed_at = max(self._renewed_at, sent_at)

    @property
    def left_s(self) -> float:
        """Seconds for which it is good yet; negative: it has run out."""
        lasts_s = self._length_s * (1 - _MARGIN)
        return self._renewed_at + lasts_s - self.clock()

    @property
    def beat_s(self) -> float:
        """Seconds after which it is renewed, although there is nothing to tell."""
        return self._length_s / 6

    @property
    def silence_s(self) -> float:
        """Seconds without any answer after which the connection is taken for broken."""
        return self._length_s / 3
