"""Has frames cut by Dask workers, and commits the stamps that come back.

Tasks may be run twice, or by a worker that was given up: only what comes back to this
process counts, and a stamp has the same bytes each time.
"""

from __future__ import annotations

import asyncio
import pickle
import uuid
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from ....cutouts.block_job import BlockJob, keep_blocks, prove_blocks
from ....cutouts.unwritten import cut_unwritten, write_cut
from ....errors import LocalError, PermanentError, TransientError
from ..culprit import WorkerEndedError, cut_around_culprit
from .outstanding import bytes_of
from .software import software
from .worker import HungError, TaskTerms, run_task

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager, AsyncExitStack

    from ....cutouts.unwritten import UnwrittenCut
    from ....models import Cut, FrameJob
    from .cluster import Cluster
    from .outstanding import Outstanding
    from .rooms import Rooms

    CutUnwritten = Callable[[FrameJob], UnwrittenCut]

__all__ = ["DaskExecutor"]

T = TypeVar("T")
R = TypeVar("R")

#: Seconds between two checks whether the workers that a job waits for are still there.
_LOOK_S = 2.0


class DaskExecutor:
    """Sends jobs to the workers of a cluster."""

    def __init__(
        self,
        cluster: Cluster,
        terms: TaskTerms,
        *,
        outstanding: Outstanding,
        rooms: Rooms,
        on_exit: AsyncExitStack,
        cut: CutUnwritten = cut_unwritten,
    ) -> None:
        """Keep the parts; what is on the stack ends with the executor."""
        self._cut = cut
        self._cluster = cluster
        self._terms = terms
        self._outstanding = outstanding
        self._rooms = rooms
        self._stack = on_exit
        #: Jobs at workers, or waiting for one.
        self.cutting = 0

    @property
    def processes(self) -> int:
        """Number of workers that can be used now."""
        return len(self._cluster.workers.good)

    async def __aenter__(self) -> Self:
        """Return itself, without connecting."""
        # Only now, because the frame store clears its folder when it is opened.
        if self._terms.shared is not None:
            self._stack.enter_context(self._terms.shared.written())
        await self._stack.enter_async_context(self._cluster)
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Close the connection and drop the current jobs."""
        await self._stack.aclose()

    def start(self) -> None:
        """Connect in the background, before the first frame arrives."""
        self._cluster.start()

    def room(self, archive: str) -> AbstractAsyncContextManager[None]:
        """Wait until another frame of an archive should be fetched."""
        return self._rooms.of(archive)

    async def cut(self, job: FrameJob) -> Cut:
        """Cut all wanted stamps of a frame; return a receipt for each.

        Raises
        ------
        TransientError, PermanentError
            The frame cannot be used. ``too_big``: it needs more memory than a worker
            has.
        LocalError
            The scheduler was lost, or a disk here or there is at fault.
        """
        return await cut_around_culprit(self._cut_once, job)

    async def run(self, function: Callable[[T], R], job: T) -> R:
        """Run a function in a worker once; `TransientError` if the worker dies."""
        try:
            if not isinstance(job, BlockJob):
                return await self.ask(function, job)
            # `read_blocks`: it computes there, and writes here.
            proved = await self.ask(prove_blocks, _seen(job), size=_size(job))
            kept: Any = await asyncio.to_thread(keep_blocks, job, proved)
            return cast("R", kept)
        except (MemoryError, WorkerEndedError) as error:
            raise TransientError("worker_died", f"a worker ended: {error}") from error

    async def _cut_once(self, job: FrameJob) -> Cut:
        size = await asyncio.to_thread(bytes_of, job)
        try:
            got = await self.ask(self._cut, _sent(job), size=size)
        except MemoryError as error:
            msg = f"{job.product.name} needs more memory than a Dask worker has"
            raise PermanentError("too_big", msg) from error
        return await asyncio.to_thread(write_cut, Path(job.root), got)

    async def frames_by(self) -> str:
        """Tell whether workers get at frames by ``path``, or fetch them (``workers``).

        This waits for the first worker.
        """
        await self._cluster.ready()
        return self._cluster.workers.frames_by

    async def ask(
        self,
        function: Callable[[T], R],
        job: T,
        *,
        size: int = 0,
        is_long: bool = False,
    ) -> R:
        """Run a function in a worker; again, if the scheduler or all workers are lost.

        ``size``: bytes that count as handed out meanwhile. ``is_long``: it fetches,
        which takes as long as the archives do.

        Raises
        ------
        WorkerEndedError
            The worker died or hung.
        HarvesterError
            As the function raises it.
        """
        terms = self._terms
        if is_long:
            terms = replace(terms, limit_s=None, shared=None)
        packed = pickle.dumps((terms, function, job))
        # What fetches waits for archives more than for a process.
        self.cutting += not is_long
        try:
            async with self._outstanding.of(size):
                while (answer := await self._submit(packed)) is None:
                    pass
        finally:
            self.cutting -= not is_long
        if "error" in answer:
            raise _named(answer["error"], answer["worker"])
        result: R = answer["result"]
        return result

    async def _submit(self, packed: bytes) -> dict[str, Any] | None:
        """Give the answer of a worker; None if the job is to be sent again."""
        client = await self._cluster.ready()
        from distributed.client import ClosedClientError

        only = self._cluster.workers.only
        try:
            future = client.submit(
                *(run_task, software(), packed),
                key=f"harvester-{uuid.uuid4().hex}",
                pure=False,
                workers=only,
            )
        except ClosedClientError:
            self._cluster.lose(client)
            return None
        try:
            return await self._answer(client, future, only)
        finally:
            future.release()

    async def _answer(
        self,
        client: Any,  # noqa: ANN401 - distributed may be absent
        future: Any,  # noqa: ANN401 - as above
        only: list[str] | None,
    ) -> dict[str, Any] | None:
        if not await self._is_done(future, only):
            return None
        if future.status == "error":
            raise _ended(await future.exception())
        try:
            packed = None if future.cancelled() else await client.gather(future)
        except Exception:  # noqa: BLE001 - lost with the scheduler, or with the worker
            packed = None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            packed = None  # Dask raises this error for a job that it has lost
        if packed is None:
            self._cluster.lose(client)
            return None
        answer: dict[str, Any] = pickle.loads(packed)  # noqa: S301 - from our workers
        if "refused" in answer:
            await self._cluster.workers.refuse(answer["worker"], answer["refused"])
            return None
        return answer

    async def _is_done(self, future: Any, only: list[str] | None) -> bool:  # noqa: ANN401 - as above
        """Wait for the end of a job; False if all workers for it have gone."""
        waiting = asyncio.ensure_future(future.exception())
        try:
            while not (await asyncio.wait([waiting], timeout=_LOOK_S))[0]:
                if only is not None and self._cluster.workers.good.isdisjoint(only):
                    return False
            return True
        finally:
            waiting.cancel()


def _sent(job: FrameJob) -> FrameJob:
    """Give a job as a worker may see it: with full paths, without the output folder."""
    beside = tuple(replace(one, path=_full(one.path)) for one in job.neighbours)
    return replace(job, path=_full(job.path), root="", neighbours=beside)


def _seen(job: BlockJob) -> BlockJob:
    beginning = job.beginning and _full(job.beginning)
    return replace(job, path="", beginning=beginning)


def _size(job: BlockJob) -> int:
    return sum(len(part) for part in job.parts.values())


def _full(path: str) -> str:
    return str(Path(path).absolute())


def _ended(error: BaseException) -> Exception:
    """Tell what the end of a task means."""
    from distributed import KilledWorker

    if isinstance(error, HungError):
        return WorkerEndedError("worker_hung")
    if isinstance(error, KilledWorker):
        return WorkerEndedError("worker_died")
    return TransientError("dask", f"a Dask worker failed: {error!r}")


def _named(error: BaseException, worker: str) -> BaseException:
    """Say at which worker a disk failed, because it may be on another machine."""
    if isinstance(error, LocalError):
        return LocalError(f"on the Dask worker {worker}: {error}")
    return error
