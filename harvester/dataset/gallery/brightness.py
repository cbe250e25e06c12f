"""Map pixel values to colours for the eye. Not for measurements."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["OUTSIDE", "colour", "grey", "hatch", "sky_and_noise", "stretch"]

#: Sigma of the background up to which the scale is linear; it is logarithmic above.
_LINEAR_SIGMAS = 3.0

#: Percentile of the pixel values that is drawn white; brighter pixels are white too.
_BRIGHTEST = 99.7

#: The two colours of the hatching for NaN; they are not grey, unlike pixels with
#: values.
_HATCH = np.array([(66, 76, 94), (84, 95, 115)], dtype=np.uint8)

#: Pixels; width of a line of the hatching.
_HATCH_WIDTH = 3

#: The colour of the corners that a rotated stamp does not reach.
OUTSIDE = (24, 26, 31)

#: Flux densities are divided by the wavelength to this power: the spectrum of a galaxy
#: of middle age rises about so from blue to red, and is then drawn near white.
_REDDENING = 1.5


def stretch(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map pixel values to 0..1 by asinh, so that faint and bright parts are visible.

    NaN stays NaN; a stamp with one constant value becomes 0.
    """
    values = data[np.isfinite(data)]
    if not values.size or values.min() == values.max():
        return np.where(np.isfinite(data), 0.0, np.nan)
    sky, noise, top = _levels(values)
    bottom, soft = sky - noise, _LINEAR_SIGMAS * noise
    scaled = np.arcsinh((data - bottom) / soft) / np.arcsinh((top - bottom) / soft)
    bright: NDArray[np.float64] = np.clip(scaled, 0, 1)
    return bright


def sky_and_noise(values: NDArray[np.float64]) -> tuple[float, float]:
    """Return the median, and the spread of the values below it.

    Galaxies only add to the pixels above the median. Both are 0 without values.
    """
    if not values.size:
        return 0.0, 0.0
    sky = float(np.median(values))
    # Without pixels at the median: part of a stamp may be filled with a constant.
    below = sky - values[values < sky]
    return sky, 1.4826 * float(np.median(below)) if below.size else 0.0


def _levels(values: NDArray[np.float64]) -> tuple[float, float, float]:
    """Return sky, noise and the value that is drawn white."""
    sky, noise = sky_and_noise(values)
    # An image without noise: show its whole range.
    noise = noise or float(values.max() - sky) / 100 or float(np.ptp(values)) / 100
    top = float(np.percentile(values, _BRIGHTEST))
    return sky, noise, max(top, sky + 5 * noise)


def grey(data: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Draw one band: ``(ny, nx, 3)`` of grey, hatched where it is NaN."""
    bright = np.round(255 * np.nan_to_num(stretch(data))).astype(np.uint8)
    drawn = np.repeat(bright[:, :, np.newaxis], 3, axis=2)
    return hatch(drawn, ~np.isfinite(data))


def colour(
    planes: Sequence[NDArray[np.float64]], wavelengths: Sequence[float]
) -> NDArray[np.uint8]:
    """Draw three bands in the colours of Lupton et al. (2004).

    Parameters
    ----------
    planes
        Three images ``(ny, nx)`` on one grid, in one unit of flux density, by falling
        wavelength: red, green, blue.
    wavelengths
        Of the planes, in any unit.

    Returns
    -------
    ndarray
        ``(ny, nx, 3)``, hatched where a band has NaN.
    """
    from astropy.visualization import make_lupton_rgb

    missing = ~np.logical_and.reduce([np.isfinite(plane) for plane in planes])
    flat = [
        _without_sky(plane, missing, (wavelengths[1] / length) ** _REDDENING)
        for plane, length in zip(planes, wavelengths, strict=True)
    ]
    known = np.mean(flat, axis=0)[~missing]
    sky, noise, top = _levels(known if known.size else _NONE)
    # One band is noisier than the mean of three.
    noise *= math.sqrt(len(planes))
    soft = _LINEAR_SIGMAS * noise
    # The formula has two numbers, Q and stretch. These two make it linear up to
    # `soft`, and white at `top`.
    reach = math.asinh((top - sky) / soft)
    q = 10 * math.sinh(reach / 10)
    with np.errstate(divide="ignore", invalid="ignore"):  # at the level of the sky
        drawn: NDArray[np.uint8] = make_lupton_rgb(
            *flat, minimum=sky, stretch=soft * q, Q=q
        )
    return hatch(drawn, missing)


#: Stands in for the pixels of a stamp that has none with a value.
_NONE = np.array([0.0, 1.0])


def _without_sky(
    plane: NDArray[np.float64], missing: NDArray[np.bool_], weight: float
) -> NDArray[np.float64]:
    sky, _ = sky_and_noise(plane[~missing])
    without: NDArray[np.float64] = weight * (np.where(missing, sky, plane) - sky)
    return without


def hatch(drawn: NDArray[np.uint8], missing: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Draw oblique lines where there is no value; the image itself is changed."""
    rows, columns = np.nonzero(missing)
    drawn[missing] = _HATCH[(rows + columns) // _HATCH_WIDTH % 2]
    return drawn
