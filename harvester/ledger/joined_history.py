"""The history of a merged run: that of all its parts, minute by minute.

The numbers of a moment are those of the run so far. So each part gives by how much they
grew at which minute, and the growth of all parts is added up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["join_histories"]

#: Parts were at work at different times, so a moment is a minute.
_MADE = (
    """
    CREATE TEMP TABLE band_growth (
        survey INTEGER, band TEXT, at INTEGER, done INTEGER, no_coverage INTEGER,
        failed INTEGER
    )
    """,
    """
    CREATE TEMP TABLE host_growth (
        host TEXT, at INTEGER, requests INTEGER, bytes INTEGER, in_flight INTEGER,
        waiting INTEGER, rate REAL, state TEXT, answers INTEGER, p50_s REAL, p95_s REAL
    )
    """,
)

_GROWN = (
    """
    INSERT INTO temp.band_growth
    SELECT survey, band, at - at % 60,
        done - lag(done, 1, 0) OVER w,
        no_coverage - lag(no_coverage, 1, 0) OVER w,
        failed - lag(failed, 1, 0) OVER w
    FROM part.band_history
    WINDOW w AS (PARTITION BY survey, band ORDER BY at)
    """,
    """
    INSERT INTO temp.host_growth
    SELECT host, at - at % 60,
        requests - lag(requests, 1, 0) OVER w,
        bytes - lag(bytes, 1, 0) OVER w,
        in_flight, waiting, rate, state, answers, p50_s, p95_s
    FROM part.host_history
    WINDOW w AS (PARTITION BY host ORDER BY at)
    """,
)

_ADDED_UP = (
    """
    INSERT INTO band_history
    SELECT g.survey, g.band, g.at, g.done, g.no_coverage, g.failed,
        (SELECT count(*) FROM job WHERE survey = g.survey)
            - g.done - g.no_coverage - g.failed
    FROM (
        SELECT survey, band, at,
            sum(sum(done)) OVER w AS done,
            sum(sum(no_coverage)) OVER w AS no_coverage,
            sum(sum(failed)) OVER w AS failed
        FROM temp.band_growth
        GROUP BY survey, band, at
        WINDOW w AS (PARTITION BY survey, band ORDER BY at)
    ) AS g
    """,
    # Of the answers the slowest part is kept, and of the states one of them.
    """
    INSERT INTO host_history
    SELECT host, at, sum(sum(requests)) OVER w, sum(sum(bytes)) OVER w,
        sum(in_flight), sum(waiting), sum(rate), max(state), sum(answers),
        max(p50_s), max(p95_s)
    FROM temp.host_growth
    GROUP BY host, at
    WINDOW w AS (PARTITION BY host ORDER BY at)
    """,
)


def join_histories(db: sqlite3.Connection, parts: Iterable[Path]) -> None:
    """Write the history of the whole run, of which the parts have been joined."""
    for made in _MADE:
        db.execute(made)
    for part in parts:
        db.execute("ATTACH ? AS part", (f"{part.absolute().as_uri()}?mode=ro",))
        for grown in _GROWN:
            db.execute(grown)
        db.commit()
        db.execute("DETACH part")
    for added_up in _ADDED_UP:
        db.execute(added_up)
