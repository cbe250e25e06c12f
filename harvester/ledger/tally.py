"""What is counted of each survey as it happens, because ``status`` asks for it.

Jobs and stamps are counted by triggers of the schema. Runs of older versions lack
counters that were added since: those start at 0, or stay away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import aiosqlite

__all__ = ["FETCHED", "NEEDED", "STAMPS", "SUBSTITUTES", "add_to_tally"]

#: Stamps that are on disk.
STAMPS = "stamps"

#: Those of them that are not of the best image, because that could not be had.
SUBSTITUTES = "substitutes"

#: Bytes that came for frames, those of transfers that failed among them.
FETCHED = "image bytes fetched"

#: Bytes of these frames' files without which the stamps cannot be made.
NEEDED = "image bytes needed"


async def add_to_tally(
    db: aiosqlite.Connection, survey: int, what: str, count: int
) -> None:
    """Add to what is counted of a survey."""
    await db.execute(
        """
        INSERT INTO tally (survey, what, count)
        VALUES (?, ?, ?)
        ON CONFLICT (survey, what) DO UPDATE SET count = count + excluded.count
        """,
        (survey, what, count),
    )
