"""A lane with a real ledger; archive, frames and cutter are stand-ins."""

from __future__ import annotations

import asyncio
import errno
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from harvester.errors import (
    LocalError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)
from harvester.events import Moved, Note, Stamped
from harvester.frames.store import LocalFrame
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import (
    Cut,
    CutoutSpec,
    Finding,
    Plane,
    Product,
    Receipt,
    StampSize,
    Survey,
    Target,
)
from harvester.run.frame_cuts import FrameCuts
from harvester.run.lane import Lane, LanePlan
from harvester.run.orchestrator import Orchestrator

SURVEY = Survey.parse("sdss:r")


class Archive:
    """A stand-in for an archive: locates targets in frame0 and frame1, or fails."""

    name = "sdss"

    def __init__(self):
        self.asked = []
        self.failures = []
        #: Names of products in each call, and what is told of them.
        self.described = []
        self.facts = ""
        #: Numbers of targets that need no request.
        self.known = set()
        #: Identifiers of targets whose position named the frame.
        self.by_position = set()

    def may_relocate(self, identifier):
        """Tell whether the identifier named the frame."""
        return identifier not in self.by_position

    async def describe(self, _survey, products):
        """Tell of each product what ``facts`` says."""
        self.described.append(sorted(product.name for product in products))
        return {p.name: self.facts for p in products} if self.facts else {}

    async def recognise(self, _survey, asks):
        """Find the targets in ``known`` by their identifiers."""
        by_name = [ask for ask in asks if not ask.by_position]
        yield [self.find(ask) for ask in by_name if ask.target.number in self.known]

    async def locate(self, _survey, asks):
        """Find all targets, or raise the next failure."""
        self.asked.append([(ask.target.number, ask.by_position) for ask in asks])
        if self.failures:
            raise self.failures.pop(0)
        yield [self.find(ask) for ask in asks]

    def find(self, ask):
        """Find frame0 for even targets and frame1 for odd ones."""
        name = "moved" if ask.by_position else f"frame{ask.target.number % 2}"
        product = Product("sdss", name, "r", f"https://archive/{name}")
        return Finding(ask.target, {"r": [product]})


class Frames:
    """A stand-in for the frame store: has every frame, or raises a given failure."""

    def __init__(self):
        self.fetched = []
        self.discarded = []
        self.aside = []
        self.failures = {}
        #: For each frame, whether its last fetch would wait for the end of an outage.
        self.sat_out = {}
        #: Whether the archive is down.
        self.are_down = False
        #: Products whose hosts are down.
        self.out_of_reach = set()
        #: Products that are fetched partly until they are discarded.
        self.parts = set()
        #: Products with the same damage in each fetch.
        self.hopeless = set()

    @asynccontextmanager
    async def frame(self, product, _wanted, _spec, on_bytes, *, sits_out):
        """Yield the fetched frame, or raise the next failure set for its product."""
        self.fetched.append(product.name)
        self.sat_out[product.name] = sits_out
        on_bytes(1000)
        if self.failures.get(product.name):
            raise self.failures[product.name].pop(0)
        is_part = product.name in self.parts - set(self.discarded)
        yield LocalFrame(Path("/frames", product.name), not is_part)

    def learn(self, _product, _wanted, _receipts):
        """Learn nothing of the rows of stamps."""

    def is_out_of_reach(self, product):
        """Whether its hosts are down."""
        return product.name in self.out_of_reach

    def has_mirrors(self, product):
        """Tell whether others have it, as the product says."""
        return bool(product.mirrors)

    def is_down(self, _product):
        """Whether the archive is down."""
        return self.are_down

    def put_aside(self, frame):
        """Record a frame; there is space to keep one."""
        self.aside.append(frame.path.name)
        return frame.path if len(self.aside) == 1 else None

    def discard(self, product, frame, error):
        """Record a discarded frame; raise if its damage is permanent."""
        self.discarded.append(product.name)
        if frame.is_whole and product.name in self.hopeless:
            raise PermanentError("corrupt_at_source", "twice") from error


