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
    from collections.abc import Iterator, Sequence

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

#: Pairs that are compared at once.
_PART = 65_536


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
    run, camcol, number, _ = np.asarray(fields, np.int64).reshape(-1, 4).T
    order = np.lexsort((number, camcol, run))
    scan, number = (run * 8 + camcol)[order], number[order]
    towards = np.empty((len(order), 3))
    for part in _parts(len(order)):
        towards[part] = unit_vectors(ra[order[part]], dec[order[part]])
    balance = np.zeros(len(order), np.int8)
    for one, other in _pairs(len(order)):
        fits = _fit(number[other] - number[one], towards[other], towards[one])
        votes = np.where(scan[other] == scan[one], np.where(fits, 1, -1), 0)
        votes = votes.astype(np.int8)
        balance[other] += votes
        balance[one] += votes
    found = np.zeros(len(order), np.bool_)
    found[order] = balance < 0
    return found


def _parts(count: int) -> Iterator[slice]:
    """Give some rows after the others: a million at once would take much memory."""
    for start in range(0, count, _PART):
        yield slice(start, min(start + _PART, count))


def _pairs(count: int) -> Iterator[tuple[slice, slice]]:
    """Give rows, and those that follow them in the order, some at a time."""
    for apart in range(1, _NEIGHBOURS + 1):
        for part in _parts(count - apart):
            yield part, slice(part.start + apart, part.stop + apart)


def comparable(fields: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which of the fields, ``(n, 4)``, have others of their run and column."""
    scan = fields[:, 0] * 8 + fields[:, 1]
    return np.asarray(np.bincount(scan)[scan] > 1)


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
