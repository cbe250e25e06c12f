"""How a run went over time: a row a minute for each band and each host.

The numbers are those of the whole run until then, so rates are differences, and rows
can be left out: of the last day each minute is kept, of two weeks every tenth, and of
the time before one an hour. A band of a run that takes a year has about 12,000 rows.
Rows are also written when a harvest begins and ends, so that a break shows as one.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ..models import Survey
from .bands import count_bands

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    import aiosqlite

__all__ = [
    "EVERY_S",
    "HISTORY_SINCE",
    "BandMoment",
    "HostMoment",
    "HostNow",
    "read_band_history",
    "read_host_history",
    "write_history",
]

#: The first version of ledgers that has a history.
HISTORY_SINCE = 5

#: Seconds between two moments while a harvest runs.
EVERY_S = 60

#: Seconds between two times at which old rows are thinned; that reads all of them.
_THIN_EVERY_S = 3_600

#: Rows older than so many seconds are thinned to one in so many seconds.
_DAY_S = 86_400
_THINNED = ((_DAY_S, 600), (14 * _DAY_S, 3_600))


class HostNow(NamedTuple):
    """A host at one moment, and its answers since the last one."""

    host: str
    in_flight: int
    waiting: int
    #: Requests a second that are allowed.
    rate: float
    #: `HostState.kind`.
    state: str
    answers: int = 0
    #: Seconds until an answer began: of half of them, and of 19 in 20.
    p50_s: float | None = None
    p95_s: float | None = None


class BandMoment(NamedTuple):
    """How far a band had come; numbers of targets."""

    survey: int
    band: str
    #: Unix seconds.
    at: int
    done: int
    no_coverage: int
    failed: int
    open: int


class HostMoment(NamedTuple):
    """What a host had been asked and sent, and how it stood."""

    host: str
    #: Unix seconds.
    at: int
    requests: int
    bytes: int
    in_flight: int
    waiting: int
    rate: float
    state: str
    answers: int
    p50_s: float | None
    p95_s: float | None


async def write_history(
    db: aiosqlite.Connection, hosts: Sequence[HostNow], now: float
) -> None:
    """Add a moment, in Unix seconds, and thin what is old."""
    at = int(now)
    await _write_bands(db, at)
    await db.executemany(
        """
        INSERT OR REPLACE INTO host_history
        SELECT ?1, ?2, coalesce(max(requests), 0), coalesce(max(bytes), 0),
            ?3, ?4, ?5, ?6, ?7, ?8, ?9
        FROM host
        WHERE name = ?1
        """,
        [(one.host, at, *one[1:]) for one in hosts],
    )
    if at % _THIN_EVERY_S < 2 * EVERY_S:
        for age_s, step_s in _THINNED:
            await _thin(db, at - age_s, step_s)


async def _write_bands(db: aiosqlite.Connection, at: int) -> None:
    names = await db.execute_fetchall("SELECT number, name FROM survey")
    surveys = {int(number): Survey.parse(str(name)) for number, name in names}
    tallies: dict[int, Counter[str]] = {number: Counter() for number in surveys}
    for number, what, count in await db.execute_fetchall("SELECT * FROM tally"):
        tallies[number][what] = count
    await db.executemany(
        "INSERT OR REPLACE INTO band_history VALUES (?, ?, ?, ?, ?, ?, ?)",
        [
            (one.survey, one.band, at, one.done, one.no_coverage, one.failed, one.open)
            for one in count_bands(surveys, tallies)
        ],
    )


async def _thin(db: aiosqlite.Connection, before: int, step_s: int) -> None:
    """Keep the last row of each step; of the hosts' answers keep the slowest."""
    await db.execute(
        """
        UPDATE host_history AS h
        SET (answers, p50_s, p95_s) = (
            SELECT sum(answers), max(p50_s), max(p95_s)
            FROM host_history
            WHERE host = h.host AND at BETWEEN h.at - h.at % ?2 AND h.at
        )
        WHERE at - at % ?2 + ?2 <= ?1 AND NOT EXISTS (
            SELECT 1
            FROM host_history
            WHERE host = h.host AND at > h.at AND at < h.at - h.at % ?2 + ?2
        )
        """,
        (before, step_s),
    )
    for table, same in (
        ("host_history", "host = h.host"),
        ("band_history", "survey = h.survey AND band = h.band"),
    ):
        await db.execute(
            f"""
            DELETE FROM {table} AS h
            WHERE at - at % ?2 + ?2 <= ?1 AND EXISTS (
                SELECT 1
                FROM {table}
                WHERE {same} AND at > h.at AND at < h.at - h.at % ?2 + ?2
            )
            """,  # noqa: S608 - constants
            (before, step_s),
        )


def read_band_history(db: sqlite3.Connection, since: float = 0) -> list[BandMoment]:
    """Give the moments of each band after a time, in this order."""
    return [
        BandMoment(*row) for row in _rows(db, "band_history", "survey, band, at", since)
    ]


def read_host_history(db: sqlite3.Connection, since: float = 0) -> list[HostMoment]:
    """Give the moments of each host after a time, in this order."""
    return [HostMoment(*row) for row in _rows(db, "host_history", "host, at", since)]


def _rows(
    db: sqlite3.Connection, table: str, order: str, since: float
) -> Iterable[sqlite3.Row]:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version < HISTORY_SINCE:
        return []
    return db.execute(
        f"SELECT * FROM {table} WHERE at > ? ORDER BY {order}",  # noqa: S608 - as above
        (since,),
    )
