"""Footprints: the sky areas of products, and which targets lie in them.

An archive gives the footprint of an image as ``s_region``, text in some dialect of
STC-S. The parser is tolerant, because an image with an unreadable footprint is never
used. In a gnomonic projection about a target every great circle is a straight line, so
plane geometry about the origin is exact, also at the poles and at right ascension 0.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .sphere import unit_vectors
from .trees import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

__all__ = ["Circle", "FootprintIndex", "Polygon", "parse_s_region"]

#: Beginning of a shape. The name of a frame may follow (J2000, ICRS, GSC1). It is
#: ignored: these frames differ by too little to matter for a stamp.
_SHAPE = re.compile(r"\b(POLYGON|CIRCLE)\b", re.IGNORECASE)

#: Characters that may separate numbers.
_BLANKS = str.maketrans(",()", "   ")

#: Smallest area of a polygon in steradians (a square of 20 milliarcsec); polygons below
#: it are degenerate.
_SMALLEST_AREA = 1e-14

#: Largest radius of a footprint in degrees: the projection about a target covers less
#: than a hemisphere. The largest images are a few degrees wide.
_WIDEST_RADIUS = 40.0

#: Targets, and pairs of target and shape, that are computed at a time. Limits the
#: memory to about 100 MB where thousands of images overlap.
_TARGETS, _PAIRS = 4096, 200_000


@dataclass(frozen=True, slots=True)
class Polygon:
    """An area bounded by great circles."""

    #: ``(ra, dec)`` in ICRS degrees, 0 <= ra < 360. The first vertex is not repeated at
    #: the end, and no two neighbours are equal.
    vertices: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Circle:
    """An area around a point."""

    #: Centre and radius in ICRS degrees, 0 <= ra < 360.
    ra: float
    dec: float
    radius: float


def parse_s_region(text: str | None) -> tuple[Polygon | Circle, ...]:
    """Read the shapes of an ``s_region``, which together are the footprint.

    Right ascensions may be negative, names of frames may be anywhere, and polygons may
    repeat their first vertex. Shapes without an area (null, a line, a point, invalid
    coordinates) are left out, so that the result may be empty.
    """
    shapes = (_to_shape(kind, body) for kind, body in _split(text or ""))
    return tuple(shape for shape in shapes if shape is not None)


def _split(text: str) -> Iterator[tuple[str, str]]:
    _, *parts = _SHAPE.split(text)
    return zip(parts[::2], parts[1::2], strict=True)


def _to_shape(kind: str, body: str) -> Polygon | Circle | None:
    words = body.translate(_BLANKS).split()
    try:
        numbers = [float(word) for word in words if word[0] in "+-.0123456789"]
    except ValueError:
        return None
    if not all(map(math.isfinite, numbers)):
        return None
    if kind.upper() == "CIRCLE":
        return _to_circle(numbers)
    return _to_polygon(numbers)


def _to_circle(numbers: list[float]) -> Circle | None:
    if len(numbers) != 3:  # noqa: PLR2004 - ra, dec, radius
        return None
    ra, dec, radius = numbers
    if abs(dec) > 90 or not 0 < radius <= _WIDEST_RADIUS:  # noqa: PLR2004 - degrees
        return None
    return Circle(_wrapped(ra), dec, radius)


def _wrapped(ra: float) -> float:
    # The remainder of a tiny negative angle is rounded up to 360.
    inside = ra % 360
    return inside if inside < 360 else 0.0  # noqa: PLR2004 - degrees


def _to_polygon(numbers: list[float]) -> Polygon | None:
    places = list(zip(numbers[::2], numbers[1::2], strict=False))
    if len(numbers) % 2 or any(abs(dec) > 90 for _, dec in places):  # noqa: PLR2004 - degrees
        return None
    wrapped = [(_wrapped(ra), dec) for ra, dec in places]
    # Drop equal neighbours. The first vertex follows the last, so that this also drops
    # a repeated first vertex.
    following = wrapped[1:] + wrapped[:1]
    corners = [
        here for here, there in zip(wrapped, following, strict=True) if here != there
    ]
    return Polygon(tuple(corners)) if _is_area(corners) else None


def _is_area(corners: list[tuple[float, float]]) -> bool:
    """Whether corners enclose an area that fits into the projection."""
    if len(corners) < 3:  # noqa: PLR2004 - a triangle
        return False
    points = [_to_unit(ra, dec) for ra, dec in corners]
    first = points[0]
    widest = 2 * math.sin(math.radians(_WIDEST_RADIUS) / 2)
    if any(math.dist(first, point) > widest for point in points):
        return False
    # The area is a sum of triangles; it is 0 if all points are on one great circle.
    area = sum(_triple(first, a, b) for a, b in pairwise(points)) / 2
    return abs(area) > _SMALLEST_AREA


_Vector = tuple[float, float, float]


def _triple(a: _Vector, b: _Vector, c: _Vector) -> float:
    """Give the triple product of three vectors."""
    (ax, ay, az), (bx, by, bz), (cx, cy, cz) = a, b, c
    return (
        cx * (ay * bz - az * by) + cy * (az * bx - ax * bz) + cz * (ax * by - ay * bx)
    )


def _to_unit(ra: float, dec: float) -> tuple[float, float, float]:
    a, d = math.radians(ra), math.radians(dec)
    return math.cos(d) * math.cos(a), math.cos(d) * math.sin(a), math.sin(d)


class _Pairs(NamedTuple):
    """Pairs of a target and a shape, as arrays of their indices."""

    target: NDArray[np.intp]
    shape: NDArray[np.intp]


class _Shapes:
    """Shapes of one kind, with their bounding circles."""

    def __init__(
        self,
        region: NDArray[np.intp],
        centre: NDArray[np.float64],
        radius: NDArray[np.float64],
    ) -> None:
        #: Index of the region of each shape.
        self.region = region
        #: Centres of the bounding circles, unit vectors of shape ``(n, 3)``.
        self._centre = centre
        #: Radii of the bounding circles, in radians.
        self._radius = radius
        self._trees = list(self._build_trees())

    def depths(self, points: NDArray[np.float64], pairs: _Pairs) -> NDArray[np.float64]:
        """Give the distance of points to the edge: radians, negative outside."""
        raise NotImplementedError

    def candidates(self, points: NDArray[np.float64]) -> _Pairs:
        """Pair points, ``(n, 3)``, with shapes whose bounding circle contains them."""
        targets = tree_of(points)
        none = np.empty(0, dtype=np.intp)
        found = [_Pairs(none, none)]
        for tree, members, widest in self._trees:
            near = targets.sparse_distance_matrix(tree, widest, output_type="ndarray")
            shape = members[near["j"]]
            within = near["v"] <= _to_chord(self._radius[shape])
            found.append(_Pairs(near["i"][within], shape[within]))
        target, shape = (np.concatenate(each) for each in zip(*found, strict=True))
        return _Pairs(target, shape)

    def _build_trees(self) -> Iterator[tuple[cKDTree, NDArray[np.intp], float]]:
        """Make one tree for each class of radius.

        With a single tree, one large mosaic would enlarge the search radius for all.
        """
        classes = np.ceil(np.log2(self._radius))
        for each in np.unique(classes):
            members = np.flatnonzero(classes == each)
            widest = float(_to_chord(self._radius[members]).max())
            yield tree_of(self._centre[members]), members, widest


class _Circles(_Shapes):
    def __init__(self, shapes: list[tuple[int, Circle]]) -> None:
        circles = [circle for _, circle in shapes]
        super().__init__(
            np.array([region for region, _ in shapes], dtype=np.intp),
            unit_vectors([c.ra for c in circles], [c.dec for c in circles]),
            np.radians([circle.radius for circle in circles]),
        )

    def depths(self, points: NDArray[np.float64], pairs: _Pairs) -> NDArray[np.float64]:
        apart = points[pairs.target] - self._centre[pairs.shape]
        distance = _to_angle(np.linalg.norm(apart, axis=1))
        return self._radius[pairs.shape] - distance


class _Polygons(_Shapes):
    """Polygons, with the vertices of all of them in one array."""

    def __init__(self, shapes: list[tuple[int, Polygon]]) -> None:
        corners = [corner for _, polygon in shapes for corner in polygon.vertices]
        self._corner = unit_vectors(
            [ra for ra, _ in corners], [dec for _, dec in corners]
        )
        self._count = np.array([len(p.vertices) for _, p in shapes], dtype=np.intp)
        self._first = np.cumsum(self._count) - self._count
        region = np.array([region for region, _ in shapes], dtype=np.intp)
        super().__init__(region, *self._bounds())

    def _bounds(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        if not self._count.size:
            return np.empty((0, 3)), np.empty(0)
        centre = np.add.reduceat(self._corner, self._first)
        centre /= np.linalg.norm(centre, axis=1, keepdims=True)
        apart = self._corner - np.repeat(centre, self._count, axis=0)
        chord = np.maximum.reduceat(np.linalg.norm(apart, axis=1), self._first)
        return centre, _to_angle(chord) * (1 + 1e-9)

    def depths(self, points: NDArray[np.float64], pairs: _Pairs) -> NDArray[np.float64]:
        count = self._count[pairs.shape]
        first = np.cumsum(count) - count
        place = np.arange(count.sum())
        corner = place + np.repeat(self._first[pairs.shape] - first, count)
        here = _project(
            self._corner[corner], np.repeat(points[pairs.target], count, axis=0)
        )
        following = place + 1
        following[first + count - 1] = first
        there = (here[0][following], here[1][following])
        turns = np.add.reduceat(_turns(here, there), first)
        nearest = np.minimum.reduceat(_distances(here, there), first)
        depth: NDArray[np.float64] = np.where(turns != 0, nearest, -nearest)
        return depth


_Plane = tuple["NDArray[np.float64]", "NDArray[np.float64]"]


def _project(points: NDArray[np.float64], about: NDArray[np.float64]) -> _Plane:
    """Project each point on the tangent plane at its own centre."""
    x, y, z = about.T
    flat = np.hypot(x, y)
    # The axes point east and north; at a pole any two orthogonal axes will do.
    is_pole = flat == 0
    flat = np.where(is_pole, 1.0, flat)
    cos_ra, sin_ra = np.where(is_pole, 1.0, x / flat), y / flat
    a, b, c = points.T
    depth = a * x + b * y + c * z
    east = b * cos_ra - a * sin_ra
    north = c * np.hypot(x, y) - z * (a * cos_ra + b * sin_ra)
    return east / depth, north / depth


def _turns(here: _Plane, there: _Plane) -> NDArray[np.int64]:
    """Give the winding of each edge about the origin: 1, -1 or 0."""
    (ax, ay), (bx, by) = here, there
    left = ax * by - bx * ay
    up = (ay <= 0) & (by > 0) & (left > 0)
    down = (ay > 0) & (by <= 0) & (left < 0)
    return up.astype(np.int64) - down


def _distances(here: _Plane, there: _Plane) -> NDArray[np.float64]:
    """Give the distance of the origin to each edge, in radians on the sky."""
    (ax, ay), (bx, by) = here, there
    dx, dy = bx - ax, by - ay
    length = np.maximum(dx * dx + dy * dy, np.finfo(float).tiny)
    along = np.clip(-(ax * dx + ay * dy) / length, 0.0, 1.0)
    return np.arctan(np.hypot(ax + along * dx, ay + along * dy))


class FootprintIndex:
    """Finds the footprints that contain targets.

    Parameters
    ----------
    regions
        The ``s_region`` of each product; None if the archive has none.
    """

    def __init__(self, regions: Sequence[str | None]) -> None:
        parsed = [parse_s_region(text) for text in regions]
        #: Indices of the regions without a usable shape: where these are is unknown.
        self.unknown = [number for number, shapes in enumerate(parsed) if not shapes]
        pairs = [
            (number, shape) for number, shapes in enumerate(parsed) for shape in shapes
        ]
        self._kinds: list[_Shapes] = [
            _Polygons([(n, shape) for n, shape in pairs if isinstance(shape, Polygon)]),
            _Circles([(n, shape) for n, shape in pairs if isinstance(shape, Circle)]),
        ]

    def match(
        self,
        ra: NDArray[np.float64],
        dec: NDArray[np.float64],
        margin_arcsec: float,
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
        """Pair targets with the regions that contain them.

        Parameters
        ----------
        ra, dec
            ICRS degrees, shape ``(n,)``; values that are not finite match nothing.
        margin_arcsec
            Distance to the edge at which a whole stamp lies inside.

        Returns
        -------
        tuple
            Index of the target, index of the region, and whether the target is at
            least the margin away from every edge of one of the region's shapes; shape
            ``(m,)`` each, in the order of targets, then regions.
        """
        ra, dec = np.asarray(ra, dtype=float), np.asarray(dec, dtype=float)
        usable = np.flatnonzero(np.isfinite(ra) & np.isfinite(dec))
        points = unit_vectors(ra[usable], dec[usable])
        found = [
            (usable[targets], shapes.region[members], depth)
            for shapes in self._kinds
            for targets, members, depth in _contained(shapes, points)
        ]
        return _join(found, math.radians(margin_arcsec / 3600))


_Found = tuple["NDArray[np.intp]", "NDArray[np.intp]", "NDArray[np.float64]"]


def _contained(shapes: _Shapes, points: NDArray[np.float64]) -> Iterator[_Found]:
    """Give pairs of points and shapes that contain them, with the depth; in batches."""
    for begin in range(0, len(points), _TARGETS):
        pairs = shapes.candidates(points[begin : begin + _TARGETS])
        target = pairs.target + begin
        for start in range(0, len(target), _PAIRS):
            batch = slice(start, start + _PAIRS)
            some = _Pairs(target[batch], pairs.shape[batch])
            depth = shapes.depths(points, some)
            inside = depth >= 0
            yield some.target[inside], some.shape[inside], depth[inside]


def _join(
    found: list[_Found], margin: float
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.bool_]]:
    """Sort the pairs, and merge those with the same target and region."""
    none = np.empty(0, dtype=np.intp)
    found = [(none, none, np.empty(0)), *found]
    target, region, depth = (np.concatenate(part) for part in zip(*found, strict=True))
    order = np.lexsort((region, target))
    target, region, depth = target[order], region[order], depth[order]
    is_new = np.ones(len(order), dtype=bool)
    is_new[1:] = (np.diff(target) != 0) | (np.diff(region) != 0)
    first = np.flatnonzero(is_new)
    deepest = np.maximum.reduceat(depth, first) if first.size else depth
    return target[first], region[first], deepest >= margin


def _to_chord(angle: NDArray[np.float64]) -> NDArray[np.float64]:
    chord: NDArray[np.float64] = 2 * np.sin(angle / 2)
    return chord


def _to_angle(chord: NDArray[np.float64]) -> NDArray[np.float64]:
    angle: NDArray[np.float64] = 2 * np.arcsin(np.minimum(chord / 2, 1.0))
    return angle
