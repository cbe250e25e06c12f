"""Check by its header and pixels that a stamp file shows what it should.

The SHA-256 of a file shows that it did not change after it was written. This module
checks that the content was right when it was written.
"""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from astropy.io import fits

from ..models import Bit, Plane
from .astrometry import BadWcsError, read_astrometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..models import CutoutSpec

__all__ = ["Expected", "find_flaw"]

#: Pixels; the largest distance of the target from the middle of the stamp along an
#: axis: half a pixel, and a margin because the WCS is stored as decimal text.
_HALF_PIXEL = 0.5 + 0.01


class Expected(NamedTuple):
    """The position, the coverage and the size that a stamp should have."""

    #: ICRS degrees.
    ra: float
    dec: float
    #: Fraction of the requested pixels that have a value.
    coverage: float
    spec: CutoutSpec


def find_flaw(content: bytes, expected: Expected) -> str:
    """Return in words what is wrong with a stamp file; empty if nothing is."""
    try:
        # Astropy warns about many harmless deviations from the standard.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with fits.open(io.BytesIO(content)) as hdus:
                return _find_flaw(hdus[0], expected) or _find_plane_flaw(
                    hdus, expected.spec
                )
    except BadWcsError as error:
        return str(error)
    except (OSError, ValueError, TypeError, KeyError, IndexError) as error:
        return f"it is not a FITS image: {' '.join(str(error).split())[:200]}"


def _find_flaw(hdu: fits.PrimaryHDU, expected: Expected) -> str:
    data, header = hdu.data, hdu.header
    if data is None or data.ndim != 2:  # noqa: PLR2004 - an image
        return "it has no image"
    sky = read_astrometry(header)
    spec = expected.spec
    side = spec.size.pixels(sky.scale_arcsec)
    is_whole = spec.mode == "partial"
    if max(data.shape) > side or (is_whole and min(data.shape) < side):
        return f"it is {data.shape[1]} x {data.shape[0]} pixels, not {side} x {side}"
    x, y = sky.to_pixels(np.array([expected.ra]), np.array([expected.dec]))
    flaw = _find_offset(data, (y[0], x[0]), is_whole=is_whole)
    if flaw:
        return flaw
    coverage = round(int(np.count_nonzero(np.isfinite(data))) / side**2, 6)
    if coverage != expected.coverage:
        return f"{coverage} of its pixels have a value, not {expected.coverage}"
    return ""


def _find_plane_flaw(hdus: fits.HDUList, spec: CutoutSpec) -> str:
    flux = hdus[0].data
    for plane in (Plane.IVAR, Plane.MASK):
        name = plane.upper()
        if plane not in spec.planes:
            continue
        if name not in hdus:
            return f"it lacks the plane {plane}"
        if hdus[name].data is None or hdus[name].data.shape != flux.shape:
            return f"its plane {plane} has another shape than its flux"
    if Plane.MASK in spec.planes:
        is_good = (hdus["MASK"].data & Bit.GOOD).astype(bool)
        if np.any(is_good & ~np.isfinite(flux)):
            return "its mask calls pixels good that have no value"
    return ""


def _find_offset(
    data: NDArray[np.float32], place: tuple[float, float], *, is_whole: bool
) -> str:
    middle = (np.array(data.shape) - 1) / 2
    off = np.abs(np.array(place) - middle)
    # A trimmed stamp lacks pixels at an edge: the target may be anywhere in it.
    most = np.full(2, _HALF_PIXEL) if is_whole else middle + _HALF_PIXEL
    if np.all(off <= most):
        return ""
    return f"its galaxy is {off[1]:.2f} columns and {off[0]:.2f} rows off the middle"
