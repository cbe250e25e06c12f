"""Cut the pixels of stamps out of a frame, as physical values.

Stamps that are completely inside the image are cut many at a time: one numpy call for
64 stamps costs hardly more than for one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ..archives.reading import PixelStack
from .frame_file import BadFrameError
from .intervals import merged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from numpy.typing import NDArray

    from ..models import Mode
    from .frame_file import Frame, Hdu
    from .intervals import Span
    from .planes import Planes, Quality

__all__ = ["Boxes", "Image", "Pixels", "Stamp", "StampPlace"]

#: Pixels of stamps that are cut at a time: this many fit into the processor's cache.
_PIXELS = 2**18

#: Bytes of the rows that are mapped at a time: the memory limit of a worker is below
#: the size of a mosaic.
_MAPPED = 2**26


#: A part of an image: rows and columns.
Part = tuple[slice, slice]


@dataclass(frozen=True, slots=True)
class Boxes:
    """The areas of stamps in an image, in pixels; each overlaps the image."""

    #: Indices of their targets in the list of wanted stamps, shape ``(n,)``.
    places: NDArray[np.int64]
    #: First row and first column of each, shape ``(n, 2)``; negative at an edge.
    first: NDArray[np.int64]
    #: Row and column of each target in the image, shape ``(n, 2)``.
    centres: NDArray[np.float64]
    #: Position angle of the direction of the rows at each, degrees, shape ``(n,)``.
    orientations: NDArray[np.float64]
    #: Length of each side in pixels.
    side: int

    def within(self, shape: tuple[int, int]) -> list[Part]:
        """Return the part of each box that is inside an image of this shape."""
        starts = np.maximum(self.first, 0).tolist()
        stops = np.minimum(self.first + self.side, shape).tolist()
        return [
            (slice(top, bottom), slice(left, right))
            for (top, left), (bottom, right) in zip(starts, stops, strict=True)
        ]

    def last_row(self, shape: tuple[int, int]) -> int:
        """Return the row, in an image of this shape, before which all boxes end."""
        ends = np.minimum(self.first[:, 0] + self.side, shape[0])
        return int(np.max(ends, initial=0))

    def rows(self, shape: tuple[int, int]) -> list[Span]:
        """Return the rows of an image of this shape that are read, at least the first.

        A row is verified also without a box, so that a damaged file is found.
        """
        return merged([(0, 1), *((r.start, r.stop) for r, _ in self.within(shape))])

    def are_inside(self, shape: tuple[int, int]) -> NDArray[np.bool_]:
        """Return a mask, ``(n,)``, of the boxes completely inside such an image."""
        inside = (self.first >= 0) & (self.first + self.side <= np.array(shape))
        return np.asarray(inside.all(axis=1))

    def of(self, which: NDArray[Any]) -> Boxes:
        """Select boxes by a mask or by indices."""
        return Boxes(
            self.places[which],
            self.first[which],
            self.centres[which],
            self.orientations[which],
            self.side,
        )

    def seen_from(self, offset: tuple[int, int], shape: tuple[int, int]) -> Boxes:
        """Return the boxes that touch another image, in pixels of that image.

        Parameters
        ----------
        offset
            Row and column of the first pixel of the other image in this one.
        shape
            The shape of the other image.
        """
        first = self.first - offset
        touch = np.all((first + self.side > 0) & (first < np.array(shape)), axis=1)
        moved = replace(self, first=first, centres=self.centres - offset)
        return moved.of(np.flatnonzero(touch))

    def origins(self) -> Iterator[StampPlace]:
        """Give the place of each box."""
        for box in zip(
            self.places.tolist(),
            map(tuple, self.first.tolist()),
            map(tuple, self.centres.tolist()),
            self.orientations.tolist(),
            strict=True,
        ):
            yield StampPlace(*box)


class StampPlace(NamedTuple):
    """Where a stamp lies in the frame."""

    #: Index of its target in the list of wanted stamps.
    number: int
    #: Row and column of its first pixel.
    origin: tuple[int, int]
    #: Row and column of its galaxy.
    centre: tuple[float, float]
    #: Position angle of the direction in which rows are counted, degrees.
    orientation: float


class Stamp(NamedTuple):
    """One stamp, cut out."""

    planes: Planes
    place: StampPlace
    #: Requested length of each side in pixels; a trimmed stamp is smaller.
    side: int


@dataclass(frozen=True, slots=True)
class Image:
    """The image of a frame from which stamps are cut."""

    hdu: Hdu
    #: The weights of drizzle, of the same shape; 0 where no exposure has data.
    weights: Hdu | None
    #: The standard deviation of each pixel, if it is to be read.
    errors: Hdu | None
    #: Values by keyword: first of the header of the image, then of the primary one.
    headers: tuple[Mapping[str, str], ...]

    @property
    def shape(self) -> tuple[int, int]:
        """The shape ``(ny, nx)`` in pixels."""
        height, width = self.hdu.shape
        return height, width

    @property
    def planes(self) -> tuple[Hdu, ...]:
        """The image, and its weights and errors if there are any."""
        return tuple(filter(None, (self.hdu, self.weights, self.errors)))

    def text(self, keyword: str) -> str:
        """Return a card from either header, as text; empty if there is none."""
        found = (header.get(keyword, "") for header in self.headers)
        return next(filter(None, found), "")


class Pixels:
    """Cuts stamps out of a frame, of which at least the needed pixels are present."""

    def __init__(
        self, frame: Frame, image: Image, boxes: Boxes, quality: Quality
    ) -> None:
        self._frame = frame
        self._image = image
        self._boxes = boxes
        self._quality = quality
        for hdu in image.planes:
            for start, stop in boxes.rows(image.shape):
                frame.prove(hdu, stop, start)
        self._factor = _number(image.hdu, "BSCALE", 1.0)
        self._offset = _number(image.hdu, "BZERO", 0.0)
        self._blank = _number(image.hdu, "BLANK", math.nan)

    def rows(self, rows: slice) -> NDArray[np.float32]:
        """Return the flux of whole rows, ``(n, nx)``; NaN where there is no value."""

        def take(hdu: Hdu) -> NDArray[Any]:
            self._frame.prove(hdu, rows.stop, rows.start)
            return self._frame.rows(hdu, rows.start, rows.stop)

        weights = self._image.weights
        return self._values(take(self._image.hdu), take(weights) if weights else None)

    def stamps(self, mode: Mode) -> Iterator[Stamp]:
        """Cut all boxes, in any order.

        Pixels outside the image are NaN; with the mode ``trim`` they are left out.
        """
        inside = self._boxes.are_inside(self._image.shape)
        side = self._boxes.side
        for boxes in self._batches(self._boxes.of(inside)):
            for place, planes in zip(boxes.origins(), self._stack(boxes), strict=True):
                yield Stamp(planes, place, side)
        edge = self._boxes.of(~inside)
        parts = edge.within(self._image.shape)
        for place, part in zip(edge.origins(), parts, strict=True):
            yield self._at_edge(place, part, mode)

    def _batches(self, boxes: Boxes) -> Iterator[Boxes]:
        """Yield batches of boxes near each other, in the order of their rows."""
        boxes = boxes.of(np.argsort(boxes.first[:, 0], kind="stable"))
        rows = boxes.first[:, 0]
        width = self._image.shape[1] * abs(self._image.hdu.bitpix) // 8
        farthest = max(0, _MAPPED // width - boxes.side)
        most = max(1, _PIXELS // boxes.side**2)
        begin = 0
        while begin < len(rows):
            near = int(np.searchsorted(rows, rows[begin] + farthest, "right"))
            end = min(begin + most, near)
            yield boxes.of(np.arange(begin, end))
            begin = end

    def _stack(self, boxes: Boxes) -> Iterator[Planes]:
        """Cut boxes that are inside, in the order of their rows."""
        rows, columns = boxes.first.T
        start, stop = int(rows[0]), int(rows[-1]) + boxes.side

        def take(hdu: Hdu) -> NDArray[Any]:
            read = self._frame.rows(hdu, start, stop)
            windows = sliding_window_view(read, (boxes.side, boxes.side))
            found: NDArray[Any] = windows[rows - start, columns]
            return found

        return self._planes(boxes.first, take)

    def _planes(
        self, first: NDArray[np.int64], take: Callable[[Hdu], NDArray[Any]]
    ) -> Iterator[Planes]:
        """Give the planes of stamps that lie in the image.

        ``take`` gives the pixels of an image in all boxes, ``(n, ny, nx)``.
        """
        image = self._image
        weights = take(image.weights) if image.weights else None
        errors = take(image.errors) if image.errors else None
        flux = self._values(take(image.hdu), weights)
        return self._quality.planes_of(PixelStack(flux, first, weights, errors))

    def _at_edge(self, place: StampPlace, part: Part, mode: Mode) -> Stamp:
        rows, columns = part
        start = np.array([[rows.start, columns.start]])

        def take(hdu: Hdu) -> NDArray[Any]:
            return self._frame.rows(hdu, rows.start, rows.stop)[None, :, columns]

        (found,) = self._planes(start, take)
        side = self._boxes.side
        if mode == "trim":
            trimmed = place._replace(origin=(rows.start, columns.start))
            return Stamp(found, trimmed, side)
        top, left = place.origin
        corner = (rows.start - top, columns.start - left)
        return Stamp(found.padded(corner, side), place, side)

    def _values(
        self, stored: NDArray[Any], weights: NDArray[Any] | None = None
    ) -> NDArray[np.float32]:
        is_plain = (self._factor, self._offset) == (1.0, 0.0)
        physical = stored if is_plain else stored * self._factor + self._offset
        with np.errstate(over="ignore"):  # values beyond float32 become NaN below
            values = physical.astype(np.float32)
        bad = np.isfinite(values)
        np.logical_not(bad, out=bad)
        if stored.dtype.kind != "f":
            bad |= stored == self._blank
        if weights is not None:
            bad |= weights == 0
        np.copyto(values, np.nan, where=bad)
        return values


def _number(hdu: Hdu, keyword: str, otherwise: float) -> float:
    text = hdu.values.get(keyword)
    if text is None:
        return otherwise
    try:
        return float(text.replace("D", "E"))
    except ValueError as error:
        msg = f"its {keyword} is {text!r}, which is not a number"
        raise BadFrameError(msg) from error
