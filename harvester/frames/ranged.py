"""Fetches only those bytes of a remote frame that stamps need, by HTTP Range.

The headers come first, one after another, because each tells where the next one is.
Then come the pixels of the stamps, as spans of bytes. They are written at their offsets
in a sparse local file, which the worker reads like any other FITS file.

The local file only holds the stamps of one call, and is removed after it. If the header
cannot be used, or the server does not serve ranges, the frame is fetched whole, unless
it is too large for that.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from ..archives.kind import Fetch
from ..archives.registry import kind_of
from ..cutouts.astrometry import BadWcsError
from ..cutouts.frame_file import BadFrameError, CorruptFrameError, Frame, verify_frame
from ..errors import PermanentError
from ..transport.transport import RangeRefusedError, Waits
from .spans import FIRST, HEADER, StoredPlane, is_worth_it, spans_of
from .sparse_file import make_sparse, write_at

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..archives.kind import ArchiveKind
    from ..archives.reading import Reading
    from ..cutouts.cutouts import NeededPixels
    from ..cutouts.frame_file import Hdu
    from ..models import Product
    from ..transport.transport import ByteRange, Transport
    from .spans import Span

    OnBytes = Callable[[int], None]
    FindPixels = Callable[[Frame], NeededPixels]
    FetchPart = Callable[..., Awaitable[ByteRange]]

__all__ = ["PixelFetch", "Plan", "has_parts", "plan"]

_log = logging.getLogger(__name__)

#: Most requests for headers: a drizzled file or a mosaic needs fewer.
_MOST_HEADERS = 16

#: Versions of a file to try, if the archive replaces it while it is fetched.
_MOST_VERSIONS = 3

#: Numbers in the names of the local files.
_numbers = count()


class _ReplacedError(RangeRefusedError):
    """The archive replaced the file while parts of it were fetched."""


class _LackingError(Exception):
    """A header at ``start`` is needed that was not fetched yet."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class _Pieces:
    """The fetched bytes of a remote file, with the interface of a frame's bytes."""

    is_packed = False
    read = 0

    def __init__(self, first: ByteRange) -> None:
        #: Fetched bytes by their offset in the file.
        self.held: dict[int, bytes] = {0: first.body}
        self.validator = first.validator
        self.total = first.total
        #: Offset after the last byte that stamps may need.
        self.end = first.total

    def check_room(self, end: int) -> None:
        if end > self.total:
            msg = f"it has {self.total} bytes, but its header requires {end}"
            raise CorruptFrameError(msg)

    def holds(self, place: int) -> bool:
        return place < self.end

    def prove(self, stop: int, start: int = 0) -> None:  # noqa: ARG002 - the protocol's signature
        self.check_room(stop)

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        self.check_room(stop)
        for begin, piece in self.held.items():
            if begin <= start and stop <= begin + len(piece):
                return np.frombuffer(piece, np.uint8, stop - start, start - begin)
        raise _LackingError(start)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to fetch of a file beside the headers."""

    #: Length of the local file in bytes; `cut_frame` reads nothing after it.
    length: int
    #: In ascending order, without overlap.
    spans: tuple[Span, ...]


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
    """

    def __init__(
        self,
        transport: Transport,
        path: Path,
        *,
        find: FindPixels,
        kind: ArchiveKind,
        on_bytes: OnBytes,
    ) -> None:
        self._transport = transport
        self._path = path
        self._find = find
        self._kind = kind
        #: Whether the server must state a version. Files of an archive that serves
        #: ranges itself are checked by `_check_unchanged` instead.
        self._needs_validator = not kind.archive_gives_ranges
        self._on_bytes = on_bytes
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
            pieces = _Pieces(await fetch(0, FIRST))
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

    async def _fetch_one_version(self, fetch: FetchPart, pieces: _Pieces) -> bool:
        """Fetch the pixels; if the file looks broken, check for mixed versions."""
        try:
            return await self._fetch_version(fetch, pieces)
        except (BadFrameError, BadWcsError, CorruptFrameError):
            await _check_unchanged(fetch, pieces)
            raise

    async def _fetch_version(self, fetch: FetchPart, pieces: _Pieces) -> bool:
        find = partial(plan, pieces, self._find, self._kind.reading)
        planned = await _plan_remotely(fetch, pieces, find)
        most = self._transport.largest_file
        if not is_worth_it(planned.spans, pieces.total, most):
            return False
        # Each try has a file of its own, because a thread of a failed try may still be
        # writing.
        aside = self._path.with_name(f"{self._path.stem}-{next(_numbers)}.part")
        try:
            await _fill(fetch, aside, planned, pieces)
            await asyncio.to_thread(verify_frame, aside)
            await _check_unchanged(fetch, pieces)
            aside.replace(self._path)
            self.etag = pieces.validator if pieces.validator.startswith('"') else ""
        finally:
            aside.unlink(missing_ok=True)
        return True


