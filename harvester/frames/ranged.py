"""Fetches only those bytes of a remote frame that stamps need, by HTTP Range.

The headers come first, one after another, because each tells where the next one is.
Then come the pixels of the stamps, as spans of bytes. They are written at their offsets
in a sparse local file, which the worker reads like any other FITS file. If earlier
files tell how long the header of the weights is, it comes together with the pixels;
if it is not as it was assumed, what is lacking is fetched then.

The local file only holds the stamps of one call, and is removed after it. If the header
cannot be used, or the server does not serve ranges, the frame is fetched whole, unless
it is too large for that.
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

from ..archives.kind import Fetch
from ..archives.registry import kind_of
from ..cutouts.astrometry import BadWcsError
from ..cutouts.frame_file import BadFrameError, CorruptFrameError, verify_frame
from ..errors import PermanentError
from ..transport.transport import RangeRefusedError, Waits
from .header_sizes import HeaderSizes
from .pieces import Pieces, UnheldError
from .range_plan import is_proved, plan
from .spans import HEADER, is_worth_it, lacking, with_header
from .sparse_file import fit_sparse, make_sparse, write_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from ..archives.kind import ArchiveKind
    from ..models import Product
    from ..transport.transport import ByteRange, Transport
    from .range_plan import FindPixels, Plan
    from .spans import Span

    OnBytes = Callable[[int], None]
    FetchPart = Callable[..., Awaitable[ByteRange]]

__all__ = ["PixelFetch", "has_parts"]

_log = logging.getLogger(__name__)

#: Most requests for headers: a drizzled file or a mosaic needs fewer.
_MOST_HEADERS = 16

#: Versions of a file to try, if the archive replaces it while it is fetched.
_MOST_VERSIONS = 3

#: Numbers in the names of the local files.
_numbers = count()


class _ReplacedError(RangeRefusedError):
    """The archive replaced the file while parts of it were fetched."""


def has_parts(product: Product) -> bool:
    """Whether this file is fetched by ranges; it must not be compressed."""
    is_plain = product.name.endswith(".fits")
    return is_plain and kind_of(product.archive).fetch is Fetch.RANGES


class PixelFetch:
    """Fetches only the pixels that some stamps need into a new file.

    Call it with the address of a copy or of the archive's own file.

    Parameters
    ----------
    path
        The new file, if the call returns True; the caller removes it.
    find
        Finds the needed pixels in an open frame.
    kind
        The archive of the file.
    on_bytes
        Called with the number of bytes of each reply.
    headers
        What earlier files of this kind taught about their headers.
    """

    def __init__(
        self,
        transport: Transport,
        path: Path,
        *,
        find: FindPixels,
        kind: ArchiveKind,
        on_bytes: OnBytes,
        headers: HeaderSizes | None = None,
    ) -> None:
        self._transport = transport
        self._path = path
        self._find = find
        self._kind = kind
        #: Whether the server must state a version. Files of an archive that serves
        #: ranges itself are checked by `_check_unchanged` instead.
        self._needs_validator = not kind.archive_gives_ranges
        self._on_bytes = on_bytes
        self._headers = headers or HeaderSizes()
        #: Length of the whole file in bytes; 0 if not known yet.
        self.total = 0
        #: ETag of the version that was fetched; empty if the server states none.
        self.etag = ""
        #: Why the last server did not serve ranges; empty if it did.
        self.refusal = ""

    async def __call__(
        self, url: str, /, *, is_mirror: bool = False, waits: Waits = Waits.LONG
    ) -> bool:
        """Fetch from this address; tell whether the pixels have come.

        False if the whole file should be fetched: because that is cheaper, the server
        does not serve ranges, or the frame looks broken.

        Raises
        ------
        RangeRefusedError
            A mirror does not serve ranges, but the archive may.
        CorruptFrameError, BadFrameError, BadWcsError
            The frame looks broken, and is too large to be fetched whole.
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
        self.refusal = ""
        try:
            return await self._fetch(fetch)
        except RangeRefusedError as error:
            if is_mirror and self._kind.archive_gives_ranges:
                raise
            self.refusal = str(error)
            _log.info("%s cannot be fetched by ranges: %s", url, error)
        except (BadFrameError, BadWcsError, CorruptFrameError) as error:
            if self.total > self._transport.largest_file:
                raise
            _log.info("%s is fetched whole: %s", url, error)
        return False

    def is_only_by_ranges(self, product: Product) -> bool:
        """Whether the file is too large to be fetched whole.

        Raises
        ------
        PermanentError
            ``too_large``: it is, and the server does not serve ranges of it.
        """
        size, most = self.total or product.size or 0, self._transport.largest_file
        if size > most and self.refusal:
            msg = (
                f"{product.name} has {size} bytes. Files over {most} bytes are not "
                f"fetched whole, and the server gives no ranges of it: {self.refusal}"
            )
            raise PermanentError("too_large", msg)
        return size > most

    async def _fetch(self, fetch: FetchPart) -> bool:
        """Fetch the pixels of one version of the file.

        Archives replace files in place. Then the server refuses further ranges of the
        old version, or its first bytes differ, and fetching starts again.
        """
        for version in count(1):
            # A refusal of the first range does not mean that the file was replaced.
            pieces = Pieces(await fetch(0, self._headers.first))
            self.total = pieces.total
            if self._needs_validator and not pieces.validator:
                msg = "the server states no version of the file: no ETag and no date"
                raise RangeRefusedError(msg)
            try:
                return await self._fetch_one_version(fetch, pieces)
            except RangeRefusedError as error:
                if version == _MOST_VERSIONS:
                    raise
                _log.info("ranges are fetched from the first one again: %s", error)
        raise AssertionError  # mypy does not know that `count` never ends

    async def _fetch_one_version(self, fetch: FetchPart, pieces: Pieces) -> bool:
        """Fetch the pixels; if the file looks broken, check for mixed versions."""
        try:
            return await self._fetch_version(fetch, pieces)
        except (BadFrameError, BadWcsError, CorruptFrameError):
            await _check_unchanged(fetch, pieces)
            raise

    async def _fetch_version(self, fetch: FetchPart, pieces: Pieces) -> bool:
        planned = await self._plan(fetch, pieces, self._headers.weight)
        if planned.assumed and not self._is_worth_it(planned):
            planned = await self._plan(fetch, pieces)
        if not self._is_worth_it(planned):
            return False
        # Each try has a file of its own, because a thread of a failed try may still be
        # writing.
        aside = self._path.with_name(f"{self._path.stem}-{next(_numbers)}.part")
        try:
            await asyncio.to_thread(make_sparse, aside, planned.length, pieces.held)
            fetched = _spans(planned)
            await _fill(fetch, aside, fetched, pieces)
            if planned.assumed and not is_proved(planned, pieces):
                planned = await self._plan(fetch, pieces)
                await self._fill_up(fetch, aside, planned, fetched, pieces)
            elif planned.assumed:
                self._headers.learn(planned)
            await asyncio.to_thread(verify_frame, aside)
            await _check_unchanged(fetch, pieces)
            aside.replace(self._path)
            self.etag = pieces.validator if pieces.validator.startswith('"') else ""
        finally:
            aside.unlink(missing_ok=True)
        return True

    async def _plan(
        self, fetch: FetchPart, pieces: Pieces, weight_header: int | None = None
    ) -> Plan:
        """Plan from the headers; fetch those that are lacking and not assumed."""
        reading = self._kind.reading
        find = partial(plan, pieces, self._find, reading, weight_header)
        planned = await _plan_remotely(fetch, pieces, find, self._headers.next)
        if planned.assumed is None:
            self._headers.learn(planned)
        return planned

    def _is_worth_it(self, planned: Plan) -> bool:
        return is_worth_it(planned.spans, self.total, self._transport.largest_file)

    async def _fill_up(
        self,
        fetch: FetchPart,
        path: Path,
        planned: Plan,
        fetched: Sequence[Span],
        pieces: Pieces,
    ) -> None:
        """Fetch what is lacking because a header was not as it was assumed."""
        _log.info("a header of %s is not as in other files", self._path.name)
        await asyncio.to_thread(fit_sparse, path, planned.length, pieces.held)
        await _fill(fetch, path, lacking(planned.spans, fetched), pieces)


