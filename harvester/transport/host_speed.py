"""What the replies of a host tell of it: bandwidth, latency, and whether it has ranges.

Only file requests count, because a service may need any time for the answer to a query.

* **Latency** is the time from sending a request to the head of its reply, so that
  waiting for a turn says nothing. The lower quartile of the last replies is given: on a
  full line replies wait for the bytes of others, and bytes are counted already.
* **Bandwidth** is the bytes that came divided by the time in which some body was
  coming: transfers at the same time share the line. The median of the last samples is
  given, so that a burst out of a buffer does no harm.

No more than the last `_KEPT` values of each are kept.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import contextmanager
from statistics import median
from typing import TYPE_CHECKING

from ..models import HostFacts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["HostSpeed", "HostSpeeds", "TimedReply"]

#: Values of which the typical one is given.
_KEPT = 41

#: Bytes of a sample of the bandwidth, and its shortest time in seconds.
_SAMPLE_BYTES, _LEAST_S = 500_000, 1e-3

#: Seconds after which a host that gave no ranges is asked for one again.
_TRY_AGAIN_S = 86_400.0


class TimedReply:
    """One request and the bytes of its reply, as they come."""

    def __init__(self, speed: HostSpeed) -> None:
        self._speed = speed
        self._sent: float | None = None
        #: Whether a piece of the body has come.
        self.has_begun = False

    def sent(self) -> None:
        """Start the clock: the request has been sent."""
        self._sent = self._speed.clock()

    def answered(self) -> None:
        """Take the latency: the head of a good reply has come."""
        if self._sent is not None:
            self._speed.note_latency(self._speed.clock() - self._sent)

    def add(self, size: int) -> None:
        """Count a piece of the body."""
        if self.has_begun:
            self._speed.count(size)
        else:
            # When its bytes began to come is not known.
            self.has_begun = True
            self._speed.begin()


class HostSpeed:
    """What is learned of one host.

    Parameters
    ----------
    known
        What an earlier run has learned; new values soon outweigh it.
    clock, wall
        Seconds of any clock, and Unix seconds.
    """

    def __init__(
        self,
        known: HostFacts | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.clock = clock
        self._wall = wall
        known = known or HostFacts()
        self._bandwidths = deque(_one(known.bandwidth), maxlen=_KEPT)
        self._latencies = deque(_one(known.latency_s), maxlen=_KEPT)
        self._measured_at = known.measured_at
        self._ranges, self._ranges_at = known.ranges, known.ranges_at
        #: What limits the fetching of frames: see `HostFacts`.
        self.limit = known.limit
        self._several, self._several_at = known.several, known.several_at
        #: Bodies that are coming, since when, and the sample that is not full yet.
        self._coming = 0
        self._since = 0.0
        self._bytes, self._seconds = 0, 0.0

    @property
    def facts(self) -> HostFacts:
        """What is known now."""
        latencies = sorted(self._latencies)
        return HostFacts(
            median(self._bandwidths) if self._bandwidths else None,
            latencies[len(latencies) // 4] if latencies else None,
            self._measured_at,
            self._ranges,
            self._ranges_at,
            self.limit,
            self._several,
            self._several_at,
        )

    @property
    def is_without_ranges(self) -> bool:
        """Whether it must not be asked for ranges: it gave none within a day."""
        return self._ranges is False and self._is_fresh(self._ranges_at)

    @property
    def gives_several(self) -> bool | None:
        """Whether it sends several ranges in one reply; None: ask for them again."""
        is_fresh = self._several or self._is_fresh(self._several_at)
        return self._several if is_fresh else None

    @gives_several.setter
    def gives_several(self, given: bool) -> None:
        self._several, self._several_at = given, self._wall()

    @contextmanager
    def reply(self) -> Iterator[TimedReply]:
        """Give what times one request and its reply."""
        reply = TimedReply(self)
        try:
            yield reply
        finally:
            if reply.has_begun:
                self._end()

    def note_ranges(self, *, given: bool) -> None:
        """Note whether it gave a range that it was asked for."""
        self._ranges, self._ranges_at = given, self._wall()

    def note_latency(self, seconds: float) -> None:
        """Learn from one reply."""
        self._latencies.append(seconds)
        self._measured_at = self._wall()

    def begin(self) -> None:
        """Count a body that begins to come."""
        if not self._coming:
            self._since = self.clock()
        self._coming += 1

    def count(self, size: int) -> None:
        """Count bytes of a body, and learn from them when they are enough."""
        self._bytes += size
        self._take_time()
        if self._bytes >= _SAMPLE_BYTES:
            self._bandwidths.append(self._bytes / max(self._seconds, _LEAST_S))
            self._measured_at = self._wall()
            self._bytes, self._seconds = 0, 0.0

    def _is_fresh(self, at: float) -> bool:
        # If the clock was set back, the date tells nothing.
        return 0 <= self._wall() - at < _TRY_AGAIN_S

    def _end(self) -> None:
        self._take_time()
        self._coming -= 1

    def _take_time(self) -> None:
        now = self.clock()
        self._seconds += now - self._since
        self._since = now


class HostSpeeds:
    """What is learned of each host, beginning with what is known of it."""

    def __init__(self, known: Mapping[str, HostFacts] | None = None) -> None:
        self._known = known or {}
        self._by_host: dict[str, HostSpeed] = {}

    def at(self, host: str) -> HostSpeed:
        """Give what is learned of a host, by the name that is really asked."""
        if host not in self._by_host:
            self._by_host[host] = HostSpeed(self._known.get(host))
        return self._by_host[host]

    def facts(self) -> dict[str, HostFacts]:
        """Give what is known of each host that was used, if anything is."""
        facts = {host: one.facts for host, one in self._by_host.items()}
        return {host: one for host, one in facts.items() if one != HostFacts()}


def _one(value: float | None) -> list[float]:
    return [] if value is None else [value]
