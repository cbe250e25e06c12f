"""The ledger against a real SQLite file."""

from __future__ import annotations

import asyncio
import os
import socket
import sqlite3
import subprocess
import time
from contextlib import closing
from types import SimpleNamespace

import pytest

from harvester.dataset.stamps import file_loc
from harvester.errors import LedgerError, LockedError
from harvester.ledger.file import create_ledger, owned
from harvester.ledger.ledger import Ledger
from harvester.ledger.listing import Offer
from harvester.ledger.manifest_rows import MANIFEST_COLUMNS
from harvester.ledger.taken_up import RetryChoice
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Receipt, StampFacts, Survey, Target
from harvester.states import State

#: Covers all target numbers of the tests that use it.
ALL = range(99)

SDSS = Survey.parse("sdss:g,r")
HST = Survey.parse("hst:WFC3/IR:F160W")


def make_targets(count):
    """Make targets along the equator."""
    return [
        Target(number, f"id{number}", number * 0.01 % 360, 0.0, f"id{number}", number)
        for number in range(count)
    ]


@pytest.fixture
def path(tmp_path):
    """Create a ledger of five targets in two surveys."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(
        path,
        targets=make_targets(5),
        rejects=[(7, "bad", "Dec is 99")],
        surveys=[SDSS, HST],
        facts={"catalogue sha256": "abc"},
    )
    return path


def product(name, band="r"):
    """Make a product with a name."""
    return Product("sdss", name, band, f"https://archive/{name}")


async def locate(ledger, survey, choices, *, keep_all=False):
    """Record the products ``choices(number)`` for each pending target."""
    asks = [ask for _, ask in await ledger.pending(survey, limit=100)]
    findings = [Finding(a.target, choices(a.target.number)) for a in asks]
    return await ledger.record_located(
        survey, findings, file_loc=file_loc, keep_all=keep_all
    )


def states(path, archive="sdss"):
    """Return the number of jobs of an archive in each state."""
    with LedgerView.open(path) as view:
        return dict(view.states()[archive])


async def test_life_of_a_job(path):
    """A job is located, cut and done, and is still done when the ledger is reopened."""
    async with Ledger.open(path) as ledger:
        await locate(
            ledger, SDSS, lambda _: {b: [product(f"f-{b}", b)] for b in SDSS.bands}
        )
        frames = [due async for due in ledger.frames_due(SDSS)]
        assert [p.name for _, p in frames] == ["f-g", "f-r"]
        for number, _ in frames:
            wanted = await ledger.wanted(SDSS, number)
            receipts = [Receipt(w.target, sha256="s", size=9) for w in wanted]
            assert len(receipts) == 5
            moved = await ledger.record_receipts(
                SDSS, number, receipts, relocatable=ALL
            )
    assert moved == {State.DONE: 5}
    assert states(path) == {"done": 5}
    assert states(path, "hst") == {"pending": 5}
    async with Ledger.open(path) as ledger:
        assert [due async for due in ledger.frames_due(SDSS)] == []
        assert await ledger.next_due([SDSS]) is None


async def test_still_wanted(path):
    """A file is still wanted while a job, even a postponed one, needs its stamp."""
    async with Ledger.open(path) as ledger:
        await locate(
            ledger, SDSS, lambda _: {"g": [product("a", "g"), product("b", "g")]}
        )
        files = [product("a", "r"), product("b"), product("c")]
        assert await ledger.still_wanted(files) == {("sdss", "a")}
        assert await ledger.still_wanted([]) == set()
        other = Product("hst", "a", "F160W", "")
        assert await ledger.still_wanted([other]) == set()
        await ledger.postpone(SDSS, 1, [0, 1], reason="x", attempts=9, longest_s=1e6)
        ((number, _),) = [due async for due in ledger.frames_due(SDSS)]
        cut = [Receipt(target, sha256="s", size=9) for target in (2, 3, 4)]
        await ledger.record_receipts(SDSS, number, cut)
        assert [due async for due in ledger.frames_due(SDSS)] == []
        assert await ledger.still_wanted(files) == {("sdss", "a")}
        outside = [Receipt(0, problem="outside"), Receipt(1, sha256="s", size=9)]
        await ledger.record_receipts(SDSS, number, outside)
        # For the target outside file "a" the next best file is wanted.
        assert await ledger.still_wanted(files) == {("sdss", "b")}


async def test_wrong_frame_is_located_by_position(path):
    """A target outside its frame, and outside the one by position, has no coverage."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda _: {"r": [product("a")]})
        ((number, _),) = [due async for due in ledger.frames_due(SDSS)]
        outside = [Receipt(2, problem="outside")]
        await ledger.record_receipts(SDSS, number, outside, relocatable=ALL)
        ((_, ask),) = await ledger.pending(SDSS, limit=10)
        assert (ask.target.number, ask.by_position) == (2, True)
        await locate(ledger, SDSS, lambda _: {"r": [product("b")]})
        due = {p.name: n for n, p in [due async for due in ledger.frames_due(SDSS)]}
        assert [w.target for w in await ledger.wanted(SDSS, due["b"])] == [2]
        moved = await ledger.record_receipts(SDSS, due["b"], outside, relocatable=ALL)
    assert moved == {State.NO_COVERAGE: 1}


