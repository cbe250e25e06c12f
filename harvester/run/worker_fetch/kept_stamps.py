"""Cuts frames in this process, one at a time, and keeps the stamps in memory."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from typing import TYPE_CHECKING, Self, TypeVar

from ...cutouts.unwritten import UnwrittenCut, cut_unwritten
from ...errors import PermanentError
from ..executors.dask.worker import run_within

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from ...models import Cut, FrameJob

__all__ = ["KeptStamps"]

T = TypeVar("T")
R = TypeVar("R")


class KeptStamps:
    """An executor of a worker process; the stamps of a frame are asked for later."""

    processes = 1

    def __init__(self, limit_s: float) -> None:
        """Take the seconds after which a job counts as hung."""
        self.cutting = 0
        self._limit_s = limit_s
        #: Bytes of each stamp by its path; a stamp that is cut again replaces its own.
        self._stamps: dict[str, bytes] = {}

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(self, *failure: object) -> None:
        """Do nothing: there is nothing to end."""

    def start(self) -> None:
        """Do nothing: this process is running."""

    def room(self, archive: str) -> AbstractAsyncContextManager[None]:  # noqa: ARG002 - of the protocol
        """Do not wait: the orchestrator has limited the frames in hand."""
        return nullcontext()

    async def cut(self, job: FrameJob) -> Cut:
        """Cut all wanted stamps of a frame; return a receipt for each.

        Raises
        ------
        TransientError, PermanentError, LocalError
            As `cut_stamps`; ``too_big``: memory is not enough.
        HungError
            It hangs, and this process is about to end.
        """
        try:
            unwritten = await self.run(cut_unwritten, job)
        except MemoryError as error:
            msg = f"{job.product.name} needs more memory than a Dask worker has"
            raise PermanentError("too_big", msg) from error
        start = 0
        for place, size in unwritten.files:
            self._stamps[place] = unwritten.content[start : start + size]
            start += size
        return unwritten.cut

    async def run(self, function: Callable[[T], R], job: T) -> R:
        """Run a function in a thread, when no other one is at work."""
        return await asyncio.to_thread(run_within, self._limit_s, function, job)

    def of(self, cut: Cut) -> UnwrittenCut:
        """Give the stamps of some receipts, and keep them no longer."""
        places = [one.file_loc for one in cut if one.file_loc]
        pieces = [self._stamps.pop(place) for place in places]
        files = tuple((at, len(one)) for at, one in zip(places, pieces, strict=True))
        return UnwrittenCut(cut, files, b"".join(pieces))
