"""Fetches only those blocks of a compressed frame that hold wanted rows, by ranges.

The first block comes first: its header tells which rows are wanted, and so which
blocks. These are fetched together with the last one, which proves where they lie. A
worker process unpacks them, and tells whether that is proved or what is lacking.

If there is a doubt, the frame is fetched from the first byte that is not here, up to
the last wanted row; nothing is fetched twice.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeVar

from ..cutouts.block_job import read_blocks
from ..cutouts.blocks.steps import Doubt, LackingBytes
from ..cutouts.cutouts import find_end
from ..cutouts.frame_file import CorruptFrameError, verify_frame
from ..cutouts.intervals import lacking
from ..errors import TransientError
from ..models import HeldPart, Plane
from ..transport.transport import RangeRefusedError, Waits
from .prefix import Prefix
from .sparse_file import make_sparse

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ..cutouts.block_job import BlockJob
    from ..cutouts.intervals import Span
    from ..transport.transport import ByteRange, Transport

    OnBytes = Callable[[int], None]
    FetchPart = Callable[..., Awaitable[ByteRange]]

__all__ = ["BlockFetch", "RunJob"]

_log = logging.getLogger(__name__)

#: Most rounds of further bytes; with more there is something wrong.
_MOST_ROUNDS = 6

#: Bytes of a request when a frame is fetched from its beginning after all.
_STEP = 700_000

T = TypeVar("T")
R = TypeVar("R")


class RunJob(Protocol):
    """Runs a function in a worker process."""

    def __call__(self, function: Callable[[T], R], job: T, /) -> Awaitable[R]:
        """Return its result; `TransientError` if the worker ends."""


class _DoubtfulError(Exception):
    """The rows are not proved; ``reason`` is counted."""

    def __init__(self, doubt: Doubt) -> None:
        super().__init__(*doubt)
        self.reason = doubt.reason


class BlockFetch:
    """Fetches the blocks of one frame into a new file.

    Call it with the address of a copy or of the archive's own file.

    Parameters
    ----------
    job
        The stamps; its path is that of the new file, which the caller removes.
    first_request
        Bytes of the first request.
    run
        Runs functions in a worker process.
    """

    def __init__(
        self,
        transport: Transport,
        job: BlockJob,
        *,
        first_request: int,
        run: RunJob,
        on_bytes: OnBytes,
    ) -> None:
        self._transport = transport
        self._job = job
        self._first_request = first_request
        self._run = run
        self._on_bytes = on_bytes
        #: What the file holds of the unpacked frame; None: it is a compressed one.
        self.held: HeldPart | None = None
        #: Whether the file is the whole compressed frame.
        self.is_whole = False
        #: Why rows were not proved; empty if they were.
        self.doubt = ""
        #: Whether the last server gives no ranges that can be used.
        self.is_refused = False
        self.etag = ""

    async def __call__(
        self, url: str, /, *, is_mirror: bool = False, waits: Waits = Waits.LONG
    ) -> bool:
        """Fetch from this address; tell whether the file is here.

        Raises
        ------
        TransientError, PermanentError, LocalError
            As the transport raises them.
        """
        fetch = partial(
            self._transport.fetch_range,
            url,
            on_bytes=self._on_bytes,
            is_mirror=is_mirror,
            waits=waits,
        )
        self.doubt, self.is_refused = "", False
        try:
            start = await fetch(0, self._first_request)
        except RangeRefusedError as error:
            _log.info("%s cannot be fetched by ranges: %s", url, error)
            self.is_refused = True
            return False
        try:
            return await self._fetch(partial(fetch, validator=start.validator), start)
        except RangeRefusedError as error:
            _log.info("%s has changed while it was fetched: %s", url, error)
            self.doubt = "replaced"
        return False

    async def _fetch(self, fetch: FetchPart, start: ByteRange) -> bool:
        if start.validator.startswith('"'):
            self.etag = start.validator
        parts = {0: start.body}
        try:
            self.held = await self._prove(fetch, start.total, parts)
        except _DoubtfulError as error:
            _log.info("a frame is fetched from its beginning: %s", error)
            self.doubt = error.reason
            return await self._fetch_beginning(fetch, start.total, parts)
        return True

    async def _prove(
        self, fetch: FetchPart, total: int, parts: dict[int, bytes]
    ) -> HeldPart:
        """Fetch what is lacking, into ``parts``, until the rows are proved."""
        job = replace(self._job, total=total)
        for _ in range(_MOST_ROUNDS):
            job = job.with_parts(parts, job.first)
            try:
                answer = await self._run(read_blocks, job)
            except TransientError as error:
                raise _DoubtfulError(Doubt("worker", str(error))) from error
            match answer:
                case HeldPart():
                    return answer
                case Doubt():
                    raise _DoubtfulError(answer)
                case LackingBytes(spans, first):
                    job = replace(job, first=first)
                    await _fetch_all(fetch, spans, parts)
        raise _DoubtfulError(Doubt("rounds", "too many bytes are lacking"))

    # -- from the beginning --------------------------------------------------------

    async def _fetch_beginning(
        self, fetch: FetchPart, total: int, parts: dict[int, bytes]
    ) -> bool:
        """Fetch up to the last wanted row, with the parts that are here."""
        enough, place = self._enough(), 0
        while place < total:
            start, part = _part_at(parts, place)
            if part is None:
                after = min((at for at in parts if at > place), default=total)
                stop = min(place + _STEP, after)
                start, part = place, (await fetch(place, stop)).body
                parts[place] = part
            fresh = part[place - start :]
            place += len(fresh)
            if enough is not None and await asyncio.to_thread(enough.add, fresh):
                break
        return await self._write(parts, place, is_whole=place >= total)

    def _enough(self) -> Prefix | None:
        job = self._job
        if Plane.IVAR in job.spec.planes:
            return None
        return Prefix(
            partial(find_end, archive=job.archive, wanted=job.wanted, spec=job.spec)
        )

    async def _write(
        self, parts: dict[int, bytes], length: int, *, is_whole: bool
    ) -> bool:
        path = self._job.file
        held = {at: part for at, part in sorted(parts.items()) if at < length}
        await asyncio.to_thread(make_sparse, path, length, held)
        if is_whole:
            try:
                await asyncio.to_thread(verify_frame, path)
            except CorruptFrameError as error:
                _log.info("a frame is fetched again: %s", error)
                path.unlink(missing_ok=True)
                return False
        self.is_whole = is_whole
        return True


def _part_at(parts: dict[int, bytes], place: int) -> tuple[int, bytes | None]:
    """Give the part that holds a byte, and its place; None if there is none."""
    for start, part in parts.items():
        if start <= place < start + len(part):
            return start, part
    return place, None


async def _fetch_all(
    fetch: FetchPart, spans: tuple[Span, ...], parts: dict[int, bytes]
) -> None:
    """Fetch spans at the same time; parts that touch each other become one."""
    held = [(start, start + len(part)) for start, part in parts.items()]
    gaps = [gap for span in spans for gap in lacking(span, held)]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_fetch_one(fetch, gap)) for gap in gaps]
    except ExceptionGroup as failed:
        # The task group has cancelled the other tasks because of this error.
        raise failed.exceptions[0] from failed
    fresh = {gap[0]: task.result() for gap, task in zip(gaps, tasks, strict=True)}
    _merge(parts, fresh)


async def _fetch_one(fetch: FetchPart, span: Span) -> bytes:
    return (await fetch(*span)).body


def _merge(parts: dict[int, bytes], fresh: dict[int, bytes]) -> None:
    every = sorted({**parts, **fresh}.items())
    parts.clear()
    end = start = -1
    for place, part in every:
        if place == end:
            parts[start] += part
        else:
            start = place
            parts[start] = part
        end = place + len(part)
