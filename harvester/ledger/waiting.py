"""What jobs wait for: to be looked up, or frames, due now or postponed."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING

from ..models import Ask, Survey, Target

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    import aiosqlite

    from ..models import Product

__all__ = ["read_due", "read_pending", "read_waited_for"]


async def read_pending(
    db: aiosqlite.Connection, survey: int, after: int, limit: int, longest_s: float
) -> list[tuple[int, Ask]]:
    """Give jobs to be located that are due, in sky order, each with its rank."""
    rows = await db.execute_fetchall(
        """
        SELECT j.sky, j.by_position, t.number, t.id, t.ra, t.dec, t.stem, t.line
        FROM job AS j
        JOIN target AS t ON t.number = j.target
        WHERE j.survey = ? AND j.state = 'pending' AND j.sky > ?
            AND (j.due <= ? OR j.due > ?)
        ORDER BY j.sky
        LIMIT ?
        """,
        (survey, after, *_now(longest_s), limit),
    )
    return await asyncio.to_thread(_read_asks, rows)


def _read_asks(rows: Iterable[sqlite3.Row]) -> list[tuple[int, Ask]]:
    return [(row[0], Ask(Target(*row[2:]), bool(row[1]))) for row in rows]


async def read_due(
    db: aiosqlite.Connection, survey: int, after: int, limit: int, longest_s: float
) -> Iterable[sqlite3.Row]:
    """Give number and columns of products that due jobs want stamps of."""
    return await db.execute_fetchall(
        """
        SELECT DISTINCT p.number, p.name, p.band, p.url, p.mirrors, p.size
        FROM cutout AS c
        JOIN job AS j ON j.survey = c.survey AND j.target = c.target
        JOIN product AS p ON p.number = c.product
        WHERE c.survey = ? AND c.state = 'wanted' AND c.product > ?
            AND j.state = 'located' AND (j.due <= ? OR j.due > ?)
        ORDER BY c.product
        LIMIT ?
        """,
        (survey, after, *_now(longest_s), limit),
    )


def _now(longest_s: float) -> tuple[float, float]:
    # Beyond the longest wait only a clock that was set back has put anything off.
    now = time.time()
    return now, now + longest_s


async def read_waited_for(
    db: aiosqlite.Connection, surveys: Mapping[str, int], products: Iterable[Product]
) -> set[tuple[str, str]]:
    """Give archive and name of those products that a stamp is still wanted of.

    It is the file that counts: another survey or band may want it than the one that
    these products were found for.
    """
    names: dict[str, list[str]] = {}
    for product in products:
        names.setdefault(product.archive, []).append(product.name)
    found: set[tuple[str, str]] = set()
    for archive, some in names.items():
        numbers = [n for s, n in surveys.items() if Survey.parse(s).archive == archive]
        rows = await db.execute_fetchall(
            """
            SELECT p.name
            FROM json_each(?) AS s
            CROSS JOIN json_each(?) AS f
            CROSS JOIN product AS p ON p.survey = s.value AND p.name = f.value
            WHERE EXISTS (
                SELECT 1
                FROM cutout AS c
                JOIN job AS j ON j.survey = c.survey AND j.target = c.target
                WHERE c.survey = p.survey AND c.product = p.number
                    AND c.state = 'wanted' AND j.state = 'located'
            )
            """,
            (json.dumps(numbers), json.dumps(some)),
        )
        found.update((archive, row[0]) for row in rows)
    return found
