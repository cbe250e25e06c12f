"""Adding galaxies, surveys and bands to a run that exists, in one transaction.

If it is killed, the ledger has either none of the changes or all of them. What has to
be done after the commit (the settings file, stamps to be removed) is kept as a fact
until it is done: see `UNFINISHED`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..models import Survey
from ..states import State
from .file import check_file, insert_jobs, start_tally
from .run_dates import SETTLED
from .transaction import transaction
from .upgrade import upgrade_ledger

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..models import Target

__all__ = [
    "UNFINISHED",
    "Growth",
    "forget_listing",
    "forget_unfinished",
    "grow_ledger",
]

#: Key of ``run``: what an extension still has to do to files, as JSON with ``settings``
#: (text of the settings file) and ``stamps`` (files to remove).
UNFINISHED = "unfinished extension"


@dataclass(frozen=True, slots=True)
class Growth:
    """What a run becomes."""

    #: Galaxies to add; their numbers follow those of the run.
    targets: Iterable[Target]
    #: Numbers of the galaxies to remove.
    dropped: Sequence[int]
    #: All surveys of the run from now on: those before, with more bands, and new ones.
    surveys: Sequence[Survey]
    #: Line, identifier and reason of the rows that were not taken.
    rejects: Iterable[tuple[int, str, str]]
    #: Whether these take the place of those before.
    replaces_rejects: bool
    #: Text of the settings file.
    settings: str
    #: Facts of the run that take the place of those before.
    facts: Mapping[str, str] = field(default_factory=dict)


def grow_ledger(path: Path, growth: Growth) -> None:
    """Change the ledger of a run, wholly or not at all; only the owner of it may.

    Raises
    ------
    LedgerError
        It is no ledger, is damaged, or is of a newer version.
    LocalError
        The disk is full or read-only, or another program holds it.
    """
    check_file(path)
    upgrade_ledger(path)
    with transaction(path) as db:
        _grow(db, growth)


def forget_unfinished(path: Path) -> None:
    """Note that the files of a run are as its ledger says.

    Raises
    ------
    LocalError
        The ledger cannot be written.
    """
    with transaction(path) as db:
        db.execute("DELETE FROM run WHERE key = ?", (UNFINISHED,))


def _grow(db: sqlite3.Connection, growth: Growth) -> None:
    stamps = _drop(db, growth.dropped)
    known = [Survey.parse(name) for (name,) in db.execute("SELECT name FROM survey")]
    first = _next_number(db)
    db.executemany(
        "INSERT INTO target VALUES (?, ?, ?, ?, ?, ?)",
        ((t.number, t.id, t.ra, t.dec, t.stem, t.line) for t in growth.targets),
    )
    for survey in growth.surveys:
        _grow_survey(db, survey, _same(known, survey), first)
    if growth.replaces_rejects:
        db.execute("DELETE FROM reject")
    db.executemany("INSERT INTO reject VALUES (?, ?, ?)", growth.rejects)
    unfinished = json.dumps({"settings": growth.settings, "stamps": stamps})
    db.executemany(
        "INSERT OR REPLACE INTO run VALUES (?, ?)",
        [*growth.facts.items(), (UNFINISHED, unfinished)],
    )
    if _has_work(db):
        # A new bill counts what was spent and what is to come, once all is located.
        db.execute("DELETE FROM run WHERE key = ? OR key GLOB 'bill *'", (SETTLED,))


def _next_number(db: sqlite3.Connection) -> int:
    (last,) = db.execute("SELECT max(number) FROM target").fetchone()
    return 0 if last is None else int(last) + 1


def _same(known: Iterable[Survey], survey: Survey) -> Survey | None:
    """Find the survey of the run that has the same instrument."""
    name = (survey.archive, survey.instrument)
    return next((k for k in known if (k.archive, k.instrument) == name), None)


def _grow_survey(
    db: sqlite3.Connection, survey: Survey, before: Survey | None, first: int
) -> None:
    if before is None:
        number = _next_survey(db)
        db.execute("INSERT INTO survey VALUES (?, ?)", (number, str(survey)))
        start_tally(db, number)
        insert_jobs(db, number)
        return
    (number,) = db.execute(
        "SELECT number FROM survey WHERE name = ?", (str(before),)
    ).fetchone()
    if before != survey:
        _take_up_all(db, number, str(survey))
    insert_jobs(db, number, first=first)


def _next_survey(db: sqlite3.Connection) -> int:
    (count,) = db.execute("SELECT max(number) + 1 FROM survey").fetchone()
    return int(count)


def _take_up_all(db: sqlite3.Connection, number: int, name: str) -> None:
    """Have all targets of a survey located again, because it has more bands.

    What is known of their bands stays: only what is missing is asked for.
    """
    db.execute("UPDATE survey SET name = ? WHERE number = ?", (name, number))
    db.execute(
        """
        UPDATE job
        SET state = 'pending', attempts = 0, due = 0, reason = ''
        WHERE survey = ? AND state <> 'pending'
        """,
        (number,),
    )
    forget_listing(db, number)


def forget_listing(db: sqlite3.Connection, number: int) -> None:
    """Forget what an archive offers a survey, so that it is asked again."""
    db.execute(
        "DELETE FROM offer WHERE product IN "
        "(SELECT number FROM product WHERE survey = ?)",
        (number,),
    )
    # An image that was not public yet may come back with another address.
    db.execute(
        """
        DELETE FROM product
        WHERE survey = ?1
            AND number NOT IN (SELECT product FROM cutout WHERE survey = ?1)
        """,
        (number,),
    )
    db.execute("DELETE FROM listing WHERE survey = ?", (number,))


def _drop(db: sqlite3.Connection, dropped: Sequence[int]) -> list[str]:
    """Remove targets and all that is known of them; give the files of their stamps."""
    db.execute("CREATE TEMP TABLE dropped (target INTEGER PRIMARY KEY)")
    db.executemany("INSERT INTO dropped VALUES (?)", ((one,) for one in dropped))
    stamps = list(_dropped_stamps(db))
    # The triggers of the schema count the stamps down.
    db.execute(
        """
        UPDATE cutout
        SET state = 'empty'
        WHERE state = 'done' AND target IN (SELECT target FROM dropped)
        """
    )
    counts = db.execute(
        """
        SELECT survey, state, count(*)
        FROM job
        WHERE target IN (SELECT target FROM dropped)
        GROUP BY survey, state
        """
    ).fetchall()
    db.executemany(
        "UPDATE tally SET count = count - ?3 WHERE survey = ?1 AND what = ?2", counts
    )
    for table, column in (
        ("cutout", "target"),
        ("job", "target"),
        ("target", "number"),
    ):
        db.execute(
            f"DELETE FROM {table} WHERE {column} IN (SELECT target FROM dropped)"  # noqa: S608 - constants
        )
    db.execute("DROP TABLE dropped")
    return stamps


def _dropped_stamps(db: sqlite3.Connection) -> Iterator[str]:
    rows = db.execute(
        """
        SELECT file_loc
        FROM cutout
        WHERE state = 'done' AND target IN (SELECT target FROM dropped)
        """
    )
    return (file_loc for (file_loc,) in rows)


def _has_work(db: sqlite3.Connection) -> bool:
    names = (State.PENDING, State.LOCATED)
    (count,) = db.execute(
        "SELECT total(count) FROM tally WHERE what IN (?, ?)", names
    ).fetchone()
    return bool(count)
