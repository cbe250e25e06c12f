"""Pixel grids on the sky: that of a stamp, or one that is laid around a galaxy."""

from __future__ import annotations

from dataclasses import dataclass
from math import atan2, cos, degrees, hypot, radians, sin
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.wcs import WCS
from astropy.wcs.utils import proj_plane_pixel_area

from ..errors import InputError
from ..models import StampSize

if TYPE_CHECKING:
    from .opened.stamp import HarvestedStamp

__all__ = ["SkyGrid", "grid_around", "grid_of_stamp"]

#: Most pixels along a side; larger grids are typing errors.
_LARGEST = 8192


@dataclass(frozen=True, slots=True)
class SkyGrid:
    """Pixels on the sky."""

    wcs: WCS
    #: ``(ny, nx)``.
    shape: tuple[int, int]

    @property
    def pixel_area(self) -> float:
        """Area of a pixel, square arcsec."""
        return float(proj_plane_pixel_area(self.wcs)) * 3600**2

    def moved(self, columns: float, rows: float, shape: tuple[int, int]) -> SkyGrid:
        """Give a grid of another shape, on which each position has moved by pixels."""
        wcs = self.wcs.deepcopy()
        wcs.wcs.crpix = [wcs.wcs.crpix[0] + columns, wcs.wcs.crpix[1] + rows]
        wcs.wcs.set()
        return SkyGrid(wcs, shape)

    def facts(self, ra: float, dec: float) -> dict[str, Any]:
        """Give where a galaxy is, and how the pixels lie, as columns of the manifest.

        Parameters
        ----------
        ra, dec
            ICRS degrees.
        """
        x, y = map(float, self.wcs.world_to_pixel_values(ra, dec))
        angle, flipped = _directions(self.wcs, x, y)
        return {
            "x": x,
            "y": y,
            "nx": self.shape[1],
            "ny": self.shape[0],
            "pixel_scale": self.pixel_area**0.5,
            "orientation": angle,
            "flipped": flipped,
        }


def grid_of_stamp(stamp: HarvestedStamp) -> SkyGrid:
    """Give the pixels of a stamp."""
    ny, nx = stamp.flux.shape
    return SkyGrid(stamp.wcs, (ny, nx))


def grid_around(
    stamp: HarvestedStamp,
    *,
    north_up: bool,
    pixel_scale: float | None = None,
    size: str | None = None,
) -> SkyGrid:
    """Lay square pixels around a galaxy, which is exactly in the middle.

    Parameters
    ----------
    stamp
        Says what is not given: the pixel scale, the size on the sky, the orientation.
    north_up
        North is up and east left; otherwise the orientation is that of the stamp.
    pixel_scale
        Width of a pixel, arcsec.
    size
        Side of the grid, such as ``"40px"`` or ``"15arcsec"``.

    Raises
    ------
    InputError
        The scale is not positive, the size cannot be read, or the grid is too large.
    """
    own = grid_of_stamp(stamp)
    ra, dec = float(stamp.record["ra"]), float(stamp.record["dec"])
    scale = own.pixel_area**0.5 if pixel_scale is None else float(pixel_scale)
    if not 0 < scale < np.inf:
        msg = f"the pixel scale {pixel_scale!r} is not a number of arcsec above 0"
        raise InputError(msg)
    shape = _shape(own, scale, size)
    angle, flipped = 0.0, False
    if not north_up:
        x, y = map(float, own.wcs.world_to_pixel_values(ra, dec))
        angle, flipped = _directions(own.wcs, x, y)
    return SkyGrid(_tangent_wcs((ra, dec), scale, shape, angle, flipped), shape)


def _shape(own: SkyGrid, scale: float, size: str | None) -> tuple[int, int]:
    if size is None:
        zoom = own.pixel_area**0.5 / scale
        shape = (max(1, round(own.shape[0] * zoom)), max(1, round(own.shape[1] * zoom)))
    else:
        side = StampSize.parse(size).pixels(scale)
        shape = (side, side)
    if max(shape) > _LARGEST:
        msg = (
            f"a grid of {shape[0]} x {shape[1]} pixels is too large: at most {_LARGEST}"
        )
        raise InputError(msg)
    return shape


def _tangent_wcs(
    centre: tuple[float, float],
    scale: float,
    shape: tuple[int, int],
    angle: float,
    flipped: bool,  # noqa: FBT001 - a property of the grid like the others
) -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    wcs.wcs.cunit = ["deg", "deg"]
    wcs.wcs.radesys = "ICRS"
    wcs.wcs.crval = centre
    # FITS counts from 1: of four pixels the middle is at 2.5.
    wcs.wcs.crpix = [(shape[1] + 1) / 2, (shape[0] + 1) / 2]
    step, turn = scale / 3600, radians(angle)
    east = step if flipped else -step
    # Columns: where one step along x and along y leads, to the east and to the north.
    wcs.wcs.cd = [
        [east * cos(turn), step * sin(turn)],
        [-east * sin(turn), step * cos(turn)],
    ]
    wcs.wcs.set()
    return wcs


def _directions(wcs: WCS, x: float, y: float) -> tuple[float, bool]:
    """Give the position angle of +y at a pixel, and whether east is right of north."""
    ra, dec = wcs.pixel_to_world_values([x, x, x + 1], [y, y + 1, y])
    # Across 0 degrees the right ascension jumps by 360.
    to_east = ((ra[1:] - ra[0] + 180) % 360 - 180) * cos(radians(dec[0]))
    to_north = dec[1:] - dec[0]
    assert hypot(to_east[0], to_north[0]) > 0
    angle = degrees(atan2(to_east[0], to_north[0])) % 360
    # The sign of the cross product of +x and +y.
    return angle, bool(to_east[1] * to_north[0] - to_north[1] * to_east[0] > 0)