async def test_same_frame_by_position_ends(path):
    """If locating by position gives the empty frame again, the job has no coverage."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda _: {"r": [product("a")]})
        await ledger.record_receipts(
            SDSS, 1, [Receipt(2, problem="outside")], relocatable=ALL
        )
        moved = await locate(ledger, SDSS, lambda _: {"r": [product("a")]})
    assert moved == {State.NO_COVERAGE: 1}


async def test_next_field_by_position(path):
    """If locating by position gives the empty frame first, the next one is wanted."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda _: {"r": [product("a")]})
        outside = [Receipt(2, problem="outside")]
        await ledger.record_receipts(SDSS, 1, outside, relocatable=ALL)
        fields = [product("a"), product("b"), product("c")]
        moved = await locate(ledger, SDSS, lambda _: {"r": fields})
        assert moved == {State.LOCATED: 1}
        due = {p.name: n for n, p in [due async for due in ledger.frames_due(SDSS)]}
        assert [w.target for w in await ledger.wanted(SDSS, due["b"])] == [2]
        assert "c" not in due


async def test_nothing_there(path):
    """A target without any product becomes NO_COVERAGE when it is located."""
    async with Ledger.open(path) as ledger:
        moved = await locate(
            ledger, HST, lambda n: {"F160W": [product("x", "F160W")]} if n else {}
        )
    assert moved == {State.NO_COVERAGE: 1, State.LOCATED: 4}


async def test_next_best_product(path):
    """If the best image is empty, the next best is wanted under the same file name."""
    async with Ledger.open(path) as ledger:
        images = [product("deep", "F160W"), product("shallow", "F160W")]
        await locate(ledger, HST, lambda n: {"F160W": images} if n == 3 else {})
        ((number, first),) = [due async for due in ledger.frames_due(HST)]
        before = await ledger.wanted(HST, number)
        await ledger.record_receipts(HST, number, [Receipt(3, problem="no_data")])
        ((number, second),) = [due async for due in ledger.frames_due(HST)]
        after = await ledger.wanted(HST, number)
    assert (first.name, second.name) == ("deep", "shallow")
    assert before[0].file_loc == after[0].file_loc


async def test_all_observations(path):
    """With ``keep_all`` each product has a stamp file of its own."""
    async with Ledger.open(path) as ledger:
        images = [product("deep", "F160W"), product("shallow", "F160W")]
        await locate(ledger, HST, lambda _: {"F160W": images}, keep_all=True)
        frames = [due async for due in ledger.frames_due(HST)]
        places = {w.file_loc for n, _ in frames for w in await ledger.wanted(HST, n)}
    assert len(places) == 10


