"""Only those bytes of a remote frame that stamps are made of.

First headers, one after the other: each says where the next one is. Then the pixels
of the stamps, as spans of bytes. They are written where they belong in a local file
that is otherwise a hole, and which the cutting reads like any other FITS file.

That file holds some stamps and no others: it is for whoever asked, and for nobody
after. And nothing here is needed: what cannot be planned, or what a server does not
give by parts, is fetched whole and judged there.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from ..cutouts.astrometry import BadWcsError
from ..cutouts.frame_file import BadFrameError, CorruptFrameError, Frame, verify_frame
from ..transport.intake import disk_trouble_named
from ..transport.transport import RangeRefusedError
from .spans import FIRST, HEADER, Plane, is_worth_it, spans_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from numpy.typing import NDArray

    from ..cutouts.cutouts import NeededPixels
    from ..cutouts.frame_file import Hdu
    from ..models import Product
    from ..transport.transport import Part, Transport
    from .spans import Span

    OnBytes = Callable[[int], None]
    FindPixels = Callable[[Frame], NeededPixels]
    Fetch = Callable[..., Awaitable[Part]]

__all__ = ["Plan", "fetch_pixels", "has_parts", "plan"]

_log = logging.getLogger(__name__)

#: Requests for headers after which it is no drizzled file but a heap of HDUs.
_MOST_HEADERS = 16


class _LackingError(Exception):
    """A header is needed that was not fetched yet."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.start = start


class _Pieces:
    """The bytes of a remote file that are here; they read like those of a frame."""

    is_packed = False
    read = 0

    def __init__(self, first: Part) -> None:
        #: Where each piece begins in the file, and its bytes.
        self.held: dict[int, bytes] = {0: first.body}
        self.validator = first.validator
        self.total = first.total
        #: Where the file ends as far as anyone needs it.
        self.end = first.total

    def check_room(self, end: int) -> None:
        if end > self.total:
            msg = f"it has {self.total} bytes, and its header tells of {end}"
            raise CorruptFrameError(msg)

    def holds(self, place: int) -> bool:
        return place < self.end

    def prove(self, stop: int) -> None:
        self.check_room(stop)

    def take(self, start: int, stop: int) -> NDArray[np.uint8]:
        self.check_room(stop)
        for begin, piece in self.held.items():
            if begin <= start and stop <= begin + len(piece):
                return np.frombuffer(piece, np.uint8, stop - start, start - begin)
        raise _LackingError(start)


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be fetched of a file, beside the headers."""

    #: Bytes of the local file: all that `cut_frame` looks at lies before.
    length: int
    #: In ascending order, without overlap.
    spans: tuple[Span, ...]


def has_parts(product: Product) -> bool:
    """Whether parts of this file are of use: it is not compressed, as HST's are."""
    return product.archive == "hst" and product.name.endswith(".fits")


async def fetch_pixels(
    transport: Transport,
    path: Path,
    find: FindPixels,
    on_bytes: OnBytes,
    url: str,
) -> bool:
    """Fetch the pixels that ``find`` finds into a new file; say if that was possible.

    If it was not, the whole file has to be fetched: because that is cheaper, because
    the server does not give parts, or because the frame looks broken. Whatever
    happened, who named the path removes what is there. ``on_bytes`` is called with
    the bytes that come. Only mirrors give parts: none is waited for.

    Raises
    ------
    TransientError, PermanentError, LocalError
        As the transport raises them.
    """
    fetch = partial(transport.fetch_part, url, on_bytes=on_bytes, is_mirror=True)
    try:
        pieces = _Pieces(await fetch(0, FIRST))
        planned = await _plan_remotely(fetch, pieces, find)
        if not is_worth_it(planned.spans, pieces.total):
            return False
        await _fill(fetch, path, planned, pieces)
        await asyncio.to_thread(verify_frame, path)
    except (RangeRefusedError, BadFrameError, BadWcsError, CorruptFrameError) as error:
        _log.info("%s is fetched whole: %s", url, error)
        return False
    return True


# -- what is needed -------------------------------------------------------------


async def _plan_remotely(fetch: Fetch, pieces: _Pieces, find: FindPixels) -> Plan:
    for _ in range(_MOST_HEADERS):
        try:
            # A real header takes astropy longer than others want to wait.
            return await asyncio.to_thread(plan, pieces, find)
        except _LackingError as lacking:
            start = lacking.start
        part = await fetch(start, start + HEADER, validator=pieces.validator)
        pieces.held[start] = part.body
    msg = f"its headers take more than {_MOST_HEADERS} requests"
    raise BadFrameError(msg)


def plan(pieces: _Pieces, find: FindPixels) -> Plan:
    """Find the spans that hold all pixels of the stamps, in every plane.

    Raises
    ------
    _LackingError
        Header blocks from some place on are needed first.
    CorruptFrameError, BadFrameError, BadWcsError
        The frame cannot be cut.
    """
    pieces.end = _end_of_planes(pieces)
    pixels = find(Frame(pieces))
    return Plan(pieces.end, spans_of(_planes(pixels), pixels.boxes))


def _end_of_planes(pieces: _Pieces) -> int:
    """Find where the local file may end: after the image and its weights.

    The cutting takes the first SCI and the first WHT of its shape, so that nothing
    behind them changes anything. A file that ends there is whole by its own
    headers, and the headers of CTX and HDRTAB cost no requests.
    """
    pieces.end = pieces.total
    seen: list[Hdu] = []
    for hdu in Frame(pieces).hdus():
        seen.append(hdu)
        science = next(
            (one for one in seen if one.name == "SCI" and one.is_image), None
        )
        if science and any(o.name == "WHT" and o.shape == science.shape for o in seen):
            return hdu.end
    return pieces.total


def _planes(pixels: NeededPixels) -> list[Plane]:
    return [
        Plane(hdu.start, hdu.shape[1], abs(hdu.bitpix) // 8) for hdu in pixels.planes
    ]


# -- the local file ---------------------------------------------------------------


async def _fill(fetch: Fetch, path: Path, planned: Plan, pieces: _Pieces) -> None:
    await asyncio.to_thread(_make, path, planned.length, pieces.held)

    async def fill(start: int, stop: int) -> None:
        part = await fetch(start, stop, validator=pieces.validator)
        await asyncio.to_thread(_write, path, start, part.body)

    try:
        async with asyncio.TaskGroup() as group:
            for span in planned.spans:
                group.create_task(fill(*span))
    except ExceptionGroup as failed:
        # The others were cancelled for its sake.
        raise failed.exceptions[0] from failed


def _make(path: Path, length: int, held: dict[int, bytes]) -> None:
    with disk_trouble_named(path), path.open("xb") as file:
        for start, piece in held.items():
            file.seek(start)
            file.write(piece)
        file.truncate(length)


def _write(path: Path, start: int, content: bytes) -> None:
    # Opened by name each time: a thread outlives the task that was cancelled, and
    # finds no file then, instead of what has got its descriptor since.
    with disk_trouble_named(path), path.open("r+b") as file:
        file.seek(start)
        file.write(content)
