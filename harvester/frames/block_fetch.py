"""Fetches only those blocks of a compressed frame that hold wanted rows, by ranges.

The first block has the header, which tells which rows are wanted, and so which blocks.
These are fetched together with the last one, which proves where they lie. If the rows
can be estimated, that is done as soon as the reply about the first block tells the
length of the file: without it nothing is known of where a block lies, because frames
have 2.9 to 3.9 MB. Otherwise the header is read first. A worker process unpacks the
blocks, and tells whether their place is proved or what is lacking.

If there is a doubt, the frame is fetched from the first byte that is not here, up to
the last wanted row; nothing is fetched twice.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from ..cutouts.cutouts import find_end
from ..cutouts.frame_file import CorruptFrameError, verify_frame
from ..models import Plane
from ..transport.transport import RangeRefusedError, Waits
from .block_rounds import DoubtfulError, FetchSpans, prove
from .prefix import Prefix
from .sparse_file import make_sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..cutouts.block_job import BlockJob
    from ..models import HeldPart
    from ..transport.transport import ByteRange, Transport
    from .block_ahead import BlocksAhead
    from .block_rounds import FetchPart, RunJob

    OnBytes = Callable[[int], None]

__all__ = ["BlockFetch"]

_log = logging.getLogger(__name__)

#: Bytes of a request when a frame is fetched from its beginning after all.
_STEP = 700_000


class BlockFetch:
    """Fetches the blocks of one frame into a new file.

    Call it with the address of a copy or of the archive's own file.

    Parameters
    ----------
    job
        The stamps; its path is that of the new file, which the caller removes.
    ahead
        The blocks that are expected to be wanted.
    run
        Runs functions in a worker process.
    on_bytes
        Counts the bytes as they come.
    """

    def __init__(
        self,
        transport: Transport,
        job: BlockJob,
        *,
        ahead: BlocksAhead,
        run: RunJob,
        on_bytes: OnBytes,
    ) -> None:
        self._transport = transport
        self._job = job
        self._ahead = ahead
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
        #: Whether other bytes were lacking than those that were expected to be wanted.
        self.is_short = False
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
            start, parts = await self._ahead.fetch(fetch)
        except RangeRefusedError as error:
            _log.info("%s cannot be fetched by ranges: %s", url, error)
            self.is_refused = True
            return False
        try:
            fetch = partial(fetch, validator=start.validator)
            return await self._fetch(fetch, start, parts)
        except RangeRefusedError as error:
            _log.info("%s has changed while it was fetched: %s", url, error)
            self.doubt = "replaced"
        return False

    async def _fetch(
        self, fetch: FetchPart, start: ByteRange, parts: dict[int, bytes]
    ) -> bool:
        if start.validator.startswith('"'):
            self.etag = start.validator
        came = len(parts)
        try:
            job = replace(self._job, total=start.total)
            self.held = await prove(self._run, job, FetchSpans(fetch), parts)
            self.is_short = len(parts) > came
        except DoubtfulError as error:
            _log.info("a frame is fetched from its beginning: %s", error)
            self.doubt = error.reason
            return await self._fetch_beginning(fetch, start.total, parts)
        return True

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
