"""All lanes side by side: a slow archive never holds up another."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .errors import HarvesterError
    from .lane import Lane

__all__ = ["Orchestrator"]

#: Seconds that frames in hand get to be finished after a stop; a container has ten
#: in all before it is killed.
_GRACE_S = 4.0


class Orchestrator:
    """Runs the lanes, and ends them together."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self._lanes = lanes
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
                group.create_task(lane.locate_only() if locate_only else lane.run())
                for lane in self._lanes
            ]
            dropping = group.create_task(self._drop_after_grace(working))
            await asyncio.wait(working)
            dropping.cancel()

    async def _drop_after_grace(self, working: list[asyncio.Task[None]]) -> None:
        await self._stopped.wait()
        await asyncio.sleep(_GRACE_S)
        for task in working:
            task.cancel()
