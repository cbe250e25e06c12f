"""All lanes side by side: a slow archive never holds up another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..errors import HarvesterError
    from .lane import Lane

__all__ = ["Orchestrator"]

#: Seconds that frames in hand get to be finished after a stop; a container has ten
#: in all before it is killed.
_GRACE_S = 4.0


class Orchestrator:
    """Runs the lanes, and ends them together.

    Parameters
    ----------
    has_stamps
        Whether the run has stamps already. An archive that refuses what the settings
        name ends a run without any at once; else it ends its own lane only, because
        the stamps of the others are worth finishing.
    """

    def __init__(
        self, lanes: Sequence[Lane], *, has_stamps: Callable[[], bool] = lambda: False
    ) -> None:
        self._lanes = lanes
        self._has_stamps = has_stamps
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        """Finish what is in hand if that is quick; then drop it."""
        self._stopped.set()
        for lane in self._lanes:
            lane.stop()

    @property
    def troubles(self) -> list[HarvesterError]:
        """Why jobs are left: for each service that was given up."""
        return [trouble for lane in self._lanes for trouble in lane.troubles]

    async def run(self, *, locate_only: bool = False) -> None:
        """Work until every lane is through, has given up, or was stopped."""
        async with asyncio.TaskGroup() as group:
            working = [
                group.create_task(self._run(lane, locate_only=locate_only))
                for lane in self._lanes
            ]
            dropping = group.create_task(self._drop_after_grace(working))
            await asyncio.wait(working)
            dropping.cancel()

    async def _run(self, lane: Lane, *, locate_only: bool) -> None:
        try:
            await (lane.locate_only() if locate_only else lane.run())
        except* InputError as group:
            if not self._has_stamps():
                raise
            lane.refuse(group)

    async def _drop_after_grace(self, working: list[asyncio.Task[None]]) -> None:
        await self._stopped.wait()
        await asyncio.sleep(_GRACE_S)
        for task in working:
            task.cancel()
