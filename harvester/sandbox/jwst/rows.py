"""The rows of JWST at MAST: observations, and the products of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

from ..mast_query import Listing
from ..tangent import sky_to_plane
from .pointings import exposure_obsid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .cards import Edition
    from .pointings import JwstObservation

__all__ = ["PRODUCT_URI", "listing", "product_rows"]

#: Prefix of the URIs of files at MAST.
PRODUCT_URI = "mast:JWST/product/"
_COMBINED = 3


class _Kind(NamedTuple):
    """A kind of product, named by the end of its file name."""

    suffix: str
    #: ``productType``, and ``productSubGroupDescription``.
    type: str
    group: str | None
    level: int
    #: Typical bytes; previews have none.
    size: int | None
    about: str


#: Products of each exposure of each detector.
_EXPOSURE_KINDS = (
    _Kind("uncal.fits", "SCIENCE", "UNCAL", 1, 83_946_240, "uncalibrated exposure"),
    _Kind("uncal.jpg", "PREVIEW", None, 1, None, "Preview-Full"),
    _Kind("uncal_thumb.jpg", "PREVIEW", None, 1, None, "Preview-Thumb"),
    _Kind("ramp.fits", "AUXILIARY", "RAMP", 2, 151_090_560, "corrected ramp"),
    _Kind("rateints.fits", "SCIENCE", "RATEINTS", 2, 83_943_360, "rate of each ramp"),
    _Kind("rate.fits", "SCIENCE", "RATE", 2, 83_940_480, "rate of an exposure"),
    _Kind("rate.jpg", "PREVIEW", None, 2, None, "Preview-Full"),
    _Kind("cal.fits", "SCIENCE", "CAL", 2, 117_538_560, "calibrated exposure"),
    _Kind("cal.jpg", "PREVIEW", None, 2, None, "Preview-Full"),
    _Kind("i2d.fits", "SCIENCE", "I2D", 2, 152_876_160, "rectified exposure"),
    _Kind("i2d.jpg", "PREVIEW", None, 2, None, "Preview-Full"),
    _Kind("crf.fits", "AUXILIARY", "CRF", 2, 117_547_200, "outliers flagged"),
    _Kind("trapsfilled.fits", "AUXILIARY", "TRAPSFILLED", 2, 33_563_520, "traps"),
    _Kind("cal_thumb.jpg", "PREVIEW", None, 2, None, "Preview-Thumb"),
)
#: Products of a mosaic besides the mosaic itself.
_MOSAIC_KINDS = (
    _Kind("cat.ecsv", "SCIENCE", "CAT", 3, 9_139_451, "source catalog"),
    _Kind("segm.fits", "SCIENCE", "SEGM", 3, 195_385_000, "segmentation map"),
    _Kind("i2d.jpg", "PREVIEW", None, 3, None, "Preview-Full"),
    _Kind("i2d_thumb.jpg", "PREVIEW", None, 3, None, "Preview-Thumb"),
)


def listing(obs: JwstObservation) -> Listing:
    """Give the row of an observation with its footprint."""
    first = obs.footprint[0]
    (ra, dec), *_ = first
    corners = [corner for polygon in obs.footprint for corner in polygon]
    xi, eta = sky_to_plane(ra, dec, *zip(*corners, strict=True))
    reach = max(map(math.hypot, xi.tolist(), eta.tolist()))
    return Listing(_row(obs), obs.footprint, ra, dec, reach)


def _row(obs: JwstObservation) -> dict[str, Any]:
    band = obs.passband
    name = obs.filename
    return {
        "intentType": "science",
        "obs_collection": "JWST",
        "provenance_name": "CALJWST" if name else None,
        "instrument_name": obs.instrument,
        "project": "JWST",
        "filters": band.filters,
        "wave_region": "INFRARED",
        "target_name": obs.target_name,
        "target_classification": "Galaxy; Spiral galaxies; Elliptical galaxies",
        "obs_id": obs.obs_id,
        "s_ra": obs.ra,
        "s_dec": obs.dec,
        "dataproduct_type": "image",
        "proposal_pi": obs.proposal_pi,
        "calib_level": obs.calib_level,
        "t_min": obs.t_min,
        "t_max": obs.t_max,
        "t_exptime": obs.t_exptime,
        "wavelength_region": "INFRARED",
        "em_min": band.em_min,
        "em_max": band.em_max,
        "obs_title": "Galaxies of a synthetic sky",
        "t_obs_release": obs.t_obs_release,
        "proposal_id": str(obs.program),
        "proposal_type": "GO",
        "sequence_number": None,
        "s_region": obs.s_region,
        "jpegURL": PRODUCT_URI + name.replace(".fits", ".jpg") if name else None,
        "dataURL": PRODUCT_URI + name if name else None,
        "dataRights": obs.rights,
        "mtFlag": False,
        "srcDen": None,
        "obsid": obs.obsid,
        "objID": 600_000_000 + obs.obsid,
        "wave_min": band.em_min,
        "wave_max": band.em_max,
    }


def product_rows(
    obs: JwstObservation, edition: Edition, size: int
) -> Iterator[dict[str, Any]]:
    """List the products of a mosaic: first those of all its exposures.

    Parameters
    ----------
    edition, size
        The current version of the mosaic, and its bytes.
    """
    for number, exposure in enumerate(obs.exposure_ids()):
        yield from _exposure_rows(obs, exposure, exposure_obsid(obs, number), edition)
    for kind in _MOSAIC_KINDS:
        yield _product(obs, obs.obs_id, kind, edition)
    kind = _Kind("i2d.fits", "SCIENCE", "I2D", 3, size, "combined and rectified image")
    yield _product(obs, obs.obs_id, kind, edition) | _RECOMMENDED


_RECOMMENDED = {"productGroupDescription": "Minimum Recommended Products"}


def _exposure_rows(
    obs: JwstObservation, exposure: str, obsid: int, edition: Edition
) -> Iterator[dict[str, Any]]:
    for kind in _EXPOSURE_KINDS:
        row = _product(obs, exposure, kind, edition)
        # Products of exposures have the mosaic as parent_obsid and their own obsID.
        yield (
            row | {"obsID": str(obsid)} | (_RECOMMENDED if kind.group == "CAL" else {})
        )


def exposure_product_rows(
    obs: JwstObservation, edition: Edition
) -> Iterator[dict[str, Any]]:
    """List the files of an exposure that has a row of its own."""
    for kind in _EXPOSURE_KINDS:
        yield _product(obs, obs.obs_id, kind, edition)


def _product(
    obs: JwstObservation, name: str, kind: _Kind, edition: Edition
) -> dict[str, Any]:
    middle = f"{obs.candidate}_" if kind.group == "CRF" else ""
    filename = f"{name}_{middle}{kind.suffix}"
    return {
        "obsID": str(obs.obsid),
        "obs_collection": "JWST",
        "dataproduct_type": "image",
        "obs_id": name,
        "description": kind.about,
        "type": "S",
        "dataURI": PRODUCT_URI + filename,
        "productType": kind.type,
        "productGroupDescription": None,
        "productSubGroupDescription": kind.group,
        "productDocumentationURL": None,
        "project": "CALJWST",
        "prvversion": edition.cal_ver,
        "proposal_id": str(obs.program),
        "productFilename": filename,
        "size": kind.size,
        "parent_obsid": str(obs.obsid),
        "dataRights": obs.rights,
        "calib_level": kind.level,
        "filters": obs.passband.filters,
    }
