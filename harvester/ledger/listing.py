"""What an archive offers a survey on the whole sky, asked once in a run."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from .moves import insert_products, read_product

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    import aiosqlite

    from ..models import Product, Survey

__all__ = ["Offer", "read_listing", "write_listing"]


class Offer(NamedTuple):
    """A product that an archive lists, with where on the sky it is."""

    #: Without a ``url`` if it is not public.
    product: Product
    region: str | None
    exposure_s: float


async def write_listing(
    db: aiosqlite.Connection, survey: int, offers: Sequence[Offer]
) -> None:
    """Keep all that is offered, with the time it was asked."""
    await insert_products(db, survey, (offer.product for offer in offers))
    await db.executemany(
        """
        INSERT OR REPLACE INTO offer (product, region, exposure_s)
        SELECT number, ?, ?
        FROM product
        WHERE survey = ? AND name = ? AND band = ?
        """,
        # A generator, so that the database's thread runs it.
        (
            (o.region, o.exposure_s, survey, o.product.name, o.product.band)
            for o in offers
        ),
    )
    await db.execute(
        "INSERT OR REPLACE INTO listing VALUES (?, ?, ?)",
        (survey, time.time(), len(offers)),
    )


async def read_listing(
    db: aiosqlite.Connection, number: int, survey: Survey
) -> list[Offer] | None:
    """Give what is kept of a survey; None if the archive was not asked."""
    asked = await db.execute_fetchall(
        "SELECT 1 FROM listing WHERE survey = ?", (number,)
    )
    if not list(asked):
        return None
    rows = await db.execute_fetchall(
        """
        SELECT p.name, p.band, p.url, p.mirrors, p.size, p.facts, o.region,
            o.exposure_s
        FROM offer AS o
        JOIN product AS p ON p.number = o.product
        WHERE p.survey = ?
        ORDER BY p.number
        """,
        (number,),
    )
    # Tens of thousands: on the event loop that would take a tenth of a second.
    return await asyncio.to_thread(_read_offers, survey, rows)


def _read_offers(survey: Survey, rows: Iterable[sqlite3.Row]) -> list[Offer]:
    return [Offer(read_product(survey, row[:6]), row[6], row[7]) for row in rows]
