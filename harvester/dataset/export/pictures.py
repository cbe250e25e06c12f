"""Pictures of stamps for networks that take 8-bit images. Not for measurements.

Each stamp has its own brightness scale: the background is dark grey, its noise sets the
linear part, and bright parts are compressed by asinh, as Lupton et al. 2004 (PASP 116,
133) propose. Colours keep their ratios.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from astropy.visualization import make_lupton_rgb
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["colour_bands", "to_jpg", "to_picture"]

#: Bands in a colour picture.
_COLOURS = 3

#: Strength of the compression of bright parts.
_SOFTENING = 8

#: The linear part of the scale, in sigma of the background.
_STRETCH_SIGMAS = 10.0

#: Quality of JPEG; higher values keep more of the noise.
_QUALITY = 95


def colour_bands(bands: tuple[str, ...]) -> tuple[int, ...]:
    """Give the places of the bands for red, green and blue, or of the one for grey.

    Bands are in order of wavelength as the run names them, from blue to red. Of five
    the three in the middle are taken.
    """
    if len(bands) < _COLOURS:
        return (0,)
    middle = (len(bands) - _COLOURS) // 2
    return tuple(range(middle + _COLOURS - 1, middle - 1, -1))


def to_picture(flux: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draw the bands of one galaxy.

    Parameters
    ----------
    flux
        ``(1, ny, nx)`` for grey, or ``(3, ny, nx)`` for red, green and blue.

    Returns
    -------
    ndarray
        ``(ny, nx)`` or ``(ny, nx, 3)``; the first row is at the top, as in pictures,
        so the rows are reversed. Pixels without a value are black.
    """
    planes = [_scaled(plane) for plane in flux.astype(np.float64)]
    if len(planes) < _COLOURS:
        planes = planes[:1] * _COLOURS
    with np.errstate(invalid="ignore"):  # pixels without light in any band
        drawn: NDArray[np.uint8] = make_lupton_rgb(
            *planes, minimum=-1.0, stretch=_STRETCH_SIGMAS, Q=_SOFTENING
        )[::-1]
    return drawn if len(flux) == _COLOURS else drawn[:, :, 0]


def _scaled(plane: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give a plane in sigma of its background above the background."""
    values = plane[np.isfinite(plane)]
    if not values.size:
        return np.full(plane.shape, -1.0)
    sky = float(np.median(values))
    below = sky - values[values < sky]
    noise = 1.4826 * float(np.median(below)) if below.size else 0.0
    # An image without noise: show its whole range.
    noise = noise or float(values.max() - sky) / 100 or 1.0
    return np.nan_to_num((plane - sky) / noise, nan=-1.0)


def to_jpg(picture: NDArray[np.uint8]) -> bytes:
    """Pack a picture as JPEG."""
    packed = io.BytesIO()
    Image.fromarray(picture).save(packed, "JPEG", quality=_QUALITY)
    return packed.getvalue()
