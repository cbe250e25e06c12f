"""How MAST picks observations: filters on columns, and footprints near a position."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from .mast_columns import OBSERVATIONS
from .mast_rows import observation_row
from .tangent import sky_to_plane, unit_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .pointings import Observation
    from .regions import Polygon

    Row = Mapping[str, Any]
    Test = Callable[[Row], bool]

__all__ = ["Listing", "ObservationTable", "QueryError"]

_NAMES = tuple(column.name for column in OBSERVATIONS)
#: Degrees from the middle of an image to the farthest point of its footprint.
_REACH = 0.06
#: Beyond this separation (degrees) the tangent plane is too inaccurate.
_FLAT = 1.0


class QueryError(Exception):
    """The query is invalid; the client gets the message."""


class Listing(NamedTuple):
    """A row with its footprint, for positional queries."""

    row: dict[str, Any]
    #: Polygons in ICRS degrees.
    footprint: tuple[Polygon, ...]
    #: ICRS degrees, and how far from there the footprint reaches.
    ra: float
    dec: float
    reach_deg: float


class ObservationTable:
    """All observations, as rows: those of HST, and ``others`` after them."""

    def __init__(
        self, observations: Sequence[Observation], others: Sequence[Listing] = ()
    ) -> None:
        self._listings = [*map(_listing, observations), *others]
        self._rows = [listing.row for listing in self._listings]
        self._reach = np.array([listing.reach_deg for listing in self._listings])
        centres = [(listing.ra, listing.dec) for listing in self._listings]
        self._centres = unit_vectors(*zip(*centres, strict=True)) if centres else None

    def filtered(self, filters: object) -> list[Row]:
        """Give the rows that pass all filters, in the order of the archive."""
        passes = _tests(filters)
        return [row for row in self._rows if all(test(row) for test in passes)]

    def around(
        self, ra: float, dec: float, radius_deg: float, filters: object
    ) -> list[Row]:
        """Give rows whose footprint touches a circle, each with its ``distance``."""
        passes = _tests(filters)
        found: list[Row] = []
        for number, separation in self._nearby(ra, dec, radius_deg):
            row, footprint, *_ = self._listings[number]
            distance = _distance_deg(ra, dec, footprint, separation)
            if distance <= radius_deg and all(test(row) for test in passes):
                more = {"objID1": row["objID"], "distance": distance * 3600.0}
                found.append({**row, **more})
        return found

    def _nearby(
        self, ra: float, dec: float, radius_deg: float
    ) -> list[tuple[int, float]]:
        """Give index and separation of the observations that may touch a circle."""
        if self._centres is None:
            return []
        chords = np.linalg.norm(self._centres - unit_vectors(ra, dec), axis=1)
        apart = np.degrees(2.0 * np.arcsin(np.clip(chords / 2.0, 0.0, 1.0)))
        near = np.flatnonzero(apart <= radius_deg + self._reach)
        return [(int(n), float(apart[n])) for n in near]


def _listing(obs: Observation) -> Listing:
    at = obs.tangent
    return Listing(observation_row(obs), obs.footprint, at.ra, at.dec, _REACH)


def _distance_deg(
    ra: float, dec: float, footprint: tuple[Polygon, ...], separation: float
) -> float:
    """Give the distance of a position to a footprint, in degrees; 0 inside it."""
    if separation > _FLAT:
        return separation if footprint else math.inf
    distances = [_to_polygon(ra, dec, polygon) for polygon in footprint]
    return min(distances, default=math.inf)


def _to_polygon(ra: float, dec: float, polygon: Polygon) -> float:
    corners = np.transpose(sky_to_plane(ra, dec, *zip(*polygon, strict=True)))
    inside = False
    nearest = math.inf
    for (x0, y0), (x1, y1) in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        if (y0 > 0) != (y1 > 0) and x0 - y0 * (x1 - x0) / (y1 - y0) > 0:
            inside = not inside
        nearest = min(nearest, _to_edge(x0, y0, x1, y1))
    return 0.0 if inside else nearest


def _to_edge(x0: float, y0: float, x1: float, y1: float) -> float:
    """Distance of the origin from a segment."""
    dx, dy = x1 - x0, y1 - y0
    along = -(x0 * dx + y0 * dy) / (dx * dx + dy * dy)
    along = min(1.0, max(0.0, along))
    return math.hypot(x0 + along * dx, y0 + along * dy)


def _tests(filters: object) -> list[Test]:
    if not isinstance(filters, list):
        msg = "params.filters must be a list"
        raise QueryError(msg)
    return [_test(entry) for entry in filters]


def _test(entry: object) -> Test:
    """Parse one filter. A row passes if any of the values or the free text matches."""
    if not isinstance(entry, dict) or "paramName" not in entry:
        msg = "a filter must be an object with a paramName"
        raise QueryError(msg)
    name = _column(str(entry["paramName"]))
    separator = str(entry.get("separator") or "")
    matches = [_match(value) for value in entry.get("values") or []]
    if text := entry.get("freeText"):
        matches.append(_like(str(text)))
    return lambda row: any(
        match(cell) for cell in _cells(row[name], separator) for match in matches
    )


def _column(name: str) -> str:
    for known in _NAMES:
        if known.lower() == name.lower():
            return known
    msg = f"Invalid column name '{name}'."
    raise QueryError(msg)


def _cells(value: object, separator: str) -> list[object]:
    if separator and isinstance(value, str):
        return [value, *value.split(separator)]
    return [value]


def _match(wanted: object) -> Callable[[object], bool]:
    if isinstance(wanted, dict):
        low, high = (_bound(wanted, end) for end in ("min", "max"))
        return lambda cell: isinstance(cell, int | float) and low <= cell <= high
    text = str(wanted)
    return lambda cell: cell is not None and _spelled(cell) == text


def _bound(wanted: Mapping[str, Any], end: str) -> float:
    try:
        return float(wanted[end])
    except (KeyError, TypeError, ValueError):
        msg = f"a range needs numbers as min and max, not {wanted!r}"
        raise QueryError(msg) from None


def _spelled(cell: object) -> str:
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


def _like(text: str) -> Callable[[object], bool]:
    pattern = re.compile(".*".join(map(re.escape, text.split("%"))))
    return lambda cell: cell is not None and bool(pattern.fullmatch(_spelled(cell)))
