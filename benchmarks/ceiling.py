"""How many frames a second the orchestrator can settle if cutting costs nothing.

    python benchmarks/ceiling.py                        # 20,000 and a million targets
    python benchmarks/ceiling.py --targets 10000 --frames 300

A real lane with a real ledger takes frames that are on disk already. They are cut by
real executors, with a function that returns receipts at once, without stamps or with
stamps that were made before. What remains is what the orchestrator does for each frame:
finding it in the ledger, handing it out, writing stamps, settling receipts. The needs
of Dask are in the extra ``dask``; without it only the process pool is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from no_cutting import no_cut, no_cut_unwritten, ready_cut, ready_cut_unwritten
from turns import turns

from harvester.events import Stamped
from harvester.frames.store import LocalFrame
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import (
    CutoutSpec,
    Finding,
    Product,
    StampSize,
    Survey,
    Target,
)
from harvester.run.executors.executor_limits import ExecutorLimits
from harvester.run.executors.processes import Cutter
from harvester.run.frame_cuts import FrameCuts
from harvester.run.lane import Lane, LanePlan
from harvester.run.orchestrator import Orchestrator
from harvester.settings.executor_choice import ExecutorChoice

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from harvester.archives.kind import Archive
    from harvester.events import Event
    from harvester.frames.store import FrameStore
    from harvester.models import Ask
    from harvester.run.executors.executor import Executor

#: Galaxies in a frame.
_PER_FRAME = 10

_SURVEY = Survey.parse("sdss:r")
_SPEC = CutoutSpec(StampSize.parse("40px"))

#: Frames before the clock starts: by then all processes are there.
_WARM = 100


class ReadyArchive:
    """Locates targets without a request: so many in a frame."""

    name = "sdss"

    def may_relocate(self, _identifier: str) -> bool:
        """No frame is the wrong one."""
        return False

    async def describe(self, _survey: Survey, _products: object) -> dict[str, str]:
        """Tell nothing."""
        return {}

    async def recognise(
        self, _survey: Survey, _asks: object
    ) -> AsyncIterator[list[Finding]]:
        """Recognise no identifier."""
        return
        yield []

    async def locate(
        self, _survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[list[Finding]]:
        """Find all of them."""
        yield [Finding(ask.target, {"r": [_product(ask.target)]}) for ask in asks]


class ReadyFrames:
    """Has every frame on disk: the same file."""

    def __init__(self, path: Path) -> None:
        self._frame = LocalFrame(path, is_whole=True, version="etag:1")

    @asynccontextmanager
    async def frame(self, *_: object, **_more: object) -> AsyncIterator[LocalFrame]:
        """Give the file."""
        yield self._frame

    def learn(self, *_: object) -> None:
        """Learn nothing."""

    def has_mirrors(self, _product: Product) -> bool:
        """Say no: there is one host."""
        return False

    def is_out_of_reach(self, _product: Product) -> bool:
        """Say no: the host is up."""
        return False


@dataclass(frozen=True, slots=True)
class Pace:
    """How quickly frames were settled."""

    frames_a_s: float
    #: Milliseconds of this process for each frame.
    cpu_ms: float


class Clock:
    """Listens to a harvest, starts after the first frames, and stops it at the end."""

    def __init__(self, frames: int) -> None:
        self._frames = frames
        self._came = 0
        self._began = self._cpu = 0.0
        self.pace = Pace(0, 0)
        self.stop: Callable[[], None] = lambda: None

    def listen(self, event: Event) -> None:
        """Count a settled frame."""
        if not isinstance(event, Stamped):
            return
        self._came += 1
        if self._came == _WARM:
            self._began, self._cpu = time.perf_counter(), time.process_time()
        if self._came == _WARM + self._frames:
            wall = time.perf_counter() - self._began
            cpu = time.process_time() - self._cpu
            self.pace = Pace(self._frames / wall, 1e3 * cpu / self._frames)
            self.stop()


def main() -> None:
    """Read the options, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--targets", default="20000,1000000")
    parser.add_argument("--frames", type=int, default=600, help="in each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--executors", default="processes,dask:local:2")
    options = parser.parse_args()
    executors = options.executors.split(",")
    if find_spec("distributed") is None:
        executors = [one for one in executors if one == "processes"]
    # Workers import `no_cutting` from here.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    for line in _table(options, executors):
        print(line, flush=True)


