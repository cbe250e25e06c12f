"""A lane: one archive's due jobs, walked to their end.

A locator finds out which frames hold the targets, one task feeds those frames into a
bounded channel, workers fetch and cut. What is in hand is memory only: whatever
happens to this process, the next one finds the same jobs due.

Work belongs to the lane, trouble to a service of its archive. A service that is given
up ends what needs it and nothing else: targets that are not located wait for the one
that locates, frames for the one that has them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from yarl import URL

from ..errors import (
    HarvesterError,
    InputError,
    LedgerError,
    LocalError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
    blame_machine,
    first_of,
)
from ..events import Moved, Note, Stamped
from ..ledger.settlement import NOT_FOUND
from ..models import ENDS_WORKERS, Cut, FrameJob, Receipt
from ..states import State
from .lane_plan import LanePlan
from .locating import Locator, wait_at_most

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from ..archives.kind import Archive
    from ..events import Listener
    from ..frames.store import FrameStore, LocalFrame
    from ..ledger.ledger import Ledger
    from ..models import Product, Survey, Wanted
    from .executors.processes import Cutter

__all__ = ["Lane", "LanePlan"]

_log = logging.getLogger(__name__)

#: Unexpected errors in a row after which the lane stops: it is not the galaxies.
_BUGS = 20

#: How often a frame that fails is left for later before its outage is sat out.
_PUT_OFF = 3

#: Longest pause in seconds between two looks for jobs that have become due.
_NAP_S = 2.0


class _Item(NamedTuple):
    survey: Survey
    number: int
    product: Product
    #: Whether an outage of its archive is waited for: there is nothing else to fetch.
    sits_out: bool


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
        listener: Listener,
        located: Callable[[str], Awaitable[None]] | None = None,
        down_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Take what it works with.

        Parameters
        ----------
        located
            Is told before the first frame is fetched.
        down_s
            Tells for how many seconds the service that locates has been down.
        """
        self._archive = archive
        self._plan = plan
        self._ledger = ledger
        self._frames = frames
        self._cutter = cutter
        self._heard = listener
        self._located = located
        self._locator = Locator(
            archive, plan, ledger, tell=self._tell, say=self._say, down_s=down_s
        )
        self._channel: asyncio.Queue[_Item | None] = asyncio.Queue(plan.workers)
        self._in_hand: set[tuple[Survey, int]] = set()
        self._leaving = False
        self._bugs = 0
        #: What of the settings its archive refuses.
        self._refused: HarvesterError | None = None
        #: Whether frames come from more than one host.
        self._has_mirrors = False
        #: Hosts of frames that were given up, and why; and frames that met that.
        self._sick: dict[str, OutageError] = {}
        self._held_up: set[tuple[Survey, int]] = set()
        #: How often a frame was left for later although it is not out of reach.
        self._put_off: Counter[tuple[Survey, int]] = Counter()
        #: Frames whose next outage is sat out, though there are others.
        self._waited_for: set[tuple[Survey, int]] = set()

    @property
    def troubles(self) -> list[HarvesterError]:
        """Why jobs are left: for each service that was given up."""
        locating = self._refused or self._locator.trouble
        return [*([locating] if locating else ()), *self._sick.values()]

    def refuse(self, group: BaseExceptionGroup[InputError]) -> None:
        """Leave all jobs, because of what the settings name; say so."""
        self._refused = InputError(str(first_of(group)))
        self._say(f"its galaxies are left: {self._refused}")

    def stop(self) -> None:
        """Finish the frames that are in hand, and no more."""
        self._leaving = True
        self._locator.stop()

    async def run(self) -> None:
        """Work until every job is settled. Cancel it to drop what is in hand."""
        name = self._archive.name
        async with asyncio.TaskGroup() as group:
            locating = (
                group.create_task(self._locator.run(), name=f"{name}-locate"),
                group.create_task(self._locator.watch(), name=f"{name}-watch"),
            )
            for number in range(self._plan.workers):
                group.create_task(self._work(), name=f"{name}-{number}")
            await self._feed()
            for task in locating:
                task.cancel()
            for _ in range(self._plan.workers):
                await self._channel.put(None)

    async def locate_only(self) -> None:
        """Find the products of all jobs and fetch none."""
        await self._locator.look_up()
        await self._tell_located()

    async def _tell_located(self) -> None:
        if self._located is not None:
            await self._located(self._archive.name)

    # -- feeding ---------------------------------------------------------------

    async def _feed(self) -> None:
        # A frame is fetched once for all its galaxies, so all are located first;
        # but an archive that cannot be asked does not hold up what is known.
        await self._locator.released.wait()
        await self._tell_located()
        while not self._leaving:
            self._locator.found.clear()
            if await self._feed_all(self._is_out_of_reach):
                continue
            # What can only be waited for comes last, and holds up no worker till then.
            if not self._in_hand and await self._feed_all():
                continue
            if not self._in_hand and await self._is_through():
                return
            # No frame is left to feed: what has to be looked up anew is next.
            self._locator.wake()
            await wait_at_most(self._locator.found, _NAP_S)

    async def _is_through(self) -> bool:
        """Whether nothing is left but what waits for a service that was given up."""
        surveys, next_due = self._plan.surveys, self._ledger.next_due
        if await next_due(surveys) is None:
            return True
        is_locating = self._locator.trouble is None
        if is_locating and await next_due(surveys, State.PENDING) is not None:
            return False
        if await next_due(surveys, State.LOCATED) is None:
            # Unless the service that locates has answered at this very moment.
            return self._locator.trouble is not None
        return bool(self._sick) and not await self._any_to_come()

    async def _any_to_come(self) -> bool:
        """Whether a frame, now or later, may be had without services given up."""
        for survey in self._plan.surveys:
            async for _ in self._due(survey, longest_s=0):
                return True
        return False

    async def _feed_all(
        self, is_left_out: Callable[[Product], bool] | None = None
    ) -> bool:
        fed = [await self._feed_survey(s, is_left_out) for s in self._plan.surveys]
        return any(fed)

    async def _feed_survey(
        self, survey: Survey, is_left_out: Callable[[Product], bool] | None
    ) -> bool:
        fed = False
        longest_s = self._plan.longest_backoff_s
        async for number, product in self._due(survey, longest_s=longest_s):
            if (survey, number) in self._in_hand:
                continue
            if is_left_out is not None and is_left_out(product):
                continue
            if self._leaving:
                return fed
            self._in_hand.add((survey, number))
            # While other hosts have frames to give, no worker waits for one of them.
            is_awaited = (survey, number) in self._waited_for
            sits_out = is_left_out is None or is_awaited or not self._has_mirrors
            await self._channel.put(_Item(survey, number, product, sits_out))
            fed = True
        return fed

    async def _due(
        self, survey: Survey, *, longest_s: float
    ) -> AsyncIterator[tuple[int, Product]]:
        """Give the frames that due jobs want, but those of services given up."""
        async for number, product in self._ledger.frames_due(
            survey, longest_s=longest_s
        ):
            if not self._has_to_wait(survey, number, product):
                yield number, product

    def _is_out_of_reach(self, product: Product) -> bool:
        # Where all frames come from one host there is nothing better to do meanwhile.
        self._has_mirrors = self._has_mirrors or self._frames.has_mirrors(product)
        return self._has_mirrors and self._frames.is_out_of_reach(product)

    def _has_to_wait(self, survey: Survey, number: int, product: Product) -> bool:
        if (survey, number) in self._held_up:
            return True
        is_sick = _host(product) in self._sick
        return is_sick and not self._frames.has_mirrors(product)

    # -- working ---------------------------------------------------------------

    async def _work(self) -> None:
        while (item := await self._channel.get()) is not None:
            if not (self._leaving or self._has_to_wait(*item[:3])):
                await self._harvest(item)
            self._in_hand.discard((item.survey, item.number))
            self._locator.found.set()

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
            self._meet_outage(item, error)
            return
        except TransientError as error:
            await self._postpone(item, wanted, error)
            return
        except NotFoundError:
            cut = _nothing(wanted, NOT_FOUND)
        except PermanentError as error:
            cut = _nothing(wanted, error.reason)
        except Exception as error:  # noqa: BLE001 - the one place that catches all
            blame_machine(error)
            self._count_bug(item, error)
            cut = _nothing(wanted, f"unexpected {type(error).__name__}")
        await self._record(item, wanted, cut)

    async def _fetch_and_cut(self, item: _Item, wanted: list[Wanted]) -> Cut:
        product, spec = item.product, self._plan.spec
        on_bytes = partial(self._ledger.count_image_bytes, item.survey)
        async with self._frames.frame(
            product, wanted, spec, on_bytes, sits_out=item.sits_out
        ) as frame:
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

    async def _record(self, item: _Item, wanted: list[Wanted], cut: Cut) -> None:
        may_relocate = self._archive.may_relocate
        moved = await self._ledger.record_receipts(
            item.survey,
            item.number,
            cut.receipts,
            needed=cut.needed,
            relocatable={one.target for one in wanted if may_relocate(one.id)},
        )
        stamps = sum(not receipt.problem for receipt in cut)
        self._heard(Stamped(self._archive.name, item.product.name, stamps))
        self._tell(moved)

    async def _postpone(
        self, item: _Item, wanted: list[Wanted], error: TransientError
    ) -> None:
        moved = await self._ledger.postpone(
            item.survey,
            item.number,
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

    def _meet_outage(self, item: _Item, error: OutageError) -> None:
        # Refusals have been waited for already.
        if item.sits_out or error.reason == "refuses":
            self._hold_up(item, error)
        elif not self._is_out_of_reach(item.product):
            # It would be fed again at once, as often as it fails. If the archive is not
            # down, or a mirror fails this frame again and again, it is waited for.
            self._put_off[item.survey, item.number] += 1
            is_often = self._put_off[item.survey, item.number] >= _PUT_OFF
            if is_often or not self._frames.is_down(item.product):
                self._waited_for.add((item.survey, item.number))

    def _hold_up(self, item: _Item, error: OutageError) -> None:
        """Leave a frame for a later run, and what else only its host has."""
        self._held_up.add((item.survey, item.number))
        host = _host(item.product)
        if host not in self._sick:
            self._sick[host] = error
            self._say(f"the images of a host are left for a later run: {error}")

    def _tell(self, moved: Counter[State]) -> None:
        for state, jobs in moved.items():
            self._heard(Moved(self._archive.name, state, jobs))

    def _say(self, text: str) -> None:
        self._heard(Note(f"{self._archive.name}: {text}"))


def _nothing(wanted: list[Wanted], problem: str) -> Cut:
    return Cut([Receipt(one.target, problem=problem) for one in wanted])


def _host(product: Product) -> str:
    """Give the host that a frame is fetched from, if no mirror has it."""
    return URL(product.url).host or product.url
