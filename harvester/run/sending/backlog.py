"""The stamps that wait to be sent, with a limit of how many may."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ...ledger.outbox import Unsent

__all__ = ["Backlog"]

#: So many stamps, or bytes of them, may wait; then no further frames are fetched.
_MOST, _MOST_BYTES = 2_000, 256 << 20


class Backlog:
    """The stamps that wait to be sent, and those under way."""

    def __init__(self, *, most: int = _MOST, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._queue: asyncio.Queue[Unsent] = asyncio.Queue()
        self._room, self._empty = asyncio.Event(), asyncio.Event()
        self._room.set()
        self._empty.set()
        self._bytes = 0
        #: Stamps that wait or are under way.
        self.stamps = 0

    def add(self, stamp: Unsent) -> None:
        """Put a stamp at the end."""
        self._count(1, stamp.size)
        self._queue.put_nowait(stamp)

    async def take(self) -> Unsent:
        """Give the first stamp, as soon as there is one; it counts until `sent`."""
        return await self._queue.get()

    def sent(self, stamp: Unsent) -> None:
        """Note that a stamp is in the store."""
        self._count(-1, -stamp.size)

    async def room(self) -> None:
        """Return when another stamp may be added."""
        await self._room.wait()

    async def all_sent(self) -> None:
        """Return when nothing waits or is under way."""
        await self._empty.wait()

    @property
    def is_full(self) -> bool:
        """Whether so much waits that no stamps should be made now."""
        return not self._room.is_set()

    def _count(self, stamps: int, size: int) -> None:
        self.stamps += stamps
        self._bytes += size
        is_full = self.stamps >= self._most or self._bytes >= self._most_bytes
        for event, is_set in (
            (self._room, not is_full),
            (self._empty, not self.stamps),
        ):
            if is_set:
                event.set()
            else:
                event.clear()
