"""What jobs wait for: to be looked up, or frames, due now or postponed.

Each query names its index: without one SQLite reads all jobs of a survey, and how long
that takes grows with the catalogue. ``tests/ledger/test_plans.py`` checks the plans.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from typing import TYPE_CHECKING, NamedTuple

from ..models import Ask, Survey, Target
from ..states import State
from .moves import read_product

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import (
        AsyncIterator,
        Collection,
        Iterable,
        Iterator,
        Mapping,
    )

    import aiosqlite

    from ..models import Product

__all__ = [
    "START",
    "Place",
    "read_due",
    "read_next_due",
    "read_pending",
    "read_waited_for",
]

#: Jobs whose frames are read at once.
_JOBS = 200


class Place(NamedTuple):
    """Where a walk through the jobs of a survey has come to: by due time, then sky."""

    due: float
    sky: int


#: Before the first job.
START = Place(-1.0, -1)


def _due_ranges(after: Place, longest_s: float) -> Iterator[tuple[Place, float]]:
    """Give the ranges of places in which jobs are due, beyond one place.

    No job is postponed for more than ``longest_s``. One that is due later than that
    was postponed before the clock was set back, so it is due now.
    """
    now = time.time()
    yield after, now
    yield max(after, Place(now + longest_s, 0)), math.inf


async def read_pending(
    db: aiosqlite.Connection, survey: int, after: Place, limit: int, longest_s: float
) -> list[tuple[Place, Ask]]:
    """Give jobs to be located that are due, in sky order, each with its place."""
    rows: list[sqlite3.Row] = []
    for first, last in _due_ranges(after, longest_s):
        rows += await db.execute_fetchall(
            """
            SELECT j.due, j.sky, j.by_position,
                t.number, t.id, t.ra, t.dec, t.stem, t.line
            FROM job AS j INDEXED BY job_pending
            CROSS JOIN target AS t ON t.number = j.target
            WHERE j.survey = ? AND j.state = 'pending'
                AND (j.due, j.sky) > (?, ?) AND j.due <= ?
            ORDER BY j.due, j.sky
            LIMIT ?
            """,
            (survey, *first, last, limit - len(rows)),
        )
    return await asyncio.to_thread(_read_asks, rows)


def _read_asks(rows: Iterable[sqlite3.Row]) -> list[tuple[Place, Ask]]:
    return [
        (Place(*row[:2]), Ask(Target(*row[3:]), by_position=bool(row[2])))
        for row in rows
    ]


async def read_due(
    db: aiosqlite.Connection, number: int, survey: Survey, longest_s: float
) -> AsyncIterator[tuple[int, Product]]:
    """Give the products that due jobs want stamps of, numbered, in sky order.

    A frame may come again if other galaxies lie between its own in that order.
    """
    before: set[int] = set()
    for first, last in _due_ranges(START, longest_s):
        async for rows in _pages(db, number, first, last):
            products = {row[2]: row[3:] for row in rows if row[2] is not None}
            for product, columns in products.items():
                if product not in before:
                    yield product, read_product(survey, columns)
            before = set(products)


async def _pages(
    db: aiosqlite.Connection, survey: int, after: Place, last: float
) -> AsyncIterator[list[sqlite3.Row]]:
    """Give place and product of what due jobs want, some jobs at a time."""
    while rows := list(
        await db.execute_fetchall(
            """
            SELECT due.due, due.sky, p.number, p.name, p.band, p.url, p.mirrors,
                p.size, p.facts
            FROM (
                SELECT survey, target, due, sky
                FROM job INDEXED BY job_located
                WHERE survey = ? AND state = 'located'
                    AND (due, sky) > (?, ?) AND due <= ?
                ORDER BY due, sky
                LIMIT ?
            ) AS due
            LEFT JOIN cutout AS c
                ON c.survey = due.survey AND c.target = due.target
                AND c.state = 'wanted'
            LEFT JOIN product AS p ON p.number = c.product
            ORDER BY due.due, due.sky, c.product
            """,
            (survey, *after, last, _JOBS),
        )
    ):
        yield rows
        after = Place(*rows[-1][:2])


async def read_next_due(
    db: aiosqlite.Connection, surveys: Iterable[int], states: Collection[State]
) -> float | None:
    """Tell when (Unix seconds) the next job of these is due; None: there is none."""
    # One statement: between two a job could move from one state to the other unseen.
    rows = await db.execute_fetchall(
        """
        SELECT min(iif(?, pending, NULL)), min(iif(?, located, NULL))
        FROM (
            SELECT (
                SELECT min(due)
                FROM job INDEXED BY job_pending
                WHERE survey = s.value AND state = 'pending'
            ) AS pending, (
                SELECT min(due)
                FROM job INDEXED BY job_located
                WHERE survey = s.value AND state = 'located'
            ) AS located
            FROM json_each(?) AS s
        )
        """,
        (
            State.PENDING in states,
            State.LOCATED in states,
            json.dumps(list(surveys)),
        ),
    )
    return min((due for due in next(iter(rows)) if due is not None), default=None)


async def read_waited_for(
    db: aiosqlite.Connection, surveys: Mapping[str, int], products: Iterable[Product]
) -> set[tuple[str, str]]:
    """Give archive and name of those products that a stamp is still wanted of.

    The file counts: another survey or band may want it than the one that these
    products were found for.
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
                FROM cutout AS c INDEXED BY cutout_wanted
                CROSS JOIN job AS j ON j.survey = c.survey AND j.target = c.target
                WHERE c.survey = p.survey AND c.product = p.number
                    AND c.state = 'wanted' AND j.state = 'located'
            )
            """,
            (json.dumps(numbers), json.dumps(some)),
        )
        found.update((archive, row[0]) for row in rows)
    return found