class Cutter:
    """A stand-in for the cutter: cuts all stamps, or has the given problems."""

    def __init__(self):
        self.problems = {}
        self.failures = {}
        #: Facts of the products that were cut, by their names.
        self.facts = {}

    def room(self, _archive):
        """Do not wait."""
        return nullcontext()

    async def cut(self, job):
        """Return a receipt for each stamp."""
        name = job.product.name
        self.facts[name] = job.product.facts
        if self.failures.get(name):
            raise self.failures[name].pop(0)
        problem = self.problems.get(name, "")
        receipts = [Receipt(w.target, problem, w.file_loc, "sha") for w in job.wanted]
        return Cut(receipts, needed=400)


class Stage:
    """All parts that a lane uses, and the events that it sent."""

    def __init__(self, folder, *surveys):
        self.path = folder / "ledger.sqlite"
        self.archive, self.frames, self.cutter = Archive(), Frames(), Cutter()
        self.listener = []
        targets = [Target(n, f"id{n}", n / 10, 0.0, f"id{n}", n) for n in range(6)]
        create_ledger(
            self.path,
            targets=targets,
            rejects=[],
            surveys=surveys or [SURVEY],
            facts={},
        )

    async def run(self, down_s=lambda: 0.0, *, locate_only=False, located=None, **plan):
        """Run a lane until it ends, and return it."""
        defaults = {
            "surveys": (SURVEY,),
            "spec": CutoutSpec(StampSize.parse("4px")),
            "root": self.path.parent,
            "keep_all": False,
            "workers": 2,
            "attempts": 2,
            "longest_backoff_s": 0.01,
            "patience_s": 0,
        }
        async with Ledger.open(self.path) as ledger:
            planned = LanePlan(**defaults | plan)
            lane = Lane(
                self.archive,
                planned,
                ledger=ledger,
                frames=self.frames,
                cuts=FrameCuts(
                    planned.spec,
                    planned.root,
                    frames=self.frames,
                    cutter=self.cutter,
                    say=lambda text: self.listener.append(Note(f"sdss: {text}")),
                ),
                listener=self.listener.append,
                located=located,
                down_s=down_s,
            )
            await Orchestrator([lane]).run(locate_only=locate_only)
        return lane

    def states(self):
        """Return the number of jobs in each state."""
        with LedgerView.open(self.path) as view:
            return dict(view.states()["sdss"])

    def reasons(self):
        """Return the number of failed jobs for each reason."""
        with LedgerView.open(self.path) as view:
            return {reason: jobs for _, reason, jobs in view.reasons()}


@pytest.fixture
def stage(tmp_path):
    """Return the parts that a lane uses."""
    return Stage(tmp_path)


async def test_to_the_end(stage):
    """Every job is located, every frame is fetched once, every stamp is cut."""
    lane = await stage.run()
    assert stage.states() == {"done": 6}
    assert sorted(stage.frames.fetched) == ["frame0", "frame1"]
    assert len(stage.archive.asked) == 1
    assert lane.troubles == []
    assert sum(e.stamps for e in stage.listener if isinstance(e, Stamped)) == 6
    assert sum(e.jobs for e in stage.listener if isinstance(e, Moved)) == 12


class Outlet:
    """Takes the names of stamps, and has no room until it is told."""

    def __init__(self):
        self.names = []
        self.asked, self.free = asyncio.Event(), asyncio.Event()

    def add(self, receipts):
        """Take stamps."""
        self.names += [one.file_loc for one in receipts]

    async def room(self):
        """Wait until there is room."""
        self.asked.set()
        await self.free.wait()


async def test_full_outlet(stage):
    """While too much waits for a store no frame is fetched; then stamps go there."""
    outlet = Outlet()
    async with asyncio.TaskGroup() as group:
        group.create_task(stage.run(outlet=outlet))
        await outlet.asked.wait()
        assert stage.frames.fetched == []
        outlet.free.set()
    assert stage.states() == {"done": 6}
    with LedgerView.open(stage.path) as view:
        assert sorted(outlet.names) == sorted(one.file_loc for one in view.stamps())


async def test_sampling_beside(stage):
    """Frames are fetched while the archive is still asked about a sample of others."""
    asked = asyncio.Event()

    async def ask():
        asked.set()
        await asyncio.Event().wait()  # there is no answer

    async def located(_archive):
        return ask()

    await stage.run(located=located)
    assert asked.is_set()
    assert stage.states() == {"done": 6}


