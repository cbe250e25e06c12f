"""Substitutes: stamps that are not of the best image, and their improvement."""

from __future__ import annotations

import pytest

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.ledger.taken_up import RetryChoice
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Receipt, Survey, Target
from harvester.places import Places
from harvester.states import State
from harvester.status.report import read_report
from harvester.status.report_words import words

HST = Survey.parse("hst:WFC3/IR:F160W")
IMAGES = ("deep", "middle", "shallow")


class Run:
    """A run of one galaxy in the footprint of three images."""

    def __init__(self, folder):
        self.places = Places(folder)
        create_ledger(
            self.places.ledger,
            targets=[Target(0, "g", 150.0, 2.0, "g", 1)],
            rejects=[],
            surveys=[HST],
            facts={},
        )

    async def locate(self, *, keep_all=False):
        """Record the three images, the best one first."""
        images = [Product("hst", name, "F160W", f"https://a/{name}") for name in IMAGES]
        async with Ledger.open(self.places.ledger) as ledger:
            ((_, ask),) = await ledger.pending(HST, limit=9)
            await ledger.record_located(
                HST,
                [Finding(ask.target, {"F160W": images})],
                file_loc=file_loc,
                keep_all=keep_all,
            )

    async def cut(self, **outcomes):
        """Cut the wanted images with these problems; list the names and notes.

        A problem with a question mark is transient and has two attempts.
        """
        was = []
        async with Ledger.open(self.places.ledger) as ledger:
            while frames := [due async for due in ledger.frames_due(HST)]:
                ((number, product), *_) = frames
                (wanted,) = await ledger.wanted(HST, number)
                was.append((product.name, wanted.substitute))
                problem = outcomes[product.name]
                if problem.endswith("?"):
                    await ledger.postpone(
                        HST, number, [0], reason=problem[:-1], attempts=2, longest_s=0
                    )
                    continue
                receipt = Receipt(0, problem, wanted.file_loc, product.name, 9, 1.0)
                await ledger.record_receipts(HST, number, [receipt])
        return was

    async def better(self, pattern="*"):
        """Retry the job if its stamp is a substitute; return the number of jobs."""
        async with Ledger.open(self.places.ledger) as ledger:
            choice = RetryChoice(pattern, better=True)
            return (await ledger.retry(choice)).total()

    @property
    def row(self):
        """The only row of the manifest."""
        with LedgerView.open(self.places.ledger) as view:
            _, values = next(view.manifest())
        return dict(zip(MANIFEST_COLUMNS, values, strict=True))

    @property
    def told(self):
        """Status, product, substitute flag and its reason in the manifest."""
        names = ("status", "product", "substitute", "substitute_reason")
        return tuple(self.row[name] for name in names)

    @property
    def counts(self):
        """Numbers of stamps and of substitutes in the report."""
        report = read_report(self.places)
        return report["cutouts"], report["substitutes"]


@pytest.fixture
async def run(tmp_path):
    """Make a run whose galaxy is located."""
    run = Run(tmp_path)
    await run.locate()
    return run


@pytest.mark.parametrize("problem", ["outside", "no_data"])
async def test_best_shows_nothing(run, problem):
    """If the best image does not show the galaxy, the next is no substitute."""
    assert await run.cut(deep=problem, middle="") == [("deep", ""), ("middle", "")]
    assert run.told == ("done", "middle", False, "")
    assert run.counts == (1, 0)
    assert await run.better() == 0


@pytest.mark.parametrize(
    "problem", ["not_found", "http_403", "bad_wcs", "corrupt_at_source", "worker_died"]
)
async def test_best_is_missed(run, problem):
    """If the best image fails, the stamp and manifest of the next give the reason."""
    why = f"{problem} of deep"
    assert await run.cut(deep=problem, middle="") == [("deep", ""), ("middle", why)]
    assert run.told == ("done", "middle", True, why)
    assert run.counts == (1, 1)
    assert "1 of them is not from the best image" in words(read_report(run.places))


