"""What the ledger keeps of the hosts: cool-downs, and the state of each."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aiosqlite

__all__ = [
    "HOST",
    "TROUBLES",
    "read_cool_downs",
    "read_known_good",
    "write_cool_down",
    "write_host_states",
    "write_troubles",
]

#: Begins the keys of ``run`` that keep the state of a host.
HOST = "host "

#: Key of ``run`` that keeps why services were given up.
TROUBLES = "troubles"


async def write_cool_down(db: aiosqlite.Connection, host: str, until: float) -> None:
    """Keep until when (Unix seconds) a host must not be asked."""
    await db.execute(
        """
        INSERT INTO host (name, cooled_until)
        VALUES (?, ?)
        ON CONFLICT (name) DO UPDATE SET cooled_until = excluded.cooled_until
        """,
        (host, until),
    )


async def read_cool_downs(db: aiosqlite.Connection) -> dict[str, float]:
    """Give the hosts that must not be asked yet, and until when (Unix seconds)."""
    rows = await db.execute_fetchall(
        "SELECT name, cooled_until FROM host WHERE cooled_until > ?", (time.time(),)
    )
    return {str(name): float(until) for name, until in rows}


async def write_host_states(
    db: aiosqlite.Connection, states: Mapping[str, str]
) -> None:
    """Replace the kept states of the hosts by these."""
    await db.execute("DELETE FROM run WHERE key GLOB ? || '*'", (HOST,))
    await db.executemany(
        "INSERT INTO run VALUES (?, ?)",
        [(f"{HOST}{name}", state) for name, state in states.items()],
    )


async def write_troubles(db: aiosqlite.Connection, troubles: Sequence[str]) -> None:
    """Replace the kept reasons why services were given up by these."""
    await db.execute("DELETE FROM run WHERE key = ?", (TROUBLES,))
    if troubles:
        row = (TROUBLES, json.dumps(list(troubles)))
        await db.execute("INSERT INTO run VALUES (?, ?)", row)


async def read_known_good(db: aiosqlite.Connection) -> list[str]:
    """Give the address of a frame of each survey that has been fetched, a late one."""
    rows = await db.execute_fetchall(
        """
        SELECT (
            SELECT url
            FROM product INDEXED BY product_fetched
            WHERE survey = s.number AND fetched = 1 AND url <> ''
            ORDER BY number DESC
            LIMIT 1
        ) AS url
        FROM survey AS s
        WHERE url IS NOT NULL
        """
    )
    return [str(url) for (url,) in rows]