async def test_nothing_to_do(stage):
    """A settled run ends at once, without a request."""
    await stage.run()
    stage.archive.asked.clear()
    await stage.run()
    assert stage.archive.asked == []


async def test_waiting_for_a_cut_is_no_work(stage, monkeypatch):
    """While frames are cut and none is due, the lane does not poll the ledger."""
    looks = []
    pending = Ledger.pending

    async def counted(ledger, survey, **limits):
        looks.append(survey)
        return await pending(ledger, survey, **limits)

    async def slow_cut(job):
        async with Ledger.open(stage.path) as ledger:
            for _ in range(100):
                await ledger.next_due([SURVEY])
        return await cut(job)

    cut = stage.cutter.cut
    monkeypatch.setattr(Ledger, "pending", counted)
    monkeypatch.setattr(stage.cutter, "cut", slow_cut)
    await stage.run()
    assert stage.states() == {"done": 6}
    assert len(looks) < 20


async def test_frame_that_is_not_there(stage):
    """If a frame is missing, its galaxies are located by position, once."""
    stage.frames.failures = {"frame1": [NotFoundError("404")]}
    await stage.run()
    assert stage.states() == {"done": 6}
    assert stage.archive.asked[1] == [(1, True), (3, True), (5, True)]
    assert "moved" in stage.frames.fetched


async def test_never_there(stage):
    """If the frame found by position is missing too, its galaxies fail."""
    stage.frames.failures = {
        "frame1": [NotFoundError("404")],
        "moved": [NotFoundError("404")],
    }
    await stage.run()
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"not_found": 3}


async def test_slow_cutting(stage, monkeypatch):
    """While cutting is slow, no more frames are in progress than there are workers."""
    in_hand, most = set(), []
    frame, cut = stage.frames.frame, stage.cutter.cut

    @asynccontextmanager
    async def watched(product, *rest, **more):
        in_hand.add(product.name)
        async with frame(product, *rest, **more) as path:
            yield path
        in_hand.remove(product.name)

    async def slow(job):
        # Wait until a second frame is in progress.
        await both.wait()
        most.append(len(in_hand))
        return await cut(job)

    both = asyncio.Barrier(2)

    def find(ask):
        name = f"frame{ask.target.number}"
        product = Product("sdss", name, "r", f"https://archive/{name}")
        return Finding(ask.target, {"r": [product]})

    monkeypatch.setattr(stage.frames, "frame", watched)
    monkeypatch.setattr(stage.cutter, "cut", slow)
    monkeypatch.setattr(stage.archive, "find", find)
    await stage.run(workers=2)
    assert stage.states() == {"done": 6}
    assert set(most) <= {1, 2}
    assert 2 in most


async def test_transient_failure(stage):
    """A broken transfer uses up an attempt and is repeated."""
    stage.frames.failures = {"frame0": [TransientError("truncated", "short")]}
    await stage.run()
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched.count("frame0") == 2


async def test_last_attempt(stage):
    """When the attempts are used up, only the galaxies of that frame fail."""
    broken = [TransientError("truncated", "short") for _ in range(2)]
    stage.frames.failures = {"frame0": broken}
    await stage.run()
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"truncated": 3}


async def test_corrupt_frame_is_fetched_again(stage):
    """A frame that proves corrupt when it is cut is discarded and fetched again."""
    stage.cutter.failures = {"frame0": [TransientError("corrupt", "CRC")]}
    await stage.run()
    assert stage.states() == {"done": 6}
    assert stage.frames.discarded == ["frame0"]
    assert stage.frames.fetched.count("frame0") == 2


@pytest.mark.parametrize(
    "error", [TransientError("corrupt", "CRC"), PermanentError("bad_frame", "odd")]
)
async def test_part_that_does_not_do(stage, error):
    """A partly fetched frame that cannot be cut is fetched whole; no attempt counts."""
    stage.frames.parts = {"frame0"}
    stage.cutter.failures = {"frame0": [error]}
    await stage.run(attempts=1)
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched.count("frame0") == 2
    assert stage.frames.discarded == ["frame0"]


