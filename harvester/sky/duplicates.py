"""Positions of a catalogue that may be the same galaxy twice."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import numpy as np

from .sphere import unit_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["SAME_ARCSEC", "have_twins"]

#: Arcsec; positions that are nearer to each other are taken for the same galaxy.
SAME_ARCSEC = 1.0


def have_twins(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Tell which positions have another one nearer than `SAME_ARCSEC`.

    Parameters
    ----------
    ra, dec
        ICRS degrees, shape ``(n,)``.
    """
    order = np.argsort(dec, kind="stable")
    height = dec[order]
    places = unit_vectors(ra, dec)[order].T.copy()
    nearest = SAME_ARCSEC / 3600
    chord = 2 * np.sin(np.radians(nearest) / 2)
    twins = np.zeros(len(order), np.bool_)
    # Compare each with the next ones in declination, until all of these are too far.
    first = np.arange(len(order))
    for step in count(1):
        first = first[first < len(order) - step]
        first = first[height[first + step] - height[first] < nearest]
        if not len(first):
            break
        near = first
        for along in places:  # one after the other, because few pairs pass the first
            near = near[np.abs(along[near] - along[near + step]) < chord]
        apart = np.linalg.norm(places[:, near] - places[:, near + step], axis=0)
        near = near[apart < chord]
        twins[near] = twins[near + step] = True
    found = np.empty_like(twins)
    found[order] = twins
    return found
