"""A lane with a real ledger; the archive, the frames and the cutter play a part."""

from __future__ import annotations

import asyncio
import errno
from contextlib import asynccontextmanager
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
    Product,
    Receipt,
    StampSize,
    Survey,
    Target,
)
from harvester.run.lane import Lane, LanePlan
from harvester.run.orchestrator import Orchestrator

SURVEY = Survey.parse("sdss:r")


class Archive:
    """Offers every target the frame of its own number; or fails."""

    name = "sdss"

    def __init__(self):
        self.asked = []
        self.failures = []
        #: Targets that need no request.
        self.known = set()
        #: Identifiers of targets whose position named the frame.
        self.by_position = set()

    def may_relocate(self, identifier):
        """Tell whether the identifier named the frame."""
        return identifier not in self.by_position

    async def recognise(self, _survey, asks):
        """Give those whose identifiers are known to name a frame."""
        by_name = [ask for ask in asks if not ask.by_position]
        yield [self.find(ask) for ask in by_name if ask.target.number in self.known]

    async def locate(self, _survey, asks):
        """Answer, unless a failure is next."""
        self.asked.append([(ask.target.number, ask.by_position) for ask in asks])
        if self.failures:
            raise self.failures.pop(0)
        yield [self.find(ask) for ask in asks]

    def find(self, ask):
        """Give frame 0 for even targets and frame 1 for odd ones."""
        name = "moved" if ask.by_position else f"frame{ask.target.number % 2}"
        product = Product("sdss", name, "r", f"https://archive/{name}")
        return Finding(ask.target, {"r": [product]})


class Frames:
    """Has every frame; or fails to fetch it."""

    def __init__(self):
        self.fetched = []
        self.discarded = []
        self.aside = []
        self.failures = {}
        #: Whether an outage of their archive would have been sat out, the last time.
        self.sat_out = {}
        #: Whether the archive is down.
        self.are_down = False
        #: Products that would only be waited for.
        self.out_of_reach = set()
        #: Products of which a part is given until it is discarded.
        self.parts = set()
        #: Products that have the same damage each time.
        self.hopeless = set()

    @asynccontextmanager
    async def frame(self, product, _wanted, _spec, on_bytes, *, sits_out):
        """Give a path, unless a failure is next for that product."""
        self.fetched.append(product.name)
        self.sat_out[product.name] = sits_out
        on_bytes(1000)
        if self.failures.get(product.name):
            raise self.failures[product.name].pop(0)
        is_part = product.name in self.parts - set(self.discarded)
        yield LocalFrame(Path("/frames", product.name), not is_part)

    def is_out_of_reach(self, product):
        """Tell whether its host is down just now."""
        return product.name in self.out_of_reach

    def has_mirrors(self, product):
        """Tell whether others have it, as the product says."""
        return bool(product.mirrors)

    def is_down(self, _product):
        """Tell whether the archive is down."""
        return self.are_down

    def put_aside(self, frame):
        """Remember what was put aside; there is room for one."""
        self.aside.append(frame.path.name)
        return frame.path if len(self.aside) == 1 else None

    def discard(self, product, frame, error):
        """Remember what was thrown away; or give up a frame that is hopeless."""
        self.discarded.append(product.name)
        if frame.is_whole and product.name in self.hopeless:
            raise PermanentError("corrupt_at_source", "twice") from error


class Cutter:
    """Cuts everything; or does what it is told for a frame."""

    def __init__(self):
        self.problems = {}
        self.failures = {}

    async def cut(self, job):
        """Give a receipt for each."""
        name = job.product.name
        if self.failures.get(name):
            raise self.failures[name].pop(0)
        problem = self.problems.get(name, "")
        receipts = [Receipt(w.target, problem, w.file_loc, "sha") for w in job.wanted]
        return Cut(receipts, needed=400)


class Stage:
    """Everything that a lane works with, and what it said."""

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

    async def run(self, down_s=lambda: 0.0, *, locate_only=False, **plan):
        """Run the lane until it ends; give it."""
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
            lane = Lane(
                self.archive,
                LanePlan(**defaults | plan),
                ledger=ledger,
                frames=self.frames,
                cutter=self.cutter,
                listener=self.listener.append,
                down_s=down_s,
            )
            await Orchestrator([lane]).run(locate_only=locate_only)
        return lane

    def states(self):
        """Give the jobs in each state."""
        with LedgerView.open(self.path) as view:
            return dict(view.states()["sdss"])

    def reasons(self):
        """Give why jobs failed."""
        with LedgerView.open(self.path) as view:
            return {reason: jobs for _, reason, jobs in view.reasons()}


