"""Makes the Dask executor that the settings name."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from ....cutouts.core_count import process_count
from ....cutouts.unwritten import cut_unwritten
from .cluster import Cluster
from .executor import DaskExecutor
from .local_workers import LocalWorkers
from .outstanding import Outstanding
from .rooms import Rooms
from .shared_disk import SharedFile
from .worker import TaskTerms
from .workers import DaskWorkers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ....settings.executor_choice import ExecutorChoice
    from ..executor_limits import ExecutorLimits
    from .executor import CutUnwritten

__all__ = ["dask_executor"]

#: Niceness of the workers on this machine, as of the cutting processes.
_NICE = 5


def dask_executor(
    choice: ExecutorChoice,
    limits: ExecutorLimits,
    say: Callable[[str], None],
    *,
    cut: CutUnwritten = cut_unwritten,
) -> DaskExecutor:
    """Make the executor; nothing is started or asked yet."""
    stack, shared = AsyncExitStack(), SharedFile.below(limits.frames)
    workers = DaskWorkers(shared, limits.frames_by, say)
    address = _address(stack, choice, limits)
    cluster = Cluster(address, workers, patience_s=limits.patience_s, say=say)
    is_local = choice.kind == "local"
    return DaskExecutor(
        cluster,
        TaskTerms(limits.cut_s, shared, _NICE if is_local else 0),
        outstanding=Outstanding(limits.outstanding_bytes),
        rooms=Rooms(limits.at_once, lambda: len(workers.good)),
        on_exit=stack,
        cut=cut,
    )


def _address(
    stack: AsyncExitStack, choice: ExecutorChoice, limits: ExecutorLimits
) -> Callable[[], Awaitable[str]]:
    if choice.kind == "local":
        local = LocalWorkers(choice.workers or process_count(), limits.memory_bytes)
        stack.push_async_callback(local.aclose)
        return local.address

    async def given() -> str:
        return choice.address

    return given
