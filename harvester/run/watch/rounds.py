"""Harvests again and again: when there are new rows, or it is time to look again.

Between two harvests nothing is asked, and nothing is written.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ...archives.registry import kind_of
from ...dataset.current_manifest import make_manifest
from ...errors import first_of
from ...events import Note, Watching, counted
from ...ledger.in_thread import in_thread
from ...ledger.looking_again import (
    LOOKED_AT,
    keep_looked_at,
    keep_watcher,
    look_again,
)
from ...ledger.process import ProcessMark
from ...ledger.runner import Runner
from ...ledger.view import LedgerView
from ...status.report import read_report, unsettled
from ...status.running import watching_words
from .dropped_files import DroppedFiles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ...events import Listener
    from ...places import Places
    from ...settings.settings import Settings
    from ..harvest import Outcome
    from ..stop import Stop

    Log = Callable[[None], AbstractContextManager[Listener]]

__all__ = ["harvest_and_watch"]

#: Seconds between two lines of the log while nothing happens.
_TELL_S = 3600.0


async def harvest_and_watch(
    settings: Settings,
    places: Places,
    log: Log,
    stop: Stop,
    harvest_once: Callable[[], Awaitable[Outcome]],
) -> Outcome:
    """Harvest, wait for something new, and so on, until a signal stops it.

    Parameters
    ----------
    log
        Opens the log for the time between two harvests.

    Raises
    ------
    HarvesterError
        The disk, the ledger or the settings ended a harvest.
    """
    watch = _Watch(settings, places)
    while True:
        outcome = await watch.harvest(harvest_once, stop)
        if stop.signal:
            return outcome
        await in_thread(make_manifest, places)
        stop.idle()
        with log(None) as listener:
            await watch.wait(listener)


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Tell whether an event comes within so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    return event.is_set()


class _Watch:
    """The waiting between two harvests."""

    def __init__(self, settings: Settings, places: Places) -> None:
        self._settings = settings
        self._places = places
        self._files = DroppedFiles(settings, places)
        self._since = time.time()
        #: Files that came while a harvest was at work.
        self._waiting: list[Path] = []

    async def harvest(
        self, once: Callable[[], Awaitable[Outcome]], stop: Stop
    ) -> Outcome:
        """Harvest, and pause that for new files if it takes long.

        Raises
        ------
        HarvesterError
            The disk, the ledger or the settings ended it.
        """
        ended = asyncio.Event()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._look_beside(stop, ended), name="files")
                outcome = await once()
                ended.set()
        except BaseExceptionGroup as group:
            raise first_of(group) from group
        return outcome

    async def _look_beside(self, stop: Stop, ended: asyncio.Event) -> None:
        # A look is waited for, and not cancelled: each file is told once.
        section = self._settings.watch
        pause_s = section.busy_s
        while not await _within(pause_s, ended):
            if self._waiting and not stop.is_held:
                stop.pause()
                return
            pause_s = section.look_s
            self._waiting += await asyncio.to_thread(self._files.look)

    async def wait(self, listener: Listener) -> None:
        """Return when there is something to harvest."""
        while not await self._has_work(listener):
            pass

    async def _has_work(self, listener: Listener) -> bool:
        """Wait until the next look, or until a file has new galaxies."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            await in_thread(self._files.take, waiting, listener)
            return True
        left = unsettled(await in_thread(read_report, self._places))
        due = await in_thread(self._due, left)
        with self._signed_in(due):
            added = await self._idle(due, listener)
        if added or left:
            return True
        return await in_thread(self._look_again, listener) > 0

    def _due(self, left: int) -> float:
        """Give when to look again (Unix seconds)."""
        now, section = time.time(), self._settings.watch
        if left:
            return now + section.retry_s
        with LedgerView.open(self._places.ledger) as view:
            kept = view.facts().get(LOOKED_AT)
        if kept is None:
            keep_looked_at(self._places.ledger, now)
        # A clock that was set back must not postpone it.
        looked_at = min(now, float(kept or now))
        return looked_at + section.again_s

    @contextmanager
    def _signed_in(self, due: float) -> Iterator[None]:
        now, ledger = time.time(), self._places.ledger
        process = ProcessMark.own()
        runner = Runner(process, self._since, now, progress_at=now, next_look_at=due)
        keep_watcher(ledger, runner)
        try:
            yield
        finally:
            keep_watcher(ledger, None)

    async def _idle(self, due: float, listener: Listener) -> int:
        """Look at the files until a time; tell how many galaxies were added."""
        told_at = float("-inf")
        while (left_s := due - time.time()) > 0:
            if time.monotonic() - told_at >= _TELL_S:
                told_at = time.monotonic()
                listener(Watching(watching_words(due), due))
            await asyncio.sleep(min(left_s, self._settings.watch.look_s))
            if paths := await asyncio.to_thread(self._files.look):
                added = await in_thread(self._files.take, paths, listener)
                if added:
                    return added
        return 0

    def _look_again(self, listener: Listener) -> int:
        kinds = {
            survey.archive: kind_of(survey.archive)
            for survey in self._settings.parsed_surveys()
        }
        archives = {name for name, kind in kinds.items() if kind.gets_new_images}
        keep_all = {
            name
            for name in archives
            if kinds[name].keeps_all(self._settings.archive(name))
        }
        jobs = look_again(self._places.ledger, archives, keep_all)
        if jobs:
            what = counted(jobs, "job")
            listener(Note(f"looking again for images: {what} without an image so far"))
        return jobs
