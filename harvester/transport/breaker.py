"""The circuit breaker: while a host is down, only single requests (probes) are sent.

::

    closed --failures in a row / cool-down--> open --its time comes--> probing
      ^                                        ^ `--one request goes--^   |
      |                                        `------- it failed --------|
      `---------------------------- a request succeeded ------------------'

While it is open only one probe at a time may pass. It knows no event loop: the
throttle asks it and reports outcomes to it.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Breaker", "Tripping"]


@dataclass(frozen=True, slots=True)
class Tripping:
    """When the breaker opens, and how often a probe is sent."""

    #: Failures in a row that open it ...
    failures: int = 5
    #: ... if they concern so many different addresses: one bad file is no outage.
    addresses: int = 3
    #: Failures to reach the host at all, in a row, that open it.
    unreachable: int = 3
    #: Different addresses that are refused, without a good answer among them.
    refusals: int = 5
    #: Seconds from opening to the first probe.
    first_s: float = 5.0
    #: Each probe that fails lengthens the wait by this factor ...
    factor: float = 2.0
    #: ... up to so many seconds.
    longest_s: float = 300.0


class Breaker:
    """Counts the failures of a host, and stops the requests to it when it is down."""

    def __init__(
        self,
        tripping: Tripping | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._tripping = tripping or Tripping()
        self._clock = clock
        self._interval_s = self._tripping.first_s
        self._failures = 0
        self._unreachable = 0
        self._addresses: set[str] = set()
        self._last = ""
        #: When it opened; None while it is closed.
        self._since: float | None = None
        self._probe_at = -math.inf
        self._probing = False

    @property
    def is_open(self) -> bool:
        """Whether only probes may pass."""
        return self._since is not None

    @property
    def is_probing(self) -> bool:
        """Whether a probe is under way and all other requests wait for its outcome."""
        return self._probing

    @property
    def passes_at(self) -> float:
        """The time from which the next request may pass; in the past when closed."""
        return self._probe_at

    def open_s(self) -> float:
        """Give the seconds for which it has been open; 0 if it is closed."""
        return 0.0 if self._since is None else self._clock() - self._since

    def admit(self) -> bool:
        """Let one request pass now; true if it is a probe."""
        self._probing = self.is_open
        return self._probing

    def succeeded(self) -> None:
        """Close. Any success counts, also that of a request sent before it opened."""
        self._failures = self._unreachable = 0
        self._addresses.clear()
        self._since = None
        self._probe_at = -math.inf
        self._probing = False
        self._interval_s = self._tripping.first_s

    def failed(
        self, address: str, what: str, *, unreachable: bool, probe: bool
    ) -> None:
        """Count a failure: open if there are too many; wait longer after each probe."""
        self._last = what
        if self._since is None:
            self._count(address, unreachable=unreachable)
            if self._is_too_much():
                self.trip(what)
        elif probe:
            # Requests that were under way when it opened say nothing new.
            self._failures += 1
            longer = self._interval_s * self._tripping.factor
            self._interval_s = min(longer, self._tripping.longest_s)
            self._probe_at = max(self._probe_at, self._clock() + self._interval_s)
            self._probing = False

    def trip(self, what: str) -> None:
        """Open at once, for a reason that concerns all requests."""
        if self._since is None:
            self._last = what
            self._failures = max(1, self._failures)
            self._since = self._clock()
            self._probe_at = self._clock() + self._interval_s

    def abandoned(self) -> None:
        """Forget the probe: it was cancelled without an outcome."""
        self._probing = False

    def hold(self, until: float) -> None:
        """Stay open until a time, then let one probe through."""
        if self._since is None:
            self._since = self._clock()
        self._probe_at = max(self._probe_at, until)

    @property
    def why(self) -> str:
        """Why only probes may pass; empty while it is closed."""
        if self._since is None:
            return ""
        if not self._failures:
            return "after a cool-down"
        return f"down: {self._failures} failures in a row ({self._last})"

    def _count(self, address: str, *, unreachable: bool) -> None:
        self._failures += 1
        # A reply, even a bad one, shows that the host can be reached.
        self._unreachable = self._unreachable + 1 if unreachable else 0
        if len(self._addresses) < self._tripping.addresses:
            self._addresses.add(address)

    def _is_too_much(self) -> bool:
        rule = self._tripping
        many = self._failures >= rule.failures
        apart = len(self._addresses) >= rule.addresses
        return (many and apart) or self._unreachable >= rule.unreachable
