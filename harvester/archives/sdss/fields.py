"""The geometry of all SDSS fields, and which of them contain a position.

Each run scans along a great circle (``node``, ``incl``). The longitude mu grows along
the scan and the latitude nu across it. Both are linear in the pixels of a field:
``mu = a + b row + c col``, ``nu = d + e row + f col``, with the centre of the first
pixel at 0.5. So no request is needed to compute whether a field contains a galaxy, and
how far it is from the edges.
"""

from __future__ import annotations

from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from ...importing import IMPORTING
from ...sky.sphere import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

__all__ = ["COLUMNS", "FIELD", "ROWS", "SPOT", "FieldTable", "sound"]

#: Pixels of a field: rows along the scan (y of the frame), columns across it (x).
ROWS, COLUMNS = 1489, 2048

#: A row of the table. Angles are in degrees; ``b, c, e, f`` in degrees a pixel.
FIELD = np.dtype(
    [
        ("run", "<i4"),
        ("camcol", "i1"),
        ("field", "<i2"),
        *((name, "<f8") for name in ("a", "b", "c", "d", "e", "f", "node", "incl")),
    ]
)

#: Centres of four fields, by the WCS of their r frames: run, camcol, field, RA, Dec
#: in degrees.
_LANDMARKS = (
    (1035, 6, 17, 8.02684, 15.92977),
    (1043, 5, 25, 3.64754, 15.73315),
    (2583, 2, 136, 323.34279, -0.73403),
    (8162, 6, 80, 331.70943, 26.96260),
)

#: Pixels by which a landmark may differ; another convention of the table's columns
#: would differ by thousands.
_TOLERANCE = 20.0

#: Degrees a pixel, and the relative tolerance of it.
_PIXEL_DEG, _SPREAD = 0.00011, 0.05

#: Radius in degrees of a circle around a field; half its diagonal is 0.1393.
_REACH_DEG = 0.145

#: Targets computed at a time: takes less than 100 MB where a hundred scans overlap.
_TARGETS = 4096

#: Fields whose centres are computed at a time, to limit the memory too.
_FIELDS = 65_536


#: Where a target lies in a field: index of the target and of the field; its pixel in
#: the r band (the centre of the first pixel is 0.5); pixels to the nearest edge.
SPOT = np.dtype(
    [
        *((name, "<i8") for name in ("target", "field")),
        *((name, "<f8") for name in ("row", "col", "margin")),
    ]
)


