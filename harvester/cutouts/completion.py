"""Add the rows of neighbouring frames to the stamps over an edge of a frame.

The added pixels are those that a stamp of the neighbour has there: with the inverse
variance and the mask that follow from the neighbour's own calibration.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ..models import Bit
from .neighbours import agree, likely_offsets, shared_rows
from .pixels import Pixels

if TYPE_CHECKING:
    from ..models import Neighbour
    from .astrometry import Astrometry
    from .frame_file import Frame
    from .neighbours import Offset
    from .pixels import Boxes, Image, Stamp
    from .planes import Planes, Quality

__all__ = ["Parent", "Strips", "lacking"]


class Parent(NamedTuple):
    """An open frame from which stamps are cut."""

    frame: Frame
    image: Image
    sky: Astrometry
    quality: Quality

    def pixels(self, boxes: Boxes) -> Pixels:
        """Cut the pixels in these boxes."""
        return Pixels(self.frame, self.image, boxes, self.quality)


def lacking(stamp: Stamp, shape: tuple[int, int]) -> tuple[int, ...]:
    """Tell behind which edges a stamp of an image of this shape has rows.

    Returns
    -------
    tuple
        -1 if it begins before the first row, 1 if it ends behind the last one.
    """
    first = stamp.place.origin[0]
    behind = first + stamp.planes.flux.shape[0] > shape[0]
    return (*((-1,) if first < 0 else ()), *((1,) if behind else ()))


@dataclass(frozen=True, slots=True)
class Strips:
    """What one neighbour has of the stamps of a frame."""

    neighbour: Neighbour
    #: Rows of the frame.
    height: int
    #: Planes of the size of the stamp, by the number of the stamp.
    planes: dict[int, Planes]

    @classmethod
    def of(
        cls, own: Parent, other: Parent, neighbour: Neighbour, boxes: Boxes
    ) -> Strips:
        """Cut what a neighbour has of some boxes; nothing if it does not fit."""
        height = own.image.shape[0]
        offset = _find_offset(own, other, boxes, neighbour.step)
        if offset is None:
            return cls(neighbour, height, {})
        stamps = other.pixels(boxes.seen_from(offset, other.image.shape))
        planes = {one.place.number: one.planes for one in stamps.stamps("partial")}
        return cls(neighbour, height, planes)

    def add_to(self, stamp: Stamp) -> bool:
        """Fill the rows of a stamp behind one edge; tell whether any value was added.

        The planes of the stamp are changed; what is inside the frame stays as it is.
        """
        planes = self.planes.get(stamp.place.number)
        if planes is None:
            return False
        rows = self._rows(stamp)
        bits = planes.bits[rows].copy()
        filled = np.isfinite(planes.flux[rows])
        bits[filled] |= np.uint8(Bit.FILLED)
        flux, ivar, _ = stamp.planes
        flux[rows] = planes.flux[rows]
        if ivar is not None and planes.ivar is not None:
            ivar[rows] = planes.ivar[rows]
        stamp.planes.bits[rows] = bits
        return bool(filled.any())

    def _rows(self, stamp: Stamp) -> slice:
        """Give the rows of a stamp behind the edge of the frame."""
        first = stamp.place.origin[0]
        if self.neighbour.step < 0:
            return slice(0, -first)
        return slice(self.height - first, None)


def _find_offset(own: Parent, other: Parent, boxes: Boxes, step: int) -> Offset | None:
    """Find where a neighbour lies, and prove it by the rows that both frames have."""
    nothing = boxes.of(np.zeros(len(boxes.places), np.bool_))
    mine, theirs = own.pixels(nothing), other.pixels(nothing)
    for offset in likely_offsets(own.sky, other.sky, own.image.shape, step):
        shared = shared_rows(own.image.shape, other.image.shape[0], offset)
        if shared is None:
            continue
        if agree(mine.rows(shared[0]), theirs.rows(shared[1]), offset.column):
            return offset
    return None
