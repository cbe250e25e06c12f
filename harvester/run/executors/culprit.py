"""Finds the galaxy that ends the process that cuts it.

A frame job whose process died or hung is split in halves until the galaxy at fault is
alone. That galaxy fails after three attempts; the others are cut.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ...models import Cut, Receipt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ...models import FrameJob

    CutOnce = Callable[[FrameJob], Awaitable[Cut]]

__all__ = ["WorkerEndedError", "cut_around_culprit"]

#: Attempts of a galaxy that crashes or hangs its worker.
_ATTEMPTS = 3


class WorkerEndedError(Exception):
    """The process at work died or hung; ``problem`` is the code for the ledger."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


async def cut_around_culprit(once: CutOnce, job: FrameJob) -> Cut:
    """Cut a frame; a galaxy that ends its workers gets a receipt with the problem.

    Parameters
    ----------
    once
        Cuts a frame once; raises `WorkerEndedError` if its process died or hung.
    """
    try:
        return await once(job)
    except WorkerEndedError:
        if len(job.wanted) > 1:
            return await _halves(once, job)
        return await _retry_alone(once, job)


async def _halves(once: CutOnce, job: FrameJob) -> Cut:
    middle = len(job.wanted) // 2
    parts = [
        await cut_around_culprit(once, replace(job, wanted=some))
        for some in (job.wanted[:middle], job.wanted[middle:])
    ]
    # The halves overlap, at least in the headers, so their sum would be too much.
    needed = max(part.needed for part in parts)
    return Cut([receipt for part in parts for receipt in part], needed)


async def _retry_alone(once: CutOnce, job: FrameJob) -> Cut:
    problem = ""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await once(job)
        except WorkerEndedError as error:
            problem = error.problem
    return Cut([Receipt(job.wanted[0].target, problem=problem)])
