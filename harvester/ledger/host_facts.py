"""What the ledger keeps of how quick hosts are, and whether they give ranges."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ..models import HostFacts

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    import aiosqlite

__all__ = ["READ", "as_facts", "read_host_facts", "write_host_facts"]

#: Reads the columns in the order of `HostFacts`, after the name.
READ = """
    SELECT name, bandwidth, latency_s, measured_at, ranges, ranges_at, bound, several,
        several_at
    FROM host_fact
    ORDER BY name
"""


async def read_host_facts(db: aiosqlite.Connection) -> dict[str, HostFacts]:
    """Give what was learned of each host."""
    return as_facts(await db.execute_fetchall(READ))


async def write_host_facts(
    db: aiosqlite.Connection, facts: Mapping[str, HostFacts]
) -> None:
    """Keep what was learned of some hosts."""
    await db.executemany(
        "INSERT OR REPLACE INTO host_fact VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (
                name,
                one.bandwidth,
                one.latency_s,
                one.measured_at,
                one.ranges,
                one.ranges_at,
                one.limit,
                one.several,
                one.several_at,
            )
            for name, one in facts.items()
        ],
    )


def as_facts(rows: Iterable[sqlite3.Row]) -> dict[str, HostFacts]:
    """Make them of rows."""
    facts = {name: HostFacts(*values) for name, *values in map(tuple, rows)}
    return {
        name: replace(one, ranges=_flag(one.ranges), several=_flag(one.several))
        for name, one in facts.items()
    }


def _flag(value: object) -> bool | None:
    return None if value is None else bool(value)