def _table(options: argparse.Namespace, executors: list[str]) -> Iterator[str]:
    yield f"Frames of {_PER_FRAME} galaxies; {options.frames} in each round."
    yield ""
    yield "| targets | stamps | executor | frames/s | receipts/s | CPU ms a frame |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for targets in map(int, options.targets.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            ledger = Path(folder) / "ledger.sqlite"
            _create(ledger, targets)
            for is_written in (False, True):
                found = _rounds(ledger, executors, options, is_written=is_written)
                for name, paces in found.items():
                    yield _row(targets, name, paces, is_written=is_written)


def _row(targets: int, name: str, paces: list[Pace], *, is_written: bool) -> str:
    best = max(paces, key=lambda one: one.frames_a_s)
    worst = min(paces, key=lambda one: one.frames_a_s)
    return (
        f"| {targets:,} | {'written' if is_written else 'none'} | {name} "
        f"| {best.frames_a_s:,.0f} ({worst.frames_a_s:,.0f}) "
        f"| {best.frames_a_s * _PER_FRAME:,.0f} "
        f"| {min(one.cpu_ms for one in paces):.2f} |"
    )


def _rounds(
    ledger: Path,
    executors: list[str],
    options: argparse.Namespace,
    *,
    is_written: bool,
) -> dict[str, list[Pace]]:
    found: dict[str, list[Pace]] = {name: [] for name in executors}
    for order in turns(executors, options.rounds):
        for name in order:
            # Each settles the same frames.
            with tempfile.TemporaryDirectory(dir=ledger.parent) as own:
                path = Path(shutil.copy(ledger, own))
                work = _measure(path, name, options.frames, is_written=is_written)
                found[name].append(asyncio.run(work))
    return found


def _create(ledger: Path, count: int) -> None:
    """Make a ledger with all targets located."""
    targets = [
        Target(n, f"id{n}", n * 360 / count, 0.0, f"id{n}", n) for n in range(count)
    ]
    create_ledger(ledger, targets=targets, rejects=[], surveys=[_SURVEY], facts={})
    asyncio.run(_work(ledger, Cutter(processes=1), lambda _: None, locate_only=True))


async def _measure(ledger: Path, name: str, frames: int, *, is_written: bool) -> Pace:
    clock = Clock(frames)
    executor = _executor(name, ledger.parent, is_written=is_written)
    await _work(ledger, executor, clock.listen, started=lambda o: _take(clock, o))
    return clock.pace


def _take(clock: Clock, orchestrator: Orchestrator) -> None:
    clock.stop = orchestrator.stop


def _executor(name: str, folder: Path, *, is_written: bool) -> Executor:
    if name == "processes":
        return Cutter(processes=2, cut=ready_cut if is_written else no_cut)
    from harvester.run.executors.dask.opened import dask_executor

    limits = ExecutorLimits(
        processes=0,
        cut_s=60,
        memory_bytes=2 << 30,
        outstanding_bytes=512 << 20,
        patience_s=60,
        frames=folder,
        frames_by="path",
        at_once={"sdss": 6},
    )
    cut = ready_cut_unwritten if is_written else no_cut_unwritten
    return dask_executor(ExecutorChoice.parse(name), limits, print, cut=cut)


async def _work(
    path: Path,
    executor: Executor,
    listener: Callable[[Event], None],
    *,
    locate_only: bool = False,
    started: Callable[[Orchestrator], None] = lambda _: None,
) -> None:
    frame = path.with_name("frame")
    frame.write_bytes(b"1")
    plan = LanePlan((_SURVEY,), _SPEC, path.parent, False, 12, 2, 1.0, 1.0)
    frames: Any = ReadyFrames(frame)
    async with Ledger.open(path) as ledger, executor:
        cuts = FrameCuts(
            plan.spec, plan.root, frames=frames, cutter=executor, say=print
        )
        lane = Lane(
            cast("Archive", ReadyArchive()),
            plan,
            ledger=ledger,
            frames=cast("FrameStore", frames),
            cuts=cuts,
            listener=listener,
        )
        orchestrator = Orchestrator([lane])
        started(orchestrator)
        await orchestrator.run(locate_only=locate_only)


def _product(target: Target) -> Product:
    name = f"frame{target.number // _PER_FRAME}"
    return Product("sdss", name, "r", f"https://archive.example/{name}")


if __name__ == "__main__":
    main()
