"""A lane: works on the due jobs of one archive until they are settled.

A locator finds out which frames hold the targets, one task feeds these frames into a
bounded channel, and workers fetch and cut them. The frames in progress are known in
memory only: if this process ends, the next one finds the same jobs due.

If one service of the archive is given up, only the work that needs it stops. Targets
that are not located need the locating service; frames need the host that has them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import aclosing
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from yarl import URL

from ..cutouts.astrometry import load_wcs
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
from ..events import Moved, Note, Stamped, as_sentence
from ..ledger.settlement import NOT_FOUND
from ..ledger.tally import FETCHED
from ..models import Cut, Receipt
from ..states import State
from .lane_plan import LanePlan
from .locating import Locator, wait_at_most

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine

    from ..archives.kind import Archive
    from ..events import Listener
    from ..frames.store import FrameStore
    from ..ledger.ledger import Ledger
    from ..models import Product, Survey, Wanted
    from .frame_cuts import Cuts

    Located = Callable[[str], Awaitable[Coroutine[Any, Any, None] | None]]

__all__ = ["Lane", "LanePlan"]

_log = logging.getLogger(__name__)

#: After so many unexpected errors in a row the run stops: no galaxy is at fault.
_BUGS = 20

#: How often a frame is deferred before a worker waits for the end of its outage.
_MOST_DEFERRALS = 3

#: Longest pause in seconds between two checks for jobs that have become due.
_POLL_S = 2.0


class _Item(NamedTuple):
    survey: Survey
    number: int
    product: Product
    #: Whether a worker waits for the end of an outage of the host of this frame.
    sits_out: bool


class Lane:
    """Works on the jobs of one archive until all are settled or given up."""

    def __init__(
        self,
        archive: Archive,
        plan: LanePlan,
        *,
        ledger: Ledger,
        frames: FrameStore,
        cuts: Cuts,
        listener: Listener,
        located: Located | None = None,
        down_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        """Keep the parts that the lane uses.

        Parameters
        ----------
        located
            Called with the name of the archive before the first frame is fetched; may
            give what is done beside fetching.
        down_s
            Returns for how many seconds the locating service has been down.
        """
        self._archive = archive
        self._plan = plan
        self._ledger = ledger
        self._frames = frames
        self._cuts = cuts
        self._listener = listener
        self._located = located
        self._locator = Locator(
            archive, plan, ledger, moved=self._moved, say=self._say, down_s=down_s
        )
        self._channel: asyncio.Queue[_Item | None] = asyncio.Queue(plan.workers)
        self._in_hand: set[tuple[Survey, int]] = set()
        #: Set when there is a frame to fetch.
        self._fed = asyncio.Event()
        self._leaving = False
        self._bugs = 0
        #: The archive's refusal of a name in the settings.
        self._refused: HarvesterError | None = None
        #: Whether frames come from more than one host.
        self._has_mirrors = False
        #: Hosts of frames that were given up, with the reason.
        self._given_up: dict[str, OutageError] = {}
        #: Frames that are left for a later run because of that.
        self._left: set[tuple[Survey, int]] = set()
        #: How often a frame was deferred although its host is not known to be down.
        self._deferrals: Counter[tuple[Survey, int]] = Counter()
        #: Frames for which a worker waits in their next outage, even if others are due.
        self._waited_for: set[tuple[Survey, int]] = set()

    @property
    def troubles(self) -> list[HarvesterError]:
        """The errors for which services were given up."""
        locating = self._refused or self._locator.trouble
        return [*([locating] if locating else ()), *self._given_up.values()]

    def refuse(self, group: BaseExceptionGroup[InputError]) -> None:
        """Leave all jobs, because the archive does not know a name in the settings."""
        self._refused = InputError(str(first_of(group)))
        self._warn(f"no galaxy of this archive is harvested: {self._refused}")

    def stop(self) -> None:
        """Finish the frames that are being worked on, and start no others."""
        self._leaving = True
        self._locator.stop()

    async def run(self) -> None:
        """Work until every job is settled. Cancel it to drop the current frames.

        It may be run again, for jobs that became due after its end.
        """
        name = self._archive.name
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(self._locator.run(), name=f"{name}-locate"),
                group.create_task(self._locator.watch(), name=f"{name}-watch"),
                group.create_task(self._load(), name=f"{name}-load"),
            ]
            for number in range(self._plan.workers):
                group.create_task(self._work(), name=f"{name}-{number}")
            # Locate all targets first, so that each frame is fetched once for all of
            # them. If the locating service is down, the locator releases the frames.
            await self._locator.released.wait()
            if rest := await self._report_located():
                beside.append(group.create_task(rest, name=f"{name}-rest"))
            await self._feed()
            for task in beside:
                task.cancel()
            for _ in range(self._plan.workers):
                await self._channel.put(None)

    async def _load(self) -> None:
        # While the first frames are asked for: their headers need it when they come.
        await self._fed.wait()
        await asyncio.to_thread(load_wcs)

    async def locate_only(self) -> None:
        """Locate the products of all jobs and fetch none."""
        await self._locator.look_up()
        if rest := await self._report_located():
            await rest

    async def _report_located(self) -> Coroutine[Any, Any, None] | None:
        return await self._located(self._archive.name) if self._located else None

    # -- feeding ---------------------------------------------------------------

    async def _feed(self) -> None:
        while not self._leaving:
            self._locator.found.clear()
            was_idle = not self._in_hand  # else a frame may come back unseen meanwhile
            if await self._feed_all(self._is_out_of_reach):
                continue
            # Frames of hosts that are down come last, when no worker has other frames.
            is_idle = was_idle and not self._in_hand
            if is_idle and await self._feed_all():
                continue
            if is_idle and await self._is_through():
                return
            # No frame is due. Look up again the targets whose frame was wrong.
            self._locator.wake()
            await wait_at_most(self._locator.found, _POLL_S)

    async def _is_through(self) -> bool:
        """Whether all open jobs need a service that was given up, or none is open."""
        surveys, next_due = self._plan.surveys, self._ledger.next_due
        if await next_due(surveys) is None:
            return True
        is_locating = self._locator.trouble is None
        if is_locating and await next_due(surveys, State.PENDING) is not None:
            return False
        if await next_due(surveys, State.LOCATED) is None:
            # The locating service may have answered during the queries above.
            return self._locator.trouble is not None
        return bool(self._given_up) and not await self._any_to_come()

    async def _any_to_come(self) -> bool:
        """Whether a frame, due now or later, needs no host that was given up."""
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
            # If several hosts have frames, no worker waits for one that is down.
            is_awaited = (survey, number) in self._waited_for
            sits_out = is_left_out is None or is_awaited or not self._has_mirrors
            self._fed.set()
            await self._channel.put(_Item(survey, number, product, sits_out))
            fed = True
        return fed

    async def _due(
        self, survey: Survey, *, longest_s: float
    ) -> AsyncIterator[tuple[int, Product]]:
        """Yield the frames that due jobs need, except those of hosts given up."""
        async for number, product in self._ledger.frames_due(
            survey, longest_s=longest_s
        ):
            if not self._has_to_wait(survey, number, product):
                yield number, product

    def _is_out_of_reach(self, product: Product) -> bool:
        # If all frames come from one host, there is nothing else to fetch meanwhile.
        self._has_mirrors = self._has_mirrors or self._frames.has_mirrors(product)
        return self._has_mirrors and self._frames.is_out_of_reach(product)

    def _has_to_wait(self, survey: Survey, number: int, product: Product) -> bool:
        if (survey, number) in self._left:
            return True
        is_given_up = _host(product) in self._given_up
        return is_given_up and not self._frames.has_mirrors(product)

    # -- working ---------------------------------------------------------------

    async def _work(self) -> None:
        while (item := await self._channel.get()) is not None:
            await self._plan.outlet.room()
            if not (self._leaving or self._has_to_wait(*item[:3])):
                await self._harvest(item)
            self._in_hand.discard((item.survey, item.number))
            self._locator.found.set()

    async def _harvest(self, item: _Item) -> None:
        # The job boundary: errors of a frame end here. Only errors of this machine, the
        # ledger or the settings end the run.
        listed = await self._ledger.wanted(item.survey, item.number)
        wanted = {one.target: one for one in listed}
        if not wanted:
            return
        try:
            await self._cut(item, wanted)
            self._bugs = 0
        except (InputError, LocalError, LedgerError):
            raise
        except OutageError as error:
            self._after_outage(item, error)
        except TransientError as error:
            await self._postpone(item, list(wanted.values()), error)
        except NotFoundError:
            await self._give_up(item, wanted, NOT_FOUND)
        except PermanentError as error:
            await self._give_up(item, wanted, error.reason)
        except Exception as error:  # noqa: BLE001 - the one place that catches all
            blame_machine(error)
            self._count_bug(item, error)
            await self._give_up(item, wanted, f"unexpected {type(error).__name__}")

    async def _cut(self, item: _Item, wanted: dict[int, Wanted]) -> None:
        """Cut stamps; drop from ``wanted`` those that are recorded."""
        on_bytes = partial(self._ledger.count, item.survey, FETCHED)
        parts = self._cuts.cut(
            item.product, list(wanted.values()), on_bytes, sits_out=item.sits_out
        )
        async with aclosing(parts):
            async for cut in parts:
                await self._record(item, wanted, cut)
                for receipt in cut:
                    del wanted[receipt.target]

    async def _give_up(self, item: _Item, wanted: dict[int, Wanted], why: str) -> None:
        receipts = [Receipt(target, problem=why) for target in wanted]
        await self._record(item, wanted, Cut(receipts))

    async def _record(self, item: _Item, wanted: dict[int, Wanted], cut: Cut) -> None:
        may_relocate = self._archive.may_relocate
        moved = await self._ledger.record_receipts(
            item.survey,
            item.number,
            cut.receipts,
            needed=cut.needed,
            relocatable={n for n, one in wanted.items() if may_relocate(one.id)},
        )
        self._plan.outlet.add(cut)
        stamps = sum(not receipt.problem for receipt in cut)
        self._listener(Stamped(self._archive.name, item.product.name, stamps))
        self._moved(moved)

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
        self._warn(f"{item.product.name} was not cut: {as_sentence(error)}")
        self._moved(moved)

    def _count_bug(self, item: _Item, error: Exception) -> None:
        _log.exception("%s: a bug of harvester", item.product.name)
        self._bugs += 1
        if self._bugs == _BUGS:
            msg = f"stopped after {_BUGS} bugs in a row, the last one {error!r}"
            raise RuntimeError(msg) from error

    # -- outages -----------------------------------------------------------------

    def _after_outage(self, item: _Item, error: OutageError) -> None:
        # The transport has already waited for the end of refusals.
        if item.sits_out or error.reason == "refuses":
            self._leave(item, error)
        elif not self._is_out_of_reach(item.product):
            # The frame is fed again, and may fail again at once. If the archive is up,
            # or a mirror fails this frame several times, the next worker waits.
            self._deferrals[item.survey, item.number] += 1
            is_often = self._deferrals[item.survey, item.number] >= _MOST_DEFERRALS
            if is_often or not self._frames.is_down(item.product):
                self._waited_for.add((item.survey, item.number))

    def _leave(self, item: _Item, error: OutageError) -> None:
        """Leave a frame for a later run, and all others that only its host has."""
        self._left.add((item.survey, item.number))
        host = _host(item.product)
        if host not in self._given_up:
            self._given_up[host] = error
            self._warn(
                f"fetching from a host stopped: {as_sentence(error)} The galaxies that "
                "need this host wait for a later `harvester resume`."
            )

    # -- reporting ---------------------------------------------------------------

    def _moved(self, moved: Counter[State]) -> None:
        for state, jobs in moved.items():
            self._listener(Moved(self._archive.name, state, jobs))

    def _say(self, text: str) -> None:
        self._listener(Note(f"{self._archive.name}: {text}"))

    def _warn(self, text: str) -> None:
        self._listener(Note(f"{self._archive.name}: {text}", is_warning=True))


def _host(product: Product) -> str:
    """Return the host of the archive's own address of a frame."""
    return URL(product.url).host or product.url
