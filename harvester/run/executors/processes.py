"""The process pool that cuts: bounded, preloaded, and it dies with its parent.

A worker that is killed, or hangs, costs only the frame job it had in hand. Such
a job is halved until the galaxy that does it is alone; that one is given up after
three attempts and its neighbours are cut as ever.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
from concurrent.futures import BrokenExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from pebble import CONSTS, ProcessExpired, ProcessPool

from ...cutouts.cutouts import cut_frame
from ...cutouts.warm_up import warm_up
from ...errors import LocalError, PermanentError
from ...models import Cut, Receipt

if TYPE_CHECKING:
    from collections.abc import Callable

    from ...models import FrameJob

    CutFrame = Callable[[FrameJob], Cut]

__all__ = ["Cutter"]

#: Seconds between asking a process to end and ending it. They do not listen (see
#: `cutouts.forkserver`), and what they have in hand is dropped anyway.
_LAST_WORDS_S = 0.1

#: By how much a cutting process lets others go first, of 19.
_NICE = 5

#: Attempts of a galaxy that ends its worker, before it is given up.
_ATTEMPTS = 3

#: Pools in a row that break under one frame, after which the machine is to blame.
_POOLS = 3

#: Seconds between two looks at whether the pool of a job that waits is still sound.
_LOOK_S = 5.0

#: Of prctl(2): the signal that a process gets when its parent is gone.
_PR_SET_PDEATHSIG = 1


class Cutter:
    """Cuts frames in other processes."""

    def __init__(
        self,
        *,
        processes: int = 0,
        limit_s: float = 120,
        memory_bytes: int = 2 << 30,
        cut: CutFrame = cut_frame,
    ) -> None:
        """Take the number of processes (0: one for each core) and their limits."""
        processes = processes or len(os.sched_getaffinity(0))
        self._open = partial(
            _open_pool,
            max_workers=processes,
            initializer=_prepare,
            initargs=(memory_bytes,),
        )
        #: Being opened, or open; None while there is none.
        self._pool: asyncio.Task[ProcessPool] | None = None
        self._limit_s = limit_s
        self._cut = cut
        # One more than there are workers, so that none waits for the event loop.
        self._slots = asyncio.Semaphore(processes + 1)

    async def __aenter__(self) -> Self:
        """Give itself; the processes are not there yet."""
        # Of all pools of this process, which may have others than ours.
        self._term_timeout, CONSTS.term_timeout = CONSTS.term_timeout, _LAST_WORDS_S
        return self

    def start(self) -> None:
        """Start the processes, so that they are there before the first frame is.

        The server they are forked from may still be importing: whoever talks to the
        archives does not wait for that.
        """
        self._pool = asyncio.create_task(asyncio.to_thread(self._open))

    async def __aexit__(self, *failure: object) -> None:
        """End the processes; what they have in hand is dropped."""
        if self._pool:
            await asyncio.wait([self._pool])
            if not self._pool.exception():
                await asyncio.to_thread(_end, self._pool.result())
        CONSTS.term_timeout = self._term_timeout

    async def cut(self, job: FrameJob) -> Cut:
        """Cut all that is wanted of a frame; a receipt for each.

        Raises
        ------
        TransientError, PermanentError, LocalError
            As the cutting raises them: they concern the whole frame. ``too_big``: it
            needs more memory than a process may have. `LocalError` also where this
            machine does not let the processes live.
        """
        try:
            return await self._once(job)
        except MemoryError as error:
            msg = f"{job.product.name} needs more memory than a process may have"
            raise PermanentError("too_big", msg) from error
        except (ProcessExpired, TimeoutError):
            if len(job.wanted) > 1:
                return await self._halves(job)
            return await self._suspect(job)

    async def _once(self, job: FrameJob) -> Cut:
        problem = ""
        async with self._slots:
            for _ in range(_POOLS):
                if self._pool is None:
                    self.start()
                opened = self._pool
                assert opened is not None
                # Shielded: others wait for it too.
                pool = await asyncio.shield(opened)
                try:
                    return await self._in_pool(pool, job)
                except BrokenExecutor as error:
                    problem = str(error)
                # One idle process that is killed takes a whole pool with it.
                if self._pool is opened:
                    self._pool = asyncio.create_task(self._replace(pool))
        msg = f"no cutting process stays alive ({problem}): is there memory left?"
        raise LocalError(msg)

    async def _in_pool(self, pool: ProcessPool, job: FrameJob) -> Cut:
        try:
            task = pool.schedule(self._cut, args=(job,), timeout=self._limit_s)
        except RuntimeError as error:
            raise BrokenExecutor(*error.args) from error
        result: asyncio.Future[Cut] = asyncio.wrap_future(task)
        try:
            # A pool that breaks forgets what nobody has begun.
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

    async def _halves(self, job: FrameJob) -> Cut:
        middle = len(job.wanted) // 2
        first = await self.cut(replace(job, wanted=job.wanted[:middle]))
        second = await self.cut(replace(job, wanted=job.wanted[middle:]))
        # They share at least the headers: the larger of both is sure.
        needed = max(first.needed, second.needed)
        return Cut([*first.receipts, *second.receipts], needed)

    async def _suspect(self, job: FrameJob) -> Cut:
        problem = ""
        for _ in range(_ATTEMPTS - 1):
            try:
                return await self._once(job)
            except ProcessExpired:
                problem = "worker_died"
            except TimeoutError:
                problem = "worker_hung"
        return Cut([Receipt(job.wanted[0].target, problem=problem)])


def _open_pool(*, max_workers: int, **options: Any) -> ProcessPool:  # noqa: ANN401 - Pebble's
    """Open a pool and start its processes, which takes until their server is there."""
    pool = ProcessPool(max_workers, context=warm_up(), **options)
    # One that breaks at once is replaced when it is needed.
    with suppress(RuntimeError):
        for _ in range(max_workers):
            pool.schedule(os.getpid)
    return pool


def _end(pool: ProcessPool) -> None:
    pool.stop()  # type: ignore[no-untyped-call] # pebble leaves it untyped
    pool.join()


def _prepare(memory_bytes: int) -> None:
    # Without the server that it was forked from it would be known to nobody, and
    # write what another process is given to write.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # Pebble has the worker ignore Ctrl-C and end with its parent. A SIGTERM to the
    # whole group is the parent's to hear, see `cutouts.forkserver`.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Who talks to the archives goes first: it has little to do, and what it does late
    # leaves these processes without work.
    os.nice(_NICE)
    # More memory than this becomes a MemoryError in the worker and not the end of the
    # machine.
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = memory_bytes if hard == resource.RLIM_INFINITY else min(memory_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    # A worker that segfaults is reported by the parent; its own words only confuse.
    sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - for the life of the process