async def test_part_of_a_corrupt_frame(stage):
    """If the whole frame is damaged as well, that uses up one attempt."""
    stage.frames.parts = {"frame0"}
    broken = [TransientError("corrupt", "CRC") for _ in range(2)]
    stage.cutter.failures = {"frame0": broken}
    await stage.run(attempts=2)
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched.count("frame0") == 3


async def test_frame_that_is_hopeless(stage):
    """If a frame has the same damage again, its galaxies fail at once."""
    stage.frames.hopeless = {"frame0"}
    stage.cutter.failures = {"frame0": [TransientError("corrupt", "CRC")]}
    await stage.run(attempts=5)
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"corrupt_at_source": 3}


async def test_image_bytes(stage):
    """Fetched bytes count for every fetch, needed bytes once for each frame."""
    stage.frames.failures = {"frame0": [TransientError("truncated", "short")]}
    await stage.run()
    with LedgerView.open(stage.path) as view:
        assert view.image_bytes() == {"sdss:r": (3000, 800)}


async def test_permanent_failure(stage):
    """If a frame has no usable WCS, its galaxies fail at once."""
    stage.cutter.failures = {"frame0": [PermanentError("bad_wcs", "no CRVAL")]}
    await stage.run()
    assert stage.reasons() == {"bad_wcs": 3}


async def test_galaxy_that_kills(stage):
    """A galaxy that crashes its worker fails, and the frame is kept."""
    stage.cutter.problems = {"frame0": "worker_died", "frame1": "outside"}
    await stage.run()
    assert stage.reasons()["worker_died"] == 3
    assert stage.frames.aside == ["frame0"]


async def test_frame_that_does_not_hold_it(stage):
    """A target is located again only if its identifier, not its position, decided."""
    stage.cutter.problems = {"frame0": "outside"}
    stage.archive.by_position = {"id0"}
    await stage.run()
    asked = [ask for asks in stage.archive.asked for ask in asks]
    assert sorted(number for number, by_position in asked if by_position) == [2, 4]
    assert stage.states() == {"done": 5, "no_coverage": 1}


async def test_bug_stays_with_its_job(stage):
    """After an unexpected error only the jobs of that frame fail; the run continues."""
    stage.cutter.failures = {"frame0": [ZeroDivisionError()]}
    await stage.run()
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"unexpected ZeroDivisionError": 3}


async def test_outage_costs_no_attempt(stage):
    """An outage uses up no attempt of a job."""
    outage = OutageError("outage", "down for 7200 s")
    stage.frames.failures = {"frame0": [outage], "frame1": [outage]}
    lane = await stage.run(attempts=1)
    assert lane.troubles == [outage]
    assert stage.states() == {"located": 6}
    await stage.run(attempts=1)
    assert stage.states() == {"done": 6}


async def test_full_disk_ends_the_run(stage):
    """An error of this machine ends the run and uses up no attempt."""
    stage.cutter.failures = {"frame0": [LocalError("the disk is full")]}
    with pytest.raises(ExceptionGroup) as caught:
        await stage.run(attempts=1)
    assert caught.group_contains(LocalError, match="the disk is full")
    stage.cutter.failures = {}
    await stage.run(attempts=1)
    assert stage.states() == {"done": 6}


async def test_machine_that_refuses(stage):
    """A system call that fails unexpectedly ends the run; no galaxy fails."""
    stage.cutter.failures = {"frame0": [OSError(errno.EROFS, "read-only")]}
    with pytest.raises(ExceptionGroup) as caught:
        await stage.run()
    assert caught.group_contains(LocalError, match="read-only")
    await stage.run()
    assert stage.states() == {"done": 6}


async def test_query_that_fails_once(stage):
    """A query with an invalid answer is repeated; it uses up no attempt."""
    stage.archive.failures = [TransientError("bad_answer", "?")]
    await stage.run(attempts=2)
    assert stage.states() == {"done": 6}


async def test_query_that_fails_for_long(stage):
    """A query is repeated until the patience ends, however often it fails."""
    stage.archive.failures = [TransientError("mast_error", "?")] * 20
    lane = await stage.run(attempts=2, patience_s=3600)
    assert lane.troubles == []
    assert stage.states() == {"done": 6}


