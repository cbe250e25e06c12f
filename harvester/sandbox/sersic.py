"""The light of galaxies on a pixel grid: elliptical Sersic profiles, softened cores.

After Sersic (1963): I(r) = I_e exp(-b_n ((r / r_e)^(1/n) - 1)).
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .sky import Galaxy
    from .tangent import Tangent

__all__ = ["Blob", "add", "add_rows", "blob_of", "star"]

#: Light beyond so many half-light radii is left out.
_REACH = 7.0
#: A star's light in pixels beyond so many standard deviations is left out.
_STAR_REACH = 4.5


class Blob(NamedTuple):
    """A source of light, in pixels of one image."""

    x: float
    y: float
    flux: float
    #: Half-light radius along the major axis, and the softening of the core.
    radius: float
    blur: float
    n: float
    axis_ratio: float
    #: Direction of the major axis, radians from +x towards +y.
    angle: float


def blob_of(
    galaxy: Galaxy, tangent: Tangent, flux: float, seeing_arcsec: float
) -> Blob:
    """Put a galaxy into the pixels of an image."""
    x, y = tangent.to_pixel(galaxy.ra, galaxy.dec)
    xx, xy, yx, yy = tangent.cd
    scale = math.sqrt(abs(xx * yy - xy * yx)) * 3600.0
    # One arcsec along the major axis, east and north, turned into pixels.
    east, north = (f(math.radians(galaxy.pa_deg)) for f in (math.sin, math.cos))
    det = xx * yy - xy * yx
    along = (yy * east - xy * north) / det, (xx * north - yx * east) / det
    return Blob(
        x=float(x),
        y=float(y),
        flux=flux,
        radius=galaxy.r50_arcsec / scale,
        blur=seeing_arcsec / 2.355 / scale,
        n=galaxy.sersic_n,
        axis_ratio=galaxy.axis_ratio,
        angle=math.atan2(along[1], along[0]),
    )


def star(x: float, y: float, flux: float, blur: float) -> Blob:
    """Make a point of light."""
    return Blob(x, y, flux, 0.0, blur, 0.5, 1.0, 0.0)


def add(image: NDArray[np.float32], blob: Blob) -> None:
    """Add the light of a blob to an image, as far as it lies inside."""
    reach = _reach(blob)
    ny, nx = image.shape
    x0, y0 = math.floor(blob.x) - reach, math.floor(blob.y) - reach
    side = 2 * reach + 2
    rows = slice(max(y0, 0), min(y0 + side, ny))
    cols = slice(max(x0, 0), min(x0 + side, nx))
    if rows.start >= rows.stop or cols.start >= cols.stop:
        return
    light = _light(blob, x0, y0, side)
    light = light[rows.start - y0 : rows.stop - y0, cols.start - x0 : cols.stop - x0]
    image[rows, cols] += light


def add_rows(band: NDArray[np.float32], blob: Blob, first: int) -> None:
    """Add the light of a blob to some rows of an image, of which ``first`` is one.

    Like `add`, for images that are too large to paint as a whole.
    """
    reach = _reach(blob)
    y0, x0 = math.floor(blob.y) - reach, math.floor(blob.x) - reach
    side = 2 * reach + 2
    rows = range(max(y0, first), min(y0 + side, first + band.shape[0]))
    cols = range(max(x0, 0), min(x0 + side, band.shape[1]))
    if not rows or not cols:
        return
    light = _profile(blob, *(np.arange(r.start, r.stop) for r in (cols, rows)))
    light *= np.float32(blob.flux / _total(blob))
    band[rows.start - first : rows.stop - first, cols.start : cols.stop] += light


@lru_cache(maxsize=1024)
def _total(blob: Blob) -> float:
    """Sum up the profile of a blob over all pixels that `add` would change."""
    reach = _reach(blob)
    xs, ys = (
        np.arange(math.floor(at) - reach, math.floor(at) + reach + 2)
        for at in (blob.x, blob.y)
    )
    return float(_profile(blob, xs, ys).sum(dtype=np.float64))


def _reach(blob: Blob) -> int:
    return math.ceil(_REACH * blob.radius + _STAR_REACH * blob.blur)


def _light(blob: Blob, x0: int, y0: int, side: int) -> NDArray[np.float32]:
    """Render the whole square patch, so that the edge of an image changes no pixel."""
    light = _profile(blob, np.arange(x0, x0 + side), np.arange(y0, y0 + side))
    return light * np.float32(blob.flux / light.sum(dtype=np.float64))


def _profile(
    blob: Blob, xs: NDArray[np.integer], ys: NDArray[np.integer]
) -> NDArray[np.float32]:
    """Give the light of a blob at the pixels ``(ys, xs)``, in no unit."""
    dx = xs.astype(np.float32) - np.float32(blob.x)
    dy = ys.astype(np.float32) - np.float32(blob.y)
    cos, sin = math.cos(blob.angle), math.sin(blob.angle)
    u = dx * np.float32(cos) + (dy * np.float32(sin))[:, None]
    v = (dy * np.float32(cos))[:, None] - dx * np.float32(sin)
    square = u * u + (v / np.float32(blob.axis_ratio)) ** 2
    if not blob.radius:
        light = np.exp(square * np.float32(-0.5 / blob.blur**2))
    else:
        square += np.float32(blob.blur**2)  # softens the core like seeing
        b = 2.0 * blob.n - 1.0 / 3.0
        power = (square / np.float32(blob.radius**2)) ** np.float32(0.5 / blob.n)
        light = np.exp(np.float32(-b) * power)
    return light
