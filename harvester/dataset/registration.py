"""Move the world coordinates of stamps so that the centre of a galaxy is one place.

A colour image shows a dipole where the centres of two bands differ. The astrometry of
frames is mostly better than a centre can be measured: stars of SDSS agree to 0.1 pixels
between bands, and moving each galaxy onto its own centre would displace it by more. So
a stamp is moved only if the difference is certain, visible, and small.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import hypot
from typing import TYPE_CHECKING

from .centres import centre_error, find_centre, pixel_noise
from .resampling import resample
from .sky_grid import grid_of_stamp
from .stamp_reader import StampPlanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .opened.band_names import Band
    from .opened.stamp import HarvestedStamp
    from .sky_grid import SkyGrid

__all__ = ["MOVE_COLUMNS", "register_stamps"]

#: Width of the Gaussian in which the centre of a galaxy is measured, in the widest
#: pixels of its stamps.
_SIGMA = 1.5

#: Widest pixels; the standard error of the difference of two centres must be smaller.
_LARGEST_ERROR = 0.1

#: Widest pixels; centres that differ by less agree.
_LEAST_PIXELS = 0.1

#: Standard errors; a smaller difference may be noise.
_LEAST_ERRORS = 3.0

#: Widest pixels by which a stamp is moved at most if both bands are of one survey.
_MOST_PIXELS = 0.5

#: Arcsec by which a stamp is moved at most between surveys: their astrometry differs
#: more than that of the bands of one survey.
_MOST_ARCSEC = 1.0

#: Columns that the manifest of an aligned run has beside those of the run.
MOVE_COLUMNS = ("registered", "moved_x", "moved_y")


@dataclass(frozen=True, slots=True)
class SkyCentre:
    """Where a galaxy is seen in a band."""

    #: ICRS degrees.
    ra: float
    dec: float
    #: Standard error along an axis, arcsec.
    error: float


@dataclass(frozen=True, slots=True)
class _MoveLimits:
    """When a stamp is moved; arcsec."""

    #: Centres that differ by less agree.
    least: float
    most: float
    #: Of the standard error of the difference.
    error: float

    @classmethod
    def of(cls, band: Band, reference: Band, widest: float) -> _MoveLimits:
        """Give those of a band; ``widest`` is the width of the widest pixels."""
        most = _MOST_PIXELS * widest if band[0] == reference[0] else _MOST_ARCSEC
        return cls(_LEAST_PIXELS * widest, most, _LARGEST_ERROR * widest)


def register_stamps(
    stamps: Mapping[Band, HarvestedStamp],
    grid: SkyGrid,
    how: str,
    fixed: Band | None = None,
) -> dict[Band, HarvestedStamp]:
    """Move the world coordinates of stamps so that the galaxy's centres agree.

    Parameters
    ----------
    grid, how
        Pixels in which the centres are measured, and the way to resample onto them.
    fixed
        The band that stays; without it, or if its centre is not known well, the band
        of the first survey whose centre is known best.

    Returns
    -------
    dict
        Stamps in the same order. ``registered`` in their records and ``REGISTER`` in
        their headers is ``reference``; ``moved``, by ``moved_x`` and ``moved_y`` of
        their own pixels; or, if it stays as it is, ``agreed`` (to 0.1 pixels or within
        three standard errors), ``unsure`` (a centre is not known to 0.1 pixels), or
        ``apart`` (by more than 0.5 pixels, or an arcsecond between surveys).
    """
    areas = [grid_of_stamp(stamp).pixel_area for stamp in stamps.values()]
    widest = max(*areas, grid.pixel_area) ** 0.5
    centres = {
        band: _centre(stamp, grid, how, widest) for band, stamp in stamps.items()
    }
    reference = _reference(centres, fixed, _LARGEST_ERROR * widest)
    if reference is None:
        return {band: _said(stamp, "unsure") for band, stamp in stamps.items()}
    wanted = centres[reference]

    def agreed(band: Band, stamp: HarvestedStamp) -> HarvestedStamp:
        if band == reference:
            return _said(stamp, "reference")
        limits = _MoveLimits.of(band, reference, widest)
        return _moved(stamp, centres[band], wanted, limits)

    return {band: agreed(band, stamp) for band, stamp in stamps.items()}


def _reference(
    centres: Mapping[Band, SkyCentre | None], fixed: Band | None, limit: float
) -> Band | None:
    """Give the band whose centre the others get; None if none is known well."""
    known = {
        band: one.error for band, one in centres.items() if one and one.error < limit
    }
    if fixed in known:
        return fixed
    survey = (fixed or next(iter(centres)))[0]
    of_survey = [band for band in known if band[0] == survey]
    return min(of_survey or known, key=known.__getitem__, default=None)


def _centre(
    stamp: HarvestedStamp, grid: SkyGrid, how: str, widest: float
) -> SkyCentre | None:
    """Give where the galaxy is seen; None if that cannot be measured."""
    source, scale = grid_of_stamp(stamp), grid.pixel_area**0.5
    # In the widest pixels: in narrower ones those of the others are steps.
    sigma = _SIGMA * widest / scale
    planes = StampPlanes(stamp.flux, None, None, None, b"")
    flux = resample(planes, source, grid, how, by_area=False).flux
    ra, dec = float(stamp.record["ra"]), float(stamp.record["dec"])
    x, y = map(float, grid.wcs.world_to_pixel_values(ra, dec))
    found = find_centre(flux, x, y, sigma)
    if found is None:
        return None
    noise = pixel_noise(stamp.flux) * float(stamp.record.get("corr_noise") or 1)
    # Of the mean over the area of a new pixel.
    noise *= (source.pixel_area / grid.pixel_area) ** 0.5
    error = centre_error(flux, *found, sigma, noise) * scale
    seen_ra, seen_dec = map(float, grid.wcs.pixel_to_world_values(*found))
    return SkyCentre(seen_ra, seen_dec, error)


def _moved(
    stamp: HarvestedStamp,
    seen: SkyCentre | None,
    wanted: SkyCentre | None,
    limits: _MoveLimits,
) -> HarvestedStamp:
    """Move a stamp to the wanted centre, or say why not."""
    if seen is None or wanted is None:
        return _said(stamp, "unsure")
    error = hypot(seen.error, wanted.error)
    if error > limits.error:
        return _said(stamp, "unsure")
    own = grid_of_stamp(stamp)
    x, y = own.wcs.world_to_pixel_values((wanted.ra, seen.ra), (wanted.dec, seen.dec))
    shift = (float(x[1] - x[0]), float(y[1] - y[0]))
    distance = hypot(*shift) * own.pixel_area**0.5
    if distance < max(limits.least, _LEAST_ERRORS * error):
        return _said(stamp, "agreed")
    if distance > limits.most:
        return _said(stamp, "apart")
    return _said(stamp, "moved", shift)


def _said(
    stamp: HarvestedStamp, word: str, shift: tuple[float, float] | None = None
) -> HarvestedStamp:
    """Write into record and header what was done, and do it."""
    header = stamp.header.copy()
    header["REGISTER"] = (word, "centre agreed with that of a reference band")
    for axis, step in enumerate(shift or (), 1):
        header[f"CRPIX{axis}"] += step
    for key, step in zip(("REG_DX", "REG_DY"), shift or (), strict=False):
        header[key] = (step, "[pix] moved to agree with the reference band")
    moved = dict(zip(MOVE_COLUMNS, (word, *(shift or (None, None))), strict=True))
    return stamp.replaced(stamp.planes.with_header(header), {**stamp.record, **moved})
