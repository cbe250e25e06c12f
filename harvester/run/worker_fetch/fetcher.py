"""Fetches frames in a Dask worker, and has their stamps cut in its process.

A worker process keeps one event loop in a thread, with one transport and one frame
store for each harvest that it works for.
"""

from __future__ import annotations

import asyncio
import os
import threading
from contextlib import AsyncExitStack, aclosing, suppress
from pathlib import Path
from socket import gethostname
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from ... import __version__
from ...errors import HarvesterError, LocalError
from ...frames.store import FrameStore
from ...frames.ways import Ways
from ...transport.broker.limit import BrokerLimit
from ...transport.transport import Transport
from ..executors.dask.worker import wait_while_wanted
from ..frame_cuts import FrameCuts
from .fetch_job import FetchedCuts
from .kept_stamps import KeptStamps

if TYPE_CHECKING:
    from concurrent.futures import Future

    from ...models import Product
    from .fetch_job import FetchJob, FetchTerms

__all__ = ["fetch_and_cut"]

#: The fetchers of this process, by the name of the harvest.
_FETCHERS: dict[str, Fetcher] = {}
_CHANGING = threading.Lock()

#: Seconds without a job after which a fetcher is closed: its harvest has ended.
_IDLE_S = 60.0


def fetch_and_cut(job: FetchJob) -> FetchedCuts:
    """Fetch a frame and cut its stamps; a task for a Dask worker.

    Other tasks may begin in the worker meanwhile, because this one mostly waits.
    """
    return wait_while_wanted(_fetcher_for(job.terms).begin(job))


def _fetcher_for(terms: FetchTerms) -> Fetcher:
    with _CHANGING:
        fetcher = _FETCHERS.get(terms.name)
        if fetcher is None:
            fetcher = _FETCHERS[terms.name] = Fetcher(terms)
        fetcher.jobs += 1
        return fetcher


class Fetcher:
    """Transport and frame store of one harvest, in a thread of its own."""

    def __init__(self, terms: FetchTerms) -> None:
        self._terms = terms
        #: Jobs in hand, counted while the fetcher is looked up.
        self.jobs = 0
        self._traffic: list[tuple[str, int, int]] = []
        self._ways: list[tuple[Product, str]] = []
        self._stack = AsyncExitStack()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        self._frames = self._run(self._open())

    def begin(self, job: FetchJob) -> Future[FetchedCuts]:
        """Begin with a job; cancel the future to drop it."""
        future = self._run(self._work(job))
        future.add_done_callback(self._end)
        return future

    def _end(self, _future: object) -> None:
        with _CHANGING:
            self.jobs -= 1
        self._loop.call_soon_threadsafe(self._loop.call_later, _IDLE_S, self._rest)

    def _rest(self) -> None:
        """Close every connection and remove the frames, if there is no more to do."""
        with _CHANGING:
            if self.jobs or _FETCHERS.get(self._terms.name) is not self:
                return
            del _FETCHERS[self._terms.name]
        closing = self._run(self._stack.aclose())
        closing.add_done_callback(
            lambda _: self._loop.call_soon_threadsafe(self._loop.stop)
        )

    def _run(self, work: Any) -> Future[Any]:  # noqa: ANN401 - any coroutine
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _open(self) -> FrameStore:
        terms = self._terms
        transport = await self._stack.enter_async_context(
            Transport(
                terms.services,
                version=__version__,
                contact=terms.contact,
                limits=terms.limits,
                tokens=terms.tokens,
                on_traffic=lambda *seen: self._traffic.append(seen),
                machine_limit=BrokerLimit(
                    terms.broker,
                    terms.secret,
                    run=f"Dask worker, process {os.getpid()}",
                ),
            )
        )
        folder = Path(mkdtemp(prefix="harvester-frames-", dir=_scratch()))
        frames = await FrameStore.open(
            folder,
            transport,
            budget=terms.budget,
            patience_s=terms.patience_s,
            ways=Ways(
                terms.ways,
                terms.host_limits,
                speed_of=transport.speed_of,
                counted=lambda product, what: self._ways.append((product, what)),
            ),
            run=KeptStamps(terms.cut_s).run,
        )
        self._stack.push_async_callback(frames.clear)
        return frames

    async def _work(self, job: FetchJob) -> FetchedCuts:
        frames = await asyncio.wrap_future(self._frames)
        done, stamps = FetchedCuts(), KeptStamps(self._terms.cut_s)
        cuts = FrameCuts(
            job.spec, Path(), frames=frames, cutter=stamps, say=done.said.append
        )

        def count(size: int) -> None:
            done.read += size

        parts = cuts.cut(job.product, job.wanted, count, sits_out=job.sits_out)
        try:
            async with aclosing(parts):
                async for cut in parts:
                    done.parts.append(stamps.of(cut))
        except LocalError as error:
            done.error = LocalError(f"on the machine {gethostname()}: {error}")
        except HarvesterError as error:
            done.error = error
        done.traffic, self._traffic[:] = self._traffic[:], []
        done.ways, self._ways[:] = self._ways[:], []
        return done


def _scratch() -> str | None:
    """Give the folder of this worker; None: that of the system."""
    with suppress(ImportError, ValueError):
        from distributed import get_worker

        return str(get_worker().local_directory)
    return None
