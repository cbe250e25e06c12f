"""Fetches a compressed frame as one stream, and unpacks only blocks with wanted rows.

The stream is left when the last wanted row has come, as in `prefix`. The last block of
the frame proves where the others lie. A server that sends several ranges sends it
before the stream, in the same reply; another one is asked for it afterwards. If the
stream was asked for too short, further blocks are fetched by ranges. If there is a
doubt, or no range is given, all blocks up to the last wanted row are unpacked.
"""

from __future__ import annotations

import asyncio
import hashlib
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
from ..transport.intake import disk_trouble_named
from ..transport.transport import RangeRefusedError, Waits
from .block_rounds import DoubtfulError, FetchSpans, prove
from .prefix import Prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ..archives.block_law import BlockLaw
    from ..cutouts.block_job import BlockJob
    from ..cutouts.blocks.first_block import FirstBlock
    from ..cutouts.frame_file import Frame
    from ..models import HeldPart
    from ..transport.transport import Download, Ends, Transport
    from .block_rounds import RunJob

    OnBytes = Callable[[int], None]

__all__ = ["BlockStream", "FirstBlockPrefix"]

_log = logging.getLogger(__name__)


class FirstBlockPrefix(Prefix):
    """Counts blocks as they come, and keeps what the first one tells.

    ``is_left``: whether the stream is left when enough has come.
    """

    def __init__(
        self,
        law: BlockLaw,
        job: BlockJob,
        find_end: Callable[[Frame], int],
        *,
        is_left: bool = True,
    ) -> None:
        super().__init__(find_end)
        self._is_left = is_left
        self._law = law
        self._find = job.asked().find
        self.first: FirstBlock | None = None
        self.doubt = ""

    def add(self, data: bytes) -> bool:
        """Take the next bytes; tell whether the stream is left here."""
        return super().add(data) and self._is_left

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
    ends
        Both ends of the frame that are asked for together; None: all of it is asked
        for, and left when enough has come.
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
        ends: Ends | None = None,
    ) -> None:
        self._transport = transport
        self._job = job
        self._law = law
        self._find_end = find_end
        self._run = run
        self._on_bytes = on_bytes
        self._ends = ends
        #: What the file holds of the unpacked frame; None: it is a compressed one.
        self.held: HeldPart | None = None
        #: Why rows were not proved; empty if they were.
        self.doubt = ""
        #: Whether the last server gives no ranges that can be used.
        self.is_refused = False
        #: Whether the file lacks wanted rows.
        self.is_lacking = False

    async def __call__(
        self, url: str, /, *, is_mirror: bool = False, waits: Waits = Waits.LONG
    ) -> Download:
        """Fetch from this address; the file has rows, or is a compressed one.

        Raises
        ------
        TransientError, PermanentError, LocalError
            As the transport raises them.
        """
        self.held, self.doubt, self.is_lacking = None, "", False
        asked: Any = {
            "is_mirror": is_mirror,
            "waits": waits,
            "on_bytes": self._on_bytes,
        }
        # Reading a little more keeps the connection for the next frame.
        is_left = self._ends is None or self._ends.head >= self._law.head
        prefix = FirstBlockPrefix(self._law, self._job, self._find_end, is_left=is_left)
        got = await self._transport.download(
            url,
            self._job.file,
            check=verify_frame,
            enough=prefix,
            ends=self._ends,
            **asked,
        )
        if got.is_whole:
            return got
        asked["validator"] = got.etag
        several = partial(self._transport.fetch_ranges, url, **asked)
        fetch = FetchSpans(
            partial(self._transport.fetch_range, url, **asked),
            several if got.gives_several else None,
        )
        parts: dict[int, bytes] = {}
        if got.tail and got.total:
            parts[got.total - len(got.tail)] = got.tail
        await self._take_rows(fetch, got, prefix, parts)
        if self.held or prefix.is_enough:
            return got
        try:
            return await self._complete(fetch, got, prefix, parts)
        except RangeRefusedError as error:
            _log.info("the rest of a frame is not given: %s", error)
            self.is_lacking = True
            return got

    async def _complete(
        self,
        fetch: FetchSpans,
        got: Download,
        prefix: FirstBlockPrefix,
        parts: dict[int, bytes],
    ) -> Download:
        """Fetch what is lacking of a beginning that was asked for too short."""
        assert got.total is not None
        stop = self._stop(got.total, prefix)
        await fetch([(got.size, stop)], parts, got.size)
        await asyncio.to_thread(_append, self._job.file, parts, got.size, stop)
        if stop < got.total:
            return replace(got, size=max(stop, got.size))
        sha256 = await asyncio.to_thread(_verified, self._job.file)
        return replace(got, size=stop, sha256=sha256, is_whole=True)

    def _stop(self, total: int, prefix: FirstBlockPrefix) -> int:
        """Give the byte up to which all blocks are needed of a doubtful frame."""
        if prefix.needed is None or self._job.asked().is_rest_wanted:
            return total
        start = self._law.start(prefix.needed, prefix.starts[1] / 8, total)
        return min(total, round(start) + self._law.slack)

    async def _take_rows(
        self,
        fetch: FetchSpans,
        got: Download,
        prefix: FirstBlockPrefix,
        parts: dict[int, bytes],
    ) -> None:
        """Replace the beginning of the frame by its rows, if they can be proved."""
        try:
            self.held = await self._prove(fetch, got, prefix, parts)
        except DoubtfulError as error:
            self.doubt = error.reason
        except RangeRefusedError:
            self.doubt, self.is_refused = "no_range", True
        except (TransientError, PermanentError) as error:
            _log.info("a frame is unpacked from its beginning: %s", error)
            self.doubt = "last_block"

    async def _prove(
        self,
        fetch: FetchSpans,
        got: Download,
        prefix: FirstBlockPrefix,
        parts: dict[int, bytes],
    ) -> HeldPart:
        first, file = prefix.first, self._job.file
        if prefix.doubt or got.total is None:
            reason = prefix.doubt or "length"
            raise DoubtfulError(reason, "the first block does not tell enough")
        rest = self._job.asked().is_rest_wanted
        if first and not parts and needs_last(self._law, first, is_rest_wanted=rest):
            span = (self._start_of_last(first, got.total), got.total)
            await fetch([span], parts, got.size)
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


def _append(path: Path, parts: Mapping[int, bytes], size: int, stop: int) -> None:
    """Write the parts up to a byte behind the first ``size`` bytes of a file."""
    with disk_trouble_named(path), path.open("ab") as file:
        for place, part in sorted(parts.items()):
            file.write(part[max(0, size - place) : max(0, stop - place)])
            size = max(size, place + len(part))


def _verified(path: Path) -> str:
    """Check a whole frame, and give its checksum; `TransientError`: it is damaged."""
    verify_frame(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
