"""What is written to the ledger: statements inside the transaction of a commit."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ..models import Product, Survey
from ..states import State
from .settlement import NOTHING_THERE, Piece, settle
from .substitutes import clear_place
from .tally import NEEDED, add_to_tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import aiosqlite

    from ..models import Receipt, Sample
    from .settlement import Settlement

__all__ = [
    "count_attempt",
    "insert_products",
    "mark_fetched",
    "read_product",
    "record_receipt",
    "record_samples",
    "settle_job",
    "want_again",
]


def read_product(survey: Survey, row: Sequence[object]) -> Product:
    """Make a product of the columns name, band, url, mirrors, size, facts."""
    name, band, url, mirrors, size, facts = row
    assert isinstance(mirrors, str)
    assert size is None or isinstance(size, int)
    asked_first = tuple(json.loads(mirrors))
    return Product(
        survey.archive, str(name), str(band), str(url), asked_first, size, str(facts)
    )


async def insert_products(
    db: aiosqlite.Connection, survey: int, products: Iterable[Product]
) -> None:
    """Add products that are not there yet."""
    await db.executemany(
        """
        INSERT INTO product (survey, name, band, url, mirrors, size, facts)
        VALUES (?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING
        """,
        # A generator, so that the database's thread runs it.
        (
            (survey, p.name, p.band, p.url, json.dumps(p.mirrors), p.size, p.facts)
            for p in products
        ),
    )


async def mark_fetched(
    db: aiosqlite.Connection,
    survey: int,
    product: int,
    receipts: Sequence[Receipt],
    needed: int,
) -> None:
    """Keep that a frame was fetched, if its receipts say so, and count needed bytes.

    They are counted once: bytes that are fetched again for later galaxies are more than
    was needed.
    """
    if not any(receipt.problem in NOTHING_THERE for receipt in receipts):
        return
    first = await db.execute_fetchall(
        "UPDATE product SET fetched = 1 WHERE number = ? AND fetched = 0 RETURNING 1",
        (product,),
    )
    if list(first):
        await add_to_tally(db, survey, NEEDED, needed)


async def record_receipt(
    db: aiosqlite.Connection,
    survey: int,
    product: int,
    receipt: Receipt,
    *,
    may_relocate: bool,
) -> State | None:
    """Record one stamp and what follows for its job; None if it was settled before."""
    if not receipt.problem:
        await clear_place(db, survey, product, receipt)
    await db.execute(
        """
        UPDATE cutout
        SET state = ?, note = ?, sha256 = ?, size = ?, coverage = ?, facts = ?
        WHERE survey = ? AND target = ? AND product = ? AND state = 'wanted'
        """,
        (
            "empty" if receipt.problem else "done",
            receipt.problem,
            receipt.sha256,
            receipt.size,
            receipt.coverage,
            receipt.facts.to_json() if receipt.facts else "",
            survey,
            receipt.target,
            product,
        ),
    )
    return await settle_job(db, survey, receipt.target, may_relocate=may_relocate)


async def record_samples(db: aiosqlite.Connection, samples: Iterable[Sample]) -> None:
    """Keep what an archive said of products; what it did not say stays as it is."""
    await db.executemany(
        """
        UPDATE product
        SET size = coalesce(?, size), mirrors = coalesce(?, mirrors)
        WHERE number = ?
        """,
        [
            (s.size, None if s.mirrors is None else json.dumps(s.mirrors), s.product)
            for s in samples
        ],
    )


async def settle_job(
    db: aiosqlite.Connection,
    survey: int,
    target: int,
    *,
    may_relocate: bool,
    is_tired: bool = False,
) -> State | None:
    """Move a pending or located job to the state that its cutouts ask for now.

    Give that state; None if the job is in another. ``is_tired``: its attempts are used
    up. A product that was not tried yet gets new attempts; a band that has failed does
    not.
    """
    rows = await db.execute_fetchall(
        """
        SELECT j.by_position, c.band, c.product, c.rank, c.state, c.note
        FROM job AS j
        LEFT JOIN cutout AS c ON c.survey = j.survey AND c.target = j.target
        WHERE j.survey = ? AND j.target = ? AND j.state IN ('pending', 'located')
        """,
        (survey, target),
    )
    rows = list(rows)
    if not rows:
        return None
    pieces = [Piece(*row[1:]) for row in rows if row[1] is not None]
    settlement = settle(pieces, may_relocate=may_relocate and not rows[0][0])
    await _apply(
        db, survey, target, settlement, is_tired=is_tired and not settlement.promoted
    )
    return settlement.state


async def _apply(
    db: aiosqlite.Connection,
    survey: int,
    target: int,
    settlement: Settlement,
    *,
    is_tired: bool,
) -> None:
    await db.executemany(
        """
        UPDATE cutout
        SET state = 'wanted'
        WHERE survey = ? AND target = ? AND band = ? AND product = ?
        """,
        [(survey, target, p.band, p.product) for p in settlement.promoted],
    )
    await db.execute(
        """
        UPDATE job
        SET state = ?, reason = ?, attempts = iif(?, attempts, 0), due = 0,
            by_position = max(by_position, ?)
        WHERE survey = ? AND target = ?
        """,
        (
            settlement.state,
            settlement.reason,
            is_tired,
            settlement.by_position,
            survey,
            target,
        ),
    )


async def count_attempt(
    db: aiosqlite.Connection,
    survey: int,
    product: int,
    target: int,
    *,
    reason: str,
    attempts: int,
    longest_s: float,
) -> State | None:
    """Count an attempt of an open job, to be due later; None if it is settled.

    It is not counted for a job that is postponed already: bands that fail one after
    the other are one attempt. After the last attempt the product is given up: the next
    best one is wanted, or the job fails.
    """
    now = time.time()
    rows = await db.execute_fetchall(
        """
        UPDATE job
        SET attempts = attempts + 1,
            due = ? + min(?, 2.0 * (1 << min(attempts, 30))),
            reason = ?
        WHERE survey = ? AND target = ? AND state IN ('pending', 'located')
            AND (due <= ? OR due > ?)
        RETURNING attempts, state
        """,
        (now, longest_s, reason, survey, target, now, now + longest_s),
    )
    for spent, state in rows:
        if spent < attempts:
            return State(state)
        return await _give_product_up(db, survey, product, target, reason)
    return None


async def _give_product_up(
    db: aiosqlite.Connection, survey: int, product: int, target: int, reason: str
) -> State | None:
    await db.execute(
        """
        UPDATE cutout
        SET state = 'empty', note = ?
        WHERE survey = ? AND target = ? AND product = ? AND state = 'wanted'
        """,
        (reason, survey, target, product),
    )
    return await settle_job(db, survey, target, may_relocate=False, is_tired=True)


async def want_again(
    db: aiosqlite.Connection, lost: Sequence[tuple[int, int, str, int]]
) -> None:
    """Want cutouts ``(survey, target, band, product)`` again: `Ledger.send_back`."""
    await db.executemany(
        """
        UPDATE cutout AS c
        SET sha256 = '', size = 0, facts = '', state = iif(EXISTS (
            SELECT 1
            FROM cutout
            WHERE survey = c.survey AND target = c.target
                AND file_loc = c.file_loc AND state = 'wanted'
        ), 'spare', 'wanted')
        WHERE survey = ? AND target = ? AND band = ? AND product = ?
        """,
        lost,
    )
    await db.executemany(
        """
        UPDATE job
        SET state = 'located', attempts = 0, due = 0, reason = ''
        WHERE survey = ? AND target = ? AND state <> 'pending'
        """,
        [(survey, target) for survey, target, _, _ in lost],
    )