async def test_query_that_fails_for_good(stage):
    """Without patience a query is tried as often as a job."""
    error = TransientError("mast_error", "?")
    stage.archive.failures = [error] * 3
    lane = await stage.run(attempts=3)
    assert lane.troubles == [error]
    assert len(stage.archive.asked) == 3


async def test_bug_in_locating(stage):
    """After an unexpected error locating is given up, and its jobs stay pending."""
    stage.archive.failures = [ZeroDivisionError()]
    lane = await stage.run()
    assert [one.reason for one in lane.troubles] == ["bug"]
    assert stage.states() == {"pending": 6}


@pytest.mark.parametrize(
    "error",
    [OutageError("html", "maintenance"), PermanentError("http_403", "forbidden")],
)
async def test_archive_that_cannot_be_asked(stage, error):
    """If an archive refuses queries, locating is given up; no job fails."""
    stage.archive.failures = [error, error]
    lane = await stage.run()
    assert lane.troubles == [error]
    assert stage.states() == {"pending": 6}


@pytest.mark.parametrize(
    "error",
    [
        OutageError("outage", "down for 7200 s"),
        OutageError("dns", "no such host"),
        OutageError("tls", "bad certificate"),
        TransientError("bad_answer", "?"),
        PermanentError("http_400", "bad request"),
        PermanentError("http_401", "who are you"),
        PermanentError("http_403", "forbidden"),
        PermanentError("too_large", "65 MiB"),
        PermanentError("blocked_redirect", "elsewhere"),
        ZeroDivisionError("a bug"),
    ],
)
async def test_located_is_fetched(stage, error):
    """After any error in locating, located frames are fetched; other jobs wait."""
    stage.archive.known = {0, 2, 4}
    stage.archive.failures = [error] * 99
    lane = await stage.run()
    assert stage.states() == {"done": 3, "pending": 3}
    assert stage.frames.fetched == ["frame0"]
    assert len(lane.troubles) == 1
    stage.archive.failures = []
    lane = await stage.run()
    assert stage.states() == {"done": 6}
    assert lane.troubles == []


async def test_fetched_while_locating_waits(stage, monkeypatch):
    """While a query waits for the end of an outage, located frames are fetched."""
    stage.archive.known = {0, 2, 4}
    is_cut = asyncio.Event()
    cut, locate = stage.cutter.cut, stage.archive.locate

    async def told(job):
        is_cut.set()
        return await cut(job)

    async def patient(survey, asks):
        # The service answers again after the located targets are cut.
        await is_cut.wait()
        async for findings in locate(survey, asks):
            yield findings

    monkeypatch.setattr(stage.cutter, "cut", told)
    monkeypatch.setattr(stage.archive, "locate", patient)
    lane = await stage.run(lambda: 0 if is_cut.is_set() else 60)
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched == ["frame0", "frame1"]
    assert lane.troubles == []


async def test_all_are_located_first(stage, monkeypatch):
    """A slow or cooling service is waited for, so no frame is fetched twice."""
    stage.archive.known = {0, 1, 2}
    locate = stage.archive.locate

    async def slow(survey, asks):
        for _ in range(50):
            await asyncio.sleep(0)
        assert stage.frames.fetched == []
        async for findings in locate(survey, asks):
            yield findings

    monkeypatch.setattr(stage.archive, "locate", slow)
    await stage.run(lambda: 4.0)
    assert stage.states() == {"done": 6}
    assert sorted(stage.frames.fetched) == ["frame0", "frame1"]


async def test_refused_once_in_the_middle(stage):
    """One refusal when galaxies are looked up again does no harm."""
    stage.archive.known = set(range(6))
    stage.frames.failures = {"frame1": [NotFoundError("404")]}
    stage.archive.failures = [PermanentError("http_403", "forbidden")]
    lane = await stage.run()
    assert stage.states() == {"done": 6}
    assert lane.troubles == []


async def test_refused_in_the_middle(stage):
    """Galaxies that cannot be looked up again wait; all others get their stamps."""
    stage.archive.known = set(range(6))
    stage.frames.failures = {"frame1": [NotFoundError("404")]}
    error = PermanentError("http_403", "forbidden")
    stage.archive.failures = [error] * 99
    lane = await stage.run()
    assert stage.states() == {"done": 3, "pending": 3}
    assert lane.troubles == [error]


