"""The service beside the lanes that sends what a harvest makes to its object store."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...dataset.current_manifest import make_manifest
from ...dataset.object_store.address import StoreAddress
from ...dataset.object_store.opening import need_library
from ...errors import TransientError
from ...events import Note
from ...ledger.in_thread import in_thread
from ...ledger.outbox import Outbox
from .before import need_apart
from .claim import run_identifier
from .run_files import RunFiles, files_of_run
from .sender import Sender
from .store_outage import StoreOutage
from .until_stopped import until_stopped
from .upload import Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from ...dataset.object_store.objects import Objects
    from ...events import Listener
    from ...ledger.ledger import Ledger
    from ...models import Receipt
    from ...places import Places
    from ...settings.sections import StoreSection
    from ...settings.settings import Settings
    from ...transport.host_state import HostState

__all__ = ["Sending", "sending"]

#: Seconds between two copies of the ledger, and the part of the time they may take.
_COPY_EVERY_S, _COPY_SHARE = 300.0, 0.05


class Sending:
    """What a harvest sends to its store; an `Outlet`."""

    def __init__(self, sender: Sender, files: RunFiles, places: Places) -> None:
        self._sender = sender
        self._files = files
        self._places = places

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Take stamps that the ledger has recorded."""
        self._sender.add(receipts)

    async def room(self) -> None:
        """Return when more stamps may be made: not too many wait to be sent."""
        await self._sender.room()

    def states(self) -> list[HostState]:
        """Tell how it stands with the store, as of a host."""
        return self._sender.states()

    def left(self) -> list[str]:
        """Say what could not be sent; nothing if all was."""
        return self._sender.left()

    async def finish(self, stopped: asyncio.Event) -> None:
        """Return when all stamps are sent, or the harvest is stopped."""
        await self._sender.finish(stopped)

    async def conclude(self, stopped: asyncio.Event) -> None:
        """Send manifest and ledger as they are at the end, unless it is stopped."""
        if not stopped.is_set():
            await until_stopped(self._send_results(), stopped)

    async def _send_results(self) -> None:
        await in_thread(make_manifest, self._places)
        # The mark again: a store that was down may have lost it.
        await self._files.send_mark()
        await self._files.send(files_of_run(self._places))
        await self._files.send_ledger()


@asynccontextmanager
async def sending(
    settings: Settings, places: Places, ledger: Ledger, listener: Listener
) -> AsyncIterator[Sending]:
    """Send what a run makes to its store while the block runs.

    Raises
    ------
    InputError
        The store refuses, or has another run.
    OutageError
        The store cannot be reached for too long.
    LockedError
        A harvest in another folder goes on with this run.
    """
    section = settings.store
    need_library(f"sending to {section.url}")
    need_apart(section.url, places)
    outage = StoreOutage(section.url, settings.politeness.patience_s)
    objects = await _opened(section, outage, listener)
    run = await run_identifier(ledger, places)
    with Outbox.open(places.outbox) as outbox:
        sender = Sender(
            objects,
            outbox,
            Upload(objects, outbox, run),
            outage,
            places,
            at_once=section.at_once,
            listener=listener,
        )
        files = RunFiles(objects, outbox, outage, places, run)
        await files.send_mark()
        try:
            async with asyncio.TaskGroup() as group:
                tasks = sender.start(group)
                tasks.append(group.create_task(_keep_sending(files, places)))
                yield Sending(sender, files, places)
                for task in tasks:
                    task.cancel()
        except BaseException:
            ledger.keep_troubles(sender.left())
            raise


async def _opened(
    section: StoreSection, outage: StoreOutage, listener: Listener
) -> Objects:
    from ...dataset.object_store.objects import Objects

    address = StoreAddress.parse(section.url)
    try:
        objects = await Objects.open(address, endpoint=section.endpoint)
    except TransientError as error:
        listener(Note(f"{error} It is tried again.", is_warning=True))
        objects = await outage.outlast(
            lambda: Objects.open(address, endpoint=section.endpoint)
        )
    for lack in objects.abilities.lacks():
        listener(Note(f"{objects.address}: {lack}"))
    return objects


async def _keep_sending(files: RunFiles, places: Places) -> None:
    """Send the files of the run and copies of its ledger, every few minutes."""
    while True:
        began = time.monotonic()
        await files.send(files_of_run(places))
        await files.send_ledger()
        took_s = time.monotonic() - began
        await asyncio.sleep(max(_COPY_EVERY_S, took_s / _COPY_SHARE))
