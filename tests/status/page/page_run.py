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
    frame = [(0, 0, "frame", "r", "", "[]", 1)]
    change(out, "INSERT INTO product VALUES (?, ?, ?, ?, ?, ?, NULL, ?, '')", frame)
    for target in range(done):
        _put_stamp(out, target, "", "{}")
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


def _put_stamp(out, target, name, facts):
    """Put a stamp into the ledger, as a harvest does: wanted first, then done."""
    change(
        out,
        "INSERT OR IGNORE INTO cutout (survey, target, band, product, rank, state,"
        " file_loc) VALUES (0, ?, 'r', 0, 0, 'wanted', '')",
        [(target,)],
    )
    change(
        out,
        "UPDATE cutout SET state = 'done', file_loc = ?, coverage = 0.9, facts = ?"
        " WHERE target = ?",
        [(name, facts, target)],
    )


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
    facts = {"x": 20, "y": 20, "pixel_scale": 0.396, "orientation": 0}
    _put_stamp(places.out, target, name, json.dumps(facts | {"flipped": False}))
    return path
