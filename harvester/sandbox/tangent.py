"""Gnomonic (TAN) projection in plain numpy: pixels to sky and back.

The sandbox paints and answers with these functions; `Tangent.wcs` gives the same
mapping as an astropy WCS, and tests compare the two. Pixels count from 0
at the centre of the first one, as in `astropy.wcs.WCS.all_world2pix(..., 0)`;
angles are ICRS degrees.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.wcs import WCS

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Tangent", "plane_to_sky", "sky_to_plane", "unit_vectors"]


def unit_vectors(ra: ArrayLike, dec: ArrayLike) -> NDArray[np.float64]:
    """Directions as ``(..., 3)`` unit vectors."""
    ra, dec = np.radians(ra), np.radians(dec)
    return np.stack(
        [np.cos(dec) * np.cos(ra), np.cos(dec) * np.sin(ra), np.sin(dec)], axis=-1
    )


def plane_to_sky(
    ra0: ArrayLike, dec0: ArrayLike, xi: ArrayLike, eta: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sky position of a point ``xi`` east and ``eta`` north of the tangent point."""
    xi, eta = np.radians(xi), np.radians(eta)
    ra0, dec0 = np.radians(ra0), np.radians(dec0)
    down = np.cos(dec0) - eta * np.sin(dec0)
    ra = ra0 + np.arctan2(xi, down)
    dec = np.arctan2(np.sin(dec0) + eta * np.cos(dec0), np.hypot(xi, down))
    return np.degrees(ra) % 360.0, np.degrees(dec)


def sky_to_plane(
    ra0: float, dec0: float, ra: ArrayLike, dec: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Tangent-plane coordinates (degrees) of positions in the same hemisphere."""
    east, dec = np.radians(np.asarray(ra) - ra0), np.radians(dec)
    sin0, cos0 = np.sin(np.radians(dec0)), np.cos(np.radians(dec0))
    depth = sin0 * np.sin(dec) + cos0 * np.cos(dec) * np.cos(east)
    xi = np.cos(dec) * np.sin(east) / depth
    eta = (cos0 * np.sin(dec) - sin0 * np.cos(dec) * np.cos(east)) / depth
    return np.degrees(xi), np.degrees(eta)


@dataclass(frozen=True, slots=True)
class Tangent:
    """Where the pixels of one image lie on the sky."""

    #: Tangent point, ICRS degrees.
    ra: float
    dec: float
    #: Its pixel, counted from 0.
    x: float
    y: float
    #: Degrees east and north per pixel: ``(CD1_1, CD1_2, CD2_1, CD2_2)``.
    cd: tuple[float, float, float, float]

    def to_sky(
        self, x: ArrayLike, y: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Sky positions of pixels."""
        dx, dy = np.asarray(x) - self.x, np.asarray(y) - self.y
        xx, xy, yx, yy = self.cd
        return plane_to_sky(self.ra, self.dec, xx * dx + xy * dy, yx * dx + yy * dy)

    def to_pixel(
        self, ra: ArrayLike, dec: ArrayLike
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Pixels of sky positions that are near the image."""
        xi, eta = sky_to_plane(self.ra, self.dec, ra, dec)
        xx, xy, yx, yy = self.cd
        det = xx * yy - xy * yx
        dx, dy = (yy * xi - xy * eta) / det, (xx * eta - yx * xi) / det
        return self.x + dx, self.y + dy

    def wcs(self, nx: int, ny: int) -> WCS:
        """Give the same mapping as an astropy WCS of an image of ``nx`` x ``ny``."""
        wcs = WCS(naxis=2)
        wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
        wcs.wcs.cunit = ["deg", "deg"]
        wcs.wcs.crval = [self.ra, self.dec]
        wcs.wcs.crpix = [self.x + 1, self.y + 1]
        wcs.wcs.cd = np.reshape(self.cd, (2, 2))
        wcs.wcs.radesys = "ICRS"
        wcs.pixel_shape = (nx, ny)
        wcs.wcs.set()
        return wcs
