"""Complete stamps over an edge of a frame from the neighbouring frame.

Some archives divide one long image into frames that share rows. The pixels of two such
frames are the same pixels, so rows of one continue the other without interpolation.
This is never assumed: the headers say where the neighbour lies, and the shared rows of
both frames must agree.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .astrometry import Astrometry

__all__ = [
    "CHECKED_ROWS",
    "MOST_SPREAD",
    "TOLERANCE",
    "Offset",
    "agree",
    "likely_offsets",
    "shared_rows",
]

#: Most shared rows that are compared.
CHECKED_ROWS = 128

#: Fewest shared rows on which two frames can be compared.
_FEWEST_ROWS = 16

#: Pixels; how far a whole number may be from the offset that the headers give. Of the
#: 814 pairs of neighbours in one real run, one is 0.73 rows off.
#: One whole pixel is too much: a header that is wrong by that is wrong altogether.
TOLERANCE = 0.9

#: Pixels; the most by which the offset may change along the shared edge. More means
#: that one frame is rotated or stretched against the other. In the same run headers
#: change it by up to 1.22 pixels, by more than 0.5 in 2 % of the pairs in u and g.
MOST_SPREAD = 1.5

#: The shared rows agree if the mean of their difference is at most this fraction of the
#: noise of a pixel, and its standard deviation at most that one. The same pixels differ
#: by rounding and by the model of the sky; other pixels differ by 1.4 times the noise.
_MOST_LEVEL, _MOST_SCATTER = 0.1, 0.3

#: Differences larger than this many times the noise are left out, as in the core of a
#: bright star; at least this part of the pixels must remain.
_CLIP, _LEAST_KEPT = 3.0, 0.9

#: Standard deviation of a normal distribution with a median absolute deviation of 1.
_MAD_TO_SIGMA = 1.4826


class Offset(NamedTuple):
    """Where the first pixel of the neighbour lies in the frame."""

    row: int
    column: int


def likely_offsets(
    sky: Astrometry, other: Astrometry, shape: tuple[int, int], step: int
) -> list[Offset]:
    """Find the offsets of a neighbour that the headers allow, the likeliest first.

    Parameters
    ----------
    sky, other
        The astrometry of the frame and of its neighbour.
    shape
        ``(ny, nx)`` of the frame in pixels.
    step
        1: the neighbour continues the frame behind its last row; -1: before its first.

    Returns
    -------
    list
        Empty if the pixels of the two frames do not lie on one grid.
    """
    rows = np.full(3, shape[0] - 1.0 if step > 0 else 0.0)
    columns = np.linspace(0, shape[1] - 1, 3)
    x, y = other.to_pixels(*sky.to_sky(columns, rows))
    moved = np.stack([rows - y, columns - x])
    if not np.all(np.isfinite(moved)) or np.any(np.ptp(moved, axis=1) > MOST_SPREAD):
        return []
    down, right = moved.mean(axis=1).tolist()
    found = [Offset(a, b) for a in _whole(down) for b in _whole(right)]
    return sorted(found, key=lambda one: math.hypot(one[0] - down, one[1] - right))


def _whole(number: float) -> Iterator[int]:
    """Yield the whole numbers near a number."""
    first = math.ceil(number - TOLERANCE)
    yield from range(first, math.floor(number + TOLERANCE) + 1)


def shared_rows(
    shape: tuple[int, int], other_rows: int, offset: Offset
) -> tuple[slice, slice] | None:
    """Find the rows that both frames have: in the frame, and in its neighbour.

    Returns
    -------
    tuple or None
        At most `CHECKED_ROWS` of them, the first ones. None if there are too few.
    """
    first = max(0, offset.row)
    stop = min(shape[0], other_rows + offset.row, first + CHECKED_ROWS)
    if stop - first < _FEWEST_ROWS:
        return None
    return slice(first, stop), slice(first - offset.row, stop - offset.row)


def agree(
    own: NDArray[np.float32], other: NDArray[np.float32], column: int = 0
) -> bool:
    """Tell whether the rows that two frames share have the same pixels.

    Parameters
    ----------
    own, other
        The shared rows of the frame and of its neighbour, ``(ny, nx)`` in one unit; NaN
        where there is no value.
    column
        Column of the frame at which the first column of its neighbour lies.

    Returns
    -------
    bool
        Whether the mean of the difference is within a tenth of the noise of a pixel,
        and its scatter within three tenths. False if there is no noise to measure.
    """
    width = min(own.shape[1], other.shape[1]) - abs(column)
    if width <= 0:
        return False
    left = max(0, column)
    mine = own[:, left : left + width]
    theirs = other[:, left - column : left - column + width]
    both = np.isfinite(mine) & np.isfinite(theirs)
    if np.count_nonzero(both) < both.size / 2:
        return False
    noise = _scatter(mine[both])
    difference = (mine - theirs)[both].astype(np.float64)
    kept = difference[np.abs(difference - np.median(difference)) <= _CLIP * noise]
    if not noise or len(kept) < _LEAST_KEPT * len(difference):
        return False
    return bool(
        abs(kept.mean()) <= _MOST_LEVEL * noise and kept.std() <= _MOST_SCATTER * noise
    )


def _scatter(values: NDArray[np.float32]) -> float:
    """Return the standard deviation of values, of which a few are of stars."""
    middle = np.median(values)
    return _MAD_TO_SIGMA * float(np.median(np.abs(values - middle)))
