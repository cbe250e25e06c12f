"""Time to take a frame and to release one, with a ledger of any size and a full cache.

    python benchmarks/per_frame.py RUN

RUN is the folder of a located run. Its ledger is copied; frames are files of one byte
that a stand-in for the transport writes. To take a frame is to find it among those that
are due, and what is wanted of it; to release it is to make room for it in the cache.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

from harvester.frames.store import FrameStore
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.places import Places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from harvester.models import Product, Survey
    from harvester.transport.transport import Transport

#: Frames that are taken and released in each round, and rounds, of which the quickest
#: counts: the others waited for something else.
_FRAMES, _ROUNDS = 200, 5

#: Targets for each frame in the cache: a million make 50,000 files.
_TARGETS_A_FRAME = 20

#: One in so many frames of the cache is still wanted.
_WANTED = 10


class Writer:
    """Stands in for the transport: every file is there, and has one byte."""

    async def download(self, _url: str, *, path: Path, **_more: object) -> object:
        """Write the file."""
        path.write_bytes(b"1")
        return SimpleNamespace(sha256="")


def main() -> None:
    """Print milliseconds for each frame, as JSON."""
    places = Places(Path(sys.argv[1]))
    with tempfile.TemporaryDirectory(dir=places.out) as name:
        copy = Path(name) / "ledger.sqlite"
        shutil.copy(places.ledger, copy)
        print(json.dumps(asyncio.run(measure(copy))))


async def measure(path: Path) -> dict[str, float]:
    """Give milliseconds to take and to release a frame, and files in the cache."""
    with LedgerView.open(path) as view:
        survey = next(s for s in view.surveys().values() if s.archive == "sdss")
        files = view.count("target") // _TARGETS_A_FRAME
    async with Ledger.open(path) as ledger:
        taken = [await _take(ledger, survey) for _ in range(_ROUNDS)]
        frames = [p async for p in _first(ledger, survey, files + _FRAMES * _ROUNDS)]
    _cut(path, frames[:files])
    async with Ledger.open(path) as ledger:
        store = await FrameStore.open(
            path.with_name("frames"),
            cast("Transport", Writer()),
            budget=files,
            still_wanted=ledger.still_wanted,
        )
        for _, product in frames[:files]:
            await _release(store, product)
        rounds = [
            [await _release(store, product) for _, product in frames[at : at + _FRAMES]]
            for at in range(files, len(frames), _FRAMES)
        ]
    released = [sum(times) / len(times) for times in rounds]
    return {
        "take_ms": 1e3 * min(taken),
        "release_ms": 1e3 * min(released),
        "files": files,
    }


async def _first(
    ledger: Ledger, survey: Survey, count: int
) -> AsyncIterator[tuple[int, Product]]:
    if not count:
        return
    async for frame in ledger.frames_due(survey, longest_s=600):
        yield frame
        count -= 1
        if not count:
            return


async def _take(ledger: Ledger, survey: Survey) -> float:
    began = time.perf_counter()
    async for number, _ in _first(ledger, survey, _FRAMES):
        wanted = await ledger.wanted(survey, number)
        assert wanted
    return (time.perf_counter() - began) / _FRAMES


async def _release(store: FrameStore, product: Product) -> float:
    async with store.frame(product):
        began = time.perf_counter()
    return time.perf_counter() - began


def _cut(path: Path, frames: list[tuple[int, Any]]) -> None:
    """Say that these frames have been cut, but for one in ten."""
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TEMP TABLE cut (product INTEGER PRIMARY KEY)")
        db.executemany(
            "INSERT INTO cut VALUES (?)",
            ((number,) for at, (number, _) in enumerate(frames) if at % _WANTED),
        )
        db.execute(
            "UPDATE cutout SET state = 'done' WHERE product IN (SELECT product FROM cut)"
        )


if __name__ == "__main__":
    main()
