"""Fetches what is lacking of a compressed frame until the wanted rows are proved."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..cutouts.block_job import read_blocks
from ..cutouts.blocks.steps import Doubt, LackingBytes
from ..cutouts.intervals import lacking, merged
from ..errors import TransientError
from ..models import HeldPart
from ..transport.transport import RangeRefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

    from ..cutouts.block_job import BlockJob
    from ..cutouts.intervals import Span
    from ..transport.transport import ByteRange

    FetchPart = Callable[..., Coroutine[Any, Any, ByteRange]]
    FetchSeveral = Callable[[Sequence[Span]], Awaitable[dict[int, bytes]]]

__all__ = ["DoubtfulError", "FetchSpans", "RunJob", "prove"]

_log = logging.getLogger(__name__)

#: Most rounds of further bytes; with more there is something wrong.
_MOST_ROUNDS = 6

T = TypeVar("T")
R = TypeVar("R")


class RunJob(Protocol):
    """Runs a function in a worker process."""

    def __call__(self, function: Callable[[T], R], job: T, /) -> Awaitable[R]:
        """Return its result; `TransientError` if the worker ends."""


class DoubtfulError(Exception):
    """The rows are not proved; ``reason`` is counted."""

    def __init__(self, reason: str, words: str) -> None:
        super().__init__(words)
        self.reason = reason


async def prove(
    run: RunJob,
    job: BlockJob,
    fetch: FetchSpans,
    parts: dict[int, bytes],
    begun: int = 0,
) -> HeldPart:
    """Fetch what is lacking, into ``parts``, until the file of the job is written.

    Parameters
    ----------
    parts
        Parts of the compressed file by their place.
    begun
        Bytes of ``job.beginning``.

    Raises
    ------
    DoubtfulError
        The rows are not proved.
    RangeRefusedError, TransientError, PermanentError, LocalError
        As ``fetch`` raises them.
    """
    for _ in range(_MOST_ROUNDS):
        job = replace(job, parts=parts)
        try:
            answer = await run(read_blocks, job)
        except TransientError as error:
            raise DoubtfulError("worker", str(error)) from error
        match answer:
            case HeldPart():
                return answer
            case Doubt(reason, words):
                raise DoubtfulError(reason, words)
            case LackingBytes(spans, first):
                job = replace(job, first=first)
                await fetch(spans, parts, begun)
    raise DoubtfulError("rounds", "too many bytes are lacking")


class FetchSpans:
    """Fetches parts of one file that are not here yet.

    Parameters
    ----------
    one
        Fetches one range.
    several
        Fetches several in one request; None: the host sends one at a time.
    """

    def __init__(self, one: FetchPart, several: FetchSeveral | None = None) -> None:
        self._one = one
        self._several = several

    async def __call__(
        self, spans: Iterable[Span], parts: dict[int, bytes], begun: int = 0
    ) -> None:
        """Add to the parts what is lacking of some spans, all at the same time.

        ``begun``: bytes of the beginning that are here.
        """
        here = ((place, place + len(part)) for place, part in parts.items())
        held = [(0, begun), *here]
        gaps = merged(gap for span in spans for gap in lacking(span, held))
        if self._several is not None and len(gaps) > 1:
            try:
                parts |= await self._several(gaps)
            except RangeRefusedError as error:
                _log.info("ranges are asked for one by one: %s", error)
                self._several = None
            else:
                return
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._fetch_one(gap)) for gap in gaps]
        except ExceptionGroup as failed:
            # The task group has cancelled the other tasks because of this error.
            raise failed.exceptions[0] from failed
        parts |= {gap[0]: task.result() for gap, task in zip(gaps, tasks, strict=True)}

    async def _fetch_one(self, span: Span) -> bytes:
        return (await self._one(*span)).body