async def test_attempts(path):
    """An attempt postpones a job; the last one makes it FAILED with its reason."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda _: {"r": [product("a")]})
        for _ in range(2):
            moved = await ledger.postpone(
                SDSS, 1, [1], reason="http_500", attempts=2, longest_s=0
            )
        assert moved == {State.FAILED: 1}
        assert [w.target for w in await ledger.wanted(SDSS, 1)] == [0, 2, 3, 4]
        with LedgerView.open(path) as view:
            assert view.reasons() == [("sdss", "http_500", 1)]
        assert (await ledger.retry(RetryChoice("html*"))).total() == 0
        assert (await ledger.retry(RetryChoice("http_*"))).total() == 1
        assert [a.target.number for _, a in await ledger.pending(
            SDSS, limit=9
        )] == [1]  # fmt: skip


async def test_bands_share_an_attempt(path, monkeypatch):
    """Bands that fail before the wait is over share one attempt."""
    clock = SimpleNamespace(time=lambda: 1e9)
    monkeypatch.setattr("harvester.ledger.moves.time", clock)
    failure = {"reason": "http_500", "attempts": 2, "longest_s": 60}
    async with Ledger.open(path) as ledger:
        bands = {b: [product(f"f-{b}", b)] for b in SDSS.bands}
        await locate(ledger, SDSS, lambda _: bands)
        assert await ledger.postpone(SDSS, 1, [1], **failure) == {State.LOCATED: 1}
        assert await ledger.postpone(SDSS, 2, [1], **failure) == {}
        clock.time = lambda: 1e9 + 2
        assert await ledger.postpone(SDSS, 1, [1], **failure) == {State.LOCATED: 1}
        assert await ledger.postpone(SDSS, 2, [1], **failure) == {State.FAILED: 1}


async def test_served_band_is_not_asked_for_again(path):
    """A galaxy located again for one band keeps its stamp in the other band."""
    outside = [Receipt(2, problem="outside")]
    async with Ledger.open(path) as ledger:
        await locate(
            ledger, SDSS, lambda _: {b: [product(f"a-{b}", b)] for b in SDSS.bands}
        )
        for number, one in [due async for due in ledger.frames_due(SDSS)]:
            receipts = [Receipt(2, sha256="s")] if one.band == "r" else outside
            await ledger.record_receipts(SDSS, number, receipts, relocatable=ALL)
        await locate(
            ledger, SDSS, lambda _: {b: [product(f"b-{b}", b)] for b in SDSS.bands}
        )
        due = {p.name: n for n, p in [due async for due in ledger.frames_due(SDSS)]}
        wanted = {n: await ledger.wanted(SDSS, due[n]) for n in due if n[0] == "b"}
    assert {n: [w.target for w in some] for n, some in wanted.items()} == {"b-g": [2]}


async def test_clock_set_back(path, monkeypatch):
    """A job postponed while the clock ran a year ahead is due when it is corrected."""
    right = time.time
    async with Ledger.open(path) as ledger:

        async def due():
            frames = [due async for due in ledger.frames_due(SDSS, longest_s=300)]
            asks = await ledger.pending(HST, limit=9, longest_s=300)
            return len(frames), len(asks)

        await locate(ledger, SDSS, lambda n: {"r": [product("a")]} if n == 1 else {})
        assert await due() == (1, 5)
        monkeypatch.setattr(time, "time", lambda: right() + 365 * 86_400)
        for survey, targets in ((SDSS, [1]), (HST, range(5))):
            await ledger.postpone(
                survey, 1, targets, reason="reset", attempts=5, longest_s=300
            )
        assert await due() == (0, 0)
        monkeypatch.undo()
        assert await due() == (1, 5)


async def test_sky_order(path):
    """Jobs are in sky order, so galaxies of one frame follow each other."""
    async with Ledger.open(path) as ledger:
        (_, (second, _)) = await ledger.pending(SDSS, limit=2)
        beyond = await ledger.pending(SDSS, after=second, limit=2)
    assert [place.sky for place, _ in beyond] == [2, 3]


async def test_many_writers(path):
    """Records that many tasks write at the same time are all stored."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda _: {"r": [product("a")]})
        async with asyncio.TaskGroup() as group:
            for target in range(5):
                group.create_task(
                    ledger.record_receipts(
                        SDSS, 1, [Receipt(target, sha256="s")], relocatable=ALL
                    )
                )
    assert states(path) == {"done": 5}


async def test_bad_write_takes_no_other_along(path):
    """A refused statement does not undo the other records of its commit."""

    async def bad(db):
        await db.execute("UPDATE job SET state = 'running'")

    async with Ledger.open(path) as ledger:
        good = asyncio.ensure_future(locate(ledger, HST, lambda _: {}))
        with pytest.raises(sqlite3.IntegrityError):
            await ledger._commits.record(bad)
        await good
    assert states(path, "hst") == {"no_coverage": 5}


