"""Waits for something, but not longer than until the harvest is stopped."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Coroutine

__all__ = ["until_stopped"]


async def until_stopped(
    work: Coroutine[None, None, object], stopped: asyncio.Event
) -> None:
    """Return when the work is done, or drop it when the event is set."""
    async with asyncio.TaskGroup() as group:
        ends = [group.create_task(work), group.create_task(stopped.wait())]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for end in ends:
            end.cancel()
