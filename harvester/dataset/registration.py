"""Measure how far a galaxy lies apart in two images of the same pixels.

The astrometry of a frame is good to a fraction of a pixel only: in one field of SDSS
stars lie 0.2 pixels apart in two bands, which its own error estimates allow.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["find_centre"]

#: The centre must be this near the expected position, in widths of the Gaussian.
_FARTHEST = 2.0

#: The smoothed image must exceed its own scatter by this factor.
_LEAST_SIGNAL = 10.0

#: Rounds of the iteration; each halves the error at least.
_ROUNDS = 60


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
    scatter = 1.4826 * float(np.median(np.abs(smooth - np.median(smooth))))
    if float(smooth[near].max()) < _LEAST_SIGNAL * scatter:
        return None
    found = (x, y)
    for _ in range(_ROUNDS):
        found = _improved(above, pixels, found, sigma)
        if not np.hypot(found[0] - x, found[1] - y) <= _FARTHEST * sigma:
            return None
    return found


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
