"""Estimates the cost of fetching a frame by ranges, from its footprint and targets.

A drizzled image is aligned with its detector, so its axes are those of the smallest
rectangle around the footprint. The footprint does not tell which axis the rows follow;
the longer one is assumed, as it was in the images this was tried with (1060 x 960).
A circular footprint, listed or assumed, does not tell the axes. Then an image of the
camera's size is assumed, with the mean price over some angles; the bill counts these
frames as guessed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple, Self

import numpy as np

from ..frames.spans import HEADER, StoredPlane, is_worth_it, spans_of
from ..models import DEFAULT_PLANES, Plane
from ..sky.footprints import Circle, Polygon, parse_s_region

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..archives.costs import Costs, FileLayout
    from ..frames.spans import Box

    Plane2D = NDArray[np.float64]

__all__ = ["Camera", "Price", "forecast"]

#: Limits of the diameter of a circle that stands for one pointing: as a fraction of its
#: short side and of its diagonal. Archives list inscribed and circumscribed circles.
_LEAST, _MOST = 0.9, 1.25

#: Angles in degrees over which the price is averaged if the angle is unknown.
_ANGLES = (0.0, 45.0, 90.0, 135.0)

#: Bytes of a pixel.
_PIXEL = 4


class Camera(NamedTuple):
    """Facts about a camera's images that are known in advance."""

    pixel_arcsec: float
    #: Sides of one pointing in arcsec, longer one first.
    field_arcsec: tuple[float, float]
    layout: FileLayout
    #: The planes of the stamps.
    planes: tuple[Plane, ...] = DEFAULT_PLANES

    @classmethod
    def of(
        cls,
        costs: Costs,
        instrument: str,
        planes: tuple[Plane, ...] = DEFAULT_PLANES,
    ) -> Self:
        """Make it from the costs of an archive, for an instrument."""
        assert costs.layout is not None
        pixel, field = costs.pixel_arcsec(instrument), costs.field_arcsec(instrument)
        return cls(pixel, field, costs.layout, planes)


class Price(NamedTuple):
    """What one frame costs if it is fetched by ranges."""

    requests: int
    bytes: int
    #: Length of the whole file, in bytes.
    whole: int
    #: Whether the axes of the image are unknown.
    is_guess: bool


class _Image(NamedTuple):
    #: ``(ny, nx)``.
    shape: tuple[int, int]
    #: Pixels of the targets, 0 at the centre of the first pixel; ``(n,)`` each.
    x: Plane2D
    y: Plane2D


def forecast(
    region: str | None,
    camera: Camera,
    side: int,
    ra: Sequence[float],
    dec: Sequence[float],
    *,
    largest_file: int,
) -> Price:
    """Estimate what the stamps of a frame cost.

    Parameters
    ----------
    region
        Its ``s_region``. If it is None or unreadable, a pointing at the targets is
        assumed.
    side
        Side of a stamp in pixels.
    ra, dec
        Targets in ICRS degrees, shape ``(n,)`` with ``n`` > 0.
    largest_file
        Bytes of a file above which it is not fetched whole.
    """
    shapes, targets = parse_s_region(region), np.array([ra, dec])
    images = _images(shapes, camera, targets)
    prices = [_price(one, side, camera, largest_file) for one in images]
    mean = [round(sum(each) / len(prices)) for each in zip(*prices, strict=True)]
    return Price(mean[0], mean[1], mean[2], len(prices) > 1)


