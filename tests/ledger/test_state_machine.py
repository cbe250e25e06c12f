"""The state machine of jobs, in random walks over a real ledger.

Every step opens the ledger, makes one change as a lane, a user or ``verify`` does, and
closes it. Between steps, frames are in hand as if other workers were fetching them,
until a step delivers or drops them.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import tempfile
from collections import Counter
from contextlib import closing
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.taken_up import RetryChoice
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Receipt, Survey, Target
from harvester.states import MOVES, SETTLED, State

#: Covers all target numbers of the walk.
ALL = range(99)

SURVEY = Survey.parse("sdss:g,r")
TARGETS = 3

#: A disk in memory, if there is one: this test needs no durability.
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None

#: For each band, the frames that hold the target, best first.
choices = st.dictionaries(
    st.sampled_from(SURVEY.bands),
    st.lists(st.integers(0, 3), min_size=1, max_size=3, unique=True),
)
problems = st.sampled_from(["", "", "outside", "no_data", "not_found", "bad_wcs"])


class Jobs(RuleBasedStateMachine):
    """Three galaxies in two bands, and every event that can change their jobs."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(dir=MEMORY))
        self.path = self.folder / "ledger.sqlite"
        targets = [Target(n, f"g{n}", n, 0.0, f"g{n}", n + 1) for n in range(TARGETS)]
        create_ledger(
            self.path, targets=targets, rejects=[], surveys=[SURVEY], facts={}
        )
        #: Product number -> targets that wanted it when it was taken.
        self.in_hand = {}
        #: Last result of ``Ledger.next_due``.
        self.due = 0.0
        self.states = self.read_states()

    def teardown(self):
        """Remove the folder."""
        shutil.rmtree(self.folder)

    def ask(self, sql):
        """Query the file directly, without the code under test."""
        with closing(sqlite3.connect(self.path)) as db:
            return db.execute(sql).fetchall()

    def read_states(self):
        """Return the state of each job."""
        return dict(self.ask("SELECT target, state FROM job"))

    def do(self, call):
        """Open the ledger for one call."""

        async def once():
            async with Ledger.open(self.path) as ledger:
                told = await call(ledger)
                self.due = await ledger.next_due([SURVEY])
                return told

        return asyncio.run(once())

    @rule(
        found=st.lists(choices, min_size=TARGETS, max_size=TARGETS),
        limit=st.integers(1, 3),
    )
    def locate(self, found, limit):
        """Locate some pending jobs."""

        async def call(ledger):
            asks = await ledger.pending(SURVEY, limit=limit)
            findings = [
                Finding(
                    ask.target,
                    {
                        band: [
                            Product("sdss", f"f{n}-{band}", band, "https://a/")
                            for n in frames
                        ]
                        for band, frames in found[ask.target.number].items()
                    },
                )
                for _, ask in asks
            ]
            return await ledger.record_located(
                SURVEY, findings, file_loc=file_loc, keep_all=False
            )

        self.expect(self.do(call))

    @rule()
    def take(self):
        """Take the next due frame that is not in hand."""

        async def call(ledger):
            for number, _ in [due async for due in ledger.frames_due(SURVEY)]:
                if number not in self.in_hand:
                    wanted = await ledger.wanted(SURVEY, number)
                    self.in_hand[number] = [one.target for one in wanted]
                    break

        self.do(call)

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), may_relocate=st.booleans())
    def deliver(self, data, may_relocate):
        """Record a cut frame: a stamp or a problem for each galaxy."""
        number = data.draw(st.sampled_from(sorted(self.in_hand)))
        receipts = [
            Receipt(target, data.draw(problems), sha256="s")
            for target in self.in_hand.pop(number)
        ]
        self.expect(
            self.do(
                lambda ledger: ledger.record_receipts(
                    SURVEY,
                    number,
                    receipts,
                    relocatable=ALL if may_relocate else (),
                )
            )
        )

    @precondition(lambda self: self.in_hand)
    @rule(data=st.data(), attempts=st.integers(1, 3))
    def postpone(self, data, attempts):
        """Postpone the jobs of a failed frame; ``longest_s=0`` leaves them due."""
        number = data.draw(st.sampled_from(sorted(self.in_hand)))
        targets = self.in_hand.pop(number)
        self.expect(
            self.do(
                lambda ledger: ledger.postpone(
                    SURVEY,
                    number,
                    targets,
                    reason="http_500",
                    attempts=attempts,
                    longest_s=0,
                )
            )
        )

    @rule()
    def die(self):
        """Drop all frames in hand, as when the process is killed."""
        self.in_hand.clear()

    @rule()
    def retry(self):
        """Retry failed jobs, while no harvest runs."""
        self.in_hand.clear()
        failed = Counter(self.states.values())[State.FAILED]
        assert self.do(lambda ledger: ledger.retry()).total() == failed

    @rule()
    def better(self):
        """Retry jobs whose stamp is a substitute, while no harvest runs."""
        self.in_hand.clear()
        settled = [n for n, s in self.states.items() if s in {"done", "failed"}]
        jobs = {n for n, _ in self.substitutes() if n in settled}
        choice = RetryChoice(better=True)
        assert self.do(lambda ledger: ledger.retry(choice)).total() == len(jobs)

    def substitutes(self):
        """Return target and band of each stamp that is a substitute."""
        return self.ask(
            """
            SELECT DISTINCT c.target, c.band
            FROM cutout AS c
            JOIN cutout AS b USING (target, band, file_loc)
            WHERE c.state = 'done' AND b.rank < c.rank
                AND b.note NOT IN ('', 'outside', 'no_data')
            """
        )

    @rule(data=st.data())
    def lose(self, data):
        """Send stamps back as lost, as ``verify --repair`` does."""
        self.in_hand.clear()
        with LedgerView.open(self.path) as view:
            stamps = [stamp[:4] for stamp in view.stamps()]
        if stamps:
            lost = data.draw(st.lists(st.sampled_from(stamps), unique=True))
            self.do(lambda ledger: ledger.send_back(lost))

    def expect(self, moved):
        """Check that every change of state was reported."""
        before, now = self.states, self.read_states()
        entered = Counter(now[n] for n in now if now[n] != before[n])
        assert not entered - Counter({str(k): v for k, v in moved.items()})

    @invariant()
    def moves_are_legal(self):
        """Check that a job only makes moves allowed by states.py."""
        now = self.read_states()
        for target, state in now.items():
            before = State(self.states[target])
            assert State(state) in MOVES[before] | {before}, (before, state)
        self.states = now

    @invariant()
    def tallies_are_counts(self):
        """Check that the tallies equal a count of the rows."""
        tallies = dict(
            self.ask(
                "SELECT what, count FROM tally "
                "WHERE count > 0 AND what NOT GLOB 'band *'"
            )
        )
        jobs = dict(self.ask("SELECT state, count(*) FROM job GROUP BY state"))
        ((stamps,),) = self.ask("SELECT count(*) FROM cutout WHERE state = 'done'")
        counts = {"stamps": stamps, "substitutes": len(self.substitutes())}
        assert tallies == jobs | {what: n for what, n in counts.items() if n}

    @invariant()
    def bands_are_as_in_the_manifest(self):
        """Check that each band has as many targets in each state as the manifest."""
        with LedgerView.open(self.path) as view:
            bands = {one.band: one for one in view.bands()}
            rows = Counter((row[4], row[5]) for _, row in view.manifest())
        assert rows == {
            (band, state): count
            for band, one in bands.items()
            for state in State
            if (count := getattr(one, state))
        }

    @invariant()
    def nobody_is_stuck(self):
        """Check that LOCATED jobs want a stamp, DONE and NO_COVERAGE jobs do not."""
        stamps = self.ask("SELECT target, state, note FROM cutout")
        for target, state in self.read_states().items():
            mine = {piece for number, piece, _ in stamps if number == target}
            if state == State.LOCATED:
                assert "wanted" in mine
            if state == State.DONE:
                assert "done" in mine
                assert "wanted" not in mine
            if state == State.NO_COVERAGE:
                assert not mine & {"done", "wanted"}
        for (reason,) in self.ask("SELECT reason FROM job WHERE state = 'failed'"):
            assert reason

    @invariant()
    def one_stamp_a_band(self):
        """Check that a file has one wanted cutout at most, better than its stamp."""
        assert not self.ask(
            """
            SELECT file_loc
            FROM cutout
            WHERE state IN ('wanted', 'done')
            GROUP BY file_loc, state
            HAVING count(*) > 1
            """
        )
        assert not self.ask(
            """
            SELECT file_loc
            FROM cutout AS new
            JOIN cutout AS old USING (file_loc)
            WHERE new.state = 'wanted' AND old.state = 'done' AND new.rank >= old.rank
            """
        )

    @invariant()
    def end_is_the_end(self):
        """Check that no job is due exactly when all jobs are settled."""
        assert (self.due is None) == (set(self.read_states().values()) <= SETTLED)


class TestJobs(Jobs.TestCase):
    """Run many random walks."""

    settings = settings(max_examples=15, stateful_step_count=20)
