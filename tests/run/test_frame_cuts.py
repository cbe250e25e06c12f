"""Frames and their neighbours, fetched and cut; store and cutter are stand-ins."""

from __future__ import annotations

from contextlib import asynccontextmanager, nullcontext
from pathlib import Path

import pytest

from harvester.errors import (
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)
from harvester.frames.store import LocalFrame
from harvester.models import (
    Cut,
    CutoutSpec,
    Product,
    Receipt,
    StampSize,
    Wanted,
)
from harvester.run.frame_cuts import FrameCuts

SPEC = CutoutSpec(StampSize.parse("40px"), complete=True)

#: Targets of the stamps, with the edges that they are over.
LACKS = {0: (), 1: (-1,), 2: (1,), 3: (-1, 1)}


def name(field):
    """Give the name of a frame of a run with the fields 11 to 546."""
    return f"frame-r-000094-3-{field:04d}.fits.bz2"


class Frames:
    """A stand-in for the store: has each frame, as a part until it is discarded."""

    def __init__(self):
        self.fetched = []
        self.discarded = []
        self.held = set()
        #: Errors to raise by name, one for each fetch.
        self.failures = {}
        #: Names of frames whose beginning is fetched first.
        self.parts = set()

    @asynccontextmanager
    async def frame(self, product, wanted, spec, on_bytes, *, sits_out):
        """Yield a frame, or raise the next failure set for it."""
        targets = [one.target for one in wanted]
        self.fetched.append((product.name, targets, spec, sits_out))
        on_bytes(10)
        if self.failures.get(product.name):
            raise self.failures[product.name].pop(0)
        self.held.add(product.name)
        is_part = product.name in self.parts - set(self.discarded)
        yield LocalFrame(Path("/", product.name), not is_part, f"etag:{product.name}")
        self.held.discard(product.name)

    def learn(self, _product, _wanted, _receipts):
        """Learn nothing of the rows of stamps."""

    def discard(self, product, _frame, _error):
        """Record a discarded frame."""
        self.discarded.append(product.name)

    def put_aside(self, frame):
        """Keep a frame that killed a worker."""
        return frame.path


class Cutter:
    """A stand-in for the cutter: stamps are cut of held frames, or lack a neighbour."""

    def __init__(self, frames):
        self.jobs = []
        self.failures = []
        self._frames = frames

    def room(self, _archive):
        """Do not wait."""
        return nullcontext()

    async def cut(self, job):
        """Return a receipt for each stamp; its checksum tells the neighbours."""
        self.jobs.append(job)
        named = {job.product.name, *(one.product.name for one in job.neighbours)}
        assert named <= self._frames.held
        if job.neighbours and self.failures:
            raise self.failures.pop(0)
        steps = {one.step for one in job.neighbours}
        waits = job.spec.complete
        receipts = [
            Receipt(w.target, lacks=LACKS[w.target])
            if waits and LACKS[w.target]
            else Receipt(w.target, sha256=str(sorted(steps)))
            for w in job.wanted
        ]
        return Cut(receipts, needed=400)


class Stage:
    """The parts, and what came of a cut."""

    def __init__(self):
        self.frames = Frames()
        self.cutter = Cutter(self.frames)
        self.said = []
        self.came = {}
        self.bytes = 0
        self.cuts = FrameCuts(
            SPEC,
            Path("/out"),
            frames=self.frames,
            cutter=self.cutter,
            say=self.said.append,
        )

    async def cut(self, *targets, field=100):
        """Cut stamps of a field; keep each receipt as it comes."""
        wanted = [Wanted(n, f"g{n}", 1.0, 2.0, f"{n}.fits") for n in targets]
        product = Product("sdss", name(field), "r", f"https://archive/{name(field)}")
        async for part in self.cuts.cut(product, wanted, self._count, sits_out=False):
            assert part.needed == 400
            self.came |= {one.target: one.sha256 for one in part}

    def _count(self, size):
        self.bytes += size

    @property
    def fetched(self):
        """Give the fields that were fetched."""
        return [int(one[0][17:21]) for one in self.frames.fetched]


