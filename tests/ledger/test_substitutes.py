"""Stamps of a second-best image: never without a word, and bettered when asked for."""

from __future__ import annotations

import pytest

from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Receipt, Survey, Target
from harvester.places import Places
from harvester.states import State
from harvester.status.report import read_report, words

HST = Survey.parse("hst:WFC3/IR:F160W")
IMAGES = ("deep", "middle", "shallow")


class Run:
    """A run of one galaxy that three images show."""

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
        """Find the images, the best one first."""
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
        """Cut the images that are wanted, each with its problem; tell which those were.

        A transient problem is written with a question mark, and is tried twice.
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
        """Take it up again if its stamp could be better; tell of how many jobs."""
        async with Ledger.open(self.places.ledger) as ledger:
            return await ledger.retry(pattern, better=True)

    @property
    def row(self):
        """The one row of the manifest."""
        with LedgerView.open(self.places.ledger) as view:
            return next(view.manifest())

    @property
    def told(self):
        """What the manifest says of the stamp."""
        row = self.row
        return row.status, row.product, row.substitute, row.substitute_reason

    @property
    def counts(self):
        """Stamps on disk, and those of them that are substitutes."""
        report = read_report(self.places)
        return report["cutouts"], report["substitutes"]


@pytest.fixture
async def run(tmp_path):
    """Give a run whose galaxy is located."""
    run = Run(tmp_path)
    await run.locate()
    return run


@pytest.mark.parametrize("problem", ["outside", "no_data"])
async def test_best_shows_nothing(run, problem):
    """An image that does not show the galaxy is no loss, and no word is said of it."""
    assert await run.cut(deep=problem, middle="") == [("deep", ""), ("middle", "")]
    assert run.told == ("done", "middle", False, "")
    assert run.counts == (1, 0)
    assert await run.better() == 0


@pytest.mark.parametrize(
    "problem", ["not_found", "http_403", "bad_wcs", "corrupt_at_source", "worker_died"]
)
async def test_best_is_missed(run, problem):
    """Where the best image failed for good, stamp and manifest say so."""
    why = f"{problem} of deep"
    assert await run.cut(deep=problem, middle="") == [("deep", ""), ("middle", why)]
    assert run.told == ("done", "middle", True, why)
    assert run.counts == (1, 1)
    assert "1 of them are not of the best image" in words(read_report(run.places))


async def test_attempts_are_for_the_best(run):
    """A transient failure keeps the best wanted until its attempts are used up."""
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
    """A galaxy of which no image can be had fails with why the best could not."""
    await run.cut(deep="truncated?", middle="outside", shallow="http_403")
    assert (run.row.status, run.row.reason) == ("failed", "truncated")


async def test_bettered(run):
    """Taken up again, the best image takes the place of the stamp that was there."""
    await run.cut(deep="http_403", middle="")
    assert await run.better() == 1
    assert run.told == ("done", "middle", True, "http_403 of deep")
    assert run.counts == (1, 1)
    assert await run.cut(deep="") == [("deep", "")]
    assert run.told == ("done", "deep", False, "")
    assert run.row.sha256 == "deep"
    assert run.counts == (1, 0)
    assert await run.better() == 0


@pytest.mark.parametrize("problem", ["http_403", "truncated?"])
async def test_not_bettered(run, problem):
    """If the best cannot be had again, the stamp stays what and where it was."""
    await run.cut(deep="http_403", middle="")
    before = run.row.file_loc
    await run.better()
    await run.cut(deep=problem)
    assert run.told == ("done", "middle", True, f"{problem.strip('?')} of deep")
    assert run.row.file_loc == before
    assert run.counts == (1, 1)
    assert await run.better() == 1


async def test_shows_nothing_after_all(run):
    """The best image that came at last, and shows nothing, is no loss."""
    await run.cut(deep="http_403", middle="")
    await run.better()
    await run.cut(deep="outside")
    assert run.told == ("done", "middle", False, "")


async def test_second_best(run):
    """Of two that were missed the better is tried first, then the other one."""
    await run.cut(deep="http_403", middle="truncated?", shallow="")
    assert await run.better() == 1
    assert await run.cut(deep="http_403", middle="") == [
        ("deep", ""),
        ("middle", "http_403 of deep"),
    ]
    assert run.told == ("done", "middle", True, "http_403 of deep")
    assert run.counts == (1, 1)


async def test_only_some_reasons(run):
    """Those are taken up whose better image was missed for the reason that is named."""
    await run.cut(deep="http_403", middle="")
    assert await run.better("not_found") == 0
    assert await run.better("http_*") == 1


async def test_lost_while_bettered(run):
    """A stamp lost while a better one is awaited is made if that does not come."""
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
    """Where each image has a stamp of its own, none stands for another one."""
    run = Run(tmp_path)
    await run.locate(keep_all=True)
    await run.cut(deep="http_403", middle="", shallow="")
    assert run.row.substitute is False
    assert await run.better() == 0
    assert run.counts == (2, 0)


async def test_state_while_bettered(run):
    """A galaxy whose better image is awaited is located, so that resume works on it."""
    await run.cut(deep="http_403", middle="")
    await run.better()
    async with Ledger.open(run.places.ledger) as ledger:
        assert await ledger.next_due([HST], State.LOCATED) == 0
