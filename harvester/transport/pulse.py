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

    def __init__(self, pulse: Pulse, began: float) -> None:
        self._pulse = pulse
        #: Unix seconds.
        self.began = began
        self._sent_at: float | None = None

    def sent(self) -> None:
        """Measure the wait for the answer from now."""
        self._sent_at = self._pulse.timing.clock()

    def heard(self) -> None:
        """Note that a part of the answer has come."""
        self._pulse.heard_at = self._pulse.timing.wall()
        if self._sent_at is not None:
            self._pulse.add(self._pulse.timing.clock() - self._sent_at)
            self._sent_at = None


class Pulse:
    """The requests of one host that are under way, and its answers."""

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        #: Unix seconds of the last byte; 0: none has come.
        self.heard_at = 0.0
        self._under_way: set[Beat] = set()
        self._count = 0
        self._waits: deque[float] = deque(maxlen=_MOST)

    @contextmanager
    def beat(self) -> Iterator[Beat]:
        """Count a request as under way while the block runs."""
        beat = Beat(self, self.timing.wall())
        self._under_way.add(beat)
        try:
            yield beat
        finally:
            self._under_way.discard(beat)

    @property
    def silent_since(self) -> float:
        """Unix seconds since when requests bring no byte; 0: none is under way."""
        if not self._under_way:
            return 0.0
        return max(self.heard_at, min(beat.began for beat in self._under_way))

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
