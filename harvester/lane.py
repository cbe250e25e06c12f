"""A lane: one archive's due jobs, walked to their end.

One task locates, one feeds frames into a bounded channel, workers fetch and cut.
What is in hand is memory only: whatever happens to this process, the next one
finds the same jobs due.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import count
from random import random
from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from .dataset import file_loc
from .errors import (
    HarvesterError,
    InputError,
    LedgerError,
    LocalError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)
from .events import Moved, Note, Stamped
from .ledger.settlement import NOT_FOUND
from .models import ENDS_WORKERS, Cut, FrameJob, Receipt
from .transport.backoff import backoff

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from .archives import Archive
    from .cutter import Cutter
    from .events import Heard
    from .frames import FrameStore, LocalFrame
    from .ledger.ledger import Ledger
    from .models import Ask, CutoutSpec, Product, Survey, Wanted
    from .states import State

__all__ = ["Lane", "LanePlan"]

_log = logging.getLogger(__name__)

#: Jobs that are looked up for the archive at once.
_ASKS = 10_000

#: Frames that are looked up for the channel at once.
_FRAMES = 200

#: Unexpected errors in a row after which the lane stops: it is not the galaxies.
_BUGS = 20

#: Longest pause in seconds between two looks for jobs that have become due.
_NAP_S = 2.0

#: Seconds in which targets that have to be looked up anew gather while there are
#: frames to feed, so that they share a request.
_GATHER_S = 60.0


@dataclass(frozen=True, slots=True)
class LanePlan:
    """What a lane does and how hard it tries."""

    surveys: tuple[Survey, ...]
    spec: CutoutSpec
    #: Folder that stamps are written under.
    root: Path
    #: A stamp from every product that holds a target, not only from the best.
    keep_all: bool
    #: Frames in hand at once, being fetched or cut.
    workers: int
    #: Attempts of a job before it is given up.
    attempts: int
    #: Longest wait in seconds between two of them.
    longest_backoff_s: float
    #: Seconds for which an archive that gives no sensible answer is asked again.
    patience_s: float


class _Item(NamedTuple):
    survey: Survey
    number: int
    product: Product


class Lane:
    """Works for one archive until all its jobs are settled, or it gives up."""

    def __init__(
        self,
        archive: Archive,
        plan: LanePlan,
        *,
        ledger: Ledger,
        frames: FrameStore,
        cutter: Cutter,
        heard: Heard,
        located: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """Take what it works with; ``located`` is told before a frame is fetched."""
        self._archive = archive
        self._plan = plan
        self._ledger = ledger
        self._frames = frames
        self._cutter = cutter
        self._heard = heard
        self._located = located
        self._channel: asyncio.Queue[_Item | None] = asyncio.Queue(plan.workers)
        self._in_hand: set[tuple[Survey, int]] = set()
        self._leaving = False
        self._bugs = 0
        self._looked_up = asyncio.Event()
        self._wake_locator = asyncio.Event()
        self._wake_feeder = asyncio.Event()
        self._stopped = asyncio.Event()
        #: Why the lane gave up although jobs are left; None while it has not.
        self.trouble: TransientError | PermanentError | None = None

    def stop(self) -> None:
        """Finish the frames that are in hand, and no more."""
        self._leaving = True
        for event in (
            self._looked_up,
            self._wake_locator,
            self._wake_feeder,
            self._stopped,
        ):
            event.set()

    async def run(self) -> None:
        """Work until every job is settled. Cancel it to drop what is in hand."""
        name = self._archive.name
        async with asyncio.TaskGroup() as group:
            locating = group.create_task(self._locate(), name=f"{name}-locate")
            for number in range(self._plan.workers):
                group.create_task(self._work(), name=f"{name}-{number}")
            await self._feed()
            locating.cancel()
            for _ in range(self._plan.workers):
                await self._channel.put(None)

    async def locate_only(self) -> None:
        """Find the products of all jobs and fetch none."""
        await self._locate_patiently()
        await self._tell_located()

    async def _tell_located(self) -> None:
        if self._located is not None:
            await self._located(self._archive.name)

    # -- locating --------------------------------------------------------------

    async def _locate(self) -> None:
        while not self._leaving:
            await self._locate_patiently()
            self._looked_up.set()
            await _either(self._wake_locator, _GATHER_S)

    async def _locate_patiently(self) -> None:
        # A query without an answer costs no job anything; it is made again for a while.
        began = monotonic()
        for failed in count(1):
            try:
                return await self._locate_due()
            except (OutageError, PermanentError) as error:
                return self._give_up(error)
            except TransientError as error:
                was_long = monotonic() - began >= self._plan.patience_s
                if was_long and failed >= self._plan.attempts:
                    return self._give_up(error)
                self._say(f"{error} It is tried again.")
            except HarvesterError:
                raise
            except Exception as error:  # noqa: BLE001 - the other lane goes on
                _blame_machine(error)
                _log.exception("%s: this is a bug of harvester", self._archive.name)
                return self._give_up(PermanentError("bug", f"unexpected {error!r}"))
            self._release_frames()
            longest_s = self._plan.longest_backoff_s
            await _either(self._stopped, backoff(failed, cap=longest_s, random=random))
            if self._leaving:
                return None
        return None

    def _release_frames(self) -> None:
        self._looked_up.set()
        self._wake_feeder.set()

    async def _locate_due(self) -> None:
        found = False
        for survey in self._plan.surveys:
            after = -1
            while batch := await self._ledger.pending(
                survey,
                after=after,
                limit=_ASKS,
                longest_s=self._plan.longest_backoff_s,
            ):
                after = batch[-1][0]
                await self._ask(survey, [ask for _, ask in batch])
                found = True
        # Where nothing was due, the feeder has nothing new: woken, it would only send
        # the locator to look again, and both would turn in a circle.
        if found:
            self._wake_feeder.set()

    async def _ask(self, survey: Survey, asks: Sequence[Ask]) -> None:
        async for findings in self._archive.locate(survey, asks):
            moved = await self._ledger.record_located(
                survey, findings, file_loc=file_loc, keep_all=self._plan.keep_all
            )
            self._tell(moved)

    # -- feeding ---------------------------------------------------------------

    async def _feed(self) -> None:
        # A frame is fetched once for all its galaxies, so all are located first;
        # but an archive that cannot be asked does not hold up what is known.
        await self._looked_up.wait()
        await self._tell_located()
        while not self._leaving:
            self._wake_feeder.clear()
            fed = [await self._feed_survey(survey) for survey in self._plan.surveys]
            if any(fed):
                continue
            if not self._in_hand and await self._all_settled():
                return
            # No frame is left to feed: what has to be looked up anew is next.
            self._wake_locator.set()
            await _either(self._wake_feeder, _NAP_S)

    async def _all_settled(self) -> bool:
        return await self._ledger.next_due(self._plan.surveys) is None

    async def _feed_survey(self, survey: Survey) -> bool:
        fed = False
        after = 0
        while rows := await self._ledger.frames_due(
            survey,
            after=after,
            limit=_FRAMES,
            longest_s=self._plan.longest_backoff_s,
        ):
            for number, product in rows:
                after = number
                if (survey, number) in self._in_hand:
                    continue
                if self._leaving:
                    return fed
                self._in_hand.add((survey, number))
                await self._channel.put(_Item(survey, number, product))
                fed = True
        return fed

    # -- working ---------------------------------------------------------------

    async def _work(self) -> None:
        while (item := await self._channel.get()) is not None:
            if not self._leaving:
                await self._harvest(item)
            self._in_hand.discard((item.survey, item.number))
            self._wake_feeder.set()

    async def _harvest(self, item: _Item) -> None:
        # The job boundary: nothing that happens to a frame leaves it, but what is
        # wrong with this machine.
        wanted = await self._ledger.wanted(item.survey, item.number)
        if not wanted:
            return
        try:
            cut = await self._fetch_and_cut(item, wanted)
            self._bugs = 0
        except (InputError, LocalError, LedgerError):
            raise
        except OutageError as error:
            self._give_up(error)
            return
        except TransientError as error:
            await self._postpone(item, wanted, error)
            return
        except NotFoundError:
            cut = _nothing(wanted, NOT_FOUND)
        except PermanentError as error:
            cut = _nothing(wanted, error.reason)
        except Exception as error:  # noqa: BLE001 - the one place that catches all
            _blame_machine(error)
            self._count_bug(item, error)
            cut = _nothing(wanted, f"unexpected {type(error).__name__}")
        await self._record(item, cut)

    async def _fetch_and_cut(self, item: _Item, wanted: list[Wanted]) -> Cut:
        product, spec = item.product, self._plan.spec
        on_bytes = partial(self._ledger.count_image_bytes, item.survey)
        async with self._frames.frame(product, wanted, spec, on_bytes) as frame:
            job = FrameJob(
                product,
                str(frame.path),
                str(self._plan.root),
                tuple(wanted),
                spec,
                is_whole=frame.is_whole,
            )
            try:
                cut = await self._cutter.cut(job)
            except (TransientError, PermanentError) as error:
                self._frames.discard(product, frame, error)
                if frame.is_whole:
                    raise
                _log.info("%s is fetched whole: %s", product.name, error)
            else:
                if any(one.problem in ENDS_WORKERS for one in cut.receipts):
                    self._put_aside(product, frame)
                return cut
        # What is wrong with a part says nothing of the frame, and costs no attempt.
        return await self._fetch_and_cut(item, wanted)

    def _put_aside(self, product: Product, frame: LocalFrame) -> None:
        if path := self._frames.put_aside(frame):
            self._say(f"{product.name} ended processes that cut it: kept as {path}")

    async def _record(self, item: _Item, cut: Cut) -> None:
        moved = await self._ledger.record_receipts(
            item.survey,
            item.number,
            cut.receipts,
            needed=cut.needed,
            may_relocate=self._archive.may_relocate,
        )
        stamps = sum(not receipt.problem for receipt in cut)
        self._heard(Stamped(self._archive.name, item.product.name, stamps))
        self._tell(moved)

    async def _postpone(
        self, item: _Item, wanted: list[Wanted], error: TransientError
    ) -> None:
        moved = await self._ledger.postpone(
            item.survey,
            [one.target for one in wanted],
            reason=error.reason,
            attempts=self._plan.attempts,
            longest_s=self._plan.longest_backoff_s,
        )
        self._say(f"{item.product.name}: {error}")
        self._tell(moved)

    def _count_bug(self, item: _Item, error: Exception) -> None:
        _log.exception("%s: this is a bug of harvester", item.product.name)
        self._bugs += 1
        if self._bugs == _BUGS:
            msg = f"{_BUGS} unexpected errors in a row, the last one {error!r}"
            raise RuntimeError(msg) from error

    # -- telling -----------------------------------------------------------------

    def _give_up(self, error: TransientError | PermanentError) -> None:
        if self.trouble is None:
            self.trouble = error
            self._say(f"no more of it for now: {error}")
        self.stop()

    def _tell(self, moved: Counter[State]) -> None:
        for state, jobs in moved.items():
            self._heard(Moved(self._archive.name, state, jobs))

    def _say(self, text: str) -> None:
        self._heard(Note(f"{self._archive.name}: {text}"))


def _blame_machine(error: Exception) -> None:
    # Libraries say OSError of a bad file, too; then no system call has failed.
    if isinstance(error, OSError) and error.errno is not None:
        msg = f"this machine does not do it: {error}. Mend that, then resume"
        raise LocalError(msg) from error


def _nothing(wanted: list[Wanted], problem: str) -> Cut:
    return Cut([Receipt(one.target, problem=problem) for one in wanted])


async def _either(event: asyncio.Event, seconds: float) -> None:
    # Until the event or the time, whichever comes first.
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
    event.clear()
