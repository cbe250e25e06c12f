"""The requests of one host that wait, those under way, and which goes next."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .turn import Waiter

__all__ = ["RequestQueue"]


class RequestQueue:
    """The requests of one host.

    Kinds take turns, and within a kind the one that came first goes first. A query
    unlocks work for many galaxies, a file frees disk and memory: neither may wait
    until the other kind has nothing left to ask.
    """

    def __init__(self) -> None:
        self._waiting: dict[Waiter, None] = {}
        #: Requests under way, by kind.
        self.under_way: dict[str, int] = {}
        #: Requests that were let go so far; of each kind, which of these was its last.
        self._count = 0
        self._last: dict[str, int] = {}

    def __len__(self) -> int:
        """Give the number of those that wait."""
        return len(self._waiting)

    def add(self, waiter: Waiter) -> None:
        """Put a request at the end."""
        self._waiting[waiter] = None

    def drop(self, waiter: Waiter) -> None:
        """Take out a request that waits no longer."""
        self._waiting.pop(waiter, None)

    def let_go(self, waiter: Waiter) -> None:
        """Count a request as under way."""
        self.drop(waiter)
        self._count += 1
        self._last[waiter.kind] = self._count
        self.under_way[waiter.kind] = self.under_way.get(waiter.kind, 0) + 1

    def is_at_work(self, kind: str) -> bool:
        """Whether requests of this kind are under way, or wait."""
        is_waiting = kind in {waiter.kind for waiter in self._waiting}
        return is_waiting or self.under_way.get(kind, 0) > 0

    def ready(
        self, width_of: Callable[[str], int], *, only_rides: bool
    ) -> list[Waiter]:
        """Give those whose kind has a place, in the order in which they came.

        ``only_rides``: a probe is under way; only its own next hop may go.
        """
        return [
            waiter
            for waiter in self._waiting
            if (waiter.rides or not only_rides)
            and self.under_way.get(waiter.kind, 0) < width_of(waiter.kind)
        ]

    def first_of_each_kind(self, ready: list[Waiter]) -> list[Waiter]:
        """Give the first request of each kind, that of the kind to go next first."""
        first = {waiter.kind: waiter for waiter in reversed(ready)}
        kinds = sorted(first, key=lambda kind: self._last.get(kind, 0))
        return [first[kind] for kind in kinds]
