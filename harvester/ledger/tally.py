"""Counters of each survey, which ``status`` reads.

Triggers of the schema count jobs and stamps. A run of an older version lacks counters
that were added since: those start at 0, or are missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiosqlite

__all__ = ["FETCHED", "NEEDED", "STAMPS", "SUBSTITUTES", "add_to_tally"]

#: Stamps that are on disk.
STAMPS = "stamps"

#: Stamps that are not of the best image, because that could not be had.
SUBSTITUTES = "substitutes"

#: Bytes that were received for frames, including failed transfers.
FETCHED = "image bytes fetched"

#: Bytes of these frames' files without which the stamps cannot be made.
NEEDED = "image bytes needed"


async def add_to_tally(
    db: aiosqlite.Connection, survey: int, what: str, count: int
) -> None:
    """Add to a counter of a survey."""
    await db.execute(
        """
        INSERT INTO tally (survey, what, count)
        VALUES (?, ?, ?)
        ON CONFLICT (survey, what) DO UPDATE SET count = count + excluded.count
        """,
        (survey, what, count),
    )
