"""Fetch a frame and have its stamps cut, also those that a neighbour completes.

A stamp over the first or last row of a frame is cut from this frame and from the one
that continues it, if the archive has that. Stamps that lack no rows are cut before, and
do not wait for a neighbour.
"""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple, Protocol

from ..archives.kind import Fetch
from ..archives.registry import kind_of
from ..errors import NotFoundError, PermanentError, TransientError
from ..events import as_sentence
from ..models import ENDS_WORKERS, Cut, FrameJob, Neighbour

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from ..frames.store import FrameStore, LocalFrame
    from ..models import CutoutSpec, Product, Receipt, Wanted
    from .executors.executor import Executor

__all__ = ["Cuts", "FrameCuts"]

_log = logging.getLogger(__name__)


class _Asked(NamedTuple):
    """How frames are fetched for some stamps."""

    on_bytes: Callable[[int], None]
    sits_out: bool


class _Held(NamedTuple):
    """A frame that is on disk while it is held."""

    product: Product
    frame: LocalFrame


class Cuts(Protocol):
    """Fetches frames and has their stamps cut, here or elsewhere."""

    def cut(
        self,
        product: Product,
        wanted: Sequence[Wanted],
        on_bytes: Callable[[int], None],
        *,
        sits_out: bool,
    ) -> AsyncGenerator[Cut]:
        """Yield the receipts of the wanted stamps, in one or more parts."""


class FrameCuts:
    """Fetches frames and has their stamps cut."""

    def __init__(
        self,
        spec: CutoutSpec,
        root: Path,
        *,
        frames: FrameStore,
        cutter: Executor,
        say: Callable[[str], None],
    ) -> None:
        """Keep the parts.

        Parameters
        ----------
        root
            The output folder that the paths of stamps are relative to.
        say
            Is called with messages for the user.
        """
        self._spec = spec
        self._root = root
        self._frames = frames
        self._cutter = cutter
        self._say = say

    async def cut(
        self,
        product: Product,
        wanted: Sequence[Wanted],
        on_bytes: Callable[[int], None],
        *,
        sits_out: bool,
    ) -> AsyncGenerator[Cut]:
        """Yield the receipts of the wanted stamps, in one or more parts.

        What was yielded before an error is valid; the error concerns the other stamps.

        Raises
        ------
        TransientError, PermanentError
            The frame cannot be fetched or cut, or a neighbour cannot be fetched now.
        """
        asked = _Asked(on_bytes, sits_out)
        cut = None
        async with self._cutter.room(product.archive):
            # A fetched part of the frame may be at fault: then all of it is fetched,
            # which counts as no attempt.
            while cut is None:
                async with self._fetch(product, asked, wanted) as frame:
                    job = self._job(product, frame, wanted)
                    cut = await self._cut(job, [_Held(product, frame)])
                    if cut is not None:
                        async for part in self._completed(job, cut, asked):
                            yield part

    def _job(
        self, product: Product, frame: LocalFrame, wanted: Sequence[Wanted]
    ) -> FrameJob:
        return FrameJob(
            product,
            str(frame.path),
            str(self._root),
            tuple(wanted),
            self._spec,
            is_whole=frame.is_whole,
            parent=frame.version,
            held=frame.held,
        )

    def _fetch(
        self, product: Product, asked: _Asked, wanted: Sequence[Wanted] = ()
    ) -> AbstractAsyncContextManager[LocalFrame]:
        """Fetch a frame: whole, or as much of it as the wanted stamps need."""
        spec = self._spec if wanted else None
        return self._frames.frame(
            product, wanted, spec, asked.on_bytes, sits_out=asked.sits_out
        )

    async def _cut(self, job: FrameJob, suspects: Sequence[_Held]) -> Cut | None:
        """Have stamps cut; None if a frame was at fault of which only a part is here.

        ``suspects`` are the frames that are fetched again if the job fails.
        """
        try:
            cut = await self._cutter.cut(job)
        except (TransientError, PermanentError) as error:
            for product, frame in suspects:
                self._frames.discard(product, frame, error)
            if all(frame.is_whole for _, frame in suspects):
                raise
            _log.info("%s is fetched whole: %s", suspects[0].product.name, error)
            return None
        self._frames.learn(job.product, job.wanted, cut.receipts)
        if any(one.problem in ENDS_WORKERS for one in cut.receipts):
            for held in suspects:
                self._put_aside(held)
        return cut

    def _put_aside(self, held: _Held) -> None:
        if path := self._frames.put_aside(held.frame):
            name = held.product.name
            self._say(f"a process that cut {name} died; frame kept as {path}")

    # -- completing ------------------------------------------------------------

    async def _completed(
        self, job: FrameJob, cut: Cut, asked: _Asked
    ) -> AsyncGenerator[Cut]:
        """Yield the receipts that lack nothing, then those that are completed."""
        by_need = sorted(cut.receipts, key=lambda one: one.lacks)
        for lacks, some in groupby(by_need, key=lambda one: one.lacks):
            receipts = list(some)
            if lacks:
                receipts = await self._complete(job, receipts, asked)
            yield Cut(receipts, cut.needed)

    async def _complete(
        self, job: FrameJob, receipts: list[Receipt], asked: _Asked
    ) -> list[Receipt]:
        """Cut stamps with the neighbours that they lack, as far as there are any.

        That there is none is an answer: the stamps stay partial.
        """
        targets = {one.target for one in receipts}
        wanted = tuple(one for one in job.wanted if one.target in targets)
        final = replace(job, wanted=wanted, spec=replace(job.spec, complete=False))
        cut = None
        while cut is None:
            async with AsyncExitStack() as stack:
                found = [
                    (step, await self._hold(stack, job.product, step, wanted, asked))
                    for step in receipts[0].lacks
                ]
                held = {step: one for step, one in found if one is not None}
                beside = tuple(_neighbour(step, one) for step, one in held.items())
                both = replace(final, neighbours=beside)
                try:
                    cut = await self._cut(both, list(held.values()))
                except PermanentError as error:
                    if not held:
                        raise
                    self._say_partial(job.product, error)
                    cut = await self._cut(final, [])
        return cut.receipts

    async def _hold(
        self,
        stack: AsyncExitStack,
        product: Product,
        step: int,
        wanted: Sequence[Wanted],
        asked: _Asked,
    ) -> _Held | None:
        """Fetch a neighbour and keep it; None if there is none."""
        kind = kind_of(product.archive)
        neighbour = kind.neighbour(product, step)
        if neighbour is None:
            return None
        # The last rows of the frame before are compared and used: that is all of it.
        is_begun = step > 0 and kind.fetch is Fetch.BEGINNING
        opened = self._fetch(neighbour, asked, wanted if is_begun else ())
        try:
            frame = await stack.enter_async_context(opened)
        except NotFoundError:
            return None
        except PermanentError as error:
            self._say_partial(product, error)
            return None
        return _Held(neighbour, frame)

    def _say_partial(self, product: Product, error: PermanentError) -> None:
        self._say(
            f"stamps over an edge of {product.name} stay partial, because its "
            f"neighbour cannot be used: {as_sentence(error)}"
        )


def _neighbour(step: int, held: _Held) -> Neighbour:
    frame = held.frame
    return Neighbour(
        held.product,
        str(frame.path),
        step,
        is_whole=frame.is_whole,
        parent=frame.version,
        held=frame.held,
    )
