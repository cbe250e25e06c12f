"""What a run that is watched keeps, while no harvest has its ledger open."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ..models import Survey
from .growth import forget_listing
from .runner import RUNNER
from .transaction import transaction

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from .runner import Runner

__all__ = [
    "LOOKED_AT",
    "REFUSED",
    "keep_looked_at",
    "keep_refused",
    "keep_watcher",
    "look_again",
]

#: Keys of ``run``: when galaxies without an image were last looked up (Unix seconds),
#: and the files that were not taken, as JSON with the reason of each.
LOOKED_AT, REFUSED = "looked again at", "refused files"


def keep_watcher(path: Path, runner: Runner | None) -> None:
    """Keep who watches the run; None: the watch has ended in order."""
    with transaction(path) as db:
        if runner is None:
            db.execute("DELETE FROM run WHERE key = ?", (RUNNER,))
        else:
            _keep(db, RUNNER, runner.to_json())


def keep_looked_at(path: Path, now: float) -> None:
    """Keep when galaxies without an image were last looked up (Unix seconds)."""
    with transaction(path) as db:
        _keep(db, LOOKED_AT, str(now))


def keep_refused(path: Path, refused: Mapping[str, str]) -> None:
    """Replace what is kept of the files that were not taken, and why."""
    with transaction(path) as db:
        _keep(db, REFUSED, json.dumps(refused))


def look_again(path: Path, archives: Collection[str], keep_all: Collection[str]) -> int:
    """Make those jobs pending for which archives may have new images; count them.

    These are jobs without coverage, and those that have none in some of their bands.
    The archives' lists of images are forgotten, so that they are asked again.

    Parameters
    ----------
    archives
        Those that get new images.
    keep_all
        Those of which a stamp of every image is wanted: there, stamps are numbered, and
        a job that has some stays as it is.
    """
    count = 0
    with transaction(path) as db:
        _keep(db, LOOKED_AT, str(time.time()))
        surveys = db.execute("SELECT number, name FROM survey").fetchall()
        for number, name in surveys:
            survey = Survey.parse(name)
            if survey.archive not in archives:
                continue
            bands = 0 if survey.archive in keep_all else len(survey.bands)
            if jobs := _take_up(db, number, bands):
                forget_listing(db, number)
                # The next one counts these queries too.
                db.execute("DELETE FROM run WHERE key = ?", (f"bill {survey.archive}",))
                count += jobs
    return count


def _keep(db: sqlite3.Connection, key: str, value: str) -> None:
    db.execute("INSERT OR REPLACE INTO run VALUES (?, ?)", (key, value))


def _take_up(db: sqlite3.Connection, survey: int, bands: int) -> int:
    return db.execute(
        """
        UPDATE job
        SET state = 'pending', attempts = 0, due = 0, reason = ''
        WHERE survey = ?1 AND (
            state = 'no_coverage'
            OR ?2 > 1 AND state = 'done' AND ?2 > (
                SELECT count(DISTINCT band)
                FROM cutout
                WHERE survey = ?1 AND target = job.target AND state = 'done'
            )
        )
        """,
        (survey, bands),
    ).rowcount
