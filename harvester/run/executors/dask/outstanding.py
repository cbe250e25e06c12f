"""Limits the bytes that Dask has in hand, so that slow workers do not fill memory."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from ....archives.registry import kind_of
from ....models import Plane

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ....models import CutoutSpec, FrameJob

__all__ = ["Outstanding", "bytes_of"]

#: Bytes of a pixel in each plane; the point spread function counts as one pixel.
_PIXEL = {Plane.FLUX: 4, Plane.IVAR: 4, Plane.MASK: 1, Plane.PSF: 0}

#: Bytes of the headers and the padding of a stamp, about.
_HEADERS = 12_000


class Outstanding:
    """Counts bytes that were handed out and have not come back."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._changed = asyncio.Condition()
        #: Bytes that are handed out now.
        self.bytes = 0

    @asynccontextmanager
    async def of(self, size: int) -> AsyncIterator[None]:
        """Hand out some bytes during the block, when there is room for them.

        More than the limit are handed out alone.
        """
        async with self._changed:
            await self._changed.wait_for(lambda: self._has_room(size))
            self.bytes += size
        try:
            yield
        finally:
            self.bytes -= size
            async with self._changed:
                self._changed.notify_all()

    def _has_room(self, size: int) -> bool:
        return not self.bytes or self.bytes + size <= self._limit


def bytes_of(job: FrameJob) -> int:
    """Estimate the bytes of a frame on disk and of the stamps to be cut from it."""
    paths = (job.path, *(one.path for one in job.neighbours))
    frames = sum(Path(path).stat().st_blocks * 512 for path in paths)
    return frames + stamp_bytes(job.product.archive, job.spec) * len(job.wanted)


def stamp_bytes(archive: str, spec: CutoutSpec) -> int:
    """Estimate the bytes of a stamp; it has no more pixels than with the finest."""
    side = spec.size.pixels(kind_of(archive).finest_arcsec)
    return _HEADERS + side**2 * sum(_PIXEL[plane] for plane in spec.planes)