async def test_cancelled_writer(path):
    """After a writing task is cancelled the ledger can be written."""
    async with Ledger.open(path) as ledger:
        doomed = asyncio.ensure_future(locate(ledger, SDSS, lambda _: {}))
        await asyncio.sleep(0)
        doomed.cancel()
        await locate(ledger, HST, lambda _: {})
    assert states(path, "hst") == {"no_coverage": 5}


async def test_listing_is_kept(path):
    """A listing of an archive, footprints included, is kept in the ledger."""
    offer = Offer(Product("hst", "n", "F160W", "u", ("m",), 7), "CIRCLE 1 2 3", 99.0)
    async with Ledger.open(path) as ledger:
        assert await ledger.offers(HST) is None
        await ledger.keep_listing(HST, [offer])
    async with Ledger.open(path) as ledger:
        assert await ledger.offers(HST) == [offer]


async def test_empty_listing_is_kept(path):
    """An empty listing is kept too, so that the archive is not asked again."""
    async with Ledger.open(path) as ledger:
        await ledger.keep_listing(HST, [])
        assert await ledger.offers(HST) == []


async def test_traffic(path):
    """Requests and bytes add up over restarts; cool-downs are kept."""
    for _ in range(2):
        async with Ledger.open(path) as ledger:
            ledger.count_traffic("host", 2, 10)
            ledger.keep_cool_down("host", 4e9)
    with LedgerView.open(path) as view:
        assert view.hosts() == [("host", 4, 20, 4e9)]
    async with Ledger.open(path) as ledger:
        assert await ledger.cool_downs() == {"host": 4e9}


