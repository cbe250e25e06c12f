"""Manners: the limits of one host, and the share of them that is used after trouble."""

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

#: On their way two requests may come closer together: each gap is longer by this
#: factor, so that the archive, too, counts no more than the rate.
_SLACK = 1.015

#: Timers are late, by milliseconds on a busy machine. After a late request the next one
#: may follow sooner by so many seconds; otherwise each delay would lower the rate. This
#: is less than the slack of a second, so that no second holds more than the rate.
_CATCH_UP_S = 0.01

#: Up to this rate, in requests a second, each gap is kept and no delay is made up for,
#: because services that allow so few count gaps.
_STRICT_RATE = 2.0


@dataclass(frozen=True, slots=True)
class Timing:
    """The clocks and the random numbers; a test has its own."""

    #: Seconds of the event loop's own clock.
    clock: Callable[[], float] = time.monotonic
    #: Unix seconds.
    wall: Callable[[], float] = time.time
    #: Numbers from 0 up to 1.
    random: Callable[[], float] = any_number


@dataclass(frozen=True, slots=True)
class Manners:
    """The limits of one host."""

    #: Requests per second at most, evenly spaced: ``1 / rate`` seconds lie between,
    #: less ``catch_up_s``.
    rate: float
    #: Requests per second that a user may set while a harvest is at work: what the
    #: archive documents. If ``rate`` is higher, that holds.
    most_rate: float = field(default=0.0, kw_only=True)
    #: Requests under way at once, by kind, such as ``{"query": 2, "file": 4}``; a
    #: kind that is not named has one.
    slots: Mapping[str, int]
    #: When the host counts as down.
    tripping: Tripping = field(default_factory=Tripping)
    #: Hours in which nothing is sent; requests that are under way are finished.
    quiet: QuietHours | None = None

    @property
    def gap_s(self) -> float:
        """Seconds from one request to the next."""
        # Delays are made up for out of the slack: half of that is added again, so
        # that some slack is left for the network.
        return (_SLACK + self.catch_up_s / 2) / self.rate

    @property
    def catch_up_s(self) -> float:
        """Seconds by which a request may come sooner after a late one."""
        if self.rate <= _STRICT_RATE:
            return 0.0
        return min(_CATCH_UP_S, 0.5 / self.rate)


class Share:
    """The share of a limit that is used: halved by trouble, raised by successes."""

    #: It never falls below this, so that every harvest ends at some time.
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
        """Count a success; some of them raise the share by a step."""
        self._good += 1
        if self._good >= self._SUCCESSES:
            self._good = 0
            self.value = min(1.0, self.value + self._STEP)
