"""Waits that come to an end."""

from __future__ import annotations

import asyncio
from contextlib import suppress

__all__ = ["either"]


async def either(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
