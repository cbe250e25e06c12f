"""Resample stamps for the eye: north up, east left, the galaxy in the middle.

All bands of a galaxy are drawn around its own sub-pixel position, so that they lie on
one another to a small part of a pixel.
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io import fits
    from numpy.typing import NDArray

__all__ = ["Placement", "north_up"]


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the galaxy is in a stamp, and how the stamp lies on the sky."""

    #: Column and row of the galaxy, from 0.
    x: float
    y: float
    #: ``(2, 2)`` in arcsec a pixel: its rows are east and north, its columns x and y.
    matrix: NDArray[np.float64]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> Placement | None:
        """Read it from a row of the manifest; None if the row lacks these facts."""
        needed = [row[name] for name in ("x", "y", "pixel_scale", "orientation")]
        if any(value is None or not math.isfinite(value) for value in needed):
            return None
        x, y, scale, angle = needed
        up = math.radians(angle)
        # The x axis is a quarter turn clockwise of the y axis on the sky, where east is
        # left of north; anticlockwise where the frame is a mirror image.
        across = up + math.pi / 2 if row["flipped"] else up - math.pi / 2
        east, north = (math.sin(across), math.sin(up)), (math.cos(across), math.cos(up))
        return cls(x, y, scale * np.array([east, north]))

    @classmethod
    def from_header(
        cls, header: fits.Header, ra: float, dec: float, shape: tuple[int, int]
    ) -> Placement:
        """Compute it from the WCS of a stamp; of no use for frames of wide fields.

        Without a celestial WCS the galaxy is taken to be in the middle, north up, with
        pixels of one arcsec.
        """
        from astropy.wcs import WCS

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            wcs = WCS(header, naxis=2)
            if not wcs.has_celestial:
                middle = (shape[1] - 1) / 2, (shape[0] - 1) / 2
                return cls(*middle, np.array([[-1.0, 0.0], [0.0, 1.0]]))
            x, y = (float(one) for one in wcs.all_world2pix(ra, dec, 0))
            corners = wcs.all_pix2world([x, x + 1, x], [y, y, y + 1], 0)
        return cls(x, y, _directions(*corners))

    @property
    def scale(self) -> float:
        """Width of a pixel in arcsec."""
        return math.sqrt(abs(float(np.linalg.det(self.matrix))))

    def binned(self, factor: int) -> Placement:
        """Return it for the image after squares of pixels have become one pixel."""
        first = (factor - 1) / 2
        x, y = (self.x - first) / factor, (self.y - first) / factor
        return Placement(x, y, self.matrix * factor)


def _directions(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the steps to the east and north, in arcsec, of one pixel in x and in y."""
    east = (ra[1:] - ra[0] + 180) % 360 - 180
    return 3600 * np.array([east * np.cos(np.radians(dec[0])), dec[1:] - dec[0]])


def north_up(
    data: NDArray[np.float32], placed: Placement, field_arcsec: float, side: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Resample a stamp to a square of the sky around its galaxy.

    Parameters
    ----------
    data
        ``(ny, nx)``, the first row at the bottom, as in FITS.
    field_arcsec
        Side of the square on the sky.
    side
        Of the square in pixels.

    Returns
    -------
    tuple
        ``(side, side)`` with the first row at the top, north up and east left, NaN
        where the stamp has no value; and the same shape of bool: what is in the stamp.
    """
    from scipy import ndimage

    step = field_arcsec / side
    if (factor := int(step / placed.scale)) > 1:
        data, placed = _binned(data, factor), placed.binned(factor)
    turn, start = _to_stamp(placed, step, side)
    rows, columns = np.indices((side, side), sparse=True)
    row = turn[0, 0] * rows + turn[0, 1] * columns + start[0]
    column = turn[1, 0] * rows + turn[1, 1] * columns + start[1]
    inside = (np.abs(row - (data.shape[0] - 1) / 2) <= data.shape[0] / 2) & (
        np.abs(column - (data.shape[1] - 1) / 2) <= data.shape[1] / 2
    )
    bad = ~np.isfinite(data)
    middle = float(np.median(data[~bad])) if not bad.all() else 0.0
    filled = np.where(bad, middle, data).astype(float)
    options = {"output_shape": (side, side), "mode": "nearest"}
    # Linear interpolation leaves a pattern of the pixels in bright cores.
    image = ndimage.affine_transform(filled, turn, start, order=3, **options)
    if bad.any():
        hole = ndimage.affine_transform(bad, turn, start, order=0, **options)
        image[hole] = np.nan
    return image, inside


def _to_stamp(
    placed: Placement, step: float, side: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return matrix and offset from ``(row, column)`` on display to the stamp's."""
    (x_east, x_north), (y_east, y_north) = np.linalg.inv(placed.matrix)
    # Down on display is south, and right is west.
    turn = -step * np.array([[y_north, y_east], [x_north, x_east]])
    middle = np.full(2, (side - 1) / 2)
    return turn, np.array([placed.y, placed.x]) - turn @ middle


def _binned(data: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Average squares of pixels; NaN if half of a square or more is NaN."""
    ny, nx = (length // factor for length in data.shape)
    if not ny or not nx:
        return data
    squares = data[: ny * factor, : nx * factor].reshape(ny, factor, nx, factor)
    good = np.isfinite(squares)
    count = good.sum(axis=(1, 3))
    total = np.where(good, squares, 0).sum(axis=(1, 3))
    enough = 2 * count > factor * factor
    return np.where(enough, total / np.maximum(count, 1), np.nan).astype(np.float32)
