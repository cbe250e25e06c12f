"""Finds the galaxy that ends the process that cuts it.

A frame job whose process died or hung is split in halves until the galaxy at fault is
alone. That galaxy fails after three attempts; the others are cut.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Protocol, TypeVar

from ...models import Cut, Receipt

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from dataclasses import Field

    from ...models import FrameJob, Wanted

__all__ = ["WorkerEndedError", "cut_around_culprit", "results_around_culprit"]


class StampJob(Protocol):
    """A dataclass with the stamps that a job wants."""

    __dataclass_fields__: ClassVar[dict[str, Field[Any]]]

    @property
    def wanted(self) -> tuple[Wanted, ...]:
        """The stamps; a job for some of them is a job, too."""


J = TypeVar("J", bound=StampJob)
R = TypeVar("R")

#: Attempts of a galaxy that crashes or hangs its worker.
_ATTEMPTS = 3


class WorkerEndedError(Exception):
    """The process at work died or hung; ``problem`` is the code for the ledger."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


async def cut_around_culprit(
    once: Callable[[FrameJob], Awaitable[Cut]], job: FrameJob
) -> Cut:
    """Cut a frame; a galaxy that ends its workers gets a receipt with the problem.

    Parameters
    ----------
    once
        Cuts a frame once; raises `WorkerEndedError` if its process died or hung.
    """
    parts = await results_around_culprit(once, job, lambda receipt: Cut([receipt]))
    # The parts overlap, at least in the headers, so their sum would be too much.
    needed = max(part.needed for part in parts)
    return Cut([receipt for part in parts for receipt in part], needed)


async def results_around_culprit(
    once: Callable[[J], Awaitable[R]], job: J, failed: Callable[[Receipt], R]
) -> list[R]:
    """Give the result of a job, or those of its parts if it ended its worker.

    ``failed`` makes the result for a galaxy that ends its workers.
    """
    try:
        return [await once(job)]
    except WorkerEndedError:
        if len(job.wanted) == 1:
            return [await _retry_alone(once, job, failed)]
    middle = len(job.wanted) // 2
    return [
        result
        for some in (job.wanted[:middle], job.wanted[middle:])
        for result in await results_around_culprit(
            once, replace(job, wanted=some), failed
        )
    ]


async def _retry_alone(
    once: Callable[[J], Awaitable[R]], job: J, failed: Callable[[Receipt], R]
) -> R:
    problem = ""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await once(job)
        except WorkerEndedError as error:
            problem = error.problem
    return failed(Receipt(job.wanted[0].target, problem=problem))
