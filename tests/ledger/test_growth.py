"""Growing a ledger: one transaction, and all counts as if made so."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import pytest

from harvester.ledger.file import create_ledger
from harvester.ledger.growth import UNFINISHED, Growth, grow_ledger
from harvester.ledger.view import LedgerView
from harvester.models import Survey, Target

R, RI, HST = (
    Survey.parse(name) for name in ("sdss:r", "sdss:r,i", "hst:ACS/WFC:F814W")
)


def target(number):
    """Make a target; each is at its own place."""
    return Target(number, f"g{number}", 10.0 + number, 0.0, f"g{number}", number + 1)


@pytest.fixture
def ledger(tmp_path):
    """Make a ledger of three galaxies in r: done, without coverage, and failed."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(
        path, targets=map(target, range(3)), rejects=[(9, "x", "why")], surveys=[R],
        facts={"bill sdss": "{}", "settled": "2026"},
    )  # fmt: skip
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("INSERT INTO product VALUES (1, 0, 'f', 'r', 'u', '[]', 1, 1, '')")
        db.execute(
            "INSERT INTO cutout (survey, target, band, product, rank, state, file_loc) "
            "VALUES (0, 0, 'r', 1, 0, 'wanted', 'cutouts/g0')"
        )
        db.execute("UPDATE cutout SET state = 'done'")
        for number, state in enumerate(("done", "no_coverage", "failed")):
            db.execute("UPDATE job SET state = ? WHERE target = ?", (state, number))
    return path


def growth(targets=(), dropped=(), surveys=(R,), **more):
    """Make a growth that adds nothing but what is given."""
    kept = {"rejects": (), "replaces_rejects": False, "settings": "", **more}
    return Growth(targets=targets, dropped=dropped, surveys=surveys, **kept)


def read(path):
    """Give all jobs, and the counts of jobs in each state, counted and kept."""
    with closing(sqlite3.connect(path)) as db:
        jobs = db.execute("SELECT survey, target, state FROM job ORDER BY 1, 2")
        jobs = jobs.fetchall()
        counted = db.execute("SELECT survey, state, count(*) FROM job GROUP BY 1, 2")
        counted = {row[:2]: row[2] for row in counted}
        states = "('pending', 'located', 'done', 'no_coverage', 'failed')"
        kept = db.execute(f"SELECT * FROM tally WHERE count AND what IN {states}")
        assert counted == {row[:2]: row[2] for row in kept}
        places = db.execute("SELECT survey, sky FROM job").fetchall()
        assert len(set(places)) == len(places)
    return jobs


def test_galaxies_added(ledger):
    """New galaxies get pending jobs; those of the others stay as they are."""
    grow_ledger(ledger, growth(map(target, (3, 4))))
    assert read(ledger) == [
        (0, 0, "done"),
        (0, 1, "no_coverage"),
        (0, 2, "failed"),
        (0, 3, "pending"),
        (0, 4, "pending"),
    ]


def test_band_added(ledger):
    """A survey with another band keeps its number and stamps, and is located again."""
    grow_ledger(ledger, growth(surveys=(RI,)))
    assert {state for *_, state in read(ledger)} == {"pending"}
    with LedgerView.open(ledger) as view:
        assert view.surveys() == {0: RI}
        (in_r, in_i) = view.bands()
        assert (in_r.done, in_r.pending, in_i.done, in_i.pending) == (1, 2, 0, 3)


def test_survey_added(ledger):
    """A new survey has a job for each galaxy, old and new."""
    grow_ledger(ledger, growth(map(target, (3,)), surveys=(R, HST)))
    jobs = read(ledger)
    assert [job for job in jobs if job[0]] == [(1, n, "pending") for n in range(4)]


def test_galaxies_dropped(ledger):
    """Removed galaxies leave no row, no count, and a list of stamps to remove."""
    grow_ledger(ledger, growth(dropped=(0, 2)))
    assert read(ledger) == [(0, 1, "no_coverage")]
    with LedgerView.open(ledger) as view:
        assert view.count_cutouts() == 0
        assert view.bands()[0].done == 0
        assert '"stamps": ["cutouts/g0"]' in view.facts()[UNFINISHED]
        assert view.facts()["settled"]


def test_last_dropped_and_added(ledger):
    """Numbers of removed galaxies are not given to those that come with it."""
    grow_ledger(ledger, growth([target(3)], dropped=(2,)))
    assert [job[1] for job in read(ledger)] == [0, 1, 3]


def test_old_facts_forgotten(ledger):
    """With work to do, the run is not settled, and its bill is to be made again."""
    grow_ledger(ledger, growth([target(3)], facts={"catalogue": "new.csv"}))
    with LedgerView.open(ledger) as view:
        facts = view.facts()
    assert facts["catalogue"] == "new.csv"
    assert facts.keys().isdisjoint({"bill sdss", "settled"})


@pytest.mark.parametrize("replaces", [False, True])
def test_rejects(ledger, replaces):
    """Rejected rows of an addition are added; those of a whole catalogue replace."""
    more = {"rejects": [(2, "y", "z")], "replaces_rejects": replaces}
    grow_ledger(ledger, growth(**more))
    with LedgerView.open(ledger) as view:
        assert view.rejects() == [(2, "y", "z")] + [(9, "x", "why")] * (not replaces)


def test_interrupted(ledger):
    """A kill in the middle leaves the ledger as it was."""

    def targets():
        yield target(3)
        raise KeyboardInterrupt

    before = _dump(ledger)
    with pytest.raises(KeyboardInterrupt):
        grow_ledger(ledger, growth(targets(), dropped=(0,), surveys=(RI, HST)))
    assert _dump(ledger) == before


def _dump(path):
    with closing(sqlite3.connect(path)) as db:
        return list(db.iterdump())
