"""Resample the planes of a stamp onto other pixels of the sky, with `reproject`.

Three ways, by name: ``exact`` weighs the pixels by their common area and conserves the
flux; ``bilinear`` interpolates, which is quicker and undersamples if the new pixels are
larger; ``adaptive`` interpolates and averages with a Gaussian, which blurs a little.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u

from ..errors import InputError
from ..models.planes import Bit
from .pixel_unit import read_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from .sky_grid import SkyGrid
    from .stamp_reader import StampPlanes

    Resample = Callable[..., tuple[NDArray[np.float64], NDArray[np.float64]]]

__all__ = ["WAYS", "Resampled", "needs_area", "resample"]

#: The names of the ways.
WAYS = ("exact", "bilinear", "adaptive")

#: Weight of a bad pixel from which it counts as contributing: what lies below is
#: rounding, or the far tail of a Gaussian.
_CONTRIBUTES = 1e-4

#: Part of a new pixel that may lie outside the stamp, by rounding.
_OUTSIDE = 1e-3


@dataclass(frozen=True, slots=True)
class Resampled:
    """The planes of a stamp on other pixels, ``(ny, nx)``."""

    flux: NDArray[np.float32]
    ivar: NDArray[np.float32] | None
    mask: NDArray[np.uint8] | None


def needs_area(unit: str) -> bool:
    """Tell whether values in a unit scale with the area of the pixels.

    Electrons and nanomaggies of a pixel do; MJy/sr does not.

    Raises
    ------
    InputError
        The unit is not known, so that this cannot be told.
    """
    known = read_unit(unit).decompose()
    powers = dict(zip(known.bases, known.powers, strict=True))
    # Per solid angle, or per area of an angle such as arcsec^2.
    return not (powers.get(u.rad, 0) == -2 or powers.get(u.sr, 0) == -1)  # noqa: PLR2004 - square


def resample(
    planes: StampPlanes, source: SkyGrid, target: SkyGrid, how: str, *, by_area: bool
) -> Resampled:
    """Resample the planes of a stamp.

    Parameters
    ----------
    how
        One of `WAYS`.
    by_area
        Whether values scale with the area of the pixels: `needs_area`.

    Returns
    -------
    Resampled
        A new pixel has a flux if it lies in the stamp, and all contributing pixels have
        one; it is GOOD if all contributing pixels are, and has each other bit that one
        of them has. The variance is such that sums over areas of many pixels have the
        right noise; neighbouring new pixels share noise, so that single ones scatter
        less.
    """
    layers = dict(_layers(planes))
    cube, footprint = _resampler(how)(
        (np.stack(list(layers.values())), source.wcs),
        target.wcs,
        shape_out=target.shape,
    )
    outside = footprint[0] < 1 - _OUTSIDE
    new = dict(zip(layers, np.nan_to_num(cube), strict=True))
    lacking = outside | (new["empty"] > _CONTRIBUTES)
    ratio = target.pixel_area / source.pixel_area
    flux = np.where(lacking, np.nan, new["flux"] * (ratio if by_area else 1))
    ivar = None
    if planes.ivar is not None:
        variance = new["variance"] * (ratio if by_area else 1 / ratio)
        unknown = lacking | (new["unknown"] > _CONTRIBUTES) | (variance <= 0)
        ivar = np.where(unknown, 0, 1 / np.where(unknown, 1, variance))
        ivar = ivar.astype(np.float32)
    mask = None if planes.mask is None else _mask(new, outside=outside, lacking=lacking)
    return Resampled(flux.astype(np.float32), ivar, mask)


def _layers(planes: StampPlanes) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Give the images to resample: without NaN, which would spread."""
    empty = ~np.isfinite(planes.flux)
    yield "flux", np.where(empty, 0, planes.flux).astype(float)
    yield "empty", empty.astype(float)
    if planes.ivar is not None:
        unknown = ~(planes.ivar > 0)
        yield "variance", np.where(unknown, 0, 1 / np.where(unknown, 1, planes.ivar))
        yield "unknown", unknown.astype(float)
    if planes.mask is not None:
        yield "bad", ((planes.mask & int(Bit.GOOD)) == 0).astype(float)
        for bit in Bit:
            if bit is not Bit.GOOD and (planes.mask & int(bit)).any():
                yield bit.name or "", ((planes.mask & int(bit)) != 0).astype(float)


def _mask(
    new: dict[str, NDArray[np.float64]],
    *,
    outside: NDArray[np.bool_],
    lacking: NDArray[np.bool_],
) -> NDArray[np.uint8]:
    mask = np.where(lacking | (new["bad"] > _CONTRIBUTES), 0, int(Bit.GOOD))
    for bit in Bit:
        if bit.name in new:
            mask |= np.where(new[bit.name] > _CONTRIBUTES, int(bit), 0)
    mask |= np.where(outside, int(Bit.OUTSIDE), 0)
    return mask.astype(np.uint8)


def _resampler(how: str) -> Resample:
    if how not in WAYS:
        msg = f"there is no way {how!r} to resample; there are {', '.join(WAYS)}"
        raise InputError(msg)
    try:
        import reproject
    except ImportError as error:
        msg = (
            "aligning stamps needs reproject. Install it with: "
            "pip install 'galaxy-harvester[align]'"
        )
        raise InputError(msg) from error
    ways: dict[str, Any] = {
        "exact": reproject.reproject_exact,
        "bilinear": partial(reproject.reproject_interp, order="bilinear"),
        # Without flux conservation: the values are scaled by the area afterwards.
        "adaptive": reproject.reproject_adaptive,
    }
    resampler: Resample = ways[how]
    return resampler
