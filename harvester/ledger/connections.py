"""How the connections to a ledger in use are set up."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from .group_commit import to_ours

if TYPE_CHECKING:
    from collections.abc import Iterable

    import aiosqlite

__all__ = ["set_up"]


async def set_up(
    writer: aiosqlite.Connection, reader: aiosqlite.Connection
) -> Iterable[sqlite3.Row]:
    """Make one connection durable and the other read only; give the surveys."""
    try:
        for db in (writer, reader):
            await db.execute("PRAGMA busy_timeout = 30000")
        await writer.execute("PRAGMA journal_mode = WAL")
        await writer.execute("PRAGMA synchronous = FULL")
        await reader.execute("PRAGMA query_only = ON")
        return await reader.execute_fetchall("SELECT name, number FROM survey")
    except sqlite3.Error as error:
        raise to_ours(error) from error
