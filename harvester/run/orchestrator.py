"""Runs the lanes of all archives in parallel: a slow archive never delays another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..errors import HarvesterError
    from .lane import Lane

__all__ = ["Orchestrator"]

#: Seconds within which the current frames may be finished after a stop. A container is
#: killed ten seconds after the signal.
_GRACE_S = 4.0


class Orchestrator:
    """Runs the lanes and stops them together.

    Parameters
    ----------
    has_stamps
        Tells whether the run has stamps. If an archive does not know a name in the
        settings, a run without stamps ends at once. A run with stamps ends only the
        lane of that archive, so that the other archives can be finished.
    """

    def __init__(
        self, lanes: Sequence[Lane], *, has_stamps: Callable[[], bool] = lambda: False
    ) -> None:
        self._lanes = lanes
        self._has_stamps = has_stamps
        self._stopped = asyncio.Event()
        self._group = asyncio.TaskGroup()
        self._working: dict[Lane, asyncio.Task[None]] = {}
        #: Lanes to be run again after their end, because jobs became due meanwhile.
        self._again: set[Lane] = set()
        self._is_over = False
        #: Whether a user has paused the harvest; then only a signal may stop it.
        self.is_held = False

    def stop(self) -> None:
        """Let the current frames be finished within a few seconds, then drop them."""
        self._stopped.set()
        for lane in self._lanes:
            lane.stop()

    @property
    def stopped(self) -> asyncio.Event:
        """Set once the harvest is to stop."""
        return self._stopped

    @property
    def troubles(self) -> list[HarvesterError]:
        """The errors for which services were given up."""
        return [trouble for lane in self._lanes for trouble in lane.troubles]

    async def run(self, *, locate_only: bool = False) -> None:
        """Work until every lane has finished, has given up, or was stopped."""
        async with self._group as group:
            self._working = {
                lane: group.create_task(self._run(lane, locate_only=locate_only))
                for lane in self._lanes
            }
            dropping = group.create_task(self._drop_after_grace())
            while not all(task.done() for task in self._working.values()):
                await asyncio.wait(self._working.values())
            self._is_over = True
            dropping.cancel()

    def take_up(self) -> bool:
        """Work on jobs that are due again; False if the harvest is just ending."""
        if self._is_over or self._stopped.is_set():
            return False
        # A lane that is still at work may just have seen that nothing is due.
        self._again.update(self._working)
        for lane, task in self._working.items():
            if task.done():
                self._working[lane] = self._group.create_task(self._run(lane))
        return True

    async def _run(self, lane: Lane, *, locate_only: bool = False) -> None:
        try:
            await self._run_until_through(lane, locate_only=locate_only)
        except* InputError as group:
            if not self._has_stamps():
                raise
            lane.refuse(group)

    async def _run_until_through(self, lane: Lane, *, locate_only: bool) -> None:
        while True:
            self._again.discard(lane)
            await (lane.locate_only() if locate_only else lane.run())
            if lane not in self._again or self._stopped.is_set():
                return

    async def _drop_after_grace(self) -> None:
        await self._stopped.wait()
        await asyncio.sleep(_GRACE_S)
        for task in self._working.values():
            task.cancel()
