"""The process pool that cuts frames.

The workers have limits of memory and time, and they end with their parent. If a worker
dies or hangs, only its current frame job is lost: `culprit` finds the galaxy at fault.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
from concurrent.futures import BrokenExecutor
from contextlib import nullcontext, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from ...cutouts.core_count import process_count
from ...cutouts.cutouts import cut_frame
from ...cutouts.warm_up import warm_up
from ...errors import LocalError, PermanentError, TransientError
from .culprit import WorkerEndedError, cut_around_culprit

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from ...models import Cut, FrameJob

    CutFrame = Callable[[FrameJob], Cut]

__all__ = ["Cutter"]

T = TypeVar("T")
R = TypeVar("R")

#: Seconds between SIGTERM and SIGKILL for a worker. Short, because workers ignore
#: SIGTERM (see `cutouts.forkserver`), and their current work is dropped anyway.
_TERM_TIMEOUT_S = 0.1

#: Niceness of a cutting process, at most 19.
_NICE = 5

#: If so many pools break in a row under one frame, the machine is at fault.
_POOLS = 3

#: Seconds between two checks whether the pool of a waiting job still works.
_LOOK_S = 5.0

#: Option of prctl(2): the signal that a process gets when its parent ends.
_PR_SET_PDEATHSIG = 1


class Cutter:
    """Cuts frames in other processes, and runs other functions in them."""

    def __init__(
        self,
        *,
        processes: int = 0,
        limit_s: float = 120,
        memory_bytes: int = 2 << 30,
        cut: CutFrame = cut_frame,
    ) -> None:
        """Take the number of processes and their limits; 0: as many as have room."""
        self.processes = processes or process_count()
        #: Jobs in a process, or waiting for one.
        self.cutting = 0
        self._open = partial(
            _open_pool,
            max_workers=self.processes,
            initializer=_prepare,
            initargs=(memory_bytes,),
        )
        #: The task that opens the pool; None before `start`.
        self._pool: asyncio.Task[ProcessPool] | None = None
        self._limit_s = limit_s
        self._cut = cut
        # One more than workers, so that a free worker finds its next job at once.
        self._slots = asyncio.Semaphore(self.processes + 1)

    async def __aenter__(self) -> Self:
        """Return itself, without starting the processes."""
        # Pebble has one timeout for all pools of this process. Put it back at the end,
        # because a program that uses this library may have pools of its own.
        self._term_timeout, CONSTS.term_timeout = CONSTS.term_timeout, _TERM_TIMEOUT_S
        return self

    def start(self) -> None:
        """Start the processes in the background, before the first frame arrives.

        The fork server may still be importing; requests to the archives need not wait
        for it.
        """
        self._pool = asyncio.create_task(asyncio.to_thread(self._open))

    def room(self, archive: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - of the protocol
        """Do not wait: the lanes have a limit of their own."""
        return nullcontext()

    async def __aexit__(self, *failure: object) -> None:
        """End the processes and drop their current jobs."""
        if self._pool:
            await asyncio.wait([self._pool])
            if not self._pool.exception():
                await asyncio.to_thread(_end, self._pool.result())
        CONSTS.term_timeout = self._term_timeout

    async def cut(self, job: FrameJob) -> Cut:
        """Cut all wanted stamps of a frame; return a receipt for each.

        Raises
        ------
        TransientError, PermanentError
            The frame cannot be used. ``too_big``: it needs more memory than a worker
            may have.
        LocalError
            This machine is at fault, for example if it ends every worker.
        """
        return await cut_around_culprit(self._cut_once, job)

    async def _cut_once(self, job: FrameJob) -> Cut:
        try:
            return await self._once(self._cut, job)
        except MemoryError as error:
            msg = (
                f"{job.product.name} needs more memory than a cutting process may have "
                "(work.process_memory_bytes)"
            )
            raise PermanentError("too_big", msg) from error
        except ProcessExpired as error:
            raise WorkerEndedError("worker_died") from error
        except TimeoutError as error:
            raise WorkerEndedError("worker_hung") from error

    async def run(self, function: Callable[[T], R], job: T) -> R:
        """Run a function in a worker once; `TransientError` if the worker dies.

        Raises
        ------
        LocalError
            This machine is at fault, for example if it ends every worker.
        """
        try:
            return await self._once(function, job)
        except (MemoryError, ProcessExpired, TimeoutError) as error:
            raise TransientError("worker_died", f"a worker ended: {error}") from error

    async def _once(self, function: Callable[[T], R], job: T) -> R:
        self.cutting += 1
        try:
            return await self._in_slot(function, job)
        finally:
            self.cutting -= 1

    async def _in_slot(self, function: Callable[[T], R], job: T) -> R:
        problem = ""
        async with self._slots:
            for _ in range(_POOLS):
                if self._pool is None:
                    self.start()
                opened = self._pool
                assert opened is not None
                # Shielded: if this job is cancelled, others still wait for the pool.
                pool = await asyncio.shield(opened)
                try:
                    return await self._in_pool(pool, function, job)
                except BrokenExecutor as error:
                    problem = str(error)
                # Pebble closes the whole pool if an idle worker is killed.
                if self._pool is opened:
                    self._pool = asyncio.create_task(self._replace(pool))
        msg = (
            f"no cutting process stays alive ({problem}). Check the free memory of "
            "this machine, then resume"
        )
        raise LocalError(msg)

    async def _in_pool(
        self, pool: ProcessPool, function: Callable[[T], R], job: T
    ) -> R:
        try:
            task = pool.schedule(function, args=(job,), timeout=self._limit_s)
        except RuntimeError as error:
            raise BrokenExecutor(*error.args) from error
        result: asyncio.Future[R] = asyncio.wrap_future(task)
        try:
            # A pool that breaks never finishes the jobs that no worker has started.
            while not (await asyncio.wait([result], timeout=_LOOK_S))[0]:
                if not pool.active:
                    msg = "the pool broke"
                    raise BrokenExecutor(msg)
            return result.result()
        finally:
            result.cancel()

    async def _replace(self, broken: ProcessPool) -> ProcessPool:
        await asyncio.to_thread(_end, broken)
        return await asyncio.to_thread(self._open)


def _open_pool(*, max_workers: int, **options: Any) -> ProcessPool:  # noqa: ANN401 - Pebble's
    """Open a pool and start its processes; this waits for the fork server."""
    pool = ProcessPool(max_workers, context=warm_up(), **options)
    # If the pool breaks at once, `_once` replaces it.
    with suppress(RuntimeError):
        for _ in range(max_workers):
            pool.schedule(os.getpid)
    return pool


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call] # pebble leaves it untyped
    pool.join()


def _prepare(memory_bytes: int) -> None:
    # An orphan could write a stamp that was already reassigned; end it with the fork
    # server.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Pebble makes workers ignore Ctrl-C and end with their parent. The parent alone
    # reacts to a SIGTERM to the whole group, see `cutouts.forkserver`.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Lower the workers' priority: if the network process is late, they have no work.
    os.nice(_NICE)
    # Exceeding this limit raises MemoryError in the worker, instead of exhausting the
    # memory of the machine.
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    # The parent reports a worker that crashes; output of the worker would only confuse.
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the life of the process
