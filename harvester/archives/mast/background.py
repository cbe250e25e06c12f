"""The noise of the background in the pixels of one stamp.

A galaxy often fills its stamp: then no pixel is empty, and the scatter of the pixels is
that of its light. Differences between pixels cancel light that varies slowly. They are
taken over a distance at which pixels of a drizzled image share no noise, and only in
the faint half of the stamp.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Background", "measure_background"]

#: Second difference along an axis. The product of both axes cancels every plane, and
#: every sum of a function of x and one of y (Immerkaer 1996, CVIU 64, 300).
_SECOND = (1.0, -2.0, 1.0)
#: Fewest differences that a noise is measured from.
_FEWEST = 50
#: Limit in standard deviations, repetitions, and the standard deviation of a normal
#: distribution that is clipped there.
_CLIP, _ROUNDS, _CLIPPED = 3.0, 5, 0.98658
#: Ratio of the standard deviation and the median of absolute values.
_NORMAL = 1.4826


class Background(NamedTuple):
    """What `measure_background` found."""

    #: Variance of a pixel times its weight.
    variance: float
    #: Mean of the pixels that it was measured in, in the unit of the image.
    level: float


def measure_background(
    science: NDArray[np.floating], weights: NDArray[np.floating], distance: int
) -> Background | None:
    """Measure the noise in the faint half of a stamp; None if it has too few pixels.

    Parameters
    ----------
    science, weights
        ``(ny, nx)``. The variance of a pixel is taken as proportional to 1 / weight.
        Pixels that are NaN or have no weight are left out.
    distance
        Pixels between those that are compared.
    """
    values = np.asarray(science, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        spread = np.where(weights > 0, 1.0 / weights, np.nan)
        difference = _combined(values, distance, _SECOND)
        size = np.sqrt(_combined(spread, distance, tuple(c * c for c in _SECOND)))
        level = _combined(values, distance, (1 / len(_SECOND),) * len(_SECOND))
        pulls = difference / size
    known = np.isfinite(pulls)
    if np.count_nonzero(known) < _FEWEST:
        return None
    pulls, level = pulls[known], level[known]
    faint = level <= np.median(level)
    return _clipped(pulls[faint], level[faint])


def _combined(
    plane: NDArray[np.float64], distance: int, factors: tuple[float, ...]
) -> NDArray[np.float64]:
    """Sum three times three pixels, ``distance`` apart, with factors of each axis."""
    reach = (len(factors) - 1) * distance
    ny, nx = (max(0, side - reach) for side in plane.shape)
    total = np.zeros((ny, nx))
    for row, by_row in enumerate(factors):
        for column, by_column in enumerate(factors):
            y, x = row * distance, column * distance
            total += by_row * by_column * plane[y : y + ny, x : x + nx]
    return total


def _clipped(
    pulls: NDArray[np.float64], level: NDArray[np.float64]
) -> Background | None:
    size = _NORMAL * float(np.median(np.abs(pulls)))
    kept = np.abs(pulls) <= _CLIP * size
    for _ in range(_ROUNDS):
        size = float(np.sqrt(np.mean(pulls[kept] ** 2))) / _CLIPPED if kept.any() else 0
        kept = np.abs(pulls) <= _CLIP * size
    if not size > 0:
        return None
    # Rounded, so that the last digits of a sum on another machine change no stamp.
    return Background(float(f"{size**2:.5g}"), float(f"{np.mean(level[kept]):.5g}"))
