"""Which jobs are looked up again for new images, and what is forgotten for it."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.looking_again import LOOKED_AT, look_again
from harvester.ledger.view import LedgerView
from harvester.models import Survey, Target

#: Of each galaxy the state of its job, and the bands with a stamp.
JOBS = (
    ("done", ("A", "B")),
    ("done", ("A",)),
    ("no_coverage", ()),
    ("failed", ()),
    ("done", ("A",)),
)


@pytest.fixture
def ledger(tmp_path):
    """Make a ledger with two archives, and lists of their images."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(
        path,
        targets=[Target(n, f"g{n}", n, 0.0, f"g{n}") for n in range(len(JOBS))],
        rejects=[],
        surveys=[Survey.parse("hst:X:A,B"), Survey.parse("sdss:A,B")],
        facts={},
    )
    with closing(sqlite3.connect(path)) as db, db:
        for survey in (0, 1):
            _fill(db, survey)
    return path


def _fill(db, survey):
    first = 10 * survey
    for offset, (name, band) in enumerate((("a", "A"), ("b", "B"), ("unused", "A"))):
        db.execute(
            "INSERT INTO product VALUES (?, ?, ?, ?, 'u', '[]', 1, 0, '')",
            (first + offset, survey, name, band),
        )
        db.execute("INSERT INTO offer VALUES (?, NULL, 1)", (first + offset,))
    db.execute("INSERT INTO listing VALUES (?, 0, 3)", (survey,))
    for target, (state, bands) in enumerate(JOBS):
        for band in bands:
            db.execute(
                "INSERT INTO cutout (survey, target, band, product, rank, state, "
                "file_loc) VALUES (?, ?, ?, ?, 0, 'wanted', ?)",
                (survey, target, band, first + "AB".index(band), f"{target}{band}"),
            )
        db.execute("UPDATE cutout SET state = 'done'")
        db.execute(
            "UPDATE job SET state = ? WHERE survey = ? AND target = ?",
            (state, survey, target),
        )


def _pending(path):
    with closing(sqlite3.connect(path)) as db:
        rows = db.execute("SELECT survey, target FROM job WHERE state = 'pending'")
        return rows.fetchall()


def test_jobs_without_images(ledger):
    """Jobs that lack an image in all bands or in one are looked up again."""
    assert look_again(ledger, ["hst"], []) == 3
    assert _pending(ledger) == [(0, 1), (0, 2), (0, 4)]
    with LedgerView.open(ledger) as view:
        assert float(view.facts()[LOOKED_AT]) > 0
        assert view.tallies()[0]["pending"] == 3


def test_all_observations(ledger):
    """With stamps of every image, a galaxy that has some stays as it is."""
    assert look_again(ledger, ["hst"], ["hst"]) == 1
    assert _pending(ledger) == [(0, 2)]


def test_list_of_images_forgotten(ledger):
    """The archive's list is asked for again; images that stamps are of are kept."""
    look_again(ledger, ["hst"], [])
    with closing(sqlite3.connect(ledger)) as db:
        names = db.execute("SELECT survey, name FROM product ORDER BY number")
        assert names.fetchall() == [
            *((0, "a"), (0, "b")),
            *((1, "a"), (1, "b"), (1, "unused")),
        ]
        assert db.execute("SELECT survey FROM listing").fetchall() == [(1,)]
        assert db.execute("SELECT count(*) FROM offer").fetchone() == (3,)


def test_nothing_new_expected(ledger):
    """An archive that publishes nothing new is not asked again."""
    assert look_again(ledger, [], []) == 0
    assert _pending(ledger) == []