class FieldTable:
    """Fields with their geometry; ``rows`` is an array of the dtype `FIELD`."""

    def __init__(self, rows: NDArray[np.void]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    @cached_property
    def _tree(self) -> cKDTree:
        parts = [
            _centres(self.rows[start : start + _FIELDS])
            for start in range(0, len(self), _FIELDS)
        ]
        # An unbalanced tree is built in half the time, and is as fast to search.
        with IMPORTING:
            from scipy.spatial import cKDTree
        return cKDTree(
            np.concatenate(parts),
            balanced_tree=False,
            compact_nodes=False,
            leafsize=32,
        )

    def matches_landmarks(self) -> bool:
        """Whether the known fields in the table lie where their frames are.

        If the columns had another meaning than assumed here, every galaxy would get a
        wrong frame, or none.
        """
        return all(self._is_in_place(*landmark) for landmark in _LANDMARKS)

    def _is_in_place(
        self, run: int, camcol: int, field: int, ra: float, dec: float
    ) -> bool:
        rows = self.rows
        found = rows[
            (rows["run"] == run) & (rows["camcol"] == camcol) & (rows["field"] == field)
        ]
        directions = unit_vectors(np.full(len(found), ra), np.full(len(found), dec))
        row, col = _pixels(found, directions)
        off = np.hypot(row - ROWS / 2, col - COLUMNS / 2)
        return bool((off < _TOLERANCE).all())

    def holding(
        self, ra: NDArray[np.float64], dec: NDArray[np.float64], *, most: int = 1
    ) -> NDArray[np.void]:
        """Find the fields in which targets lie farthest from an edge.

        Parameters
        ----------
        ra, dec
            Positions, ICRS degrees, shape ``(n,)``.
        most
            Largest number of fields for one target.

        Returns
        -------
        NDArray
            Of the dtype `SPOT`, ordered by target, then best field first. Targets
            that no field contains are left out.
        """
        found = [np.empty(0, SPOT)]
        for start in range(0, len(ra), _TARGETS):
            chunk = slice(start, start + _TARGETS)
            spots = _best(self._spots(unit_vectors(ra[chunk], dec[chunk])), most)
            spots["target"] += start
            found.append(spots)
        return np.concatenate(found)

    def _spots(self, directions: NDArray[np.float64]) -> NDArray[np.void]:
        near = self._tree.query_ball_point(directions, _chord(_REACH_DEG))
        counts = np.fromiter(map(len, near), np.int64, len(near))
        spots = np.empty(int(counts.sum()), SPOT)
        spots["field"] = np.fromiter(chain.from_iterable(near), np.int64, len(spots))
        spots["target"] = np.repeat(np.arange(len(near)), counts)
        row, col = _pixels(self.rows[spots["field"]], directions[spots["target"]])
        spots["row"], spots["col"] = row, col
        spots["margin"] = np.minimum(
            np.minimum(row, ROWS - row), np.minimum(col, COLUMNS - col)
        )
        return spots[spots["margin"] >= 0]


def sound(rows: NDArray[np.void]) -> NDArray[np.bool_]:
    """Tell which rows, ``(n,)``, have a plausible field geometry.

    A single NaN or a wild value would break the search tree for all fields.
    """
    finite = [np.isfinite(rows[name]) for name in FIELD.names or ()]
    scales = [np.abs(rows[name] / _PIXEL_DEG - 1) < _SPREAD for name in "bf"]
    shears = [np.abs(rows[name] / _PIXEL_DEG) < _SPREAD for name in "ce"]
    good: NDArray[np.bool_] = np.logical_and.reduce([*finite, *scales, *shears])
    return good


def _best(spots: NDArray[np.void], most: int) -> NDArray[np.void]:
    # If two fields are equally good, the first in the table is taken, so that a galaxy
    # always comes from the same frame.
    order = np.lexsort((spots["field"], -spots["margin"], spots["target"]))
    spots = spots[order]
    rank = np.arange(len(spots)) - np.searchsorted(spots["target"], spots["target"])
    return spots[rank < most]


def _pixels(
    fields: NDArray[np.void], directions: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Give row and column of directions, ``(n, 3)``, each in its field, ``(n,)``."""
    x, y, z = directions.T
    node, incl = np.radians(fields["node"]), np.radians(fields["incl"])
    # Turn to the ascending node of the scan, then about it by the inclination.
    ahead = x * np.cos(node) + y * np.sin(node)
    side = y * np.cos(node) - x * np.sin(node)
    along = side * np.cos(incl) + z * np.sin(incl)
    above = z * np.cos(incl) - side * np.sin(incl)
    mu = np.degrees(np.arctan2(along, ahead)) + fields["node"]
    nu = np.degrees(np.arctan2(above, np.hypot(ahead, along)))
    # mu is an angle: 359.9 and -0.1 are the same.
    mu = (mu - fields["a"] + 180.0) % 360.0 - 180.0
    nu = nu - fields["d"]
    b, c, e, f = (fields[name] for name in "bcef")
    area = b * f - c * e
    return (f * mu - c * nu) / area, (b * nu - e * mu) / area


def _centres(fields: NDArray[np.void]) -> NDArray[np.float64]:
    """Give the directions of the centres of fields, shape ``(n, 3)``."""
    row, col = ROWS / 2, COLUMNS / 2
    a, b, c, d, e, f = (fields[name] for name in "abcdef")
    mu = a + b * row + c * col - fields["node"]
    nu = d + e * row + f * col
    ahead, along, above = unit_vectors(mu, nu).T
    node, incl = np.radians(fields["node"]), np.radians(fields["incl"])
    side = along * np.cos(incl) - above * np.sin(incl)
    z = along * np.sin(incl) + above * np.cos(incl)
    x = ahead * np.cos(node) - side * np.sin(node)
    y = ahead * np.sin(node) + side * np.cos(node)
    return np.stack([x, y, z], axis=-1)


def _chord(degrees: float) -> float:
    return float(2 * np.sin(np.radians(degrees) / 2))