def _price(
    image: _Image, side: int, camera: Camera, largest_file: int
) -> tuple[int, int, int]:
    """Give requests, bytes, and the bytes of the whole file."""
    (ny, nx), layout = image.shape, camera.layout
    first, requests = layout.first_headers, layout.header_requests
    plane = -(-_PIXEL * nx * ny // 2880) * 2880 + layout.next_header
    whole = first + layout.images * plane
    planes = [
        StoredPlane(first + place * plane, nx, _PIXEL) for place in _places(camera)
    ]
    spans = spans_of(planes, _boxes(image, side))
    further = layout.next_header if layout.weights_follow else HEADER
    headers = first + (requests - 1) * further
    if not is_worth_it(spans, whole, largest_file):
        return requests + 1, headers + whole, whole
    pixels = sum(stop - start for start, stop in spans)
    return requests + len(spans), headers + pixels, whole


def _places(camera: Camera) -> tuple[int, ...]:
    """Give the places in the file of the images that the stamps need."""
    layout = camera.layout
    if layout.errors is None or Plane.IVAR not in camera.planes:
        return layout.cut
    return (*layout.cut, layout.errors)


def _boxes(image: _Image, side: int) -> list[Box]:
    (ny, nx), corner = image.shape, -side / 2
    rows = np.ceil(image.y + corner).astype(int).tolist()
    columns = np.ceil(image.x + corner).astype(int).tolist()
    return [
        (
            slice(max(0, row), min(ny, row + side)),
            slice(max(0, column), min(nx, column + side)),
        )
        for row, column in zip(rows, columns, strict=True)
    ]


def _images(
    shapes: Sequence[Polygon | Circle], camera: Camera, targets: Plane2D
) -> list[_Image]:
    """Give the image that a footprint implies, or possible ones at several angles."""
    polygons = [np.array(s.vertices).T for s in shapes if isinstance(s, Polygon)]
    if not polygons:
        circle = next((s for s in shapes if isinstance(s, Circle)), None)
        return _turned(circle, camera, targets)
    about = _middle(np.concatenate(polygons, axis=1))
    flat = [_project(polygon, about) for polygon in polygons]
    axes = _axes(flat)
    extent = axes @ np.concatenate(flat, axis=1)
    low, high = extent.min(axis=1), extent.max(axis=1)
    places = axes @ _project(targets, about)
    return [_pixels(low, high - low, places, camera.pixel_arcsec)]


def _turned(circle: Circle | None, camera: Camera, targets: Plane2D) -> list[_Image]:
    centre = np.array([[circle.ra], [circle.dec]]) if circle else targets
    places = _project(targets, _middle(centre))
    sides, scale = np.array(_field(circle, camera.field_arcsec)), camera.pixel_arcsec
    turns = np.radians(_ANGLES)
    return [
        _pixels(-sides / 2, sides, np.array([[c, s], [-s, c]]) @ places, scale)
        for c, s in zip(np.cos(turns), np.sin(turns), strict=True)
    ]


def _field(circle: Circle | None, sides: tuple[float, float]) -> tuple[float, float]:
    """Give the sides of a pointing; for a circle of another size, of its square."""
    if circle is None or _is_assumed(circle, sides):
        return sides
    diameter = 2 * 3600 * circle.radius
    if _LEAST * min(sides) <= diameter <= _MOST * math.hypot(*sides):
        return sides
    return diameter / math.sqrt(2), diameter / math.sqrt(2)


def _is_assumed(circle: Circle, sides: tuple[float, float]) -> bool:
    # The locator assumes such a circle if the archive gives no footprint. Its radius is
    # the diagonal of a pointing.
    return math.isclose(circle.radius, math.hypot(*sides) / 3600, rel_tol=1e-3)


def _pixels(low: Plane2D, sides: Plane2D, places: Plane2D, scale: float) -> _Image:
    nx, ny = (max(1, round(float(side) / scale)) for side in sides)
    x, y = (places - low[:, np.newaxis]) / scale - 0.5
    return _Image((ny, nx), x, y)


def _axes(polygons: Sequence[Plane2D]) -> Plane2D:
    """Give the axes of the smallest rectangle around polygons, longer side first.

    One of its sides is parallel to an edge, so only the edges' directions are tried.
    """
    edges = np.concatenate(
        [np.roll(polygon, -1, axis=1) - polygon for polygon in polygons], axis=1
    )
    angle = np.arctan2(edges[1], edges[0])
    across = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    along = np.stack([-across[:, 1], across[:, 0]], axis=1)
    corners = np.concatenate(polygons, axis=1)
    wide, high = (np.ptp(vectors @ corners, axis=1) for vectors in (across, along))
    best = int(np.argmin(wide * high))
    pair = across[best], along[best]
    return np.array(pair if wide[best] >= high[best] else pair[::-1])


def _middle(places: Plane2D) -> tuple[float, float]:
    ra, dec = np.radians(places)
    x, y, z = np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)
    east, north = x.mean(), y.mean()
    return math.atan2(north, east), math.atan2(z.mean(), math.hypot(east, north))


def _project(places: Plane2D, about: tuple[float, float]) -> Plane2D:
    """Project ``(ra, dec)`` on the tangent plane at ``about``: arcsec, ``(2, n)``."""
    ra, dec = np.radians(places)
    turn, dec0 = ra - about[0], about[1]
    sin, cos = math.sin(dec0), math.cos(dec0)
    depth = sin * np.sin(dec) + cos * np.cos(dec) * np.cos(turn)
    east = np.cos(dec) * np.sin(turn) / depth
    north = (cos * np.sin(dec) - sin * np.cos(dec) * np.cos(turn)) / depth
    flat: Plane2D = np.degrees(np.stack([east, north])) * 3600
    return flat