@pytest.fixture
def stage(tmp_path):
    """Give a lane's surroundings."""
    return Stage(tmp_path)


async def test_to_the_end(stage):
    """Every job is located, every frame fetched once, every stamp cut."""
    lane = await stage.run()
    assert stage.states() == {"done": 6}
    assert sorted(stage.frames.fetched) == ["frame0", "frame1"]
    assert len(stage.archive.asked) == 1
    assert lane.troubles == []
    assert sum(e.stamps for e in stage.listener if isinstance(e, Stamped)) == 6
    assert sum(e.jobs for e in stage.listener if isinstance(e, Moved)) == 12


async def test_nothing_to_do(stage):
    """A settled run ends at once and asks nobody."""
    await stage.run()
    stage.archive.asked.clear()
    await stage.run()
    assert stage.archive.asked == []


async def test_waiting_for_a_cut_is_no_work(stage, monkeypatch):
    """With frames in hand and none to feed, the ledger is not asked in a circle."""
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
    """A missing frame sends its galaxies to be located by position, once."""
    stage.frames.failures = {"frame1": [NotFoundError("404")]}
    await stage.run()
    assert stage.states() == {"done": 6}
    assert stage.archive.asked[1] == [(1, True), (3, True), (5, True)]
    assert "moved" in stage.frames.fetched


async def test_never_there(stage):
    """A frame that position named and is not there either fails its galaxies."""
    stage.frames.failures = {
        "frame1": [NotFoundError("404")],
        "moved": [NotFoundError("404")],
    }
    await stage.run()
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"not_found": 3}


async def test_slow_cutting(stage, monkeypatch):
    """While the cutting is slow no more frames are in hand than there are workers."""
    in_hand, most = set(), []
    frame, cut = stage.frames.frame, stage.cutter.cut

    @asynccontextmanager
    async def watched(product, *rest, **more):
        in_hand.add(product.name)
        async with frame(product, *rest, **more) as path:
            yield path
        in_hand.remove(product.name)

    async def slow(job):
        # Until another one is in hand as well.
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
    """A transfer that breaks costs an attempt and is made again."""
    stage.frames.failures = {"frame0": [TransientError("truncated", "short")]}
    await stage.run()
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched.count("frame0") == 2


async def test_last_attempt(stage):
    """When the attempts are used up only that frame's galaxies fail."""
    broken = [TransientError("truncated", "short") for _ in range(2)]
    stage.frames.failures = {"frame0": broken}
    await stage.run()
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"truncated": 3}


async def test_corrupt_frame_is_fetched_again(stage):
    """A frame that turns out corrupt when it is cut is thrown away."""
    stage.cutter.failures = {"frame0": [TransientError("corrupt", "CRC")]}
    await stage.run()
    assert stage.states() == {"done": 6}
    assert stage.frames.discarded == ["frame0"]
    assert stage.frames.fetched.count("frame0") == 2


@pytest.mark.parametrize(
    "error", [TransientError("corrupt", "CRC"), PermanentError("bad_frame", "odd")]
)
async def test_part_that_does_not_do(stage, error):
    """A part that cannot be cut is fetched whole at once; no job pays for it."""
    stage.frames.parts = {"frame0"}
    stage.cutter.failures = {"frame0": [error]}
    await stage.run(attempts=1)
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched.count("frame0") == 2
    assert stage.frames.discarded == ["frame0"]


async def test_part_of_a_corrupt_frame(stage):
    """What is wrong with the whole frame too costs an attempt, once."""
    stage.frames.parts = {"frame0"}
    broken = [TransientError("corrupt", "CRC") for _ in range(2)]
    stage.cutter.failures = {"frame0": broken}
    await stage.run(attempts=2)
    assert stage.states() == {"done": 6}
    assert stage.frames.fetched.count("frame0") == 3


async def test_frame_that_is_hopeless(stage):
    """A frame that has the same damage again fails its galaxies without more ado."""
    stage.frames.hopeless = {"frame0"}
    stage.cutter.failures = {"frame0": [TransientError("corrupt", "CRC")]}
    await stage.run(attempts=5)
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"corrupt_at_source": 3}


async def test_image_bytes(stage):
    """Bytes of frames are counted as they come, and once what was needed of each."""
    stage.frames.failures = {"frame0": [TransientError("truncated", "short")]}
    await stage.run()
    with LedgerView.open(stage.path) as view:
        assert view.image_bytes() == {"sdss:r": (3000, 800)}


async def test_permanent_failure(stage):
    """A frame without a usable WCS fails its galaxies at once."""
    stage.cutter.failures = {"frame0": [PermanentError("bad_wcs", "no CRVAL")]}
    await stage.run()
    assert stage.reasons() == {"bad_wcs": 3}