async def test_service_that_heals(stage, monkeypatch):
    """While frames are fetched, a service that was given up is asked again."""
    stage.archive.known = {0, 2, 4}
    stage.archive.failures = [OutageError("outage", "down"), OutageError("x", "down")]
    answered = asyncio.Event()
    cut, locate = stage.cutter.cut, stage.archive.locate

    async def slow(job):
        await answered.wait()
        return await cut(job)

    async def listener(survey, asks):
        async for findings in locate(survey, asks):
            answered.set()
            yield findings

    monkeypatch.setattr(stage.cutter, "cut", slow)
    monkeypatch.setattr(stage.archive, "locate", listener)
    lane = await stage.run()
    assert len(stage.archive.asked) == 3
    assert stage.states() == {"done": 6}
    assert lane.troubles == []


def two_hosts(ask, mirrors=()):
    """Find frame0 at host0 and frame1 at host1."""
    number = ask.target.number % 2
    url = f"https://host{number}/frame{number}"
    product = Product("sdss", f"frame{number}", "r", url, tuple(mirrors))
    return Finding(ask.target, {"r": [product]})


async def test_one_host_given_up(stage, monkeypatch):
    """If a host of frames is given up, only its frames are left, and a note says so."""
    monkeypatch.setattr(stage.archive, "find", two_hosts)
    outage = OutageError("outage", "host0 is down")
    stage.frames.failures = {"frame0": [outage] * 99}
    lane = await stage.run(workers=1)
    assert stage.states() == {"located": 3, "done": 3}
    assert lane.troubles == [outage]
    assert stage.frames.fetched.count("frame0") == 1
    said = [e.text for e in stage.listener if isinstance(e, Note)]
    assert (
        "sdss: fetching from a host stopped: host0 is down. The galaxies that need "
        "this host wait for a later `harvester resume`."
    ) in said


async def test_copies_of_a_host_given_up(stage, monkeypatch):
    """Frames of a host that was given up are still fetched from mirrors."""

    def find(ask):
        number = ask.target.number
        url, mirrors = f"https://host/frame{number}", ("https://s3/x",) * (number > 1)
        product = Product("sdss", f"frame{number}", "r", url, mirrors)
        return Finding(ask.target, {"r": [product]})

    monkeypatch.setattr(stage.archive, "find", find)
    outage = OutageError("outage", "down")
    stage.frames.failures = {"frame0": [outage], "frame5": [outage, outage]}
    lane = await stage.run(workers=1)
    # frame5 has a mirror, so it is tried again.
    assert [name[-1] for name in stage.frames.fetched] == list("023455")
    assert stage.states() == {"located": 3, "done": 3}
    assert lane.troubles == [outage]


@pytest.fixture
def mirrored(stage, monkeypatch):
    """Return a stage where each galaxy has its own frame, with a mirror."""

    def find(ask):
        url, mirrors = f"https://host/frame{ask.target.number}", ("https://s3/x",)
        product = Product("sdss", f"frame{ask.target.number}", "r", url, mirrors)
        return Finding(ask.target, {"r": [product]})

    monkeypatch.setattr(stage.archive, "find", find)
    return stage


async def test_out_of_reach(mirrored):
    """Frames whose hosts are down come last and delay no others."""
    stage = mirrored
    stage.frames.out_of_reach = {"frame0", "frame3"}
    await stage.run(workers=1)
    assert [name[-1] for name in stage.frames.fetched] == list("124503")
    assert stage.states() == {"done": 6}


async def test_put_off(mirrored):
    """If the archive of a frame proves down, its worker goes on with other frames."""
    frames, outage = mirrored.frames, OutageError("outage", "down")
    frames.failures, frames.are_down = {"frame0": [outage]}, True
    lane = await mirrored.run(workers=1)
    assert [name[-1] for name in frames.fetched] == list("0123450")
    assert not any(frames.sat_out[f"frame{n}"] for n in range(1, 6))
    assert lane.troubles == []
    assert mirrored.states() == {"done": 6}


