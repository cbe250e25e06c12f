"""Fetches what is lacking of a compressed frame until the wanted rows are proved."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from ..cutouts.block_job import read_blocks
from ..cutouts.blocks.steps import Doubt, LackingBytes
from ..cutouts.intervals import lacking
from ..errors import TransientError
from ..models import HeldPart

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable

    from ..cutouts.block_job import BlockJob
    from ..cutouts.intervals import Span
    from ..transport.transport import ByteRange

    FetchPart = Callable[..., Coroutine[Any, Any, ByteRange]]

__all__ = ["DoubtfulError", "RunJob", "fetch_all", "prove"]

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
    fetch: FetchPart,
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
                await fetch_all(fetch, spans, parts, begun)
    raise DoubtfulError("rounds", "too many bytes are lacking")


async def fetch_all(
    fetch: FetchPart, spans: Iterable[Span], parts: dict[int, bytes], begun: int = 0
) -> None:
    """Fetch what is lacking of some spans, all at the same time."""
    held = [(0, begun), *((start, start + len(part)) for start, part in parts.items())]
    gaps = [gap for span in spans for gap in lacking(span, held)]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_fetch_one(fetch, gap)) for gap in gaps]
    except ExceptionGroup as failed:
        # The task group has cancelled the other tasks because of this error.
        raise failed.exceptions[0] from failed
    parts |= {gap[0]: task.result() for gap, task in zip(gaps, tasks, strict=True)}


async def _fetch_one(fetch: FetchPart, span: Span) -> bytes:
    return (await fetch(*span)).body