async def test_attempts_are_for_the_best(run):
    """The best image stays wanted until its attempts are used up."""
    was = await run.cut(deep="truncated?", middle="stalled?", shallow="")
    assert was == [
        ("deep", ""),
        ("deep", ""),
        ("middle", "truncated of deep"),
        ("middle", "truncated of deep"),
        ("shallow", "truncated of deep"),
    ]
    assert run.told == ("done", "shallow", True, "truncated of deep")


async def test_nothing_to_be_had(run):
    """If no image gives a stamp, the job fails with the best image's reason."""
    await run.cut(deep="truncated?", middle="outside", shallow="http_403")
    assert (run.row["status"], run.row["reason"]) == ("failed", "truncated")


async def test_bettered(run):
    """With ``better``, the stamp of the best image replaces the substitute."""
    await run.cut(deep="http_403", middle="")
    assert await run.better() == 1
    assert run.told == ("done", "middle", True, "http_403 of deep")
    assert run.counts == (1, 1)
    assert await run.cut(deep="") == [("deep", "")]
    assert run.told == ("done", "deep", False, "")
    assert run.row["sha256"] == "deep"
    assert run.counts == (1, 0)
    assert await run.better() == 0


@pytest.mark.parametrize("problem", ["http_403", "truncated?"])
async def test_not_bettered(run, problem):
    """If the best image fails again, the substitute stays unchanged."""
    await run.cut(deep="http_403", middle="")
    before = run.row["file_loc"]
    await run.better()
    await run.cut(deep=problem)
    assert run.told == ("done", "middle", True, f"{problem.strip('?')} of deep")
    assert run.row["file_loc"] == before
    assert run.counts == (1, 1)
    assert await run.better() == 1


async def test_shows_nothing_after_all(run):
    """If the best image then shows nothing, the stamp is no longer a substitute."""
    await run.cut(deep="http_403", middle="")
    await run.better()
    await run.cut(deep="outside")
    assert run.told == ("done", "middle", False, "")


async def test_second_best(run):
    """Of two missed images the better one is tried first, then the other one."""
    await run.cut(deep="http_403", middle="truncated?", shallow="")
    assert await run.better() == 1
    assert await run.cut(deep="http_403", middle="") == [
        ("deep", ""),
        ("middle", "http_403 of deep"),
    ]
    assert run.told == ("done", "middle", True, "http_403 of deep")
    assert run.counts == (1, 1)


async def test_only_some_reasons(run):
    """``better`` with a pattern retries only jobs whose reason matches it."""
    await run.cut(deep="http_403", middle="")
    assert await run.better("not_found") == 0
    assert await run.better("http_*") == 1


async def test_lost_while_bettered(run):
    """A substitute lost during ``better`` is made again if the best image fails."""
    await run.cut(deep="http_403", middle="")
    await run.better()
    async with Ledger.open(run.places.ledger) as ledger:
        with LedgerView.open(run.places.ledger) as view:
            await ledger.send_back([stamp[:4] for stamp in view.stamps()])
    assert await run.cut(deep="http_403", middle="") == [
        ("deep", ""),
        ("middle", "http_403 of deep"),
    ]
    assert run.told == ("done", "middle", True, "http_403 of deep")
    assert run.counts == (1, 1)


async def test_all_observations(tmp_path):
    """With ``keep_all`` no stamp is a substitute."""
    run = Run(tmp_path)
    await run.locate(keep_all=True)
    await run.cut(deep="http_403", middle="", shallow="")
    assert run.row["substitute"] is False
    assert await run.better() == 0
    assert run.counts == (2, 0)


async def test_state_while_bettered(run):
    """After ``better`` the job is located and due, so ``resume`` works on it."""
    await run.cut(deep="http_403", middle="")
    await run.better()
    async with Ledger.open(run.places.ledger) as ledger:
        assert await ledger.next_due([HST], State.LOCATED) == 0
