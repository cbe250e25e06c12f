"""What one commit of the ledger is made of: statements inside its transaction."""

from __future__ import annotations

import json
import time
from collections import Counter
from typing import TYPE_CHECKING

from ..models import Product, Survey
from ..states import State
from .settlement import NOTHING_THERE, Piece, settle
from .substitutes import clear_place, want_better
from .tally import NEEDED, add_to_tally

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    import aiosqlite

    from ..models import Finding, Receipt, Sample
    from .settlement import Settlement

__all__ = [
    "count_attempt",
    "count_routes",
    "insert_cutouts",
    "insert_products",
    "known_before",
    "mark_fetched",
    "read_product",
    "record_receipt",
    "record_samples",
    "settle_job",
    "settle_located",
    "take_up_failed",
    "take_up_substitutes",
]


def read_product(survey: Survey, row: Sequence[object]) -> Product:
    """Make a product of the columns name, band, url, mirrors, size."""
    name, band, url, mirrors, size = row
    assert isinstance(mirrors, str)
    assert size is None or isinstance(size, int)
    asked_first = tuple(json.loads(mirrors))
    return Product(survey.archive, str(name), str(band), str(url), asked_first, size)


async def insert_products(
    db: aiosqlite.Connection, survey: int, products: Iterable[Product]
) -> None:
    """Add products that are not there yet."""
    await db.executemany(
        """
        INSERT INTO product (survey, name, band, url, mirrors, size)
        VALUES (?, ?, ?, ?, ?, ?)
        ON CONFLICT DO NOTHING
        """,
        # Not a list: so it is made in the thread of the database.
        (
            (survey, p.name, p.band, p.url, json.dumps(p.mirrors), p.size)
            for p in products
        ),
    )


async def insert_cutouts(
    db: aiosqlite.Connection,
    rows: Iterable[tuple[int, int, str, int, str, str, str]],
    *,
    known: Container[int],
    keep_all: bool,
) -> None:
    """Add what may be cut; one that was found empty stays so.

    Parameters
    ----------
    rows
        Survey, target, band, rank, file of the stamp, name and band of the product.
    known
        Targets that were located before. Some of their bands may be served, so that
        all they get are spares: settling them asks for what they lack.
    keep_all
        All are wanted, and not only the best.
    """
    await db.executemany(
        """
        INSERT INTO cutout (survey, target, band, rank, state, file_loc, product)
        SELECT ?1, ?2, ?3, ?4, ?8, ?5, number
        FROM product
        WHERE survey = ?1 AND name = ?6 AND band = ?7
        ON CONFLICT DO NOTHING
        """,
        [
            (*row, "wanted" if keep_all or not (row[3] or row[1] in known) else "spare")
            for row in rows
        ],
    )


async def mark_fetched(
    db: aiosqlite.Connection,
    survey: int,
    product: int,
    receipts: Sequence[Receipt],
    needed: int,
) -> None:
    """Remember that a frame was here, if its receipts say so, and what was needed.

    That is counted once: what is fetched of it again, for those who come later, is
    more than was needed.
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
        SET state = ?, note = ?, sha256 = ?, size = ?, coverage = ?
        WHERE survey = ? AND target = ? AND product = ? AND state = 'wanted'
        """,
        (
            "empty" if receipt.problem else "done",
            receipt.problem,
            receipt.sha256,
            receipt.size,
            receipt.coverage,
            survey,
            receipt.target,
            product,
        ),
    )
    return await settle_job(db, survey, receipt.target, may_relocate=may_relocate)


async def settle_located(
    db: aiosqlite.Connection,
    survey: int,
    findings: Sequence[Finding],
    known: Container[int],
) -> Counter[State]:
    """Move pending jobs to where what was found puts them; tell how many where.

    For all that are located for the first time that is one statement each: a
    large catalogue is located at once. The others, in ``known``, know more already.
    """
    first: list[tuple[object, ...]] = []
    moved: Counter[State] = Counter()
    for finding in findings:
        if finding.target.number in known:
            state = await settle_job(
                db, survey, finding.target.number, may_relocate=False
            )
        else:
            state = State.LOCATED if finding.choices else State.NO_COVERAGE
            first.append((state, finding.reason, survey, finding.target.number))
        moved.update([state] if state else [])
    await db.executemany(
        """
        UPDATE job
        SET state = ?, reason = ?, attempts = 0, due = 0
        WHERE survey = ? AND target = ? AND state = 'pending'
        """,
        first,
    )
    return moved


async def count_routes(
    db: aiosqlite.Connection, survey: int, findings: Sequence[Finding]
) -> None:
    """Count by which ways targets were looked up, those looked up again again."""
    routes = Counter(finding.route for finding in findings if finding.route)
    await db.executemany(
        """
        INSERT INTO tally VALUES (?, 'by ' || ?, ?)
        ON CONFLICT DO UPDATE SET count = count + excluded.count
        """,
        [(survey, route, count) for route, count in routes.items()],
    )


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


async def known_before(
    db: aiosqlite.Connection, survey: int, targets: Sequence[int]
) -> set[int]:
    """Tell which pending jobs were located before: some of their stamps may be here."""
    # Asked of these alone: all that are pending may be a million, each time.
    rows = await db.execute_fetchall(
        """
        SELECT target
        FROM job AS j
        WHERE survey = ? AND target IN (SELECT value FROM json_each(?))
            AND state = 'pending'
            AND (by_position = 1 OR EXISTS (
                SELECT 1 FROM cutout WHERE survey = j.survey AND target = j.target
            ))
        """,
        (survey, json.dumps(targets)),
    )
    return {row[0] for row in rows}


async def settle_job(
    db: aiosqlite.Connection,
    survey: int,
    target: int,
    *,
    may_relocate: bool,
    is_tired: bool = False,
) -> State | None:
    """Move an open job to where its cutouts now put it; tell where it went.

    ``is_tired``: its attempts are used up. A product that was not tried yet gets new
    ones; bands that have failed meanwhile do not.
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

    It is not counted where the job waits already: bands that fail one after the other
    are one attempt. After the last one the product is given up: the next best one is
    wanted, or the job fails.
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


async def take_up_failed(db: aiosqlite.Connection, pattern: str) -> int:
    """Make failed jobs pending whose reason matches a glob; tell how many.

    What they were to cut is dropped, so that they are looked up anew; but not where
    the stamp is there: it tells whether that is of the best product.
    """
    rows = await db.execute_fetchall(
        """
        UPDATE job
        SET state = 'pending', attempts = 0, due = 0, reason = ''
        WHERE state = 'failed' AND reason GLOB ?
        RETURNING survey, target
        """,
        (pattern,),
    )
    jobs = list(rows)
    await db.executemany(
        """
        DELETE FROM cutout AS c
        WHERE survey = ? AND target = ? AND NOT EXISTS (
            SELECT 1
            FROM cutout
            WHERE survey = c.survey AND target = c.target
                AND file_loc = c.file_loc AND state = 'done'
        )
        """,
        jobs,
    )
    return len(jobs)


async def take_up_substitutes(db: aiosqlite.Connection, pattern: str) -> int:
    """Want the best product again of stamps that are not of it; tell of how many jobs.

    ``pattern`` is a glob of why it was missed.
    """
    jobs = await want_better(db, pattern)
    for survey, target in jobs:
        await settle_job(db, survey, target, may_relocate=False)
    return len(jobs)
