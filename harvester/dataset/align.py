"""Bring all stamps of a galaxy onto one pixel grid, so that bands can be combined.

Stamps are cut on whole pixels, and each band has its own: without this, a colour image
of one galaxy shows a dipole of up to a pixel.
"""

from __future__ import annotations

import re
from math import log10
from typing import TYPE_CHECKING, Any

import numpy as np

from ..errors import InputError
from .opened.band_names import read_band
from .registration import register_stamps
from .resampling import needs_area, resample
from .sky_grid import SkyGrid, grid_around, grid_of_stamp
from .stamp_reader import StampPlanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from astropy.io.fits import Header
    from numpy.typing import NDArray

    from .opened.band_names import Band
    from .opened.stamp import HarvestedStamp

__all__ = ["align"]

#: Keywords that tell where the pixels of a stamp are; the new ones replace them.
_OF_WCS = re.compile(
    r"WCSAXES|WCSNAME|(CTYPE|CRPIX|CRVAL|CUNIT|CDELT|CROTA)\d|(CD|PC|PV|PS)\d+_\d+"
    r"|RADESYS|RADECSYS|EQUINOX|LONPOLE|LATPOLE|[AB]P?_(ORDER|DMAX|\d+_\d+)"
)


def align(
    stamps: Mapping[Band, HarvestedStamp],
    to: str = "north",
    how: str = "exact",
    *,
    pixel_scale: float | None = None,
    size: str | None = None,
    register: bool = True,
) -> dict[Band, HarvestedStamp]:
    """Resample the stamps of a galaxy onto one pixel grid.

    Parameters
    ----------
    stamps
        The stamps of one galaxy by survey and band. The first decides what is not
        given.
    to
        ``north``: north is up, east left, the galaxy exactly in the middle; ``grid``:
        the same in the orientation of the first stamp; or a band such as ``sdss:r``:
        the pixels of its stamp, which keeps its flux as it is.
    how
        ``exact`` (conserves flux), ``bilinear`` or ``adaptive``.
    pixel_scale
        Width of a new pixel, arcsec; not with a band.
    size
        Side of the new stamps, such as ``"40px"`` or ``"15arcsec"``; not with a band.
    register
        Whether to move the world coordinates of each band so that the galaxy's centre
        agrees with that in a reference band: see `register_stamps`. Without it the
        astrometry of the frames decides, which bands may have wrong by 0.3 pixels. With
        it, a true difference of the centres of up to 0.5 pixels is lost.

    Returns
    -------
    dict
        Stamps in the same order and units. Fluxes per pixel are scaled to the area of
        the new pixels, MJy/sr is not. The variance is that of areas of many pixels; a
        pixel is good if all that contribute are. Records and headers tell the new
        pixels, and how they were made.

    Raises
    ------
    InputError
        A name is not known, reproject is not installed, a unit is not known, or the
        grid cannot be laid.
    """
    if not stamps:
        return {}
    grid, kept = _grid(stamps, to, pixel_scale, size)
    given = register_stamps(stamps, grid, how, kept) if register else stamps
    return {
        band: stamp if band == kept else _aligned(stamp, grid, how, f"{to}, {how}")
        for band, stamp in given.items()
    }


def _grid(
    stamps: Mapping[Band, HarvestedStamp],
    to: str,
    pixel_scale: float | None,
    size: str | None,
) -> tuple[SkyGrid, Band | None]:
    """Give the grid, and the band whose own pixels it is."""
    if to in ("north", "grid"):
        first = next(iter(stamps.values()))
        grid = grid_around(
            first, north_up=to == "north", pixel_scale=pixel_scale, size=size
        )
        return grid, None
    band = read_band(_full_name(to, stamps), stamps.keys())
    if pixel_scale is not None or size is not None:
        msg = (
            f"stamps aligned to {to} have its pixels, so that no pixel scale and no "
            "size can be given; `north` and `grid` take them"
        )
        raise InputError(msg)
    return grid_of_stamp(stamps[band]), band


