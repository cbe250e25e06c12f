"""Sends the files of a run besides its stamps: these are replaced when they change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ...dataset.export.checksums import sha256_of
from ...dataset.object_store.found_object import RUN, SHA256, WRITER
from ...errors import LockedError
from ...ledger.backup import back_up
from ...ledger.in_thread import in_thread
from .claim import claim

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ...dataset.object_store.found_object import FoundObject
    from ...dataset.object_store.objects import Objects
    from ...ledger.outbox import Outbox
    from ...places import Places
    from .store_outage import StoreOutage

__all__ = ["LEDGER", "RunFiles", "files_of_run"]

#: Name of the object with the copy of the ledger.
LEDGER = "ledger.sqlite"

#: Key of the outbox: the hash of the copy that was sent last, or was about to be.
_COPY = "ledger copy"


def files_of_run(places: Places) -> list[str]:
    """Give the files of a run that are sent as they are, relative to its folder."""
    known = (
        *(places.settings, places.labels, places.rejects, places.manifest),
        *(places.manifest.with_suffix(".csv"), places.report),
    )
    return [path.name for path in known if path.exists()]


class RunFiles:
    """Sends files of one run."""

    def __init__(
        self,
        objects: Objects,
        outbox: Outbox,
        outage: StoreOutage,
        places: Places,
        run: str,
    ) -> None:
        self._objects = objects
        self._outbox = outbox
        self._outage = outage
        self._places = places
        self._run = run

    async def send_mark(self) -> None:
        """Mark the folder in the store as that of this run.

        Raises
        ------
        InputError
            Another run has it.
        """
        await self._outage.outlast(partial(claim, self._objects, self._run))

    async def send(self, names: Iterable[str]) -> int:
        """Send files, relative to the folder of the run; tell how many had changed."""
        changed = 0
        for name in names:
            changed += await self._outage.outlast(partial(self._send, name))
        return changed

    async def remove_others(self, last: str, names: Iterable[str]) -> None:
        """Remove what was sent earlier beside a file and is not among these names."""
        folder = last.rpartition("/")[0] or last.removesuffix(".html")
        others = self._outbox.sent_below(folder) - set(names)
        if others:
            await self._outage.outlast(partial(self._objects.remove, sorted(others)))
            self._outbox.forget(others)

    async def send_ledger(self) -> None:
        """Send a copy of the ledger as it is at one moment.

        Raises
        ------
        LockedError
            A harvest in another folder goes on with this run.
        """
        copy = self._places.out / f"{LEDGER}.copy"
        try:
            await in_thread(partial(back_up, self._places.ledger, copy, force=True))
            sha256 = await in_thread(sha256_of, copy)
            await self._outage.outlast(partial(self._send_copy, copy, sha256))
        finally:
            copy.unlink(missing_ok=True)

    async def _send(self, name: str) -> bool:
        path = self._places.out / name
        sha256 = await in_thread(sha256_of, path)
        sent = self._outbox.sent(name)
        if sent and sent[0] == sha256:
            there = await self._objects.look(name)
            if there and there.e_tag == sent[1]:
                return False
        labels = {SHA256: sha256, RUN: self._run}
        e_tag = await self._objects.put_file(name, path, labels)
        self._outbox.keep_sent(name, sha256, e_tag)
        return True

    async def _send_copy(self, copy: Path, sha256: str) -> None:
        there = await self._objects.look(LEDGER)
        if there and not await self._is_ours(there):
            out = self._places.out
            msg = (
                f"{self._objects.address}/{LEDGER} was written by a harvest in another "
                f"folder, which goes on with this run. Stop that one; to go on here "
                f"from where it is: harvester resume {self._objects.address} --work "
                f"NEW-FOLDER. Nothing in {out} is lost"
            )
            raise LockedError(msg)
        self._outbox.keep_fact(_COPY, sha256)
        labels = {SHA256: sha256, RUN: self._run, WRITER: self._outbox.writer}
        e_tag = await self._objects.put_file(LEDGER, copy, labels)
        self._outbox.keep_sent(LEDGER, sha256, e_tag)

    async def _is_ours(self, there: FoundObject) -> bool:
        if writer := there.labels.get(WRITER):
            # A copy that was fetched here is of another folder, and is replaced once.
            return writer == self._outbox.writer or self._was_fetched(there)
        sent = self._outbox.sent(LEDGER)
        if sent and sent[1] == there.e_tag:
            return True
        # A store without metadata; a kill came after the sending, before it was kept.
        return self._outbox.fact(_COPY) == await self._objects.sha256_of(there)

    def _was_fetched(self, there: FoundObject) -> bool:
        sent = self._outbox.sent(LEDGER)
        return sent is not None and sent[1] == there.e_tag
