"""Measure where the centre of a galaxy is in an image, and how well that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["centre_error", "find_centre", "pixel_noise"]

#: The centre must be this near the expected position, in widths of the Gaussian.
_FARTHEST = 2.0

#: The smoothed image must exceed its own scatter by this factor.
_LEAST_SIGNAL = 10.0

#: Rounds of the iteration at most; it ends when a step is smaller, in pixels.
_ROUNDS, _SMALL_STEP = 60, 1e-4


def find_centre(
    flux: NDArray[np.float32], x: float, y: float, sigma: float = 1.5
) -> tuple[float, float] | None:
    """Find the centre of a galaxy by a weighted mean in a Gaussian that moves with it.

    Parameters
    ----------
    flux
        ``(ny, nx)``; NaN where there is no value.
    x, y
        Where it is expected, in pixels along columns and rows, from 0.
    sigma
        Width of the Gaussian, in pixels.

    Returns
    -------
    tuple
        Column and row; None if the galaxy is too faint, has pixels without a value in
        its middle, or is far from where it is expected.
    """
    pixels = np.indices(flux.shape)
    above = np.nan_to_num(flux - np.nanmedian(flux))
    near = np.hypot(pixels[1] - x, pixels[0] - y) <= (_FARTHEST + 2) * sigma
    if not near.any() or not np.isfinite(flux[near]).all():
        return None
    smooth = gaussian_filter(above, sigma)
    if float(smooth[near].max()) < _LEAST_SIGNAL * pixel_noise(smooth):
        return None
    found = (x, y)
    for _ in range(_ROUNDS):
        earlier, found = found, _improved(above, pixels, found, sigma)
        if not np.hypot(found[0] - x, found[1] - y) <= _FARTHEST * sigma:
            return None
        if np.hypot(found[0] - earlier[0], found[1] - earlier[1]) < _SMALL_STEP:
            break
    return found


def pixel_noise(flux: NDArray[Any]) -> float:
    """Estimate the noise of a pixel, from the median of the absolute deviations.

    A galaxy that fills the stamp makes it too large, never too small.
    """
    known = flux[np.isfinite(flux)]
    return 1.4826 * float(np.median(np.abs(known - np.median(known))))


def centre_error(
    flux: NDArray[np.float32], x: float, y: float, sigma: float, noise: float
) -> float:
    """Give the standard error of a centre that `find_centre` has found, in pixels.

    Parameters
    ----------
    noise
        Of a pixel, such that sums over many pixels have the right one: neighbouring
        pixels of a resampled image share noise, and scatter less.

    Returns
    -------
    float
        Along columns or rows; the larger of both.
    """
    above = np.nan_to_num(flux - np.nanmedian(flux))
    rows, columns = np.indices(flux.shape)
    weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * sigma**2))
    errors = []
    for step in (columns - x, rows - y):
        # The centre is where the sum of weight, step and flux is 0: its error is that
        # of the sum, divided by how steeply the sum falls there.
        slope = float((weight * above * (1 - (step / sigma) ** 2)).sum())
        scatter = noise * float(((weight * step) ** 2).sum()) ** 0.5
        errors.append(scatter / slope if slope > 0 else np.inf)
    return max(errors)


def _improved(
    above: NDArray[np.float64],
    pixels: NDArray[np.int_],
    centre: tuple[float, float],
    sigma: float,
) -> tuple[float, float]:
    (x, y), (rows, columns) = centre, pixels
    square = (columns - x) ** 2 + (rows - y) ** 2
    weight = above * np.exp(-square / (2 * sigma**2))
    total = float(weight.sum())
    if total <= 0:
        return (np.nan, np.nan)
    # The weight draws the mean to the old centre: twice the step compensates that.
    return (
        x + 2 * (float((weight * columns).sum()) / total - x),
        y + 2 * (float((weight * rows).sum()) / total - y),
    )
