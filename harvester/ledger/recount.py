"""Counts the jobs and stamps of a ledger whose rows came from other ledgers.

While a run is harvested, triggers keep these counters.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..states import State
from .bands import BAND, COUNT_BANDS
from .file import start_tally
from .substitutes import MISSED
from .tally import STAMPS, SUBSTITUTES

if TYPE_CHECKING:
    import sqlite3

__all__ = ["count_again", "other_counters"]

#: Counters that follow from the rows, and SQL that is true for them.
_OWN = (*State, STAMPS, SUBSTITUTES)
_FOLLOWS = f"what GLOB '{BAND} *' OR what IN ({', '.join('?' * len(_OWN))})"


def count_again(db: sqlite3.Connection) -> None:
    """Make the counters of all surveys that follow from jobs and stamps."""
    db.execute(f"DELETE FROM tally WHERE {_FOLLOWS}", _OWN)  # noqa: S608 - a constant
    for (survey,) in db.execute("SELECT number FROM survey").fetchall():
        start_tally(db, survey)
    db.execute(
        """
        INSERT OR REPLACE INTO tally
        SELECT survey, state, count(*)
        FROM job
        GROUP BY survey, state
        """
    )
    db.execute(
        f"""
        INSERT OR REPLACE INTO tally
        SELECT survey, '{STAMPS}', count(*)
        FROM cutout
        WHERE state = 'done'
        GROUP BY survey
        """  # noqa: S608 - a constant
    )
    db.execute(
        f"""
        INSERT OR REPLACE INTO tally
        SELECT survey, '{SUBSTITUTES}', count(*)
        FROM cutout AS c
        WHERE state = 'done' AND rank > 0 AND {MISSED} IS NOT NULL
        GROUP BY survey
        """  # noqa: S608 - constants
    )
    db.execute(f"INSERT OR REPLACE INTO tally {COUNT_BANDS}")


def other_counters(db: sqlite3.Connection) -> list[tuple[int, str, int]]:
    """Give survey, name and count of the counters that no rows of a ledger tell."""
    rows = db.execute(
        f"""
        SELECT survey, what, count
        FROM tally
        WHERE NOT ({_FOLLOWS})
        ORDER BY survey, what
        """,  # noqa: S608 - a constant
        _OWN,
    )
    return [(survey, what, count) for survey, what, count in rows]
