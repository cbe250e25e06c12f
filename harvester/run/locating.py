"""Locating: finding out which products hold the targets of one archive.

It depends on one service of the archive, fetching on others. So trouble here ends
locating alone, for a while: what is located by then is released to be fetched, and the
service is asked again as long as there is something to fetch.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from itertools import count
from random import random
from time import monotonic
from typing import TYPE_CHECKING

from ..dataset.stamps import file_loc
from ..errors import (
    HarvesterError,
    OutageError,
    PermanentError,
    TransientError,
    blame_machine,
)
from ..ledger.waiting import START
from ..transport.backoff import backoff

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Callable, Sequence

    from ..archives.kind import Archive
    from ..ledger.ledger import Ledger
    from ..models import Ask, Finding, Survey
    from ..states import State
    from .lane_plan import LanePlan

__all__ = ["Locator", "wait_at_most"]

_log = logging.getLogger(__name__)

#: Jobs that are looked up for the archive at once.
_ASKS = 10_000

#: Seconds in which targets that have to be looked up anew gather while there are
#: frames to feed, so that they share a request.
_GATHER_S = 60.0

#: Seconds between two looks at whether the service that locates is down.
_LOOK_S = 1.0

#: Seconds for which it has to be down before frames are fetched meanwhile. A short
#: cool-down is waited for, because a frame is fetched once for all its galaxies.
_SICK_S = 10.0


class Locator:
    """Looks up the targets of one archive, and says when frames may be fetched.

    Parameters
    ----------
    tell, say
        Called with the jobs that moved, and with words for the user.
    down_s
        Tells for how many seconds the service that locates has been down.
    """

    def __init__(
        self,
        archive: Archive,
        plan: LanePlan,
        ledger: Ledger,
        *,
        tell: Callable[[Counter[State]], None],
        say: Callable[[str], None],
        down_s: Callable[[], float],
    ) -> None:
        self._archive = archive
        self._plan = plan
        self._ledger = ledger
        self._tell = tell
        self._say = say
        self._down_s = down_s
        self._stopped = asyncio.Event()
        self._wake = asyncio.Event()
        #: Set once frames may be fetched: all is located, or locating is in trouble.
        self.released = asyncio.Event()
        #: Set when there may be new frames to fetch; whoever waits for it clears it.
        self.found = asyncio.Event()
        #: Why it gave up although targets are left; None while it has not, or when the
        #: service answers again.
        self.trouble: TransientError | PermanentError | None = None

    def stop(self) -> None:
        """Begin no further look-up, and release whatever waits for one."""
        self._stopped.set()
        self._wake.set()
        self._release()

    def wake(self) -> None:
        """Look up now what has to be looked up anew; in trouble it takes its time."""
        self._wake.set()

    async def run(self) -> None:
        """Look up what is due, again and again. Cancel it to end it."""
        given_up = 0
        while not self._stopped.is_set():
            await self.look_up()
            self.released.set()
            if self.trouble is None:
                given_up = 0
                await wait_at_most(self._wake, _GATHER_S)
            else:
                given_up += 1
                await wait_at_most(
                    self._stopped, self._pause_s(given_up, base=_GATHER_S)
                )
            self._wake.clear()

    async def watch(self) -> None:
        """Release what is located when the service is down.

        An outage is sat out inside a request, of which nothing is heard until it
        ends. Frames that are known need not wait for that.
        """
        while not self.released.is_set():
            if self._down_s() >= _SICK_S:
                self._say(
                    "the service that locates galaxies is down; images that are "
                    "located already are fetched meanwhile"
                )
                self._release()
            await wait_at_most(self.released, _LOOK_S)

    async def look_up(self) -> None:
        """Look up all that is due, for as long as patience lasts."""
        # A query without an answer costs no job anything; it is made again for a while.
        began = monotonic()
        for failed in count(1):
            try:
                await self._look_up_due()
            except HarvesterError as error:
                if not isinstance(error, TransientError | PermanentError):
                    raise
                if self._is_enough(error, failed, monotonic() - began):
                    return self._give_up(error)
                self._say(f"{error} It is tried again.")
            except Exception as error:  # noqa: BLE001 - the other lane goes on
                blame_machine(error)
                _log.exception("%s: this is a bug of harvester", self._archive.name)
                return self._give_up(PermanentError("bug", f"unexpected {error!r}"))
            else:
                self.trouble = None
                return None
            self._release()
            await wait_at_most(self._stopped, self._pause_s(failed))
            if self._stopped.is_set():
                return None
        return None

    def _is_enough(self, error: HarvesterError, failed: int, lasts_s: float) -> bool:
        # The transport has sat an outage out already.
        if isinstance(error, OutageError):
            return True
        tried = failed >= self._plan.attempts
        # A clear refusal does not change by waiting for hours; one that comes once in a
        # while does by asking again.
        if isinstance(error, PermanentError):
            return tried
        return tried and lasts_s >= self._plan.patience_s

    def _give_up(self, error: TransientError | PermanentError) -> None:
        if self.trouble is None:
            self._say(f"nothing more is located for now: {error}")
        self.trouble = error
        self._release()

    def _release(self) -> None:
        self.released.set()
        self.found.set()

    def _pause_s(self, failed: int, base: float = 1.0) -> float:
        longest_s = self._plan.longest_backoff_s
        return backoff(failed, base=base, cap=longest_s, random=random)

    async def _look_up_due(self) -> None:
        """Look up all that is due; what no request is needed for comes first.

        A survey that is refused does not keep the others from being looked up; an
        outage does, because it would be sat out for each of them.
        """
        for survey in self._plan.surveys:
            await self._walk(survey, self._archive.recognise)
        refused: TransientError | PermanentError | None = None
        for survey in self._plan.surveys:
            try:
                await self._walk(survey, self._archive.locate)
            except OutageError:
                raise
            except (TransientError, PermanentError) as error:
                refused = refused or error
        if refused is not None:
            raise refused

    async def _walk(
        self,
        survey: Survey,
        locate: Callable[[Survey, Sequence[Ask]], AsyncIterator[Sequence[Finding]]],
    ) -> None:
        after = START
        while batch := await self._ledger.pending(
            survey,
            after=after,
            limit=_ASKS,
            longest_s=self._plan.longest_backoff_s,
        ):
            after = batch[-1][0]
            async for findings in locate(survey, [ask for _, ask in batch]):
                await self._record(survey, findings)

    async def _record(self, survey: Survey, findings: Sequence[Finding]) -> None:
        moved = await self._ledger.record_located(
            survey, findings, file_loc=file_loc, keep_all=self._plan.keep_all
        )
        self._tell(moved)
        # Only if something was located: else the feeder and the locator would wake
        # each other forever.
        if findings:
            self.found.set()


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but no longer than so many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
