"""Stamps for the eye: stretched, turned and drawn; no numbers to measure with."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["Galaxy", "Shot", "draw", "read_picture", "stretch", "to_png", "turn"]

#: How many sigma of the background are shown linearly, before the logarithm begins.
_LINEAR_SIGMAS = 3.0

#: Percent of the pixels that are not burnt out.
_BRIGHTEST = 99.7

#: Two quiet colours, between which NaN is hatched; no grey that a pixel could have.
_HATCH = np.array([(66, 76, 94), (84, 95, 115)], dtype=np.uint8)

#: Pixels; width of a line of the hatching.
_HATCH_WIDTH = 3


@dataclass(frozen=True, slots=True)
class Shot:
    """One stamp of a galaxy."""

    #: ``SDSS r``.
    name: str
    #: Part of its pixels that hold a value.
    coverage: float
    #: None if the file is not there or cannot be read.
    picture: Image.Image | None

    @property
    def part(self) -> str:
        """Its coverage in percent; empty if no whole percent is missing."""
        percent = f"{self.coverage:.0%}"
        return "" if percent == "100%" else percent


@dataclass(frozen=True, slots=True)
class Galaxy:
    """A galaxy with its stamps."""

    id: str
    ra: float
    dec: float
    shots: tuple[Shot, ...]
    #: ``SDSS u: no coverage`` for each stamp that it has not.
    missing: tuple[str, ...]
    #: Name and value.
    labels: tuple[tuple[str, str], ...]


def read_picture(path: Path) -> Image.Image:
    """Draw a stamp file, north up and east left as nearly as quarter turns do it.

    Raises
    ------
    OSError
        It is not there, or no FITS image.
    """
    with fits.open(path, memmap=False) as hdus:
        data, header = hdus[0].data, hdus[0].header
    if data is None or data.ndim != 2:  # noqa: PLR2004 - an image
        msg = f"{path} has no image"
        raise OSError(msg)
    return draw(turn(np.asarray(data, dtype=float), _directions(header)))


def stretch(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map brightness to 0..1 by asinh: the sky dark, the core not burnt out.

    The sky is the median and its noise the spread below it, which galaxies do not
    reach. NaN stays NaN; an even stamp is black.
    """
    values = data[np.isfinite(data)]
    if not values.size or values.min() == values.max():
        return np.where(np.isfinite(data), 0.0, np.nan)
    sky = float(np.median(values))
    # Of what is below, and not at it: parts of a stamp may be filled with one value.
    below = sky - values[values < sky]
    noise = 1.4826 * float(np.median(below)) if below.size else 0.0
    top = float(np.percentile(values, _BRIGHTEST))
    # Of a noiseless image the whole range is shown.
    noise = noise or float(values.max() - sky) / 100
    bottom, soft = sky - noise, _LINEAR_SIGMAS * noise
    top = max(top, sky + 5 * noise)
    scaled = np.arcsinh((data - bottom) / soft) / np.arcsinh((top - bottom) / soft)
    bright: NDArray[np.float64] = np.clip(scaled, 0, 1)
    return bright


def turn(
    data: NDArray[np.float64], directions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Turn an image by quarters, mirrored if need be, for display.

    Parameters
    ----------
    data
        ``(ny, nx)``, the first row at the bottom, as FITS has it.
    directions
        East and north (rows) along x and y (columns).

    Returns
    -------
    ndarray
        The first row at the top; north up and east left, to within 45 degrees.
    """
    north, west = directions[1], -directions[0]
    upright = abs(north[1]) + abs(west[0]) >= abs(north[0]) + abs(west[1])
    if not upright:
        data, north, west = data.T, north[::-1], west[::-1]
    across = slice(None, None, -1 if west[0] < 0 else 1)
    down = slice(None, None, 1 if north[1] < 0 else -1)
    return data[down, across]


def _directions(header: fits.Header) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wcs = WCS(header, naxis=2)
    if not wcs.has_celestial:
        return np.array([[-1.0, 0.0], [0.0, 1.0]])
    matrix: NDArray[np.float64] = wcs.pixel_scale_matrix
    return matrix


def draw(data: NDArray[np.float64]) -> Image.Image:
    """Draw an image, first row at the top: grey, and hatched where it is NaN."""
    bright = stretch(data)
    missing = ~np.isfinite(bright)
    grey = np.round(255 * np.nan_to_num(bright)).astype(np.uint8)
    if not missing.any():
        return Image.fromarray(grey)
    colours = np.repeat(grey[:, :, np.newaxis], 3, axis=2)
    rows, columns = np.nonzero(missing)
    colours[missing] = _HATCH[(rows + columns) // _HATCH_WIDTH % 2]
    return Image.fromarray(colours)


def to_png(picture: Image.Image) -> bytes:
    """Pack a picture as PNG."""
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()
