"""Manners: how much one host is asked to bear, and how much of that after trouble."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from random import random as any_number
from typing import TYPE_CHECKING

from .breaker import Tripping

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .quiet_hours import QuietHours

__all__ = ["Manners", "Share", "Timing"]

#: Two requests may come closer together on their way: with this much more between
#: them the archive, too, counts no more than the rate.
_SLACK = 1.015

#: Timers are late, by milliseconds on a busy machine; a request that went late may be
#: followed this much sooner, in seconds, or every lateness would be lost for good.
#: It is less than what the slack adds up to in a second: so many requests as may go
#: in a second still take a second or longer, wherever it begins.
_CATCH_UP_S = 0.01

#: Requests a second up to which a gap is a gap, and nothing is made up for: that is
#: how SkyServer counts. Timers are exact enough for these.
_STRICT_RATE = 2.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks and the dice; a test has its own."""

    #: Seconds of the event loop's own clock.
    clock: Callable[[], float] = time.monotonic
    #: Unix seconds.
    wall: Callable[[], float] = time.time
    #: Numbers from 0 up to 1.
    random: Callable[[], float] = any_number


@dataclass(frozen=True, slots=True)
class Manners:
    """How much one host is asked to bear."""

    #: Requests per second at most, evenly spaced: ``1 / rate`` seconds lie between,
    #: less ``catch_up_s``.
    rate: float
    #: Requests under way at once, by kind, such as ``{"query": 2, "file": 4}``; a
    #: kind that is not named has one.
    slots: Mapping[str, int]
    #: When the host counts as down.
    tripping: Tripping = field(default_factory=Tripping)
    #: When nothing is sent; what is under way then ends as ever.
    quiet: QuietHours | None = None

    @property
    def gap_s(self) -> float:
        """Seconds from one request to the next."""
        # What is made up for comes out of a second's slack: half of it is put back,
        # so that there is something left for the way.
        return (_SLACK + self.catch_up_s / 2) / self.rate

    @property
    def catch_up_s(self) -> float:
        """Seconds by which a request may come sooner if the one before it was late."""
        if self.rate <= _STRICT_RATE:
            return 0.0
        return min(_CATCH_UP_S, 0.5 / self.rate)


class Share:
    """The part of an allowance that is used: halves on trouble, creeps back."""

    #: It never falls below this, so that an end comes in sight of any harvest.
    _LEAST = 1 / 16
    #: It grows by one step after so many successes.
    _STEP = 1 / 8
    _SUCCESSES = 8

    def __init__(self) -> None:
        self.value = 1.0
        self._good = 0

    def halve(self) -> None:
        """Use half as much from now on."""
        self.value = max(self._LEAST, self.value / 2)
        self._good = 0

    def creep(self) -> None:
        """Count a success; some of them make one step up."""
        self._good += 1
        if self._good >= self._SUCCESSES:
            self._good = 0
            self.value = min(1.0, self.value + self._STEP)
