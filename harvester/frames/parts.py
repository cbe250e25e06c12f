"""Fetches a frame, or only the part of it that some stamps need, into a new file."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from ..archives.kind import Way
from ..archives.registry import kind_of
from ..cutouts.block_job import BlockJob
from ..cutouts.cutouts import find_end, find_pixels
from ..cutouts.frame_file import verify_frame
from ..models import Plane
from .block_ahead import BlocksAhead
from .block_ends import ends_around, ends_of_rows
from .block_fetch import BlockFetch
from .block_stream import BlockStream
from .expected_rows import RowForecasts
from .header_sizes import LearnedHeaders
from .prefix import Prefix
from .ranged import PixelFetch, has_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ..archives.block_law import BlockLaw
    from ..models import CutoutSpec, HeldPart, Product, Wanted
    from ..transport.transport import Ends, Enough, Transport
    from .block_rounds import RunJob
    from .sources import Sources
    from .ways import Ways

    OnBytes = Callable[[int], None]

__all__ = ["FetchedFile", "PartFetch"]


@dataclass(frozen=True, slots=True)
class FetchedFile:
    """A frame that was fetched, or a part of it."""

    is_whole: bool
    #: ``etag:`` or ``sha256:`` and what the server or the bytes give; may be empty.
    version: str
    #: Checksum of a whole file, hexadecimal.
    sha256: str = ""
    #: What a plain file holds of the unpacked frame.
    held: HeldPart | None = None


class PartFetch:
    """Fetches frames in the way that is chosen for each."""

    def __init__(
        self, transport: Transport, sources: Sources, ways: Ways, run: RunJob
    ) -> None:
        self._transport = transport
        self._sources = sources
        self._ways = ways
        self._run = run
        self.forecasts = RowForecasts()
        self._headers = LearnedHeaders()
        #: Names of products that are too large to be fetched whole.
        self.too_large: set[str] = set()

    async def fetch(
        self,
        product: Product,
        part: Path,
        wanted: Sequence[Wanted],
        spec: CutoutSpec,
        on_bytes: OnBytes,
        *,
        sits_out: bool,
    ) -> FetchedFile | None:
        """Fetch what these stamps need into ``part``; None if all should be fetched."""
        if has_parts(product):
            fetch = PixelFetch(
                self._transport,
                part,
                find=partial(
                    find_pixels, archive=product.archive, wanted=wanted, spec=spec
                ),
                kind=kind_of(product.archive),
                on_bytes=on_bytes,
                headers=self._headers.of(product),
            )
            is_here = await self._fetch_pixels(product, fetch, sits_out=sits_out)
            return FetchedFile(False, _version(fetch.etag)) if is_here else None
        expected = self.forecasts.expect(product, wanted, spec)
        rows = expected.spans if expected else ()
        way = self._ways.choose(product, len(wanted), spec.planes, rows)
        job = BlockJob(product.archive, tuple(wanted), spec, str(part), 0, {})
        is_both = way is Way.RANGES and self._ways.may_give_several(product)
        if way is Way.STREAM or is_both:
            return await self._fetch_stream(
                product, job, way, on_bytes, sits_out=sits_out
            )
        if way is Way.RANGES:
            got = await self._fetch_blocks(product, job, on_bytes, sits_out=sits_out)
            if got is not None:
                return got
            way = self._ways.without_blocks(product, len(wanted), spec.planes)
        self._ways.count(product, way)
        if way is Way.WHOLE:
            return None
        prefix = Prefix(
            partial(find_end, archive=product.archive, wanted=wanted, spec=spec)
        )
        return await self.download(product, part, on_bytes, prefix, sits_out=sits_out)

    async def download(
        self,
        product: Product,
        path: Path,
        on_bytes: OnBytes,
        enough: Enough | None = None,
        *,
        sits_out: bool,
    ) -> FetchedFile:
        """Fetch a file as one stream, whole or until ``enough`` of it has come."""
        fetch = partial(
            self._transport.download,
            path=path,
            check=verify_frame,
            enough=enough,
            on_bytes=on_bytes,
        )
        got = await self._sources.fetch(product, fetch, sits_out=sits_out)
        sha256 = got.sha256 if got.is_whole else ""
        return FetchedFile(got.is_whole, _version(got.etag, sha256), got.sha256)

    async def _fetch_pixels(
        self, product: Product, fetch: PixelFetch, *, sits_out: bool
    ) -> bool:
        """Fetch by ranges, also from the archive if it serves them."""
        if kind_of(product.archive).archive_gives_ranges:
            is_here = await self._sources.fetch(product, fetch, sits_out=sits_out)
        else:
            ask = partial(fetch, is_mirror=True)
            is_here = bool(await self._sources.mirrors.ask(product, ask))
        if fetch.is_only_by_ranges(product):
            self.too_large.add(product.name)
        return is_here

    async def _fetch_blocks(
        self, product: Product, job: BlockJob, on_bytes: OnBytes, *, sits_out: bool
    ) -> FetchedFile | None:
        """Fetch by blocks; None if another way must be used for this frame."""
        law = kind_of(product.archive).blocks
        assert law is not None
        ahead = self._blocks_ahead(product, job, law)
        fetch = BlockFetch(
            self._transport,
            job,
            ahead=ahead,
            run=self._run,
            on_bytes=on_bytes,
        )
        is_here = await self._sources.fetch(product, fetch, sits_out=sits_out)
        if fetch.is_refused:
            self._ways.note_no_ranges(product)
        if fetch.doubt:
            self._ways.count_doubt(product, fetch.doubt)
        if not is_here:
            return None
        self._ways.count(product, Way.RANGES)
        if ahead.groups is not None and fetch.held:
            vain = ahead.count_vain(fetch.held)
            self._ways.count_ahead(product, is_short=fetch.is_short, vain=vain)
        sha256 = await asyncio.to_thread(_sha256, job.file) if fetch.is_whole else ""
        version = _version(fetch.etag, sha256)
        return FetchedFile(fetch.is_whole, version, sha256, fetch.held)

    def _blocks_ahead(
        self, product: Product, job: BlockJob, law: BlockLaw
    ) -> BlocksAhead:
        expected = self.forecasts.expect(product, job.wanted, job.spec)
        if expected is None or not expected.are_close:
            return BlocksAhead(law)
        rest = Plane.IVAR in job.spec.planes
        return BlocksAhead.of_rows(law, expected.spans, is_rest_wanted=rest)

    def _ends(
        self, product: Product, job: BlockJob, law: BlockLaw, way: Way
    ) -> Ends | None:
        """Give the ends to ask for together, if the host may send both."""
        if not self._ways.may_give_several(product):
            return None
        if way is Way.RANGES:
            return ends_around(law)
        rows = self.forecasts.expect(product, job.wanted, job.spec)
        typical = kind_of(product.archive).costs.typical_bytes
        rest = Plane.IVAR in job.spec.planes
        return ends_of_rows(law, rows, typical, is_rest_wanted=rest)

    async def _fetch_stream(
        self,
        product: Product,
        job: BlockJob,
        way: Way,
        on_bytes: OnBytes,
        *,
        sits_out: bool,
    ) -> FetchedFile | None:
        """Fetch as one stream, of which only the needed blocks are unpacked.

        None if all of the frame is needed after all.
        """
        law = kind_of(product.archive).blocks
        assert law is not None
        fetch = BlockStream(
            self._transport,
            job,
            law,
            find_end=partial(
                find_end, archive=job.archive, wanted=job.wanted, spec=job.spec
            ),
            run=self._run,
            on_bytes=on_bytes,
            ends=self._ends(product, job, law, way),
        )
        got = await self._sources.fetch(product, fetch, sits_out=sits_out)
        self._ways.count(product, way)
        if fetch.is_refused:
            self._ways.note_no_ranges(product)
        if fetch.doubt:
            self._ways.count_doubt(product, fetch.doubt)
        # What the noise depends on is behind the image.
        is_rest_lacking = Plane.IVAR in job.spec.planes and not got.is_whole
        if not fetch.held and (fetch.is_lacking or is_rest_lacking):
            job.file.unlink()
            return None
        sha256 = got.sha256 if got.is_whole else ""
        version = _version(got.etag, sha256)
        return FetchedFile(got.is_whole, version, got.sha256, fetch.held)


def _version(etag: str, sha256: str = "") -> str:
    if etag:
        return f"etag:{etag}"
    return f"sha256:{sha256}" if sha256 else ""


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
