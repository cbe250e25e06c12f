"""The margin of a catalogue: rows near a partition, but outside of it.

With them a cross-match looks at one partition at a time and still finds neighbours on
the other side of its edge.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from ...selection.healpix import healpix_29, parent_cell
from .partitions import DEEPEST, empty_cell, own_cells

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .partitions import Cell, Partition

__all__ = ["THRESHOLD", "margin_rows"]

#: Rows within so many arcseconds of a partition are in its margin.
THRESHOLD = 10.0

#: A corner of a cell that reaches into the circle of `THRESHOLD` about a row crosses a
#: circle of this radius (arcsec) over more than the distance of two points on it.
_RADIUS, _POINTS = 12.0, 48

#: Rows whose circles are computed at a time: 100 MB.
_ROWS = 20_000


def margin_rows(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    partitions: Sequence[Partition],
) -> dict[Cell, NDArray[np.int64]]:
    """Give the rows in the margin of each cell, ascending.

    All rows within `THRESHOLD` of a cell are in its margin, and none that is farther
    away than 12 arcsec. Cells without rows of their own, which belong to no partition,
    have a margin as well: another catalogue may have rows there.

    Parameters
    ----------
    ra, dec
        ICRS degrees of all rows, which are divided among ``partitions``.
    """
    found = defaultdict(list)
    for start in range(0, len(ra), _ROWS):
        part = slice(start, start + _ROWS)
        for row, cell in _pairs(ra[part], dec[part], partitions):
            found[cell].append(start + row)
    return {cell: np.array(rows) for cell, rows in sorted(found.items())}


def _pairs(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    partitions: Sequence[Partition],
) -> list[tuple[int, Cell]]:
    """Give each row and each other cell that its circle reaches into, once."""
    own = own_cells(healpix_29(ra, dec), partitions)
    # The square about the circle is nearly always in one partition.
    square = _around(ra, dec, _RADIUS * np.sqrt(2), 4)
    near = np.flatnonzero((own_cells(square, partitions) != own[:, None]).any(axis=1))
    circle = _around(ra[near], dec[near], _RADIUS, _POINTS)
    reached = own_cells(circle, partitions)
    place, point = np.nonzero(reached != own[near][:, None])
    cells = _cells(circle[place, point], reached[place, point], partitions)
    return sorted(set(zip(near[place].tolist(), cells, strict=True)))


def _cells(
    finest: NDArray[np.int64],
    number: NDArray[np.int64],
    partitions: Sequence[Partition],
) -> list[Cell]:
    """Give the cell of each partition, or the empty one around a point in none."""
    parents = parent_cell(finest, DEEPEST)
    empty = {
        parent: empty_cell(parent, partitions)
        for parent in set(parents[number < 0].tolist())
    }
    pairs = zip(number.tolist(), parents.tolist(), strict=True)
    return [partitions[n].cell if n >= 0 else empty[parent] for n, parent in pairs]


def _around(
    ra: NDArray[np.float64], dec: NDArray[np.float64], radius: float, points: int
) -> NDArray[np.int64]:
    """Give the cells of points on a circle about each position; ``(n, points)``."""
    along, above = np.radians(ra)[:, None], np.radians(dec)[:, None]
    angle = 2 * np.pi * np.arange(points) / points
    # Offsets in the tangential plane; also right at a pole.
    north, east = np.tan(np.radians(radius / 3600)) * np.array(
        [np.cos(angle), np.sin(angle)]
    )
    x = np.cos(above) - north * np.sin(above)
    z = np.sin(above) + north * np.cos(above)
    there = along + np.arctan2(east, x)
    return healpix_29(np.degrees(there), np.degrees(np.arctan2(z, np.hypot(x, east))))
