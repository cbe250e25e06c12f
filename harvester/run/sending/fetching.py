"""Fetches a run back from its object store, into a folder on a new machine.

First the stamps come, then the ledger appears under its name: a folder in which this
was interrupted is no run yet, and the same command goes on with it.
"""

from __future__ import annotations

import asyncio
import hashlib
from functools import partial
from typing import TYPE_CHECKING

from ...dataset.object_store.address import StoreAddress
from ...errors import InputError, LocalError, first_of
from ...events import counted
from ...ledger.file import check_file, durable_rename, owned
from ...ledger.in_thread import in_thread
from ...ledger.ledger import Ledger
from ...ledger.outbox import Outbox
from ...ledger.view import LedgerView
from ..own_loop import run_in_own_loop
from .run_files import LEDGER
from .store_outage import StoreOutage

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from pathlib import Path

    from ...dataset.object_store.objects import Objects
    from ...ledger.view import StampRow
    from ...places import Places

__all__ = ["fetch_run"]

#: Stamps that are fetched at a time.
_AT_ONCE = 16

#: Seconds for which a store that is down is asked again.
_PATIENCE_S = 600.0

#: Stamps after which it is told how far it is.
_TELL_EVERY = 10_000


def fetch_run(
    url: str, places: Places, *, endpoint: str, say: Callable[[str], None]
) -> None:
    """Fetch a run into a folder that has none: ledger, settings, labels, all stamps.

    Stamps that the ledger has and the store has not are wanted again.

    Raises
    ------
    InputError
        The store has no run, or refuses.
    OutageError
        The store cannot be reached for too long. The same call continues.
    LocalError
        The folder cannot be written.
    LockedError
        Another process works in the folder.
    """
    try:
        places.out.mkdir(parents=True, exist_ok=True)
        with owned(places.lock):
            _run(partial(_fetch, url, places, endpoint, say))
    except OSError as error:
        msg = f"{places.out} cannot be written: {error.strerror or error}."
        raise LocalError(msg) from error


def _run(work: Callable[[], Coroutine[None, None, None]]) -> None:
    try:
        run_in_own_loop(work)
    except BaseExceptionGroup as group:
        raise first_of(group) from group


async def _fetch(
    url: str, places: Places, endpoint: str, say: Callable[[str], None]
) -> None:
    from ...dataset.object_store.objects import Objects

    outage = StoreOutage(url, _PATIENCE_S)
    objects = await Objects.open(
        StoreAddress.parse(url), endpoint=endpoint, is_writing=False
    )
    with Outbox.open(places.outbox) as outbox:
        fetched = _Fetched(objects, outbox, outage, places)
        copy = await fetched.files()
        say(f"{url}: fetching the stamps of the run into {places.out}")
        lost = await fetched.stamps(copy, say)
        if lost:
            async with Ledger.open(copy) as ledger:
                await ledger.send_back([stamp[:4] for stamp in lost])
            stamps = counted(len(lost), "stamp is", "stamps are")
            say(f"{stamps} not in the store as the ledger has them: made again")
        await fetched.settings()
        durable_rename(copy, places.ledger)


class _Fetched:
    def __init__(
        self, objects: Objects, outbox: Outbox, outage: StoreOutage, places: Places
    ) -> None:
        self._objects = objects
        self._outbox = outbox
        self._outage = outage
        self._places = places

    async def files(self) -> Path:
        """Fetch the files of the run; give the copy of its ledger."""
        copy = self._places.ledger.with_name(f"{LEDGER}.fetched")
        for end in ("-wal", "-shm"):
            copy.with_name(copy.name + end).unlink(missing_ok=True)
        await self._file(LEDGER, copy)
        await in_thread(check_file, copy)
        places = self._places
        for path in (places.labels, places.rejects):
            await self._file(path.name, path)
        return copy

    async def settings(self) -> None:
        """Fetch the settings, last: with them and no ledger a resume would begin."""
        await self._file(self._places.settings.name, self._places.settings)

    async def _file(self, name: str, path: Path) -> None:
        new = path.with_name(f"{path.name}.part")
        found = await self._outage.outlast(partial(self._objects.fetch, name, new))
        if found is None:
            new.unlink(missing_ok=True)
            msg = (
                f"{self._objects.address} has no {name}: no run was sent there, or it "
                "has just begun. Begin one: harvester run CATALOGUE --out "
                f"{self._objects.address}"
            )
            raise InputError(msg)
        await in_thread(durable_rename, new, path)
        if name == LEDGER:
            self._outbox.keep_sent(name, found.labels.get("sha256", ""), found.e_tag)

    async def stamps(self, copy: Path, say: Callable[[str], None]) -> list[StampRow]:
        """Fetch all stamps that are not here; give those that the store has not."""
        with LedgerView.open(copy) as view:
            total, rows = view.count_cutouts(), view.stamps()
            lost: list[StampRow] = []
            counter = _Counter(total, say)
            async with asyncio.TaskGroup() as group:
                for _ in range(_AT_ONCE):
                    group.create_task(self._some(rows, lost, counter))
        return lost

    async def _some(
        self, rows: Iterator[StampRow], lost: list[StampRow], counter: _Counter
    ) -> None:
        # All of these tasks take from one iterator.
        for row in rows:
            if not await self._stamp(row):
                lost.append(row)
            counter.add()

    async def _stamp(self, row: StampRow) -> bool:
        path = self._places.out / row.file_loc
        if await asyncio.to_thread(_sha256, path) == row.sha256:
            return True
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.with_name(f"{path.name}.part")
        fetch = partial(self._objects.fetch, row.file_loc, new)
        found = await self._outage.outlast(fetch)
        if found is None or await asyncio.to_thread(_sha256, new) != row.sha256:
            new.unlink(missing_ok=True)
            return False
        await asyncio.to_thread(durable_rename, new, path)
        self._outbox.keep_sent(row.file_loc, row.sha256, found.e_tag)
        return True


class _Counter:
    """Tells how far the fetching is."""

    def __init__(self, total: int, say: Callable[[str], None]) -> None:
        self._total = total
        self._say = say
        self._done = 0

    def add(self) -> None:
        self._done += 1
        if self._done % _TELL_EVERY == 0 or self._done == self._total:
            self._say(f"{self._done:,} of {self._total:,} stamps are here")


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError:
        return ""
