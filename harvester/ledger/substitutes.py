"""Stamps of a second-best image, cut because a better one could not be had.

They need no column of their own. Such a stamp has a better product whose note says
something other than that the frame does not show the galaxy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiosqlite

    from ..models import Receipt

__all__ = ["MISSED", "OF_CHOSEN", "clear_place", "want_better"]

#: SQL: why a better product than that of the cutout ``c`` could not be had, and its
#: name; NULL if ``c`` is of the best. Where all observations are asked for, each stamp
#: has its own file, and replaces no other. The notes that are left out are those of
#: `settlement.NOTHING_THERE`.
MISSED = """
    (
        SELECT b.note || ' of ' || p.name
        FROM cutout AS b
        JOIN product AS p ON p.number = b.product
        WHERE b.survey = c.survey AND b.target = c.target AND b.band = c.band
            AND b.rank < c.rank AND b.file_loc = c.file_loc
            AND b.note NOT IN ('', 'outside', 'no_data')
        ORDER BY b.rank
        LIMIT 1
    )
"""

#: SQL: whether a row is of one of the ``:surveys`` and of one of the galaxies with
#: these ``:ids``, both as JSON; NULL: all.
OF_CHOSEN = """
    (:surveys IS NULL OR survey IN (SELECT value FROM json_each(:surveys)))
    AND (
        :ids IS NULL
        OR target IN (
            SELECT number
            FROM target
            WHERE id IN (SELECT value FROM json_each(:ids))
        )
    )
"""


async def clear_place(
    db: aiosqlite.Connection, survey: int, product: int, receipt: Receipt
) -> None:
    """Make the stamp a spare whose file a better one has just overwritten."""
    await db.execute(
        """
        UPDATE cutout
        SET state = 'spare', sha256 = '', size = 0, coverage = 0, facts = ''
        WHERE survey = ? AND target = ? AND product <> ? AND file_loc = ?
            AND state = 'done'
        """,
        (survey, receipt.target, product, receipt.file_loc),
    )


async def want_better(
    db: aiosqlite.Connection, facts: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """Make better products that were missed spares again; give their jobs.

    The jobs are located then, and their stamps stay until they are replaced.
    ``facts`` has a glob of the ``reason`` for which a product was missed; ``surveys``
    (numbers) and ``ids`` as JSON, None: all.
    """
    rows = await db.execute_fetchall(
        f"""
        UPDATE cutout AS b
        SET state = 'spare'
        WHERE state = 'empty' AND note NOT IN ('', 'outside', 'no_data')
            AND note GLOB :reason
            AND {OF_CHOSEN}
            AND EXISTS (
                SELECT 1
                FROM cutout AS c
                JOIN job AS j ON j.survey = c.survey AND j.target = c.target
                WHERE c.survey = b.survey AND c.target = b.target AND c.band = b.band
                    AND c.file_loc = b.file_loc AND c.rank > b.rank
                    AND c.state = 'done' AND j.state IN ('done', 'failed')
            )
        RETURNING survey, target
        """,  # noqa: S608 - a constant
        facts,
    )
    jobs = sorted({(row[0], row[1]) for row in rows})
    await db.executemany(
        """
        UPDATE job
        SET state = 'located', attempts = 0, due = 0, reason = ''
        WHERE survey = ? AND target = ?
        """,
        jobs,
    )
    return jobs
