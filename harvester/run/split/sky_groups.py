"""Cells of the sky with galaxies, in an order in which they can be cut into parts.

Where no two galaxies of different parts are nearer than the diagonal of a frame, no
frame is needed by two parts. Not every sky has such gaps, so a cell is at most about
half a diagonal wide, and is never cut.
"""

from __future__ import annotations

from math import ceil, hypot, log2
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...archives.registry import kind_of
from ...dataset.export.selection.healpix import ORDER, healpix_29, parent_cell
from ...sky.sphere import unit_vectors
from ...sky.trees import tree_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from ...models import Survey

__all__ = ["SkyGroups", "count_near", "group_by_sky", "largest_diagonal_deg"]

#: Width of the twelve cells of order 0, degrees; those of the next are half as wide.
_WIDEST_DEG = 58.6

#: The cut between two cells that are further apart than the diagonal of a frame. Other
#: cuts are the fitter, the coarser the cells are that end there; these have 64 bits.
_GAP = 100


class SkyGroups(NamedTuple):
    """Cells in the order in which they are dealt, numbered from 0."""

    #: The cell of each galaxy.
    group: NDArray[np.int64]
    #: Galaxies of each.
    work: NDArray[np.float64]
    #: How fit the place before each is for a cut.
    fitness: NDArray[np.int64]


def largest_diagonal_deg(surveys: Iterable[Survey]) -> float:
    """Give the diagonal of the largest pointing of some surveys, degrees."""
    sides = (kind_of(s.archive).costs.field_arcsec(s.instrument) for s in surveys)
    return max(hypot(*one) for one in sides) / 3600


def group_by_sky(
    ra: NDArray[np.float64], dec: NDArray[np.float64], apart_deg: float
) -> SkyGroups:
    """Put galaxies into cells, and these in order.

    Cells that are connected by steps shorter than ``apart_deg`` follow each other, and
    so do cells of one coarser cell.

    Parameters
    ----------
    ra, dec
        ICRS degrees.
    """
    order = min(ORDER, max(0, ceil(log2(_WIDEST_DEG / (apart_deg / 2)))))
    cell = parent_cell(healpix_29(ra, dec), order)
    index, group = np.unique(cell, return_inverse=True)
    island = _islands(unit_vectors(ra, dec), group, apart_deg)
    # An island stands where its first cell is.
    first = np.full(int(island.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, island, index)
    order_of = np.lexsort([index, first[island]])
    rank = np.empty_like(order_of)
    rank[order_of] = np.arange(len(rank))
    index, island = index[order_of], island[order_of]
    return SkyGroups(
        rank[group],
        np.bincount(rank[group], minlength=len(index)).astype(np.float64),
        _fitness(index, island),
    )


def _fitness(index: NDArray[np.int64], island: NDArray[np.int64]) -> NDArray[np.int64]:
    # The highest bit in which two indices differ tells the coarsest cell that ends.
    differs = np.frexp((index[1:] ^ index[:-1]).astype(np.float64))[1]
    fitness = np.where(island[1:] != island[:-1], _GAP, differs)
    return np.concatenate([[0], fitness]).astype(np.int64)


def _islands(
    xyz: NDArray[np.float64], group: NDArray[np.int64], apart_deg: float
) -> NDArray[np.int64]:
    """Give the island of each cell: no galaxies of two islands are near each other.

    Cells are compared by the middles and radii of their galaxies. So a few islands that
    are a little further apart than asked may be one.
    """
    count = int(group.max(initial=-1)) + 1
    galaxies = np.bincount(group, minlength=count)
    middle = np.stack(
        [np.bincount(group, axis, count) / galaxies for axis in xyz.T], axis=1
    )
    radius = np.zeros(count)
    np.maximum.at(radius, group, np.linalg.norm(xyz - middle[group], axis=1))
    apart = _chord(apart_deg)
    reach = apart + 2 * float(radius.max(initial=0))
    one, other = tree_of(middle).query_pairs(reach, output_type="ndarray").T
    distance = np.linalg.norm(middle[one] - middle[other], axis=1)
    near = distance <= apart + radius[one] + radius[other]
    ends = one[near], other[near]
    graph = coo_array((np.ones(len(ends[0]), np.bool_), ends), shape=(count, count))
    _, island = connected_components(graph.tocsr(), directed=False)
    found: NDArray[np.int64] = island.astype(np.int64)
    return found


def count_near(
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    part: NDArray[np.int64],
    apart_deg: float,
) -> int:
    """Count the galaxies that are nearer than ``apart_deg`` to one of another part."""
    xyz, chord = unit_vectors(ra, dec), _chord(apart_deg)
    return sum(_near_others(xyz, part == one, chord) for one in np.unique(part))


def _near_others(
    xyz: NDArray[np.float64], is_own: NDArray[np.bool_], chord: float
) -> int:
    own = xyz[is_own]
    # Only what lies in a box around the part can be near it.
    low, high = own.min(axis=0) - chord, own.max(axis=0) + chord
    others = xyz[~is_own & ((xyz >= low) & (xyz <= high)).all(axis=1)]
    if not len(others):
        return 0
    distance, _ = tree_of(others).query(own, distance_upper_bound=chord)
    return int(np.isfinite(distance).sum())


def _chord(angle_deg: float) -> float:
    return float(2 * np.sin(np.radians(angle_deg) / 2))
