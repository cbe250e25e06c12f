"""A clock that stands still while the user allows no requests to a host.

Patience is counted by it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .manners import Timing
    from .quiet_hours import QuietHours

__all__ = ["AwakeClock"]


class AwakeClock:
    """Seconds of the event loop's clock, less those spent in quiet hours and pauses.

    Quiet hours are noticed when the clock is read: read it at least once in them.
    """

    def __init__(self, quiet: QuietHours | None, timing: Timing) -> None:
        self._quiet = quiet
        self._clock = timing.clock
        self._wall = timing.wall
        self._read_at = self._clock()
        self._is_paused = False
        #: Seconds spent in quiet hours and pauses, as far as the clock was read.
        self.quiet_s = 0.0

    def __call__(self) -> float:
        """Read the clock."""
        now = self._clock()
        if self._is_paused or self.quiet_until() is not None:
            self.quiet_s += now - self._read_at
        self._read_at = now
        return now - self.quiet_s

    @property
    def is_paused(self) -> bool:
        """Whether the user has paused the harvest."""
        return self._is_paused

    def pause(self, *, is_on: bool) -> None:
        """Begin or end a pause."""
        self()  # the time until now counts as before
        self._is_paused = is_on

    def quiet_until(self) -> float | None:
        """Give the Unix seconds at which the quiet hours end; None outside of them."""
        return None if self._quiet is None else self._quiet.until(self._wall())

    def left_s(self) -> float:
        """Give the seconds for which nothing may be sent: infinite in a pause."""
        self()
        if self._is_paused:
            return math.inf
        until = self.quiet_until()
        return 0.0 if until is None else until - self._wall()