# -- the version of the file ----------------------------------------------------


async def _fetch_more(
    fetch: FetchPart, pieces: Pieces, start: int, stop: int
) -> ByteRange:
    """Fetch a further part of the same version."""
    part = await fetch(start, stop, validator=pieces.validator)
    if part.total != pieces.total:
        msg = f"its size changed from {pieces.total} to {part.total} bytes"
        raise _ReplacedError(msg)
    return part


async def _check_unchanged(fetch: FetchPart, pieces: Pieces) -> None:
    """Check that all parts are of one version, unless an ETag has proved it.

    The first part is fetched again and compared: each version has another date in its
    header. ``Last-Modified`` is not enough, because a file that is replaced twice in a
    second has the same date (RFC 9110, 8.8.2.2).

    Raises
    ------
    _ReplacedError
        The first part has changed.
    """
    if pieces.validator.startswith('"'):
        return
    first = pieces.held[0]
    again = await _fetch_more(fetch, pieces, 0, len(first))
    if again.body != first:
        msg = "its first bytes have changed, and the server states no version"
        raise _ReplacedError(msg)


# -- the needed spans -----------------------------------------------------------


async def _plan_remotely(
    fetch: FetchPart, pieces: Pieces, find_plan: Callable[[], Plan], size: int
) -> Plan:
    """Plan from the headers; fetch those that are lacking.

    ``size``: bytes of a request for the header of a further image.
    """
    for _ in range(_MOST_HEADERS):
        try:
            # astropy would block the event loop for too long with a real header.
            return await asyncio.to_thread(find_plan)
        except UnheldError as lacking:
            start = lacking.start
        # A header that is longer than others continues where the bytes that are here
        # end.
        length = HEADER if pieces.is_end(start) else size
        part = await _fetch_more(fetch, pieces, start, start + length)
        pieces.held[start] = part.body
    msg = f"its headers take more than {_MOST_HEADERS} requests"
    raise BadFrameError(msg)


# -- the local file ---------------------------------------------------------------


def _spans(planned: Plan) -> tuple[Span, ...]:
    """Give the spans to fetch, with the header that was assumed."""
    if planned.assumed is None:
        return planned.spans
    return with_header(planned.spans, planned.assumed)


async def _fill(
    fetch: FetchPart, path: Path, spans: Sequence[Span], pieces: Pieces
) -> None:
    async def fill(start: int, stop: int) -> None:
        part = await _fetch_more(fetch, pieces, start, stop)
        pieces.keep_headers(start, part.body)
        await asyncio.to_thread(write_at, path, start, part.body)

    try:
        async with asyncio.TaskGroup() as group:
            for span in spans:
                group.create_task(fill(*span))
    except ExceptionGroup as failed:
        # The task group has cancelled the other tasks because of this error.
        raise failed.exceptions[0] from failed