async def test_lost_stamp_is_sent_back(path):
    """A stamp that ``verify`` finds missing is wanted again."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda n: {"r": [product("a")]} if n == 1 else {})
        await ledger.record_receipts(SDSS, 1, [Receipt(1, sha256="s")], relocatable=ALL)
        with LedgerView.open(path) as view:
            lost = [stamp[:4] for stamp in view.stamps()]
        await ledger.send_back(lost)
        assert [w.target for w in await ledger.wanted(SDSS, 1)] == [1]


async def with_one_stamp(ledger):
    """Give one target a stamp in g and an unusable frame in r."""
    bands = {"g": [product("f-g", "g")], "r": [product("f-r", "r")]}
    await locate(ledger, SDSS, lambda n: {} if n else bands)
    for number, one in [due async for due in ledger.frames_due(SDSS)]:
        receipt = Receipt(0, "" if one.band == "g" else "bad_wcs", sha256="s")
        moved = await ledger.record_receipts(SDSS, number, [receipt], relocatable=ALL)
    assert moved == {State.FAILED: 1}


async def test_retry_finds_nothing_new(path):
    """A retried job whose archive offers only the existing stamp becomes DONE."""
    async with Ledger.open(path) as ledger:
        await with_one_stamp(ledger)
        assert (await ledger.retry()).total() == 1
        moved = await locate(ledger, SDSS, lambda _: {"g": [product("f-g", "g")]})
        assert moved == {State.DONE: 1}
        assert await ledger.next_due([SDSS]) is None


async def test_stamp_lost_meanwhile(path):
    """A stamp lost while its job is pending is wanted after the job is located."""
    async with Ledger.open(path) as ledger:
        await with_one_stamp(ledger)
        await ledger.retry()
        with LedgerView.open(path) as view:
            await ledger.send_back([stamp[:4] for stamp in view.stamps()])
        assert states(path) == {"pending": 1, "no_coverage": 4}
        assert await locate(ledger, SDSS, lambda _: {}) == {State.LOCATED: 1}
        ((_, frame),) = [due async for due in ledger.frames_due(SDSS)]
    assert frame.name == "f-g"


def dues(path):
    """Return the due time of each SDSS job, by target."""
    with closing(sqlite3.connect(path)) as db:
        return dict(
            db.execute("SELECT target, due FROM job WHERE survey = 0").fetchall()
        )


async def test_waits_grow(path, monkeypatch):
    """Each wait of a job is twice the one before, up to ``longest_s``."""
    clock = SimpleNamespace(time=lambda: 1e9)
    monkeypatch.setattr("harvester.ledger.moves.time", clock)
    waits = []
    async with Ledger.open(path) as ledger:
        for _ in range(70):
            now = clock.time()
            await ledger.postpone(SDSS, 1, [1], reason="x", attempts=99, longest_s=600)
            due = dues(path)[1]
            waits.append(due - now)
            clock.time = lambda due=due: due
    assert waits == [min(600, 2.0**n) for n in range(1, 71)]


async def test_next_due_is_the_soonest(path):
    """``next_due`` is the earliest due time of all jobs of the given surveys."""
    async with Ledger.open(path) as ledger:
        for target, longest_s in enumerate((3, 1, 2, 3, 3)):
            await ledger.postpone(
                SDSS, 1, [target], reason="x", attempts=9, longest_s=longest_s / 2
            )
        assert await ledger.next_due([SDSS]) == min(dues(path).values()) > 0
        assert await ledger.next_due([SDSS, HST]) == 0


async def test_others_keep_their_stamps(path):
    """Only the lost stamp is wanted again; all other stamps stay done."""
    rows = "SELECT target, band, state, sha256, size FROM cutout ORDER BY target, band"
    jobs = "SELECT target, attempts, due, reason FROM job WHERE state = 'located'"
    async with Ledger.open(path) as ledger:
        bands = {b: [product(f"f-{b}", b)] for b in SDSS.bands}
        await locate(ledger, SDSS, lambda n: bands if n < 3 else {})
        for number, _ in [due async for due in ledger.frames_due(SDSS)]:
            receipts = [Receipt(n, sha256="s", size=9) for n in range(3)]
            await ledger.record_receipts(SDSS, number, receipts, relocatable=ALL)
        with LedgerView.open(path) as view:
            lost = next(s for s in view.stamps() if (s.target, s.band) == (1, "r"))
        with closing(sqlite3.connect(path)) as db:
            before = db.execute(rows).fetchall()
            assert db.execute(jobs).fetchall() == []
            await ledger.send_back([lost[:4]])
            after = db.execute(rows).fetchall()
            assert db.execute(jobs).fetchall() == [(1, 0, 0, "")]
    assert set(after) - set(before) == {(1, "r", "wanted", "", 0)}
    assert len(set(after) & set(before)) == 5


async def test_frames_of_those_who_are_due(path):
    """Only frames wanted by due jobs of the same survey are listed."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, HST, lambda _: {"F160W": [product("h", "F160W")]})
        bands = {b: [product(f"f-{b}", b)] for b in SDSS.bands}
        await locate(ledger, SDSS, lambda n: bands if n == 1 else {})
        assert len([due async for due in ledger.frames_due(SDSS)]) == 2
        await ledger.postpone(SDSS, 1, [1], reason="x", attempts=9, longest_s=600)
        assert [due async for due in ledger.frames_due(SDSS)] == []
        assert len([due async for due in ledger.frames_due(HST)]) == 1


@pytest.mark.parametrize(
    "content", [b"", b"<html>503</html>" * 100, b"SQLite format 3\0" + b"x" * 5000]
)
async def test_no_ledger(tmp_path, content):
    """A file that is not a ledger is refused and not changed."""
    path = tmp_path / "ledger.sqlite"
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="ledger"):
        async with Ledger.open(path):
            pass
    assert path.read_bytes() == content


