"""Runs as the page reads them: a ledger with jobs in all states."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from harvester.ledger.file import create_ledger
from harvester.models import Survey, Target
from harvester.places import Places

_FACTS = {"catalogue sha256": "", "settings": "{}", "began": "2026-11-01T08:00:00Z"}


def write_ledger(out, targets=60, *, done=20, no_coverage=10, failed=()):
    """Make the ledger of a run with the survey sdss:r.

    ``failed``: pairs of reason and number of jobs.
    """
    out.mkdir(parents=True, exist_ok=True)
    create_ledger(
        out / "ledger.sqlite",
        targets=[
            Target(n, f"g{n:04d}", n * 0.01 % 360, 0.1, f"g{n:04d}", n + 1)
            for n in range(targets)
        ],
        rejects=[],
        surveys=[Survey.parse("sdss:r")],
        facts=_FACTS,
    )
    states = [("done", "")] * done + [("no_coverage", "")] * no_coverage
    states += [("failed", reason) for reason, jobs in failed for _ in range(jobs)]
    change(
        out,
        "UPDATE job SET state = ?, reason = ?, attempts = 3 WHERE target = ?",
        [(*state, target) for target, state in enumerate(states)],
    )
    return Places(out)


def change(out, statement, rows):
    """Change the ledger of a run as another process does."""
    with closing(sqlite3.connect(out / "ledger.sqlite")) as db, db:
        db.executemany(statement, rows)
