"""When a host was last heard, and how long it took to answer."""

from __future__ import annotations

from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .manners import Timing

__all__ = ["Answers", "Beat", "Pulse"]

#: Waits that are kept between two readings; of more, the latest.
_MOST = 1000


class Answers(NamedTuple):
    """The answers that have begun since the last reading."""

    answers: int = 0
    #: Seconds until an answer began: of half of them, and of 19 in 20; None: none came.
    p50_s: float | None = None
    p95_s: float | None = None


class Beat:
    """One request that is under way."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse
        self._sent_at: float | None = None

    def sent(self) -> None:
        """Measure the wait for the answer from now."""
        self._sent_at = self._pulse.timing.clock()

    def heard(self) -> None:
        """Note that a part of the answer has come."""
        self._pulse.heard()
        if self._sent_at is not None:
            self._pulse.add(self._pulse.timing.clock() - self._sent_at)
            self._sent_at = None


class Pulse:
    """The requests of one host that are under way, and its answers."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        #: Unix seconds of the last byte; 0: none has come.
        self.heard_at = 0.0
        self._under_way = 0
        #: Since when nothing has come although something was asked; 0: nothing was.
        self._silent_since = 0.0
        self._count = 0
        self._waits: deque[float] = deque(maxlen=_MOST)

    @contextmanager
    def beat(self) -> Iterator[Beat]:
        """Count a request as under way while the block runs."""
        self._under_way += 1
        self._silent_since = self._silent_since or self.timing.wall()
        try:
            yield Beat(self)
        finally:
            self._under_way -= 1
            # A request that ends without a byte does not end the silence: the next
            # one continues it.
            if not self._under_way and self.heard_at >= self._silent_since:
                self._silent_since = 0.0

    @property
    def silent_since(self) -> float:
        """Unix seconds since when requests bring no byte; 0: none is under way."""
        return self._silent_since if self._under_way else 0.0

    def heard(self) -> None:
        """Note that a part of an answer has come."""
        self.heard_at = self._silent_since = self.timing.wall()

    def add(self, wait_s: float) -> None:
        """Count an answer."""
        self._count += 1
        self._waits.append(wait_s)

    def take(self) -> Answers:
        """Give the answers since the last call."""
        waits, count = sorted(self._waits), self._count
        self._waits.clear()
        self._count = 0
        if not waits:
            return Answers()
        half, most = len(waits) // 2, int(len(waits) * 0.95)
        return Answers(count, round(waits[half], 4), round(waits[most], 4))
