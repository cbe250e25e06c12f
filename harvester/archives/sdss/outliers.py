"""Finds wrong SDSS identifiers by comparing the positions of galaxies in one run.

A run scans along a great circle at constant speed, so two galaxies of one run and
camera column lie as far apart as their fields. A galaxy that contradicts most of its
neighbours has a wrong identifier or a wrong position. The field that its identifier
names would not show it, so it is not fetched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...sky.sphere import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from .names import Field

__all__ = ["find_outliers", "have_neighbours"]

#: Degrees from one field to the next (1361 rows of 0.396 arcsec), and width of a field.
_STEP, _WIDTH = 0.1498, 0.226

#: Tolerance: degrees, and a fraction of the distance. Fields overlap by 128 rows, and a
#: camera column does not follow a great circle exactly.
_SLACK, _SLACK_PART = 0.05, 0.01

#: Each galaxy is compared with this many before and after it, in the order of fields.
_NEIGHBOURS = 3

#: Pairs that are compared at a time, to limit the memory.
_PART = 65_536


def find_outliers(
    fields: Sequence[Field] | NDArray[np.int64],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Tell which galaxies contradict more of their neighbours than they agree with.

    Parameters
    ----------
    fields
        The ``n`` fields that the identifiers name, also as an array of rows ``(n, 4)``.
        Those of one run and camera column are compared with each other.
    ra, dec
        ICRS, in degrees, shape ``(n,)``.

    Returns
    -------
    ndarray
        Booleans, shape ``(n,)``.
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
    """Split rows into slices, because a million at once would take much memory."""
    for start in range(0, count, _PART):
        yield slice(start, min(start + _PART, count))


def _pairs(count: int) -> Iterator[tuple[slice, slice]]:
    """Give slices of rows, and of the neighbours that each row is compared with."""
    for apart in range(1, _NEIGHBOURS + 1):
        for part in _parts(count - apart):
            yield part, slice(part.start + apart, part.stop + apart)


def have_neighbours(fields: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which fields, ``(n, 4)``, share run and camera column with another."""
    scan = fields[:, 0] * 8 + fields[:, 1]
    return np.asarray(np.bincount(scan)[scan] > 1)


def _fit(
    fields: NDArray[np.int64], one: NDArray[np.float64], other: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which pairs of directions are as far apart as their fields, ``(n,)``."""
    chord = np.linalg.norm(one - other, axis=1)
    apart = np.degrees(2 * np.arcsin(np.clip(chord / 2, 0, 1)))
    slack = _SLACK + _SLACK_PART * _STEP * fields
    # Galaxies may lie anywhere in their fields: up to one field nearer or farther.
    most = np.hypot((fields + 1) * _STEP, _WIDTH) + slack
    least = (fields - 1) * _STEP - slack
    return np.asarray((least <= apart) & (apart <= most))