async def test_damaged(path):
    """A ledger with a torn page is refused."""
    content = bytearray(path.read_bytes())
    content[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    path.write_bytes(content)
    with pytest.raises(LedgerError, match="damaged"):
        async with Ledger.open(path):
            pass


async def test_newer(path):
    """A ledger of a newer version is refused with the advice to upgrade."""
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(LedgerError, match=r"newer harvester.*upgrade"):
        async with Ledger.open(path):
            pass


def test_one_owner(tmp_path):
    """A second owner gets LockedError that names the first owner's process."""
    lock = tmp_path / "ledger.lock"
    with owned(lock), pytest.raises(LockedError, match=r"process \d+ on"), owned(lock):
        pass
    with owned(lock):
        pass


def test_owner_who_has_not_signed_yet(tmp_path, monkeypatch):
    """The lock error names the current owner, not a dead one's leftover entry."""
    lock = tmp_path / "ledger.lock"
    gone = subprocess.Popen(["true"])
    gone.wait()
    ours = f"process {os.getpid()} on {socket.gethostname()}"
    monkeypatch.setattr("time.sleep", lambda _: lock.write_text(f"{ours}\n"))
    with owned(lock):
        lock.write_text(f"process {gone.pid} on {socket.gethostname()}\n")
        with pytest.raises(LockedError, match=ours), owned(lock):
            pass


def test_large_catalogue(tmp_path):
    """Every target of a large catalogue has one job in each survey."""
    path = tmp_path / "ledger.sqlite"
    create_ledger(
        path, targets=make_targets(50_000), rejects=[], surveys=[SDSS, HST], facts={}
    )
    assert states(path) == {"pending": 50_000}
    assert states(path, "hst") == {"pending": 50_000}


async def test_zones_of_the_sky(tmp_path):
    """Jobs are sorted by declination zone, then by right ascension."""
    path = tmp_path / "ledger.sqlite"
    places = [(9, 0.01), (5, -0.16), (1, 0.149), (7, -0.2), (2, -90), (2, 90), (1, 0.1)]
    targets = [
        Target(number, "x", ra, dec, f"x{number}", number)
        for number, (ra, dec) in enumerate(places)
    ]
    create_ledger(path, targets=targets, rejects=[], surveys=[SDSS], facts={})
    async with Ledger.open(path) as ledger:
        pending = await ledger.pending(SDSS, limit=100)
    assert [place.sky for place, _ in pending] == list(range(7))
    assert [ask.target.number for _, ask in pending] == [4, 1, 3, 2, 6, 0, 5]


def test_names_of_files_differ(tmp_path):
    """Two targets with the same file name are refused."""
    twins = [Target(number, "x", 1.0, 2.0, "x", number) for number in range(2)]
    with pytest.raises(sqlite3.IntegrityError):
        create_ledger(
            tmp_path / "ledger.sqlite",
            targets=twins,
            rejects=[],
            surveys=[SDSS],
            facts={},
        )


async def test_tallies(path):
    """The tallies that status shows equal a count of the rows."""
    async with Ledger.open(path) as ledger:
        await locate(ledger, SDSS, lambda n: {"r": [product("f")]} if n else {})
        (number, _), *_ = [due async for due in ledger.frames_due(SDSS)]
        receipts = [Receipt(1, "", "a", "s"), Receipt(2, "outside"), Receipt(3, "bad")]
        await ledger.record_receipts(SDSS, number, receipts)
        await ledger.retry()
        await ledger.send_back([(0, 1, "r", number)])
    with closing(sqlite3.connect(path)) as db:
        counted = db.execute(
            "SELECT survey, state, count(*) FROM job GROUP BY survey, state"
        ).fetchall()
        kept = db.execute(
            "SELECT * FROM tally WHERE what <> 'stamps' AND count > 0"
        ).fetchall()
    assert sorted(kept) == sorted(counted)
    with LedgerView.open(path) as view:
        assert view.count_cutouts() == 0
        assert view.frames_fetched() == [(0, 1)]


async def test_routes(path):
    """Targets are counted by route, each time that they are located."""
    async with Ledger.open(path) as ledger:
        asks = [ask for _, ask in await ledger.pending(SDSS, limit=100)]
        routes = ["identifier", "identifier", "crossid", "geometry", ""]
        for some in (asks, asks[:1]):
            found = [
                Finding(ask.target, {"r": [product("f")]}, route)
                for ask, route in zip(some, routes, strict=False)
            ]
            await ledger.record_located(SDSS, found, file_loc=file_loc, keep_all=False)
    with LedgerView.open(path) as view:
        assert view.routes() == {
            str(SDSS): {"crossid": 1, "geometry": 1, "identifier": 3},
            str(HST): {},
        }
        assert view.states()["sdss"] == {"located": 5}


def told_by(view):
    """Give the rows of the manifest by column."""
    return [dict(zip(MANIFEST_COLUMNS, row, strict=True)) for _, row in view.manifest()]


async def test_manifest_tells_of_matches(path):
    """Of a matched position the manifest has number and distance of the objects."""
    async with Ledger.open(path) as ledger:
        one, other, third, *_ = [
            ask.target for _, ask in await ledger.pending(SDSS, limit=100)
        ]
        found = [
            Finding(
                one, {"r": [product("f")]}, "crossid", "", 3, 1.25, is_ambiguous=True
            ),
            Finding(other, {}, "crossid", "", 0, None),
            Finding(third, {}, reason="proprietary"),
        ]
        await ledger.record_located(SDSS, found, file_loc=file_loc, keep_all=False)
    with LedgerView.open(path) as view:
        told = [
            dict(zip(MANIFEST_COLUMNS, row, strict=True)) for _, row in view.manifest()
        ]
    rows = [one for one in told if (one["survey"], one["band"]) == ("sdss", "r")]
    names = ("missing_reason", "n_candidates", "sep_arcsec", "match_ambiguous")
    assert [tuple(row[name] for name in names) for row in rows[:3]] == [
        ("", 3, 1.25, True),
        ("outside_footprint", 0, None, False),
        ("not_public", None, None, None),
    ]


async def test_looked_nothing_there(path):
    """A frame that does not show the galaxy is not the same as no frame at all."""
    async with Ledger.open(path) as ledger:
        (_, asked), *_ = await ledger.pending(SDSS, limit=1)
        found = [Finding(asked.target, {"r": [product("f")]})]
        await ledger.record_located(SDSS, found, file_loc=file_loc, keep_all=False)
        ((number, _),) = [frame async for frame in ledger.frames_due(SDSS)]
        receipts = [Receipt(asked.target.number, problem="no_data")]
        await ledger.record_receipts(SDSS, number, receipts)
    with LedgerView.open(path) as view:
        told = [
            dict(zip(MANIFEST_COLUMNS, row, strict=True)) for _, row in view.manifest()
        ]
    (row,) = [
        one
        for one in told
        if (one["survey"], one["band"]) == ("sdss", "r")
        and one["id_str"] == asked.target.id
    ]
    assert row["status"] == "no_coverage"
    assert row["missing_reason"] == "looked_nothing_there"


async def test_targets_to_come(path):
    """Each frame to come has its name, footprint and the positions of its galaxies."""
    near = Product("hst", "a", "F160W", "u", ("mirror",))
    other = Product("hst", "b", "F160W", "u")
    async with Ledger.open(path) as ledger:
        await ledger.keep_listing(HST, [Offer(near, "CIRCLE 1 2 3", 10.0)])
        await locate(
            ledger, HST, lambda n: {"F160W": [near, other][n % 2 :][:1]} if n else {}
        )
    with LedgerView.open(path) as view:
        frames = list(view.targets_to_come(1))
    assert [tuple(frame) for frame in frames] == [
        ("a", "F160W", True, "CIRCLE 1 2 3", [0.02, 0.04], [0.0, 0.0]),
        ("b", "F160W", False, None, [0.01, 0.03], [0.0, 0.0]),
    ]


async def test_facts_stay(path):
    """A stored fact, such as the first bill, is not overwritten."""
    async with Ledger.open(path) as ledger:
        await ledger.keep_fact("bill sdss", "1")
        await ledger.keep_fact("bill sdss", "2")
    with LedgerView.open(path) as view:
        assert view.facts()["bill sdss"] == "1"


async def test_manifest_tells_twins(tmp_path):
    """Targets at one position are flagged in each row, with a stamp or without."""
    places = [(10.0, 5.0), (20.0, 5.0), (10.0, 5.0 + 0.5 / 3600)]
    targets = [
        Target(n, f"g{n}", ra, dec, f"g{n}") for n, (ra, dec) in enumerate(places)
    ]
    path = tmp_path / "ledger.sqlite"
    create_ledger(path, targets=targets, rejects=[], surveys=[SDSS], facts={})
    async with Ledger.open(path) as ledger:
        asks = [ask for _, ask in await ledger.pending(SDSS, limit=3)]
        found = [Finding(ask.target, {"r": [product("f")]}) for ask in asks]
        await ledger.record_located(SDSS, found, file_loc=file_loc, keep_all=False)
        ((number, _),) = [frame async for frame in ledger.frames_due(SDSS)]
        stamp = Receipt(0, file_loc="a", facts=StampFacts(flags="edge"))
        await ledger.record_receipts(SDSS, number, [stamp])
    with LedgerView.open(path) as view:
        flags = [row["flags"] for row in told_by(view) if row["band"] == "r"]
    assert flags == ["edge duplicate_position", "", "duplicate_position"]