async def test_galaxy_that_kills(stage):
    """A galaxy that ends its process is given up, and the frame put aside."""
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
    """An unexpected error fails the job that met it, and the run goes on."""
    stage.cutter.failures = {"frame0": [ZeroDivisionError()]}
    await stage.run()
    assert stage.states() == {"done": 3, "failed": 3}
    assert stage.reasons() == {"unexpected ZeroDivisionError": 3}


async def test_outage_costs_no_attempt(stage):
    """An archive that is down gets its jobs back unspent."""
    outage = OutageError("outage", "down for 7200 s")
    stage.frames.failures = {"frame0": [outage], "frame1": [outage]}
    lane = await stage.run(attempts=1)
    assert lane.troubles == [outage]
    assert stage.states() == {"located": 6}
    await stage.run(attempts=1)
    assert stage.states() == {"done": 6}


async def test_full_disk_ends_the_run(stage):
    """What is wrong with this machine ends the run and spends no attempt."""
    stage.cutter.failures = {"frame0": [LocalError("the disk is full")]}
    with pytest.raises(ExceptionGroup) as caught:
        await stage.run(attempts=1)
    assert caught.group_contains(LocalError, match="the disk is full")
    stage.cutter.failures = {}
    await stage.run(attempts=1)
    assert stage.states() == {"done": 6}


async def test_machine_that_refuses(stage):
    """A system call that fails where nobody expects it is no galaxy's fault."""
    stage.cutter.failures = {"frame0": [OSError(errno.EROFS, "read-only")]}
    with pytest.raises(ExceptionGroup) as caught:
        await stage.run()
    assert caught.group_contains(LocalError, match="read-only")
    await stage.run()
    assert stage.states() == {"done": 6}


async def test_query_that_fails_once(stage):
    """A query without a sensible answer is asked again; no job pays."""
    stage.archive.failures = [TransientError("bad_answer", "?")]
    await stage.run(attempts=2)
    assert stage.states() == {"done": 6}


async def test_query_that_fails_for_long(stage):
    """A query is made again for as long as patience lasts, however often it failed."""
    stage.archive.failures = [TransientError("mast_error", "?")] * 20
    lane = await stage.run(attempts=2, patience_s=3600)
    assert lane.troubles == []
    assert stage.states() == {"done": 6}


async def test_query_that_fails_for_good(stage):
    """Without patience it is made as often as a job is tried."""
    error = TransientError("mast_error", "?")
    stage.archive.failures = [error] * 3
    lane = await stage.run(attempts=3)
    assert lane.troubles == [error]
    assert len(stage.archive.asked) == 3


async def test_bug_in_locating(stage):
    """A bug in locating gives the archive up for now; other lanes go on."""
    stage.archive.failures = [ZeroDivisionError()]
    lane = await stage.run()
    assert [one.reason for one in lane.troubles] == ["bug"]
    assert stage.states() == {"pending": 6}


@pytest.mark.parametrize(
    "error",
    [OutageError("html", "maintenance"), PermanentError("http_403", "forbidden")],
)
async def test_archive_that_cannot_be_asked(stage, error):
    """An archive that refuses queries is given up for now; no job pays."""
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
    """Whatever locating meets, what is located by then is fetched; the rest waits."""
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
    """In an outage that a request sits out, frames that are located are fetched."""
    stage.archive.known = {0, 2, 4}
    is_cut = asyncio.Event()
    cut, locate = stage.cutter.cut, stage.archive.locate

    async def told(job):
        is_cut.set()
        return await cut(job)

    async def patient(survey, asks):
        # The service answers again, but not before the located ones are cut.
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
    """A service that is slow, or cools down, is waited for: no frame comes twice."""
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
    """A galaxy that is looked up anew and refused once holds up nothing."""
    stage.archive.known = set(range(6))
    stage.frames.failures = {"frame1": [NotFoundError("404")]}
    stage.archive.failures = [PermanentError("http_403", "forbidden")]
    lane = await stage.run()
    assert stage.states() == {"done": 6}
    assert lane.troubles == []


async def test_refused_in_the_middle(stage):
    """A galaxy that cannot be looked up anew waits; all others get their stamps."""
    stage.archive.known = set(range(6))
    stage.frames.failures = {"frame1": [NotFoundError("404")]}
    error = PermanentError("http_403", "forbidden")
    stage.archive.failures = [error] * 99
    lane = await stage.run()
    assert stage.states() == {"done": 3, "pending": 3}
    assert lane.troubles == [error]


