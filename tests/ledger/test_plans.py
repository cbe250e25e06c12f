"""Query plans of the ledger: every query uses an index, however large the run is.

The statements of a simulated harvest are collected as they run, then explained. So no
query is copied here, and new queries are checked as well.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing

import pytest

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.tally import FETCHED
from harvester.models import Finding, Product, Receipt, Survey, Target
from harvester.states import State

#: Covers all target numbers of these tests.
ALL = range(99)

SURVEY = Survey.parse("sdss:g,r")
OTHER = Survey.parse("hst:WFC3/IR:F160W")

#: Targets that share a frame, and the problem of the stamps of each frame in turn.
PER_FRAME = 10
PROBLEMS = ["", "outside", "not_found", "corrupt"]

#: Tables that grow with the catalogue, and their aliases in the queries.
LARGE = r"(?:job|target|product|cutout|offer|[jtpcbqo])"

#: Steps whose cost grows with the catalogue: scans of a whole table or index, or of all
#: rows of a survey.
GROWS = re.compile(rf"SCAN {LARGE}\b(?! VIRTUAL)|SEARCH {LARGE} .*\(survey=\?\)$")

#: Queries that read only the first entry of an index.
FIRST = re.compile(r"min\(due\)\s+FROM job INDEXED BY|LIMIT 1\b")

#: Fragments of queries that the walk must run, and the index each must use.
HOT = {
    "WHERE c.survey = ? AND c.product = ?": "cutout_wanted (survey=? AND product=?)",
    "CROSS JOIN json_each(?) AS f": "cutout_wanted (survey=? AND product=?)",
    "(j.due, j.sky) > (?, ?)": "job_pending (survey=? AND (due,sky)>(?,?) AND due<?)",
    "(due, sky) > (?, ?)": "job_located (survey=? AND (due,sky)>(?,?) AND due<?)",
    "AS located": "job_located (survey=?)",
    "AS pending": "job_pending (survey=?)",
    "product <> ? AND file_loc = ?": "PRIMARY KEY (survey=? AND target=?)",
    "SET state = ?, note = ?, sha256 = ?": "(survey=? AND product=? AND target=?)",
    "json_each(?))\n": "PRIMARY KEY (survey=? AND target=?)",
    "SELECT url": "product_fetched (survey=?)",
}


def make_ledger(path):
    """Make a ledger of two surveys."""
    targets = [
        Target(n, f"id{n}", n * 0.01, 0, f"id{n}", n)
        for n in range(len(PROBLEMS) * PER_FRAME)
    ]
    create_ledger(path, targets=targets, rejects=[], surveys=[SURVEY, OTHER], facts={})


def choices(number):
    """Return two products for each band of a target."""
    return {
        band: [
            Product("sdss", f"{band}{number // PER_FRAME}-{rank}", band, "https://a/f")
            for rank in range(2)
        ]
        for band in SURVEY.bands
    }


async def walk(ledger):
    """Make the calls of a harvest to a ledger; some targets are located twice."""
    for _ in range(2):
        await locate(ledger)
        frames = [due async for due in ledger.frames_due(SURVEY, longest_s=600)]
        problems = PROBLEMS * len(frames)
        for (number, product), problem in zip(frames, problems, strict=False):
            await cut(ledger, number, product, problem)
    ledger.count_traffic("a", 1, 2)
    ledger.count(SURVEY, FETCHED, 9)
    ledger.keep_cool_down("a", 1e12)
    await ledger.keep_fact("a", "b")
    await ledger.next_due([SURVEY, OTHER])
    await ledger.next_due([SURVEY], State.PENDING)
    await ledger.known_good()
    await ledger.cool_downs()


async def locate(ledger):
    """Locate all pending jobs."""
    while asks := await ledger.pending(SURVEY, limit=7, longest_s=600):
        findings = [Finding(ask.target, choices(ask.target.number)) for _, ask in asks]
        await ledger.record_located(SURVEY, findings, file_loc=file_loc, keep_all=False)


async def cut(ledger, number, product, problem):
    """Postpone two jobs of a frame, and record receipts for the others."""
    wanted = [one.target for one in await ledger.wanted(SURVEY, number)]
    await ledger.still_wanted([product])
    await ledger.postpone(
        SURVEY, number, wanted[:2], reason="reset", attempts=2, longest_s=600
    )
    receipts = [Receipt(one, problem, sha256="s", size=1) for one in wanted[2:]]
    await ledger.record_receipts(SURVEY, number, receipts, relocatable=ALL, needed=9)


@pytest.fixture
async def statements(tmp_path, monkeypatch):
    """Collect the statements of a walk: text to parameters."""
    seen = {}

    class Watched(sqlite3.Connection):
        def execute(self, sql, parameters=()):
            seen.setdefault(sql, parameters)
            return super().execute(sql, parameters)

        def executemany(self, sql, rows):
            rows = list(rows)
            if rows:
                seen.setdefault(sql, rows[0])
            return super().executemany(sql, rows)

    connect = sqlite3.connect
    monkeypatch.setattr(
        sqlite3, "connect", lambda *a, **more: connect(*a, factory=Watched, **more)
    )
    make_ledger(tmp_path / "ledger.sqlite")
    seen.clear()
    async with Ledger.open(tmp_path / "ledger.sqlite") as ledger:
        await walk(ledger)
    monkeypatch.undo()
    return {
        sql: parameters
        for sql, parameters in seen.items()
        if re.match(r"\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b", sql)
    }


@pytest.fixture(params=["without statistics", "with statistics"])
def db(request, tmp_path, statements):
    """Open the ledger after the walk; the tests must pass after ANALYZE too."""
    assert statements
    with closing(sqlite3.connect(tmp_path / "ledger.sqlite")) as db:
        if request.param == "with statistics":
            db.execute("ANALYZE")
        yield db


def plan(db, sql, parameters):
    """Return the steps of the query plan of a statement."""
    rows = db.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)
    return [row[3] for row in rows]


def test_no_plan_grows_with_the_catalogue(db, statements):
    """No statement of a harvest reads a whole table, or all rows of a survey."""
    assert len(statements) > 20
    growing = {
        sql: steps
        for sql, parameters in statements.items()
        if (steps := plan(db, sql, parameters))
        and any(GROWS.search(step) for step in steps)
        and not FIRST.search(sql)
    }
    assert growing == {}


@pytest.mark.parametrize(("fragment", "index"), HOT.items())
def test_index_of_a_hot_query(db, statements, fragment, index):
    """Each frequent query uses the index made for it."""
    (found,) = [sql for sql in statements if fragment in sql]
    assert any(index in step for step in plan(db, found, statements[found]))


def test_triggers(db):
    """A trigger on a row reads only rows of the same target."""
    scripts = db.execute("SELECT sql FROM sqlite_master WHERE type = 'trigger'")
    found = 0
    for (script,) in scripts.fetchall():
        when, _, body = script.partition("BEGIN")
        _, _, condition = when.partition("WHEN")
        statements = [f"SELECT {condition}", *body.rpartition("END")[0].split(";")]
        for statement in filter(str.strip, statements):
            sql = re.sub(r"\b(new|old)\.\w+", "NULL", statement)
            found += 1
            assert not [step for step in plan(db, sql, ()) if GROWS.search(step)]
    assert found >= 6


async def test_a_plan_that_grows_is_noticed(db):
    """The pattern of growing steps matches the plans of two bad queries."""
    for sql in (
        "SELECT * FROM cutout WHERE product = 1",
        "SELECT * FROM job AS j WHERE j.survey = 0 AND j.attempts > 3",
    ):
        assert any(GROWS.search(step) for step in plan(db, sql, ()))
