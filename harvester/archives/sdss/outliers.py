"""Identifiers of SDSS that cannot be right, because of where their neighbours are.

A run scans along a great circle at a steady pace: two galaxies of one run and camera
column lie as far apart as their fields are. A galaxy that does not fit to most of its
neighbours has the identifier of another, or the position; to fetch the field that it
names would be in vain.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...sky.sphere import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from .names import Field

__all__ = ["comparable", "strays"]

#: Degrees from a field to the next, 1361 rows of 0.396 arcsec, and across a field.
_STEP, _WIDTH = 0.1498, 0.226

#: By how much it may be otherwise: degrees, and a part of the distance. Fields overlap
#: by 128 rows, and a great circle is not quite what a camera column follows.
_SLACK, _SLACK_PART = 0.05, 0.01

#: Neighbours in the order of the fields that each is compared with, on either side.
_NEIGHBOURS = 3


def strays(
    fields: Sequence[Field] | NDArray[np.int64],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Tell which galaxies do not lie where the fields that they name must be.

    Parameters
    ----------
    fields
        What the identifiers name, ``n`` of them; those of one run and camera column
        are compared with each other. Also as rows ``(n, 4)`` of an array.
    ra, dec
        ICRS, in degrees, shape ``(n,)``.

    Returns
    -------
    ndarray
        Shape ``(n,)``: it contradicts more of its neighbours than it agrees with.
    """
    run, camcol, number, _ = np.array(fields, np.int64).reshape(-1, 4).T
    order = np.lexsort((number, camcol, run))
    scan, number = (run * 8 + camcol)[order], number[order]
    towards = unit_vectors(ra[order], dec[order])
    balance = np.zeros(len(order), np.int64)
    for apart in range(1, _NEIGHBOURS + 1):
        fits = _fit(number[apart:] - number[:-apart], towards[apart:], towards[:-apart])
        votes = np.where(scan[apart:] == scan[:-apart], np.where(fits, 1, -1), 0)
        balance[apart:] += votes
        balance[:-apart] += votes
    found = np.zeros(len(order), np.bool_)
    found[order] = balance < 0
    return found


def comparable(fields: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of the fields, ``(n, 4)``, have others of their run and column."""
    scan = fields[:, 0] * 8 + fields[:, 1]
    _, place, counts = np.unique(scan, return_inverse=True, return_counts=True)
    return np.asarray(counts[place] > 1)


def _fit(
    fields: NDArray[np.int64], one: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which pairs lie as far apart as so many fields allow, ``(n,)``."""
    chord = np.linalg.norm(one - other, axis=1)
    apart = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    slack = _SLACK + _SLACK_PART * _STEP * fields
    # Anywhere in their fields, and so up to one field nearer or farther.
    most = np.hypot((fields + 1) * _STEP, _WIDTH) + slack
    least = (fields - 1) * _STEP - slack
    return np.asarray((least <= apart) & (apart <= most))
