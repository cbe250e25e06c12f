"""What the status page asks a ledger, beside what reports read."""

from __future__ import annotations

from typing import NamedTuple

from .view import LedgerView

__all__ = ["BrowsingView", "FailedTarget"]


class FailedTarget(NamedTuple):
    """A galaxy whose job failed."""

    number: int
    id: str
    #: ICRS degrees.
    ra: float
    dec: float
    attempts: int


class BrowsingView(LedgerView):
    """Short queries: each uses an index, or counts without giving rows."""

    def failed_jobs(self) -> list[tuple[int, str, int]]:
        """Give number of the survey, reason and number of the failed jobs."""
        return self._db.execute(
            """
            SELECT survey, reason, count(*) AS jobs
            FROM job INDEXED BY job_failed
            WHERE state = 'failed'
            GROUP BY survey, reason
            ORDER BY jobs DESC, survey, reason
            """
        ).fetchall()

    def failed_targets(
        self, survey: int, reason: str, after: int, limit: int
    ) -> list[FailedTarget]:
        """Give the galaxies of one group of failures, in the catalogue's order.

        Parameters
        ----------
        after
            Number of the last target that is not given; -1 for the first ones.
        """
        rows = self._db.execute(
            """
            SELECT t.number, t.id, t.ra, t.dec, j.attempts
            FROM job AS j INDEXED BY job_failed
            CROSS JOIN target AS t ON t.number = j.target
            WHERE j.survey = ? AND j.state = 'failed' AND j.target > ? AND j.reason = ?
            ORDER BY j.target
            LIMIT ?
            """,
            (survey, after, reason, limit),
        )
        return [FailedTarget(*row) for row in rows]
