"""Runs as the page reads them: a ledger with jobs in all states."""

from __future__ import annotations

import json
import os
import sqlite3
import time
from contextlib import closing

import numpy as np
from astropy.io import fits

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


def write_history(out, minutes=120, until=None):
    """Add a history that ends now: a band and a host, a moment a minute."""
    now = int(time.time() if until is None else until)
    times = [now - 60 * (minutes - n) for n in range(minutes)]
    change(
        out,
        "INSERT INTO band_history VALUES (0, 'r', ?, ?, 0, 0, ?)",
        [(at, 3 * n, 1000 - 3 * n) for n, at in enumerate(times)],
    )
    change(
        out,
        "INSERT INTO host_history VALUES ('h', ?, ?, ?, 1, 0, 4, 'open', 9, 0.1, 0.5)",
        [(at, 12 * n, 600_000 * n) for n, at in enumerate(times)],
    )


def write_stamp(places, target, *, at=None):
    """Write the stamp of a target and its row; give the path of the file."""
    name = f"cutouts/sdss/r/{target // 1000:04d}/g{target:04d}.fits"
    path = places.out / name
    path.parent.mkdir(parents=True, exist_ok=True)
    rows, columns = np.indices((41, 41))
    light = 100 * np.exp(-((rows - 20) ** 2 + (columns - 20) ** 2) / 20)
    noise = np.random.default_rng(target).normal(0, 1, light.shape)
    fits.PrimaryHDU((light + noise).astype(np.float32)).writeto(path)
    if at is not None:
        os.utime(path, (at, at))
    change(
        places.out,
        "INSERT INTO product VALUES (?, 0, ?, 'r', '', '[]', NULL, 1, '')",
        [(target, f"frame-{target}")],
    )
    facts = {"x": 20, "y": 20, "pixel_scale": 0.396, "orientation": 0}
    change(
        places.out,
        "INSERT INTO cutout VALUES (0, ?, 'r', ?, 0, 'wanted', '', ?, '', 0, 0.9, ?)",
        [(target, target, name, json.dumps(facts | {"flipped": False}))],
    )
    change(places.out, "UPDATE cutout SET state = 'done' WHERE target = ?", [(target,)])
    return path