def _full_name(to: str, stamps: Mapping[Band, HarvestedStamp]) -> str:
    """Give ``survey:band`` for the name of a band that only one survey has."""
    found = [":".join(band) for band in stamps if band[1] == to]
    if len(found) > 1:
        msg = f"the band {to!r} could be {' or '.join(found)}"
        raise InputError(msg)
    return found[0] if found else to


# -- resampling ------------------------------------------------------------------------


def _aligned(
    stamp: HarvestedStamp, grid: SkyGrid, how: str, said: str
) -> HarvestedStamp:
    source = grid_of_stamp(stamp)
    unit = str(stamp.record.get("unit") or stamp.header.get("BUNIT") or "")
    by_area = needs_area(unit)
    new = resample(stamp.planes, source, grid, how, by_area=by_area)
    record = {**stamp.record, **_facts(stamp, source, grid, by_area=by_area)}
    record["coverage"] = float(np.isfinite(new.flux).mean())
    psf = None if stamp.psf is None else _psf(stamp, source, grid)
    planes = StampPlanes(new.flux, new.ivar, new.mask, psf, b"")
    header = _header(stamp.header, grid, record, said)
    return stamp.replaced(planes.with_header(header), record)


def _facts(
    stamp: HarvestedStamp, source: SkyGrid, grid: SkyGrid, *, by_area: bool
) -> dict[str, Any]:
    record = stamp.record
    facts = grid.facts(float(record["ra"]), float(record["dec"]))
    # It is no window of the frame any more.
    facts.update(x0=None, y0=None)
    if not by_area:
        # One unit in a larger pixel is more flux.
        ratio = grid.pixel_area / source.pixel_area
        if record.get("zero_point") is not None:
            facts["zero_point"] = record["zero_point"] - 2.5 * log10(ratio)
        if record.get("to_njy") is not None:
            facts["to_njy"] = record["to_njy"] * ratio
    return facts


def _header(old: Header, grid: SkyGrid, record: Mapping[str, Any], said: str) -> Header:
    header = old.copy()
    for key in [key for key in header if _OF_WCS.fullmatch(key)]:
        del header[key]
    header["NAXIS1"], header["NAXIS2"] = grid.shape[1], grid.shape[0]
    header["COVERAGE"] = (record["coverage"], "part of the pixels that hold a value")
    if "MAGZERO" in header and record.get("zero_point") is not None:
        header["MAGZERO"] = (record["zero_point"], "AB magnitude of one unit")
    header.update(grid.wcs.to_header())
    header["ALIGNED"] = (said, "grid and way of the resampling")
    header["IVARNOTE"] = ("areas", "variance is that of sums over many pixels")
    header["MASKNOTE"] = ("all", "good if all contributing pixels are good")
    return header


def _psf(stamp: HarvestedStamp, source: SkyGrid, grid: SkyGrid) -> NDArray[np.float32]:
    """Resample the point spread function, again centred, with the sum 1."""
    assert stamp.psf is not None
    ra, dec = float(stamp.record["ra"]), float(stamp.record["dec"])
    old = stamp.psf.shape[0]
    side = round(old * (source.pixel_area / grid.pixel_area) ** 0.5) // 2 * 2 + 1
    planes = StampPlanes(stamp.psf, None, None, None, b"")
    new = resample(
        planes,
        _centred(source, ra, dec, old),
        _centred(grid, ra, dec, side),
        "bilinear" if grid.pixel_area < source.pixel_area else "exact",
        by_area=True,
    ).flux
    new = np.nan_to_num(new)
    scaled: NDArray[np.float32] = (new / new.sum()).astype(np.float32)
    return scaled


def _centred(grid: SkyGrid, ra: float, dec: float, side: int) -> SkyGrid:
    """Give pixels that lie as those of a grid, with a position in the middle."""
    x, y = map(float, grid.wcs.world_to_pixel_values(ra, dec))
    return grid.moved((side - 1) / 2 - x, (side - 1) / 2 - y, (side, side))
