"""Facts of the run as a whole, such as when it began: the table ``run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiosqlite

__all__ = ["remove_run_fact", "write_run_fact"]


async def write_run_fact(db: aiosqlite.Connection, key: str, value: str) -> None:
    """Keep a fact; one that is known already stays as it is."""
    await db.execute(
        "INSERT INTO run VALUES (?, ?) ON CONFLICT DO NOTHING", (key, value)
    )


async def remove_run_fact(db: aiosqlite.Connection, key: str) -> None:
    """Remove a fact."""
    await db.execute("DELETE FROM run WHERE key = ?", (key,))
