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


class SkyGroups(NamedTuple):
    """Cells in the order in which they are dealt, numbered from 0."""

    #: The cell of each galaxy.
    group: NDArray[np.int64]
    #: Galaxies of each.
    work: NDArray[np.float64]
    #: How fit the place before each is for a cut: at 0 there is a gap.
    fitness: NDArray[np.int64]


def largest_diagonal_deg(surveys: Iterable[Survey]) -> float:
    """Give the diagonal of the largest pointing of some surveys, degrees."""
    sides = (kind_of(s.archive).costs.field_arcsec(s.instrument) for s in surveys)
    return max(hypot(*one) for one in sides) / 3600


def group_by_sky(
    ra: NDArray[np.float64], dec: NDArray[np.float64], apart_deg: float
) -> SkyGroups:
    """Put galaxies into cells, and these in order.

    Cells that are connected by steps shorter than ``apart_deg`` follow each other, in
    the order of HEALPix.

    Parameters
    ----------
    ra, dec
        ICRS degrees.
    """
    order = min(ORDER, max(0, ceil(log2(_WIDEST_DEG / (apart_deg / 2)))))
    cell = parent_cell(healpix_29(ra, dec), order)
    index, group = np.unique(cell, return_inverse=True)
    near = _near_cells(unit_vectors(ra, dec), group, apart_deg)
    rank = _ranks(index, near)
    return SkyGroups(
        rank[group],
        np.bincount(rank[group], minlength=len(index)).astype(np.float64),
        -_crossed(np.sort(rank[near], axis=0), len(index)),
    )


def _near_cells(
    xyz: NDArray[np.float64], group: NDArray[np.int64], apart_deg: float
) -> NDArray[np.int64]:
    """Give pairs of cells whose galaxies may be near each other, shape (2, pair).

    Cells are compared by the middles and radii of their galaxies. So a few pairs are a
    little further apart than asked.
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
    is_near = distance <= apart + radius[one] + radius[other]
    pairs: NDArray[np.int64] = np.stack([one[is_near], other[is_near]]).astype(np.int64)
    return pairs


def _ranks(index: NDArray[np.int64], near: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give the place of each cell in the order of dealing.

    Cells that are connected by near ones are an island, which stands where its first
    cell is.
    """
    count = len(index)
    links = coo_array((np.ones(near.shape[1], np.bool_), near), shape=(count, count))
    islands, island = connected_components(links.tocsr(), directed=False)
    first = np.full(islands, np.iinfo(np.int64).max)
    np.minimum.at(first, island, index)
    rank = np.empty(count, np.int64)
    rank[np.lexsort([index, first[island]])] = np.arange(count)
    return rank


def _crossed(near: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Count the pairs of near cells that a cut before each cell would part.

    ``near`` has the places of both, the first one in the order of dealing first.
    """
    steps = np.zeros(count + 1, np.int64)
    np.add.at(steps, near[0] + 1, 1)
    np.add.at(steps, near[1] + 1, -1)
    crossed: NDArray[np.int64] = np.cumsum(steps)[:count]
    return crossed


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
