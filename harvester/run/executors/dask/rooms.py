"""How many frames are in hand: enough for the hosts and the workers."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

__all__ = ["Rooms"]

#: Seconds between two looks whether workers have come.
_LOOK_S = 1.0


class Rooms:
    """Lets frames be fetched, for each archive as many as its hosts and workers need.

    Parameters
    ----------
    at_once
        Frames in hand that keep the hosts of an archive busy.
    workers
        Gives the number of workers that cut.
    """

    def __init__(self, at_once: Mapping[str, int], workers: Callable[[], int]) -> None:
        self._at_once = at_once
        self._workers = workers
        self._in_hand: Counter[str] = Counter()
        self._left = asyncio.Event()

    @asynccontextmanager
    async def of(self, archive: str) -> AsyncIterator[None]:
        """Wait for room for a frame; it is in hand during the block."""
        while self._in_hand[archive] >= self._most(archive):
            self._left.clear()
            # Workers that come make room too.
            waiting = asyncio.ensure_future(self._left.wait())
            await asyncio.wait([waiting], timeout=_LOOK_S)
            waiting.cancel()
        self._in_hand[archive] += 1
        try:
            yield
        finally:
            self._in_hand[archive] -= 1
            self._left.set()

    def _most(self, archive: str) -> int:
        # One more for each worker, so that a free one finds its next job at once.
        return self._at_once.get(archive, 1) + 2 * self._workers()
