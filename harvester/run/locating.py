"""Locating: finding out which products hold the targets of one archive.

Locating uses one service of the archive; fetching uses others. If the locating service
fails, only locating stops. Frames of targets that are already located are fetched, and
meanwhile the service is asked again from time to time.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from itertools import chain, count
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
from ..events import as_sentence
from ..ledger.waiting import START
from ..models import Plane
from ..transport.backoff import backoff

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence

    from ..archives.kind import Archive
    from ..ledger.ledger import Ledger
    from ..models import Ask, Finding, Product, Survey
    from ..states import State
    from .lane_plan import LanePlan

__all__ = ["Locator", "wait_at_most"]

_log = logging.getLogger(__name__)

#: Number of jobs read from the ledger at once.
_ASKS = 10_000

#: While frames are being fetched, targets that must be looked up again are collected
#: for so many seconds, so that they share a request.
_GATHER_S = 60.0

#: Seconds between two checks whether the locating service is down.
_LOOK_S = 1.0

#: If the locating service is down for so many seconds, frames are fetched before all
#: targets are located. Short cool-downs are waited for, so that each frame is fetched
#: once for all its galaxies.
_DOWN_S = 10.0


class Locator:
    """Looks up the targets of one archive, and releases the frames to be fetched.

    Parameters
    ----------
    moved
        Called with the number of jobs that entered each state.
    say
        Called with messages for the user.
    down_s
        Returns for how many seconds the locating service has been down.
    """

    def __init__(
        self,
        archive: Archive,
        plan: LanePlan,
        ledger: Ledger,
        *,
        moved: Callable[[Counter[State]], None],
        say: Callable[[str], None],
        down_s: Callable[[], float],
    ) -> None:
        self._archive = archive
        self._plan = plan
        self._ledger = ledger
        self._moved = moved
        self._say = say
        self._down_s = down_s
        self._stopped = asyncio.Event()
        self._wake = asyncio.Event()
        #: Set once frames may be fetched: all targets are located, or locating fails.
        self.released = asyncio.Event()
        #: Set when there may be new frames to fetch; the waiting task clears it.
        self.found = asyncio.Event()
        #: Why locating was given up; None if it was not, or the service answers again.
        self.trouble: TransientError | PermanentError | None = None

    def stop(self) -> None:
        """Start no further look-up, and release all tasks that wait for one."""
        self._stopped.set()
        self._wake.set()
        self._release()

    def wake(self) -> None:
        """Look up due targets now, unless locating was given up and waits to retry."""
        self._wake.set()

    async def run(self) -> None:
        """Look up due targets repeatedly, until cancelled or stopped."""
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
        """Release the located frames if the service is down.

        A request waits inside the transport until the outage ends. Frames that are
        already known need not wait for that.
        """
        while not self.released.is_set():
            if self._down_s() >= _DOWN_S:
                self._say(
                    "the service that locates galaxies is down. Images that are "
                    "already located are fetched meanwhile."
                )
                self._release()
            await wait_at_most(self.released, _LOOK_S)

    async def look_up(self) -> None:
        """Look up all due targets; repeat failed queries until patience ends.

        A query that fails uses up no attempt of a job.
        """
        began = monotonic()
        for failed in count(1):
            try:
                await self._look_up_due()
            except HarvesterError as error:
                if not isinstance(error, TransientError | PermanentError):
                    raise
                if self._is_enough(error, failed, monotonic() - began):
                    return self._give_up(error)
                self._say(f"a query failed: {as_sentence(error)} It is repeated.")
            except Exception as error:  # noqa: BLE001 - other lanes must continue
                blame_machine(error)
                _log.exception("%s: a bug of harvester", self._archive.name)
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
        # The transport has already waited for the end of the outage.
        if isinstance(error, OutageError):
            return True
        tried = failed >= self._plan.attempts
        # A few repetitions show whether a refusal is permanent; waiting for hours does
        # not change it.
        if isinstance(error, PermanentError):
            return tried
        return tried and lasts_s >= self._plan.patience_s

    def _give_up(self, error: TransientError | PermanentError) -> None:
        if self.trouble is None:
            self._say(
                f"locating stopped: {as_sentence(error)} Galaxies that are not located "
                "wait for a later `harvester resume`."
            )
        self.trouble = error
        self._release()

    def _release(self) -> None:
        self.released.set()
        self.found.set()

    def _pause_s(self, failed: int, base: float = 1.0) -> float:
        longest_s = self._plan.longest_backoff_s
        return backoff(failed, base=base, cap=longest_s, random=random)

    async def _describe_located(self) -> None:
        """Ask about products that were located without what stamps need of them.

        An outage may have kept the archive from telling, or a manifest named them.
        """
        if Plane.PSF not in self._plan.spec.planes:
            return
        for survey in self._plan.surveys:
            last = 0
            while page := await self._ledger.undescribed(
                survey, after=last, limit=_ASKS
            ):
                last = page[-1][0]
                told = await self._archive.describe(survey, [p for _, p in page])
                await self._ledger.keep_facts(
                    {number: told[p.name] for number, p in page if p.name in told}
                )

    async def _look_up_due(self) -> None:
        """Look up all due targets, first those that need no request.

        If the query of one survey is refused, the other surveys are still looked up. An
        outage ends the look-up, because each survey would wait for its end.
        """
        await self._describe_located()
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
        # Before the frames can be fetched: their stamps need what the archive tells.
        findings = await self._described(survey, findings)
        moved = await self._ledger.record_located(
            survey, findings, file_loc=file_loc, keep_all=self._plan.keep_all
        )
        self._moved(moved)
        # Wake the feeder only if something was located; otherwise the two wake each
        # other forever.
        if findings:
            self.found.set()

    async def _described(
        self, survey: Survey, findings: Sequence[Finding]
    ) -> Sequence[Finding]:
        if Plane.PSF not in self._plan.spec.planes:
            return findings
        products = {p.name: p for finding in findings for p in _products(finding)}
        told = await self._archive.describe(survey, list(products.values()))
        return [_with_facts(finding, told) for finding in findings]


def _products(finding: Finding) -> Iterator[Product]:
    return chain.from_iterable(finding.choices.values())


def _with_facts(finding: Finding, told: Mapping[str, str]) -> Finding:
    choices = {
        band: [replace(p, facts=told.get(p.name, p.facts)) for p in products]
        for band, products in finding.choices.items()
    }
    return replace(finding, choices=choices)


async def wait_at_most(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, for at most this many seconds."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
