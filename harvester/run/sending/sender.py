"""Sends the stamps of a harvest to its object store, several at a time.

Stamps come from the lanes once the ledger has recorded them. At the start those follow
that an earlier harvest has not sent: the ledger is compared with what the store lists,
so that nothing is lost after a kill of this process, and if the store lost objects.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from functools import partial
from typing import TYPE_CHECKING

from ...errors import LocalError
from ...events import Note, counted
from ...ledger.in_thread import in_thread
from ...ledger.outbox import Unsent
from ...transport.host_state import HostState
from .backlog import Backlog
from .until_stopped import until_stopped

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ...dataset.object_store.objects import Objects
    from ...events import Listener
    from ...ledger.outbox import Outbox
    from ...models import Receipt
    from ...places import Places
    from .store_outage import StoreOutage
    from .upload import Upload

__all__ = ["Sender"]

#: Unsent stamps that are read of the outbox at a time.
_PAGE = 500


class Sender:
    """Sends stamps; an `Outlet`.

    Parameters
    ----------
    at_once
        Stamps that are under way at a time.
    """

    def __init__(
        self,
        objects: Objects,
        outbox: Outbox,
        upload: Upload,
        outage: StoreOutage,
        places: Places,
        *,
        at_once: int,
        listener: Listener,
    ) -> None:
        self._objects = objects
        self._outbox = outbox
        self._upload = upload
        self._outage = outage
        self._places = places
        self._at_once = at_once
        self._listener = listener
        self._backlog = Backlog()
        #: Unsent stamps of earlier harvests that are not in the backlog yet.
        self._earlier = 0
        self._compared = asyncio.Event()
        #: Outages that were over when the store was listed.
        self._outages = 0
        self._is_finishing = False
        #: When the last stamp was sent, Unix seconds.
        self._sent_at = 0.0

    def add(self, receipts: Iterable[Receipt]) -> None:
        """Take stamps that the ledger has recorded."""
        for one in receipts:
            if one.sha256 and not one.problem:
                self._backlog.add(Unsent(one.file_loc, one.sha256, one.size))

    async def room(self) -> None:
        """Return when more stamps may be made."""
        await self._backlog.room()

    def start(self, group: asyncio.TaskGroup) -> list[asyncio.Task[None]]:
        """Begin to send; the tasks end when they are cancelled."""
        sending = [
            group.create_task(self._work(), name=f"store-{number}")
            for number in range(self._at_once)
        ]
        return [*sending, group.create_task(self._catch_up(), name="store-earlier")]

    async def finish(self, stopped: asyncio.Event) -> None:
        """Return when all is sent, or when the harvest is stopped."""
        self._is_finishing = True
        if waiting := self._waiting:
            self._listener(Note(f"{_stamps(waiting)} for {self._objects.address}"))
        await until_stopped(self._all_sent(), stopped)

    def left(self) -> list[str]:
        """Say what could not be sent; nothing if all was."""
        if not (waiting := self._waiting):
            return []
        why = f": {self._outage.why}" if self._outage.why else ""
        remedy = f"`harvester resume {self._places.out}` sends them"
        return [f"{_stamps(waiting)} for {self._objects.address}{why}; {remedy}"]

    def states(self) -> list[HostState]:
        """Tell how it stands with the store, as of a host."""
        why = self._outage.why
        matters = bool(why) or self._backlog.is_full or self._is_finishing
        waiting = self._waiting if matters else 0
        under_way = 0 if why else min(waiting, self._at_once)
        return [
            HostState(
                self._objects.address,
                rate=0.0,
                full_rate=0.0,
                slots={"stamps": (under_way, self._at_once, self._at_once)},
                # While it is down something waits, if only the manifest.
                waiting=max(waiting, bool(why)),
                closed=_closed(waiting, why),
                heard_at=self._sent_at,
                probe_at=self._outage.next_try_at if why else 0.0,
            )
        ]

    @property
    def _waiting(self) -> int:
        return self._backlog.stamps + self._earlier

    async def _all_sent(self) -> None:
        await self._compared.wait()
        await self._backlog.all_sent()
        # After an outage a store may have lost what it had taken before.
        while self._outages < self._outage.over:
            await self._catch_up()
            await self._backlog.all_sent()

    async def _work(self) -> None:
        while True:
            stamp = await self._backlog.take()
            content = await in_thread(self._read, stamp)
            if content is not None:
                send = partial(self._upload.send, stamp, content)
                await self._outage.outlast(send)
                self._sent_at = time.time()
            self._backlog.sent(stamp)

    def _read(self, stamp: Unsent) -> bytes | None:
        """Read a stamp from disk; None if it was cut again meanwhile.

        Raises
        ------
        LocalError
            It is not on disk as it was written.
        """
        path = self._places.out / stamp.name
        try:
            content = path.read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() == stamp.sha256:
            return content
        # The stamp that is cut in its place is sent when it is recorded.
        if not self._outbox.is_current(self._places.ledger, stamp):
            return None
        out = self._places.out
        msg = (
            f"{path} is not on disk as it was written, so it cannot be sent to "
            f"{self._objects.address}. Run `harvester verify --repair {out}`, then "
            f"`harvester resume {out}`"
        )
        raise LocalError(msg)

    # -- what earlier harvests have not sent -------------------------------------

    async def _catch_up(self) -> None:
        self._outages = self._outage.over
        await self._outage.outlast(self._list)
        with self._outbox.comparison(self._places.ledger) as comparison:
            self._earlier = await in_thread(comparison.count)
            last = 0
            while page := comparison.page(last, _PAGE):
                for number, stamp in page:
                    await self._backlog.room()
                    self._backlog.add(stamp)
                    self._earlier -= 1
                    last = number
        self._compared.set()

    async def _list(self) -> None:
        self._outbox.begin_listing()
        async for page in self._objects.list_all():
            self._outbox.keep_listed((one.name, one.size, one.e_tag) for one in page)


def _stamps(waiting: int) -> str:
    return counted(waiting, "stamp waits", "stamps wait")


def _closed(waiting: int, why: str) -> str:
    if not why:
        return ""
    return f"down: {_stamps(waiting)}: {why}" if waiting else f"down: {why}"
