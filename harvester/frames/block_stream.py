"""Fetches a compressed frame as one stream, and unpacks only blocks with wanted rows.

The stream is left when the last wanted row has come, as in `prefix`. Then the last
block is fetched by a range: it proves where the others lie. If there is a doubt, or no
range is given, the beginning that is here is enough to unpack all of it.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from ..archives.block_law import DoubtError
from ..cutouts.blocks.first_block import read_first
from ..cutouts.blocks.packed import LackingError, Packed
from ..cutouts.blocks.steps import needs_last
from ..cutouts.frame_file import verify_frame
from ..errors import PermanentError, TransientError
from ..transport.transport import RangeRefusedError, Waits
from .block_rounds import DoubtfulError, fetch_all, prove
from .prefix import Prefix

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..archives.block_law import BlockLaw
    from ..cutouts.block_job import BlockJob
    from ..cutouts.blocks.first_block import FirstBlock
    from ..cutouts.frame_file import Frame
    from ..models import HeldPart
    from ..transport.transport import Download, Transport
    from .block_rounds import FetchPart, RunJob

    OnBytes = Callable[[int], None]

__all__ = ["BlockStream", "FirstBlockPrefix"]

_log = logging.getLogger(__name__)


class FirstBlockPrefix(Prefix):
    """Counts blocks as they come, and keeps what the first one tells."""

    def __init__(
        self, law: BlockLaw, job: BlockJob, find_end: Callable[[Frame], int]
    ) -> None:
        super().__init__(find_end)
        self._law = law
        self._find = job.asked().find
        self.first: FirstBlock | None = None
        self.doubt = ""

    def restart(self) -> None:
        """Forget what came so far, because the transfer starts again."""
        super().restart()
        self.first, self.doubt = None, ""

    def _end_in(self, first: bytes) -> int:
        try:
            packed = Packed(len(first), {0: first}, self.starts)
            self.first = read_first(self._law, packed, self._find)
        except (DoubtError, LackingError) as error:
            self.doubt = getattr(error, "reason", "blocks")
            return super()._end_in(first)
        return max(stop for _, stop in self.first.wanted)


class BlockStream:
    """Fetches the beginning of one frame, and its last block, into a new file.

    It is used as `BlockFetch`, and takes the same parameters.

    Parameters
    ----------
    find_end
        Finds the end of the last wanted row in an open frame.
    """

    def __init__(
        self,
        transport: Transport,
        job: BlockJob,
        law: BlockLaw,
        *,
        find_end: Callable[[Frame], int],
        run: RunJob,
        on_bytes: OnBytes,
    ) -> None:
        self._transport = transport
        self._job = job
        self._law = law
        self._find_end = find_end
        self._run = run
        self._on_bytes = on_bytes
        #: What the file holds of the unpacked frame; None: it is a compressed one.
        self.held: HeldPart | None = None
        #: Why rows were not proved; empty if they were.
        self.doubt = ""
        #: Whether the last server gives no ranges that can be used.
        self.is_refused = False

    async def __call__(
        self, url: str, /, *, is_mirror: bool = False, waits: Waits = Waits.LONG
    ) -> Download:
        """Fetch from this address; the file has rows, or is a compressed one.

        Raises
        ------
        TransientError, PermanentError, LocalError
            As the transport raises them.
        """
        self.held, self.doubt = None, ""
        asked: Any = {
            "is_mirror": is_mirror,
            "waits": waits,
            "on_bytes": self._on_bytes,
        }
        prefix = FirstBlockPrefix(self._law, self._job, self._find_end)
        got = await self._transport.download(
            url, self._job.file, check=verify_frame, enough=prefix, **asked
        )
        if not got.is_whole:
            fetch = partial(
                self._transport.fetch_range, url, validator=got.etag, **asked
            )
            await self._take_rows(fetch, got, prefix)
        return got

    async def _take_rows(
        self, fetch: FetchPart, got: Download, prefix: FirstBlockPrefix
    ) -> None:
        """Replace the beginning of the frame by its rows, if they can be proved."""
        try:
            self.held = await self._prove(fetch, got, prefix)
        except DoubtfulError as error:
            self.doubt = error.reason
        except RangeRefusedError:
            self.doubt, self.is_refused = "no_range", True
        except (TransientError, PermanentError) as error:
            _log.info("a frame is unpacked from its beginning: %s", error)
            self.doubt = "last_block"

    async def _prove(
        self, fetch: FetchPart, got: Download, prefix: FirstBlockPrefix
    ) -> HeldPart:
        first, file = prefix.first, self._job.file
        if first is None or got.total is None:
            reason = prefix.doubt or "length"
            raise DoubtfulError(reason, "the first block does not tell enough")
        parts: dict[int, bytes] = {}
        rest = self._job.asked().is_rest_wanted
        if needs_last(self._law, first, is_rest_wanted=rest):
            span = (self._start_of_last(first, got.total), got.total)
            await fetch_all(fetch, [span], parts, got.size)
        rows = file.with_name(f"{file.stem}-rows{file.suffix}")
        job = replace(
            self._job,
            path=str(rows),
            beginning=str(file),
            starts=tuple(prefix.starts),
            total=got.total,
            first=first,
        )
        try:
            held = await prove(self._run, job, fetch, parts, got.size)
            rows.replace(file)
        finally:
            rows.unlink(missing_ok=True)
        return held

    def _start_of_last(self, first: FirstBlock, total: int) -> int:
        start = self._law.start(self._law.blocks - 1, first.stop / 8, total)
        return max(0, round(start) - self._law.slack)
