"""How many bytes a second come from each host, learned from the transfers of a run.

Only the time from the first piece of a body to its last counts, so that waiting for a
turn or for the host's answer says nothing. A transfer that shares the line with others
stands for all of them.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    OnBytes = Callable[[int], None]

__all__ = ["HostSpeed", "Transfer"]

#: Fewest bytes of a transfer that tells anything, and the shortest time in seconds.
_LEAST_BYTES, _LEAST_S = 100_000, 1e-3

#: Part of the old value that stays when a new one comes.
_KEPT = 0.8


class Transfer:
    """The bytes of one reply as they come."""

    def __init__(
        self, on_bytes: OnBytes, clock: Callable[[], float], began: Callable[[], None]
    ) -> None:
        self._on_bytes = on_bytes
        self._clock = clock
        self._on_begin = began
        self._first: float | None = None
        self._last = 0.0
        self._size = 0

    def __call__(self, size: int) -> None:
        """Count a piece."""
        self._on_bytes(size)
        self._last = self._clock()
        if self._first is None:
            self._first = self._last
            self._on_begin()
        else:
            self._size += size

    @property
    def has_begun(self) -> bool:
        """Whether a piece has come."""
        return self._first is not None

    @property
    def speed(self) -> float | None:
        """Bytes a second; None if too few came to tell."""
        if self._first is None or self._size < _LEAST_BYTES:
            return None
        return self._size / max(_LEAST_S, self._last - self._first)


class HostSpeed:
    """The speed of one host."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: Transfers of which a piece has come; others may still wait for their turn.
        self._active = 0
        #: Bytes a second over all connections; None if nothing is known yet.
        self.bandwidth: float | None = None

    @contextmanager
    def transfer(self, on_bytes: OnBytes) -> Iterator[Transfer]:
        """Give a function that counts the bytes of one reply, and learn from it."""
        counted = Transfer(on_bytes, self._clock, self._begin)
        try:
            yield counted
            if counted.speed is not None:
                self._learn(counted.speed * self._active)
        finally:
            self._active -= counted.has_begun

    def _begin(self) -> None:
        self._active += 1

    def _learn(self, speed: float) -> None:
        old = speed if self.bandwidth is None else self.bandwidth
        self.bandwidth = _KEPT * old + (1 - _KEPT) * speed
