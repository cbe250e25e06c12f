"""What archives tell of products beside their names: the column ``facts``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .moves import read_product

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiosqlite

    from ..models import Product, Survey

__all__ = ["read_undescribed", "write_facts"]


async def read_undescribed(
    db: aiosqlite.Connection, number: int, survey: Survey, *, after: int, limit: int
) -> list[tuple[int, Product]]:
    """Give products without facts that stamps are wanted of, numbered, in that order.

    Parameters
    ----------
    number
        That of the survey.
    after
        Number of the last product that is not given.
    """
    rows = await db.execute_fetchall(
        """
        SELECT number, name, band, url, mirrors, size, facts
        FROM product
        WHERE survey = ? AND number > ? AND facts = '' AND number IN (
            SELECT product FROM cutout WHERE survey = ? AND state = 'wanted'
        )
        ORDER BY number
        LIMIT ?
        """,
        (number, after, number, limit),
    )
    return [(row[0], read_product(survey, tuple(row)[1:])) for row in rows]


async def write_facts(db: aiosqlite.Connection, facts: Mapping[int, str]) -> None:
    """Keep facts of products, by their numbers."""
    await db.executemany(
        "UPDATE product SET facts = ? WHERE number = ?",
        [(text, number) for number, text in facts.items()],
    )
