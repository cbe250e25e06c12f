"""Pictures of stamps for networks that take 8-bit images. Not for measurements.

Each galaxy has its own brightness scale: the background is dark grey, its noise sets
the linear part, and bright parts are compressed by asinh, as Lupton et al. 2004 (PASP
116, 133) propose. Colours keep the ratios of the fluxes.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COLOURS", "to_jpg", "to_pictures"]

#: Bands in a colour picture.
COLOURS = 3

#: Strength of the compression of bright parts.
_SOFTENING = 8

#: The linear part of the scale, in sigma of the background.
_STRETCH = 10.0

#: What is drawn black, in sigma of the background above it.
_BLACK = -1.0

#: Bands that are closer than this in pixels are not moved onto each other.
_ALIGNED = 0.02

#: A pixel counts as known if a larger part of those that it was moved from are.
_KNOWN = 0.99

#: Quality of JPEG; higher values keep more of the noise.
_QUALITY = 95


def to_pictures(
    flux: NDArray[np.float32], offsets: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """Draw galaxies.

    Parameters
    ----------
    flux
        ``(n, 1, ny, nx)`` for grey, or ``(n, 3, ny, nx)``: red, green and blue, in one
        unit.
    offsets
        ``(n, C, 2)``: by how many rows and columns the galaxy is off the mean of its
        bands. Colours are moved back by as much, or they would have fringes.

    Returns
    -------
    ndarray
        ``(n, ny, nx)`` or ``(n, ny, nx, 3)``; the first row of each is at the top, as
        in pictures, so the rows are reversed. Pixels are black where a band has no
        value. A galaxy that lacks a whole band is drawn in grey, from its other bands.
    """
    from astropy.visualization import make_lupton_rgb

    planes = _in_sigmas(flux)
    if planes.shape[1] < COLOURS:
        return _grey(planes[:, 0])[:, ::-1]
    known = np.isfinite(flux).astype(np.float32)
    for one, here, off in zip(planes, known, offsets, strict=True):
        _align(one, off)
        _align(here, off)
        _without_false_colours(one, here > _KNOWN)
    with np.errstate(invalid="ignore"):  # pixels without light in any band
        drawn = [
            make_lupton_rgb(*one, minimum=_BLACK, stretch=_STRETCH, Q=_SOFTENING)
            for one in planes
        ]
    return np.stack(drawn)[:, ::-1]


def _align(planes: NDArray[np.float32], offsets: NDArray[np.float64]) -> None:
    """Move planes ``(C, ny, nx)`` by less than a pixel, in place."""
    from scipy.ndimage import shift

    for plane, off in zip(planes, offsets, strict=True):
        if np.abs(off).max() > _ALIGNED:
            plane[:] = shift(plane, -off, order=1, mode="nearest")


def _without_false_colours(
    planes: NDArray[np.float32], known: NDArray[np.bool_]
) -> None:
    """Draw without colour what is not known in all bands, in place.

    Otherwise the edge of a frame would be blue or red, and a galaxy that lacks a band
    would have the colours of the others.

    Parameters
    ----------
    planes
        ``(C, ny, nx)``, in sigmas.
    known
        Of the same shape: where a band has a value.
    """
    has = known.any(axis=(1, 2))
    planes[:, ~known[has].all(axis=0)] = _BLACK
    if has.any() and not has.all():
        planes[:] = planes[has].mean(axis=0)


def _grey(planes: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Draw planes with the scale that astropy uses for colours."""
    slope = 255 * 0.1 / np.arcsinh(0.1 * _SOFTENING)
    bright = np.arcsinh((planes - _BLACK) * (_SOFTENING / _STRETCH)) * slope
    drawn: NDArray[np.uint8] = np.clip(bright, 0, 255).astype(np.uint8)
    return drawn


def _in_sigmas(flux: NDArray[np.float32]) -> NDArray[np.float32]:
    """Give pixels above the background, in sigma of the mean background of all bands.

    `_BLACK` stands for pixels without a value.
    """
    pixels = flux.reshape(*flux.shape[:2], -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # planes of NaN only
        sky = np.nanmedian(pixels, axis=2, keepdims=True)
        below = np.where(pixels < sky, sky - pixels, np.nan)
        noise = 1.4826 * np.nanmedian(below, axis=2, keepdims=True)
        # An image without noise: show its whole range.
        span = (np.nanmax(pixels, axis=2, keepdims=True) - sky) / 100
        noise = np.where(noise > 0, noise, np.where(span > 0, span, np.nan))
        noise = np.nan_to_num(np.nanmean(noise, axis=1, keepdims=True), nan=1.0)
    scaled = np.nan_to_num((pixels - sky) / noise, nan=_BLACK).astype(np.float32)
    return np.reshape(scaled, flux.shape)


def to_jpg(picture: NDArray[np.uint8]) -> bytes:
    """Pack a picture as JPEG."""
    packed = io.BytesIO()
    # Colours of every pixel: halved, as is usual, they would blur stamps of few pixels.
    Image.fromarray(picture).save(packed, "JPEG", quality=_QUALITY, subsampling=0)
    return packed.getvalue()
