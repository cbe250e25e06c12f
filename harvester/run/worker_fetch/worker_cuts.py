"""Has Dask workers fetch frames and cut their stamps; writes what comes back."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

from ...cutouts.unwritten import UnwrittenCut, write_cut
from ...models import Cut
from ..executors.culprit import results_around_culprit
from ..executors.dask.outstanding import stamp_bytes
from .fetch_job import FetchedCuts, FetchJob
from .fetcher import fetch_and_cut

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from ...models import Product, Receipt, Wanted
    from ..executors.dask.executor import DaskExecutor
    from ..frame_cuts import FrameCuts
    from ..lane_plan import LanePlan
    from .fetch_job import FetchTerms
    from .told import Told

__all__ = ["CutsByDask"]


class CutsByDask:
    """Frames are cut by path, or fetched by the workers, as these can.

    Parameters
    ----------
    here
        Fetches frames here, and has them cut by path.
    say
        Is called with messages for the user.
    """

    def __init__(
        self,
        plan: LanePlan,
        executor: DaskExecutor,
        here: FrameCuts,
        *,
        terms: FetchTerms,
        told: Told,
        say: Callable[[str], None],
    ) -> None:
        self._plan = plan
        self._executor = executor
        self._here = here
        self._terms = terms
        self._told = told
        self._say = say

    async def cut(
        self,
        product: Product,
        wanted: Sequence[Wanted],
        on_bytes: Callable[[int], None],
        *,
        sits_out: bool,
    ) -> AsyncGenerator[Cut]:
        """Yield the receipts of the wanted stamps, as `FrameCuts.cut`."""
        if await self._executor.frames_by() == "path":
            parts = self._here.cut(product, wanted, on_bytes, sits_out=sits_out)
        else:
            parts = self._there(product, wanted, on_bytes, sits_out=sits_out)
        async with aclosing(parts):
            async for cut in parts:
                yield cut

    async def _there(
        self,
        product: Product,
        wanted: Sequence[Wanted],
        on_bytes: Callable[[int], None],
        *,
        sits_out: bool,
    ) -> AsyncGenerator[Cut]:
        spec = self._plan.spec
        job = FetchJob(self._terms, product, tuple(wanted), spec, sits_out)
        async with self._executor.room(product.archive):
            for done in await results_around_culprit(self._ask, job, _failed):
                self._tell(done, on_bytes)
                for part in done.parts:
                    yield await asyncio.to_thread(write_cut, self._plan.root, part)
                if done.error is not None:
                    raise done.error

    async def _ask(self, job: FetchJob) -> FetchedCuts:
        size = stamp_bytes(job.product.archive, job.spec) * len(job.wanted)
        return await self._executor.ask(fetch_and_cut, job, size=size, is_long=True)

    def _tell(self, done: FetchedCuts, on_bytes: Callable[[int], None]) -> None:
        on_bytes(done.read)
        for seen in done.traffic:
            self._told.traffic(*seen)
        for came in done.ways:
            self._told.way(*came)
        for words in done.said:
            self._say(words)


def _failed(receipt: Receipt) -> FetchedCuts:
    return FetchedCuts([UnwrittenCut(Cut([receipt]), (), b"")])