# -- the version of the file ----------------------------------------------------


async def _fetch_more(
    fetch: FetchPart, pieces: _Pieces, start: int, stop: int
) -> ByteRange:
    """Fetch a further part of the same version."""
    part = await fetch(start, stop, validator=pieces.validator)
    if part.total != pieces.total:
        msg = f"its size changed from {pieces.total} to {part.total} bytes"
        raise _ReplacedError(msg)
    return part


async def _check_unchanged(fetch: FetchPart, pieces: _Pieces) -> None:
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
    again = await _fetch_more(fetch, pieces, 0, FIRST)
    if again.body != pieces.held[0]:
        msg = "its first bytes have changed, and the server states no version"
        raise _ReplacedError(msg)


# -- the needed spans -----------------------------------------------------------


async def _plan_remotely(
    fetch: FetchPart, pieces: _Pieces, find_plan: Callable[[], Plan]
) -> Plan:
    for _ in range(_MOST_HEADERS):
        try:
            # astropy would block the event loop for too long with a real header.
            return await asyncio.to_thread(find_plan)
        except _LackingError as lacking:
            start = lacking.start
        part = await _fetch_more(fetch, pieces, start, start + HEADER)
        pieces.held[start] = part.body
    msg = f"its headers take more than {_MOST_HEADERS} requests"
    raise BadFrameError(msg)


def plan(pieces: _Pieces, find: FindPixels, reading: Reading) -> Plan:
    """Find the spans with all pixels of the stamps, in every plane.

    Raises
    ------
    _LackingError
        A header must be fetched first.
    CorruptFrameError, BadFrameError, BadWcsError
        The frame cannot be cut.
    """
    pieces.end = _end_of_planes(pieces, reading)
    pixels = find(Frame(pieces))
    return Plan(pieces.end, spans_of(_planes(pixels), pixels.boxes))


def _end_of_planes(pieces: _Pieces, reading: Reading) -> int:
    """Find where the local file may end: after the image and its weights.

    The worker uses the first image with the right name and the first weights of its
    shape. So later HDUs are not needed, and their headers cost no requests. A file that
    ends after an HDU is valid.
    """
    pieces.end = pieces.total
    seen: list[Hdu] = []
    for hdu in Frame(pieces).hdus():
        seen.append(hdu)
        if _are_all_seen(seen, reading):
            return hdu.end
    return pieces.total


def _are_all_seen(seen: Sequence[Hdu], reading: Reading) -> bool:
    """Whether the image and its weights are among these first HDUs of a file."""
    if not reading.science:
        return True
    image = next((o for o in seen if o.name == reading.science and o.is_image), None)
    if image is None or not reading.weight:
        return image is not None
    return any(o.name == reading.weight and o.shape == image.shape for o in seen)


def _planes(pixels: NeededPixels) -> list[StoredPlane]:
    return [
        StoredPlane(hdu.start, hdu.shape[1], abs(hdu.bitpix) // 8)
        for hdu in pixels.planes
    ]


# -- the local file ---------------------------------------------------------------


async def _fill(fetch: FetchPart, path: Path, planned: Plan, pieces: _Pieces) -> None:
    await asyncio.to_thread(make_sparse, path, planned.length, pieces.held)

    async def fill(start: int, stop: int) -> None:
        part = await _fetch_more(fetch, pieces, start, stop)
        await asyncio.to_thread(write_at, path, start, part.body)

    try:
        async with asyncio.TaskGroup() as group:
            for span in planned.spans:
                group.create_task(fill(*span))
    except ExceptionGroup as failed:
        # The task group has cancelled the other tasks because of this error.
        raise failed.exceptions[0] from failed
