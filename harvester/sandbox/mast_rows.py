"""The rows of HST at MAST: observations, and the products of each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .paint_hst import drz_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .pointings import Observation

__all__ = ["HLA_URI", "PRODUCT_URI", "observation_row", "product_rows", "twin_of"]

#: Prefixes of the URIs of files at MAST.
PRODUCT_URI = "mast:HST/product/"
HLA_URI = "mast:HLA/url/cgi-bin/getdata.cgi?dataset="

#: Suffix -> description, product type, typical size, calibration level.
_MEMBER_FILES = {
    "flt": ("FLT file - Calibrated exposure", "SCIENCE", 16_580_160, 2),
    "ima": ("IMA file - Intermediate reads", "AUXILIARY", 134_343_360, 2),
    "raw": ("RAW file - Uncalibrated exposure", "AUXILIARY", 34_254_720, 1),
    "spt": ("SPT file - Engineering support", "INFO", 51_840, 1),
}
#: Every third observation has a second version in the Hubble Legacy Archive.
_TWIN = 3
_HLA_SIZE = 138_614_400


def observation_row(obs: Observation) -> dict[str, Any]:
    """Give the row of an observation, with the columns `mast_columns.OBSERVATIONS`."""
    band = obs.passband
    root = obs.filename.removesuffix(".fits")
    region = "OPTICAL" if band.name == "F814W" else "Infrared"
    return {
        "intentType": "science",
        "obs_collection": "HST",
        "provenance_name": _pipeline(obs),
        "instrument_name": obs.instrument,
        "project": "HST",
        "filters": obs.filters,
        "wave_region": region,
        "target_name": obs.target_name,
        "target_classification": "GALAXY;SPIRAL;;ELLIPTICAL",
        "obs_id": obs.obs_id,
        "s_ra": obs.ra,
        "s_dec": obs.dec,
        "dataproduct_type": "image",
        "proposal_pi": obs.proposal_pi,
        "calib_level": 3,
        "t_min": obs.t_min,
        "t_max": obs.t_max,
        "t_exptime": obs.t_exptime,
        "wavelength_region": region.upper(),
        "em_min": band.em_min,
        "em_max": band.em_max,
        "obs_title": "Galaxies of a synthetic sky",
        "t_obs_release": obs.t_obs_release,
        "proposal_id": obs.proposal_id,
        "proposal_type": "GO",
        "sequence_number": None,
        "s_region": obs.s_region,
        "jpegURL": f"{PRODUCT_URI}{root}.jpg",
        "dataURL": f"{PRODUCT_URI}{obs.filename}",
        "dataRights": obs.rights,
        "mtFlag": False,
        "srcDen": None,
        "obsid": obs.obsid,
        "objID": 1_100_000_000 + obs.obsid,
        "wave_min": band.em_min,
        "wave_max": band.em_max,
    }


def product_rows(obs: Observation) -> Iterator[dict[str, Any]]:
    """List the products of an observation, of its exposures and of the HLA version."""
    if name := twin_of(obs):
        yield from _twin_rows(obs, name)
    for number, member in enumerate(obs.members, 1):
        for suffix, (about, kind, size, level) in _MEMBER_FILES.items():
            row = _row(obs, f"{member}_{suffix}.fits", f"DADS {about}")
            row |= {"obsID": str(obs.obsid + number), "obs_id": member, "type": "S"}
            yield row | {"productType": kind, "size": size, "calib_level": level}
    row = _row(obs, f"{obs.obs_id}_asn.fits", "DADS ASN file - Association table")
    yield row | {"productType": "AUXILIARY", "size": 8640, "calib_level": 1}
    # All observations of a proposal list this file: clients must drop duplicates.
    row = _row(obs, f"{obs.obs_id[:4]}00_jit.fits", "DADS JIT file - Pointing")
    yield row | {"productType": "INFO", "size": 37440, "calib_level": 1}
    row = _row(obs, obs.filename.replace(".fits", ".jpg"), "Preview-Full")
    yield row | {"productType": "PREVIEW", "calib_level": 3}
    yield _combined(obs)


def _combined(obs: Observation) -> dict[str, Any]:
    about = "DADS DRZ file - Calibrated combined image ACS/WFC3/WFPC2/STIS"
    row = _row(obs, obs.filename, about)
    return row | {
        "productType": "SCIENCE",
        "productGroupDescription": "Minimum Recommended Products",
        "size": drz_size(obs),
        "calib_level": 3,
        "prvversion": "DrizzlePac 3.11.0",
    }


def _row(obs: Observation, filename: str, about: str) -> dict[str, Any]:
    """Fill in the columns that most products of an observation share."""
    suffix = filename.partition("_")[2].partition(".")[0].upper()
    return {
        "obsID": str(obs.obsid),
        "obs_collection": "HST",
        "dataproduct_type": "image",
        "obs_id": obs.obs_id,
        "description": about,
        "type": "D",
        "dataURI": PRODUCT_URI + filename,
        "productType": "AUXILIARY",
        "productGroupDescription": None,
        "productSubGroupDescription": None if about == "Preview-Full" else suffix,
        "productDocumentationURL": None,
        "project": _pipeline(obs),
        "prvversion": None,
        "proposal_id": obs.proposal_id,
        "productFilename": filename,
        "size": None,
        "parent_obsid": str(obs.obsid),
        "dataRights": obs.rights,
        "calib_level": 2,
        "filters": obs.filters,
    }


def twin_of(obs: Observation) -> str:
    """Give the name of the Legacy Archive's version of the image, or an empty text."""
    if obs.obsid % _TWIN:
        return ""
    instrument = obs.instrument.replace("/", "_").lower()
    visit, band = obs.obs_id[4:6], obs.filters.lower()
    return f"hst_{obs.proposal_id}_{visit}_{instrument}_{band}"


def _twin_rows(obs: Observation, name: str) -> Iterator[dict[str, Any]]:
    same = {
        "obsID": str(25_000_000 + obs.obsid % 1_000_000),
        "obs_collection": "HLA",
        "obs_id": name,
        "type": "S",
        "project": "HLA",
        "calib_level": 2,
    }
    preview = _row(obs, f"{name}_drz.jpg", "Preview-Full") | same
    yield preview | {
        "productType": "PREVIEW",
        "dataURI": f"mast:HLA/url/cgi-bin/preview.cgi?dataset={name}",
    }
    image = _row(obs, f"{name}_drz.fits", "HLA simple fits science image") | same
    yield image | {
        "productType": "SCIENCE",
        "productSubGroupDescription": "DRZ",
        "dataURI": f"{HLA_URI}{name}_drz.fits",
        "size": _HLA_SIZE,
    }


def _pipeline(obs: Observation) -> str:
    return "CALACS" if obs.instrument.startswith("ACS") else "CALWF3"
