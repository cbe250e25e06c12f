"""Draw stamps for viewing: scale the brightness, rotate, draw. Not for measurements."""

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

__all__ = [
    "ShownGalaxy",
    "ShownStamp",
    "draw",
    "read_picture",
    "stretch",
    "to_png",
    "turn",
]

#: Sigma of the background up to which the scale is linear; it is logarithmic above.
_LINEAR_SIGMAS = 3.0

#: Percentile of the pixel values that is drawn white; brighter pixels are white too.
_BRIGHTEST = 99.7

#: The two colours of the hatching for NaN; they are not grey, unlike pixels with
#: values.
_HATCH = np.array([(66, 76, 94), (84, 95, 115)], dtype=np.uint8)

#: Pixels; width of a line of the hatching.
_HATCH_WIDTH = 3


@dataclass(frozen=True, slots=True)
class ShownStamp:
    """One stamp of a galaxy, as the gallery shows it."""

    #: Such as ``SDSS r``.
    name: str
    #: Fraction of the requested pixels that have a value.
    coverage: float
    #: None if the file is missing or cannot be read.
    picture: Image.Image | None

    @property
    def part(self) -> str:
        """The coverage in percent; empty if it is rounded to 100 %."""
        percent = f"{self.coverage:.0%}"
        return "" if percent == "100%" else percent


@dataclass(frozen=True, slots=True)
class ShownGalaxy:
    """One galaxy with its stamps, as the gallery shows it."""

    id: str
    ra: float
    dec: float
    stamps: tuple[ShownStamp, ...]
    #: Such as ``SDSS u: no coverage``, for each stamp that is missing.
    missing: tuple[str, ...]
    #: Name and value of each label.
    labels: tuple[tuple[str, str], ...]


def read_picture(path: Path) -> Image.Image:
    """Draw a stamp file, rotated so that north is up and east left, within 45 degrees.

    Raises
    ------
    OSError
        The file is missing, or is not a FITS image.
    """
    with fits.open(path, memmap=False) as hdus:
        data, header = hdus[0].data, hdus[0].header
    if data is None or data.ndim != 2:  # noqa: PLR2004 - an image
        msg = f"{path} has no image"
        raise OSError(msg)
    return draw(turn(np.asarray(data, dtype=float), _directions(header)))


def stretch(data: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map pixel values to 0..1 by asinh, so that faint and bright parts are visible.

    The sky level is the median. The noise is the spread of the pixels below it, because
    galaxies only add to the pixels above it. NaN stays NaN; a stamp with one constant
    value becomes 0.
    """
    values = data[np.isfinite(data)]
    if not values.size or values.min() == values.max():
        return np.where(np.isfinite(data), 0.0, np.nan)
    sky = float(np.median(values))
    # Without pixels at the median: part of a stamp may be filled with a constant.
    below = sky - values[values < sky]
    noise = 1.4826 * float(np.median(below)) if below.size else 0.0
    top = float(np.percentile(values, _BRIGHTEST))
    # An image without noise: show its whole range.
    noise = noise or float(values.max() - sky) / 100
    bottom, soft = sky - noise, _LINEAR_SIGMAS * noise
    top = max(top, sky + 5 * noise)
    scaled = np.arcsinh((data - bottom) / soft) / np.arcsinh((top - bottom) / soft)
    bright: NDArray[np.float64] = np.clip(scaled, 0, 1)
    return bright


def turn(
    data: NDArray[np.float64], directions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Rotate an image by quarter turns, and mirror it if needed, for display.

    Parameters
    ----------
    data
        ``(ny, nx)``, the first row at the bottom, as in FITS.
    directions
        A matrix: its rows are the directions to the east and to the north, its columns
        their components along x and y.

    Returns
    -------
    ndarray
        The first row at the top; north is up and east left, within 45 degrees.
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
    """Draw an image in grey, NaN hatched; its first row is at the top."""
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
    """Return a picture in the PNG format."""
    packed = io.BytesIO()
    picture.save(packed, "PNG", optimize=True)
    return packed.getvalue()
