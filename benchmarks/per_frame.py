"""Time to take and to release a frame, with ledgers of any size and full caches.

    python benchmarks/per_frame.py LEDGER...

LEDGER is the ledger of a located run; it is changed. Taking a frame means finding it
among those that are due, with the stamps to cut from it. Releasing it means making room
in the cache, whose files have one byte. The ledgers take turns, so that other load on
the machine affects all of them. Times are those of the wall clock, and CPU times of the
process.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import sys
import time
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple, cast

from harvester.frames.store import FrameStore
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.transport.host_speed import HostSpeed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from harvester.models import Product, Survey
    from harvester.transport.transport import Transport

#: Frames that are taken and released in each round, and number of rounds. The fastest
#: round counts, because other load on the machine slows the others.
_FRAMES, _ROUNDS = 200, 7

#: Targets for each file in the cache: a million make 50,000 files.
_TARGETS_A_FILE = 20

#: One frame of the cache in this many is still needed.
_WANTED = 10


class Each(NamedTuple):
    """Milliseconds for one of several."""

    wall_ms: float
    cpu_ms: float


class _Watch:
    """A stopwatch."""

    def __init__(self) -> None:
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def each(self, count: int) -> Each:
        """Give the time for each of ``count`` since the start."""
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        return Each(1e3 * wall / count, 1e3 * cpu / count)


class Writer:
    """A transport that writes every file with one byte, and knows no mirrors."""

    def mirrors(self, _url: str) -> list[str]:
        """Give none."""
        return []

    def speed_of(self, _url: str) -> HostSpeed:
        """Know nothing."""
        return HostSpeed()

    async def download(self, _url: str, *, path: Path, **_more: object) -> object:
        """Write the file."""
        await asyncio.to_thread(path.write_bytes, b"1")
        return SimpleNamespace(sha256="", etag="", is_whole=True)


class Run:
    """A ledger with a full cache, and the times of its frames."""

    def __init__(
        self, ledger: Ledger, store: FrameStore, survey: Survey, files: int
    ) -> None:
        self._ledger, self._store, self._survey = ledger, store, survey
        self._files = files
        self._taken: list[Each] = []
        self._released: list[Each] = []

    async def take(self) -> None:
        """Find frames and the stamps to cut from them."""
        watch = _Watch()
        async for number, _ in _first(self._ledger, self._survey, _FRAMES):
            assert await self._ledger.wanted(self._survey, number)
        self._taken.append(watch.each(_FRAMES))

    async def release(self, products: Sequence[Product]) -> None:
        """Fetch frames, and release them one after another."""
        async with AsyncExitStack() as stack:
            for product in products:
                await stack.enter_async_context(self._store.frame(product))
            watch = _Watch()
        self._released.append(watch.each(len(products)))

    async def fill(self, products: Sequence[Product]) -> None:
        """Fill the cache, without timing it."""
        for at in range(0, len(products), _FRAMES):
            await self.release(products[at : at + _FRAMES])
        self._released.clear()

    def figures(self) -> dict[str, float]:
        """Give the times of the fastest rounds."""
        return {
            f"{what} {kind}": min(getattr(one, kind) for one in rounds)
            for what, rounds in (("take", self._taken), ("release", self._released))
            for kind in Each._fields
        } | {"files": self._files}


def main() -> None:
    """Print the figures of each ledger as JSON."""
    paths = [Path(word) for word in sys.argv[1:]]
    print(json.dumps(asyncio.run(measure(paths))))


async def measure(paths: list[Path]) -> list[dict[str, float]]:
    """Give milliseconds to take and to release a frame, and files in the cache."""
    async with AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(_opened(path)) for path in paths]
        for turn in range(_ROUNDS):
            for run, products in opened:
                await run.take()
                await run.release(products[turn * _FRAMES : (turn + 1) * _FRAMES])
        return [run.figures() for run, _ in opened]


@asynccontextmanager
async def _opened(path: Path) -> AsyncIterator[tuple[Run, list[Product]]]:
    """Open a ledger and fill a cache; give the products for the rounds too."""
    with LedgerView.open(path) as view:
        survey = next(s for s in view.surveys().values() if s.archive == "sdss")
        files = view.count("target") // _TARGETS_A_FILE
    async with Ledger.open(path) as ledger:
        due: dict[int, Product] = {}
        async for number, product in ledger.frames_due(survey, longest_s=600):
            due[number] = product  # one may come again while jobs want it
            if len(due) == files + _FRAMES * _ROUNDS:
                break
    _cut(path, list(due)[:files])
    products = list(due.values())
    async with Ledger.open(path) as ledger:
        store = await FrameStore.open(
            path.with_name("frames"),
            cast("Transport", Writer()),
            budget=files,
            still_wanted=ledger.still_wanted,
        )
        run = Run(ledger, store, survey, files)
        await run.fill(products[:files])
        yield run, products[files:]


async def _first(
    ledger: Ledger, survey: Survey, count: int
) -> AsyncIterator[tuple[int, Product]]:
    async for frame in ledger.frames_due(survey, longest_s=600):
        yield frame
        count -= 1
        if not count:
            return


def _cut(path: Path, numbers: list[int]) -> None:
    """Record nine of ten stamps of these frames as done."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TEMP TABLE cut (product INTEGER PRIMARY KEY)")
        rows = ((number,) for at, number in enumerate(numbers) if at % _WANTED)
        db.executemany("INSERT INTO cut VALUES (?)", rows)
        db.execute(
            """
            UPDATE cutout
            SET state = 'done'
            WHERE product IN (SELECT product FROM cut)
            """
        )


if __name__ == "__main__":
    main()