async def test_put_off_again_and_again(mirrored):
    """A frame that a mirror fails to give while the archive is down is given up."""
    outages = [OutageError("outage", "down")] * 9
    mirrored.frames.failures, mirrored.frames.are_down = {"frame0": outages}, True
    lane = await mirrored.run(workers=1)
    assert mirrored.frames.fetched.count("frame0") == 4
    assert lane.troubles == [outages[0]]
    assert mirrored.states() == {"done": 5, "located": 1}


async def test_own_outage(mirrored):
    """A frame that alone fails like an outage is deferred once, then given up."""
    outages = [OutageError("html", "a page")] * 5
    mirrored.frames.failures = {"frame0": outages}
    lane = await mirrored.run(workers=1)
    assert mirrored.frames.fetched.count("frame0") == 2
    assert mirrored.frames.sat_out["frame0"]
    assert lane.troubles == [outages[0]]
    assert mirrored.states() == {"done": 5, "located": 1}


async def test_locating_without_files(stage, monkeypatch):
    """Locating continues to its end while no frame can be fetched."""
    stage.archive.known = {0, 2, 4}
    outage = OutageError("outage", "no files")
    stage.frames.failures = {"frame0": [outage], "frame1": [outage]}
    is_fetched = asyncio.Event()
    frame, locate = stage.frames.frame, stage.archive.locate

    @asynccontextmanager
    async def told(product, *rest, **more):
        is_fetched.set()
        async with frame(product, *rest, **more) as path:
            yield path

    async def late(survey, asks):
        await is_fetched.wait()
        async for findings in locate(survey, asks):
            yield findings

    monkeypatch.setattr(stage.frames, "frame", told)
    monkeypatch.setattr(stage.archive, "locate", late)
    lane = await stage.run(lambda: 60)
    assert stage.states() == {"located": 6}
    assert lane.troubles == [outage]


async def test_one_survey_refused(tmp_path, monkeypatch):
    """If the query of one survey is refused, another survey is still located."""
    other = Survey.parse("sdss:g")
    stage = Stage(tmp_path, SURVEY, other)
    locate = stage.archive.locate

    async def picky(survey, asks):
        if survey == SURVEY:
            raise PermanentError("http_400", "too many columns")
        async for findings in locate(survey, asks):
            yield findings

    monkeypatch.setattr(stage.archive, "locate", picky)
    lane = await stage.run(surveys=(SURVEY, other))
    assert stage.states() == {"done": 6, "pending": 6}
    assert [one.reason for one in lane.troubles] == ["http_400"]


async def test_plan_of_what_is_located(stage):
    """With ``locate_only``, located targets are kept and the error is reported."""
    stage.archive.known = {0, 1}
    outage = OutageError("outage", "down")
    stage.archive.failures = [outage]
    lane = await stage.run(locate_only=True)
    assert stage.states() == {"located": 2, "pending": 4}
    assert lane.troubles == [outage]
    assert stage.frames.fetched == []


#: Stamps for which the archive is asked about products.
WITH_PSF = CutoutSpec(StampSize.parse("4px"), planes=(Plane.FLUX, Plane.PSF))


async def test_products_are_described(tmp_path):
    """What the archive tells of products reaches the process that cuts stamps."""
    stage = Stage(tmp_path)
    stage.archive.known = {0, 1}
    stage.archive.facts = '{"psf": 1}'
    await stage.run(spec=WITH_PSF)
    assert stage.states() == {"done": 6}
    assert set(stage.cutter.facts) == {"frame0", "frame1"}
    assert set(stage.cutter.facts.values()) == {'{"psf": 1}'}


async def test_located_products_are_described(tmp_path):
    """What is not known of located products is asked for in the next run."""
    stage = Stage(tmp_path)
    await stage.run(spec=WITH_PSF, locate_only=True)
    assert stage.states() == {"located": 6}
    stage.archive.facts = '{"psf": 2}'
    stage.archive.described.clear()
    await stage.run(spec=WITH_PSF)
    assert stage.archive.described == [["frame0", "frame1"]]
    assert set(stage.cutter.facts.values()) == {'{"psf": 2}'}


async def test_nothing_to_describe(tmp_path):
    """Without the plane psf the archive is not asked about products."""
    stage = Stage(tmp_path)
    await stage.run()
    assert stage.archive.described == []
    assert set(stage.cutter.facts.values()) == {""}
