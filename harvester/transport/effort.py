"""How much of a host's allowance is used: less after trouble, more with successes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from .account import Wish
from .manners import Share

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .manners import Manners

__all__ = ["Effort"]


class Effort:
    """The pace and the concurrency that are kept towards a host just now."""

    def __init__(self, manners: Manners) -> None:
        self._manners = manners
        self._given_rate = manners.rate
        self._width = Share()
        self._pace = Share()
        self._eased_at = -math.inf
        self._eased_by = ""

    @property
    def gap_s(self) -> float:
        """Seconds from one request to the next."""
        return self._manners.gap_s / self._pace.value

    @property
    def catch_up_s(self) -> float:
        """Seconds by which a request may come sooner after a late one."""
        return self._manners.catch_up_s

    @property
    def rate(self) -> float:
        """Requests a second at most."""
        return self._manners.rate * self._pace.value

    @property
    def full_rate(self) -> float:
        """Requests a second at most if there is no trouble."""
        return self._manners.rate

    @property
    def settings_rate(self) -> float:
        """The rate of the settings, if the user has set another since; otherwise 0."""
        is_same = self._manners.rate == self._given_rate
        return 0.0 if is_same else self._given_rate

    @property
    def most_rate(self) -> float:
        """Requests a second that a user may set at most."""
        return max(self._given_rate, self._manners.most_rate)

    def set_rate(self, rate: float) -> None:
        """Allow so many requests a second from now on, if there is no trouble."""
        self._manners = replace(self._manners, rate=rate)

    @property
    def slowed_by(self) -> str:
        """What it was slowed down by; empty if it is not."""
        is_eased = min(self._width.value, self._pace.value) < 1
        return self._eased_by if is_eased else ""

    def width_of(self, kind: str) -> int:
        """Give the number of requests of this kind that may be under way at once."""
        return max(1, int(self._manners.slots.get(kind, 1) * self._width.value))

    def wish(self, kinds: Sequence[str]) -> Wish:
        """Give what is wished of the limit that all harvests of the machine share."""
        slots = {kind: self.width_of(kind) for kind in self._manners.slots}
        return Wish(tuple(kinds), self.gap_s, self._manners.catch_up_s, slots)

    def slots(self, under_way: Mapping[str, int]) -> dict[str, tuple[int, int, int]]:
        """Give for each kind those under way, those allowed now and at the most."""
        return {
            kind: (under_way.get(kind, 0), self.width_of(kind), full)
            for kind, full in self._manners.slots.items()
        }

    def ease(self, began: float, now: float, what: str) -> bool:
        """Halve the concurrency for the trouble of a request; say whether it is new.

        Requests that were under way together fail together: that is one trouble, not
        eight, and only those sent since then can report another.
        """
        if began < self._eased_at:
            return False
        self._eased_at, self._eased_by = now, what
        self._width.halve()
        return True

    def slow_down(self) -> None:
        """Halve the pace."""
        self._pace.halve()

    def creep(self) -> None:
        """Count a success: some of them make one step up."""
        self._width.creep()
        self._pace.creep()
