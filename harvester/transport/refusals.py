"""What a host has refused since its last good answer.

A refusal may concern one file (it does not exist, it is not public) or all files (the
host has banned us, a release has moved). A single refusal does not show which. A good
answer to a later request shows that it concerned one file.
"""

from __future__ import annotations

import asyncio
import math
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..errors import NotFoundError, PermanentError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Refusals", "is_refusal"]

#: Most addresses that are remembered: more do not change any decision.
_MOST = 64

_REASONS = frozenset({"blocked_redirect", "too_large"})


def is_refusal(error: Exception) -> bool:
    """Whether an error says that the host refuses what was asked for.

    Other permanent errors follow a good answer: damage, a query that has failed.
    """
    if isinstance(error, NotFoundError):
        return True
    return isinstance(error, PermanentError) and (
        error.reason in _REASONS or error.reason.startswith("http_")
    )


class Refusals:
    """The refusals of one host that no good answer has contradicted yet.

    Parameters
    ----------
    clock
        Seconds; those of `Turn.began`.
    awake
        The same without quiet hours; durations are measured by this clock.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        awake: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._awake = awake
        #: When each address was refused last.
        self._refused_at: dict[str, float] = {}
        self._since_awake = 0.0
        #: When the latest request that succeeded was sent.
        self._good_began = -math.inf
        self._news = asyncio.Event()
        #: Whether the host refuses everything.
        self.is_full = False
        #: When the first of them came, and how many.
        self.since = 0.0
        self.count = 0
        #: The latest one in the host's own words.
        self.words = ""

    def add(self, address: str, words: str, handful: float) -> None:
        """Note a refusal; after ``handful`` addresses the host refuses everything."""
        if not self.count:
            self.since, self._since_awake = self._clock(), self._awake()
        self.count += 1
        self.words = words
        if address in self._refused_at or len(self._refused_at) < _MOST:
            self._refused_at[address] = self._clock()
        if len(self._refused_at) >= handful:
            self.fill()

    def fill(self) -> None:
        """Decide that the host refuses everything."""
        self.is_full = True
        self._tell()

    def contradict(self, began: float) -> None:
        """Note that a request of this time succeeded: older refusals count no more."""
        self._good_began = max(self._good_began, began)
        left = {key: at for key, at in self._refused_at.items() if at > began}
        if len(left) < len(self._refused_at):
            self._refused_at, self.is_full = left, False
            self.count, self.since = len(left), min(left.values(), default=0.0)
            self._since_awake = self._awake()
        self._tell()

    def is_contradicted(self, at: float) -> bool:
        """Whether a request that was sent after this time succeeded."""
        return self._good_began >= at

    async def settled(self, at: float, within_s: float) -> None:
        """Wait until a refusal is contradicted, or the host refuses everything."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while not (self.is_full or self.is_contradicted(at)):
                    await self._news.wait()

    def lasts_s(self) -> float:
        """Give the seconds for which nothing but refusals has come."""
        return self._awake() - self._since_awake if self.count else 0.0

    def full_s(self) -> float:
        """Give the seconds for which it has refused everything; -1: it does not."""
        return self.lasts_s() if self.is_full else -1.0

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