@pytest.fixture
def stage():
    """Give a new stage."""
    return Stage()


async def test_without_edges(stage):
    """Where no stamp lacks rows, no other frame is fetched."""
    await stage.cut(0)
    assert stage.fetched == [100]
    assert stage.came == {0: "[]"}


async def test_completed(stage):
    """Each stamp is cut again with the frames that it lacks, and only with those."""
    await stage.cut(0, 1, 2, 3)
    assert stage.came == {0: "[]", 1: "[-1]", 2: "[1]", 3: "[-1, 1]"}
    assert sorted(set(stage.fetched)) == [99, 100, 101]
    again = [[one.target for one in job.wanted] for job in stage.cutter.jobs[1:]]
    assert again == [[1], [3], [2]]
    (beside,) = stage.cutter.jobs[-1].neighbours
    assert beside.parent == f"etag:{name(101)}"
    assert stage.bytes == 10 * len(stage.fetched)


async def test_how_much_is_fetched(stage):
    """Of the frame behind, the beginning is enough; the one before is fetched whole."""
    await stage.cut(1, 2)
    asked = {one[0]: one[1:] for one in stage.frames.fetched}
    assert asked[name(101)] == ([2], SPEC, False)
    assert asked[name(99)] == ([], None, False)


async def test_end_of_run(stage):
    """Behind the last field of the run nothing is asked for."""
    await stage.cut(2, field=546)
    assert stage.fetched == [546]
    assert stage.came == {2: "[]"}
    assert not stage.said


async def test_not_found(stage):
    """A neighbour that the archive does not have leaves its rows as they are."""
    stage.frames.failures[name(101)] = [NotFoundError("u"), NotFoundError("u")]
    await stage.cut(2, 3)
    assert stage.came == {2: "[]", 3: "[-1]"}
    assert not stage.said


@pytest.mark.parametrize(
    "error", [OutageError("down", "it is down"), TransientError("http_500", "broken")]
)
async def test_later(stage, error):
    """If a neighbour cannot be had now, the other stamps are done already."""
    stage.frames.failures[name(101)] = [error]
    with pytest.raises(type(error)):
        await stage.cut(0, 2, 1)
    assert stage.came == {0: "[]", 1: "[-1]"}
    await stage.cut(2)
    assert stage.came[2] == "[1]"


async def test_useless(stage):
    """A neighbour that can never be had leaves the stamp partial, and that is said."""
    stage.frames.failures[name(101)] = [PermanentError("corrupt_at_source", "damaged")]
    await stage.cut(2)
    assert stage.came == {2: "[]"}
    (said,) = stage.said
    assert said.startswith(f"stamps over an edge of {name(100)} stay partial")
    assert said.endswith("cannot be used: damaged.")


async def test_bad_beginning(stage):
    """If the beginning of a neighbour is at fault, it alone is fetched whole."""
    stage.frames.parts = {name(101)}
    stage.cutter.failures = [TransientError("corrupt", "too short")]
    await stage.cut(2)
    assert stage.came == {2: "[1]"}
    assert stage.frames.discarded == [name(101)]
    assert stage.fetched == [100, 101, 101]


async def test_bad_neighbour(stage):
    """A whole neighbour that is damaged is fetched again later."""
    stage.cutter.failures = [TransientError("corrupt", "damaged")]
    with pytest.raises(TransientError):
        await stage.cut(0, 2)
    assert stage.came == {0: "[]"}
    assert stage.frames.discarded == [name(101)]


async def test_neighbour_without_image(stage):
    """A neighbour from which nothing can be cut leaves the stamp partial."""
    stage.cutter.failures = [PermanentError("bad_frame", "no image")]
    await stage.cut(2)
    assert stage.came == {2: "[]"}
    assert len(stage.said) == 1
