"""Work with a ledger in a thread, which a cancel ends.

Python waits for its threads before it exits. At a million targets the check of a
ledger, its upgrade or a bill takes many seconds: a stop in that time must not wait for
it, because a container is killed after ten.
"""

from __future__ import annotations

import asyncio
import threading
from contextvars import ContextVar
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

__all__ = ["end_when_cancelled", "in_thread"]

T = TypeVar("T")

#: Set once the work of this context has been cancelled; None outside of `in_thread`.
_OVER: ContextVar[threading.Event | None] = ContextVar("over", default=None)

#: Steps of SQLite's virtual machine between two looks at whether the work is cancelled:
#: about a millisecond.
_STEPS = 100_000


async def in_thread(work: Callable[..., T], *args: object) -> T:
    """Run what works with ledgers in a thread; when cancelled, its query fails."""
    over = threading.Event()
    before = _OVER.set(over)
    try:
        return await asyncio.to_thread(work, *args)
    finally:
        over.set()
        _OVER.reset(before)


def end_when_cancelled(db: sqlite3.Connection) -> None:
    """Have a connection's queries fail once the work of `in_thread` is cancelled."""
    if (over := _OVER.get()) is not None:
        db.set_progress_handler(over.is_set, _STEPS)