async def test_service_that_heals(stage, monkeypatch):
    """While there are frames to fetch, a service that was given up is asked again."""
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
    """Give frame 0 and 1 at hosts of their own."""
    number = ask.target.number % 2
    url = f"https://host{number}/frame{number}"
    product = Product("sdss", f"frame{number}", "r", url, tuple(mirrors))
    return Finding(ask.target, {"r": [product]})


async def test_one_host_given_up(stage, monkeypatch):
    """A host of frames that is given up ends what only it has, and nothing else."""
    monkeypatch.setattr(stage.archive, "find", two_hosts)
    outage = OutageError("outage", "host0 is down")
    stage.frames.failures = {"frame0": [outage] * 99}
    lane = await stage.run(workers=1)
    assert stage.states() == {"located": 3, "done": 3}
    assert lane.troubles == [outage]
    assert stage.frames.fetched.count("frame0") == 1
    said = [e.text for e in stage.listener if isinstance(e, Note)]
    assert "sdss: the images of a host are left for a later run: host0 is down" in said


async def test_copies_of_a_host_given_up(stage, monkeypatch):
    """Frames of a host that was given up are still fetched where a mirror has them."""

    def find(ask):
        number = ask.target.number
        url, mirrors = f"https://host/frame{number}", ("https://s3/x",) * (number > 1)
        product = Product("sdss", f"frame{number}", "r", url, mirrors)
        return Finding(ask.target, {"r": [product]})

    monkeypatch.setattr(stage.archive, "find", find)
    outage = OutageError("outage", "down")
    stage.frames.failures = {"frame0": [outage], "frame5": [outage, outage]}
    lane = await stage.run(workers=1)
    # The last one looks like an outage of its own, and is tried once more.
    assert [name[-1] for name in stage.frames.fetched] == list("023455")
    assert stage.states() == {"located": 3, "done": 3}
    assert lane.troubles == [outage]


@pytest.fixture
def mirrored(stage, monkeypatch):
    """Give each galaxy a frame of its own, of which there is a copy elsewhere."""

    def find(ask):
        url, mirrors = f"https://host/frame{ask.target.number}", ("https://s3/x",)
        product = Product("sdss", f"frame{ask.target.number}", "r", url, mirrors)
        return Finding(ask.target, {"r": [product]})

    monkeypatch.setattr(stage.archive, "find", find)
    return stage


async def test_out_of_reach(mirrored):
    """Frames that can only be waited for come last, and hold up no others."""
    stage = mirrored
    stage.frames.out_of_reach = {"frame0", "frame3"}
    await stage.run(workers=1)
    assert [name[-1] for name in stage.frames.fetched] == list("124503")
    assert stage.states() == {"done": 6}


async def test_put_off(mirrored):
    """A frame whose archive turns out to be down frees its worker for the others."""
    frames, outage = mirrored.frames, OutageError("outage", "down")
    frames.failures, frames.are_down = {"frame0": [outage]}, True
    lane = await mirrored.run(workers=1)
    assert [name[-1] for name in frames.fetched] == list("0123450")
    assert not any(frames.sat_out[f"frame{n}"] for n in range(1, 6))
    assert lane.troubles == []
    assert mirrored.states() == {"done": 6}


async def test_put_off_again_and_again(mirrored):
    """A frame that a mirror fails while the archive is down is not fed for ever."""
    outages = [OutageError("outage", "down")] * 9
    mirrored.frames.failures, mirrored.frames.are_down = {"frame0": outages}, True
    lane = await mirrored.run(workers=1)
    assert mirrored.frames.fetched.count("frame0") == 4
    assert lane.troubles == [outages[0]]
    assert mirrored.states() == {"done": 5, "located": 1}


async def test_own_outage(mirrored):
    """A frame that alone looks like an outage is not put off for ever."""
    outages = [OutageError("html", "a page")] * 5
    mirrored.frames.failures = {"frame0": outages}
    lane = await mirrored.run(workers=1)
    assert mirrored.frames.fetched.count("frame0") == 2
    assert mirrored.frames.sat_out["frame0"]
    assert lane.troubles == [outages[0]]
    assert mirrored.states() == {"done": 5, "located": 1}


async def test_locating_without_files(stage, monkeypatch):
    """That no frames can be had does not end locating, which goes on to its end."""
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
    """A survey whose query is refused does not keep another from being located."""
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
    """Without fetching, too, what is located is kept and the trouble told."""
    stage.archive.known = {0, 1}
    outage = OutageError("outage", "down")
    stage.archive.failures = [outage]
    lane = await stage.run(locate_only=True)
    assert stage.states() == {"located": 2, "pending": 4}
    assert lane.troubles == [outage]
    assert stage.frames.fetched == []
