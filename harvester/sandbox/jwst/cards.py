"""The headers of a level-3 mosaic, as long as those of the archive."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .mosaic import Mosaic
    from .pointings import JwstObservation

__all__ = ["Edition", "extension_cards", "primary_cards", "science_cards"]

#: Steradian per square arcsec, and microjansky per megajansky.
_ARCSEC2_SR = math.radians(1.0 / 3600.0) ** 2
_MICRO = 1e12
_EPOCH = datetime(1858, 11, 17, tzinfo=UTC)
#: Earliest DATE of first versions, and of reprocessed ones.
_FIRST, _AGAIN = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC)
_STEPS = (
    *("CHGMIG", "CLNFNS", "DARK", "DQINIT", "FLAT", "GANSCL", "IPC", "JUMP"),
    *("LASTFR", "LINEAR", "OUTLIR", "PERSIS", "PHOTOM", "PICTFR", "RAMP", "REFPIX"),
    *("RESAMP", "SATURA", "SKYMAT", "SRCCAT", "SUPERB", "TWKREG", "WCS"),
)
_REFERENCES = (
    *("ABVEGA", "APCORR", "AREA", "DARK", "DISTOR", "DRZPAR", "FILOFF", "FLAT"),
    *("GAIN", "IPC", "LINEAR", "MASK", "PERSAT", "PHOTOM", "READNO", "REGION"),
    *("SATURA", "SUPERB", "TRPDEN", "TRPPAR"),
)
#: Cards with the same value in every file.
_FIXED: dict[str, Any] = {
    "TIMESYS": "UTC",
    "TIMEUNIT": "s",
    "PRD_VER": "PRDOPSSOC-067",
    "OSS_VER": "8.4.11",
    "GSC_VER": "GSC30",
    "CAL_VCS": "RELEASE",
    "DATAMODL": "ImageModel",
    "TELESCOP": "JWST",
    "HGA_MOVE": False,
    "PNTGOFF": 0.0,
    "CATEGORY": "GO",
    "SUBCAT": "NONE",
    "SCICAT": "Galaxies",
    "CONT_ID": 1,
    "OBSLABEL": "Synthetic galaxies",
    "VISIT": "001",
    "VISITGRP": "02",
    "SEQ_ID": "1",
    "ACT_ID": "01",
    "EXSEGNUM": 1,
    "EXSEGTOT": 1,
    "TEMPLATE": "NIRCam Imaging",
    "ENG_QUAL": "OK",
    "ENGQLPTG": "CALCULATED_TR_202111",
    "BKGDTARG": False,
    "TSOVISIT": False,
    "CROWDFLD": False,
    "TARGTYPE": "FIXED",
    "TARGURA": 0.0,
    "TARGUDEC": 0.0,
    "MU_RA": 0.0,
    "MU_DEC": 0.0,
    "MU_EPOCH": "2000.0",
    "PROP_RA": 0.0,
    "PROP_DEC": 0.0,
    "CORONMSK": "NONE",
    "PILIN": False,
    "EXP_ONLY": "NO",
    "READPATT": "SHALLOW4",
    "NUMDTHPT": 9,
    "PATTTYPE": "INTRAMODULEX",
    "PRIDTYPE": "INTRAMODULEX",
    "PATT_NUM": 1,
    "PATTSIZE": "DEFAULT",
    "SUBPXPTS": 1,
    "SUBPXPAT": "STANDARD",
    "XOFFSET": 0.0,
    "YOFFSET": 0.0,
    "DITHDIRC": "NONE",
    "DITHOPFR": "NONE",
    "NINTS": 1,
    "NGROUPS": 8,
    "NFRAMES": 4,
    "FRMDIVSR": 1,
    "GROUPGAP": 1,
    "DRPFRMS1": 0,
    "DRPFRMS3": 0,
    "NSAMPLES": 1,
    "TSAMPLE": 10.0,
    "TFRAME": 10.73677,
    "TGROUP": 53.68385,
    "EFFINTTM": 418.734,
    "CHRGTIME": 0.0,
    "NRSTSTRT": 1,
    "NRESETS": 1,
    "ZEROFRAM": False,
    "DATAPROB": False,
    "SCA_NUM": 0,
    "DATAMODE": 0,
    "SUBARRAY": "FULL",
    "SUBSTRT1": 1,
    "SUBSTRT2": 1,
    "SUBSIZE1": 2048,
    "SUBSIZE2": 2048,
    "FASTAXIS": -1,
    "SLOWAXIS": 2,
    "OSF_FILE": "none",
    "APERNAME": "NRCALL_FULL",
    "PPS_APER": "NRCALL_FULL",
    "GSSTRTTM": "N/A",
    "GSENDTIM": "N/A",
    "GDSTARID": "N/A",
    "GS_RA": 0.0,
    "GS_DEC": 0.0,
    "GS_URA": 0.0,
    "GS_UDEC": 0.0,
    "GS_MAG": 0.0,
    "GS_UMAG": 0.0,
    "GS_ORDER": 1,
    "GSX_MEAN": 0.0,
    "GSY_MEAN": 0.0,
    "PCS_MODE": "FINEGUIDE",
    "GSCENTX": 0.0,
    "GSCENTY": 0.0,
    "JITTERMS": 0.0,
    "REFFRAME": "ICRS",
    "COORDSYS": "EME2000",
    "EPH_TYPE": "Predicted",
    "JWST_X": 0.0,
    "JWST_Y": 0.0,
    "JWST_Z": 0.0,
    "OBSGEO-X": 0.0,
    "OBSGEO-Y": 0.0,
    "OBSGEO-Z": 0.0,
    "JWST_DX": 0.0,
    "JWST_DY": 0.0,
    "JWST_DZ": 0.0,
    "VA_SCALE": 1.0,
    "VA_RA": 0.0,
    "VA_DEC": 0.0,
    "DVA_RA": 0.0,
    "DVA_DEC": 0.0,
    "BARTDELT": 0.0,
    "HELIDELT": 0.0,
    "POS_X": 0.0,
    "POS_Y": 0.0,
    "POS_Z": 0.0,
    "IS_PSF": False,
    "SELFREF": False,
    "ASNPOOL": "none",
    "CRDS_VER": "13.0.6",
    "SKYMETH": "match",
    "SKYSUB": False,
    "SKYLVL": 0.0,
    "TWKMETH": "GAIADR3",
    "PIXFRAC": 1.0,
    "PXSCLRT": 1.0,
    "KERNEL": "square",
    "WHTTYPE": "ivm",
    "RESBITS": "~DO_NOT_USE",
    "NEXPOSUR": 9,
    "EXPCOUNT": 9,
    "OPMODE": "SLIT",
    "OUTDARK": False,
    "INTERNAL": False,
    "NOUTPUTS": 4,
    "PLANEXP": 9,
    "MOVTARG": False,
    "OVERSUBT": False,
}
#: Pipeline version -> CRDS context, and SDP version.
_CONTEXTS = {"1.11.4": "jwst_1123.pmap", "2.0.1": "jwst_1535.pmap"}
_SYSTEMS = {"1.11.4": "2023_3a", "2.0.1": "2026_1b"}


@dataclass(frozen=True, slots=True)
class Edition:
    """A version of a file: 0 is the first, each reprocessing makes the next."""

    number: int
    cal_ver: str
    #: Pixels that the array has grown by on every side since the first edition.
    margin: int = 0

    def made(self, obs: JwstObservation) -> datetime:
        """Give the time at which the file was written."""
        if self.number:
            return _AGAIN + timedelta(days=self.number, milliseconds=obs.obsid % 997)
        return _FIRST + timedelta(days=obs.obsid % 149, milliseconds=obs.obsid % 997)


def primary_cards(obs: JwstObservation, edition: Edition) -> dict[str, Any]:
    """Give the cards of the primary header, which describe the observation."""
    assert obs.mosaic is not None
    instrument = obs.instrument.partition("/")[0]
    context = _CONTEXTS.get(edition.cal_ver, "jwst_1612.pmap")
    return {
        "DATE": (_time(edition.made(obs)), "UTC date file created"),
        **{key: (value, "fixed in the sandbox") for key, value in _FIXED.items()},
        "FILENAME": (obs.filename, "Name of the file"),
        "SDP_VER": (_SYSTEMS.get(edition.cal_ver, "2026_3"), "data processing version"),
        "CAL_VER": (edition.cal_ver, "Calibration software version number"),
        "CRDS_CTX": (context, "CRDS context"),
        "PROGRAM": (f"{obs.program:05d}", "Program number"),
        "TITLE": ("Galaxies of a synthetic sky", "Proposal title"),
        "PI_NAME": (obs.proposal_pi, "Principal investigator name"),
        "OBSERVTN": (obs.candidate[-3:], "Observation number"),
        "OBS_ID": (obs.exposure_ids()[0][2:], "exposure"),
        "TARGPROP": (obs.target_name, "Proposer's name for the target"),
        "TARGNAME": (obs.target_name, "Standard astronomical catalog name"),
        "TARG_RA": (obs.ra, "Target RA at mid time of exposure"),
        "TARG_DEC": (obs.dec, "Target Dec at mid time of exposure"),
        "INSTRUME": (instrument, "Instrument used to acquire the data"),
        **_optics(obs, instrument),
        "ASNTABLE": (_association(obs), "table"),
        **_times(obs),
        "NDRIZ": (len(obs.mosaic.inputs), "Number of drizzled images"),
        **{f"S_{name}": ("COMPLETE", "calibration step") for name in _STEPS},
        **{
            f"R_{name}": (f"crds://jwst_{name.lower()}_0001.fits", "reference file")
            for name in _REFERENCES
        },
    }


def _optics(obs: JwstObservation, instrument: str) -> dict[str, Any]:
    cards: dict[str, Any] = {
        "EXP_TYPE": ("NRC_IMAGE", "Type of data in the exposure"),
        "DETECTOR": ("MULTIPLE", "Name of detector used to acquire the data"),
        "MODULE": ("MULTIPLE", "NIRCam module: A, B, or MULTIPLE"),
        "CHANNEL": (obs.passband.camera, "Instrument channel"),
        "FILTER": (obs.passband.filter, "Name of the filter element used"),
        "PUPIL": (obs.passband.pupil, "Name of the pupil element used"),
    }
    if instrument == "NIRCAM":
        return cards
    name = "MIR" if instrument == "MIRI" else "NIS"
    cards["EXP_TYPE"] = (f"{name}_IMAGE", "Type of data in the exposure")
    cards["DETECTOR"] = (
        "MIRIMAGE" if instrument == "MIRI" else "NIS",
        "Name of detector used to acquire the data",
    )
    absent = ("MODULE", "CHANNEL", *(() if obs.passband.pupil else ("PUPIL",)))
    return {key: value for key, value in cards.items() if key not in absent}


def _association(obs: JwstObservation) -> str:
    return f"jw{obs.program:05d}-{obs.candidate}_20260301t000000_image3_00001_asn.json"


def _times(obs: JwstObservation) -> dict[str, Any]:
    start, end = _moment(obs.t_min), _moment(obs.t_max)
    middle = start + (end - start) / 2
    return {
        "DATE-OBS": (start.date().isoformat(), "UTC date at start of exposure"),
        "TIME-OBS": (_clock(start), "UTC time at start of exposure"),
        "DATE-BEG": (_time(start), "Date-time start of exposure"),
        "DATE-END": (_time(end), "Date-time end of exposure"),
        "VSTSTART": (_time(start), "UTC visit start time"),
        "EXPSTART": (obs.t_min, "UTC exposure start time (MJD)"),
        "EXPMID": (_mjd(middle), "UTC exposure mid time (MJD)"),
        "EXPEND": (obs.t_max, "UTC exposure end time (MJD)"),
        "EFFEXPTM": (obs.t_exptime, "Effective exposure time (sec)"),
        "DURATION": (obs.t_exptime, "Total duration of exposure (sec)"),
    }


def science_cards(obs: JwstObservation, mosaic: Mosaic) -> dict[str, Any]:
    """Give the cards of SCI: units, photometry, and where the pixels lie."""
    photmjsr = obs.passband.photmjsr
    start, end = _moment(obs.t_min), _moment(obs.t_max)
    return {
        **extension_cards("SCI", "MJy/sr"),
        "MJD-BEG": (obs.t_min, "exposure start time in MJD"),
        "MJD-AVG": (_mjd(start + (end - start) / 2), "exposure mid time in MJD"),
        "MJD-END": (obs.t_max, "exposure end time in MJD"),
        "TDB-BEG": (obs.t_min, "TDB time of exposure start in MJD"),
        "TDB-END": (obs.t_max, "TDB time of exposure end in MJD"),
        "XPOSURE": (obs.t_exptime, "Effective exposure time (sec)"),
        "TELAPSE": (obs.t_exptime, "Total elapsed exposure time (sec)"),
        "PA_APER": (_position_angle(mosaic), "Position angle of aperture used (deg)"),
        "VELOSYS": (0.0, "Barycentric correction to radial velocity (m/s)"),
        "PHOTMJSR": (photmjsr, "Flux density producing 1 cps (MJy/sr)"),
        "PHOTUJA2": (photmjsr * _MICRO * _ARCSEC2_SR, "the same in uJy/arcsec2"),
        "PIXAR_SR": (mosaic.pixar_sr, "Nominal pixel area in steradians"),
        "PIXAR_A2": (mosaic.pixar_sr / _ARCSEC2_SR, "the same in arcsec^2"),
        **_wcs(mosaic),
        "VPARITY": (-1, "Relative sense of rotation"),
        "V3I_YANG": (0.0, "Angle from V3 axis to ideal y axis (deg)"),
        "RA_V1": (mosaic.tangent.ra, "RA of telescope V1 axis (deg)"),
        "DEC_V1": (mosaic.tangent.dec, "Dec of telescope V1 axis (deg)"),
        "PA_V3": (_position_angle(mosaic), "Position angle of V3 axis (deg)"),
        "RA_REF": (mosaic.tangent.ra, "RA of the reference point (deg)"),
        "DEC_REF": (mosaic.tangent.dec, "Dec of the reference point (deg)"),
        "ROLL_REF": (_position_angle(mosaic), "V3 roll angle at the ref point (deg)"),
        "S_REGION": (obs.s_region, "spatial extent of the observation"),
        "SPORDER": (0, "spectral order"),
    }


def _wcs(mosaic: Mosaic) -> dict[str, Any]:
    at = mosaic.tangent
    names = ("PC1_1", "PC1_2", "PC2_1", "PC2_2")
    terms = {
        name: (term, "transformation")
        for name, term in zip(names, mosaic.pc, strict=True)
    }
    return {
        "RADESYS": ("ICRS", "Name of the coordinate reference frame"),
        "WCSAXES": (2, "number of World Coordinate System axes"),
        "CRPIX1": (at.x + 1.0, "axis 1 coordinate of the reference pixel"),
        "CRPIX2": (at.y + 1.0, "axis 2 coordinate of the reference pixel"),
        "CRVAL1": (at.ra, "first axis value at the reference pixel"),
        "CRVAL2": (at.dec, "second axis value at the reference pixel"),
        "CTYPE1": ("RA---TAN", "first axis coordinate type"),
        "CTYPE2": ("DEC--TAN", "second axis coordinate type"),
        "CUNIT1": ("deg", "first axis units"),
        "CUNIT2": ("deg", "second axis units"),
        "CDELT1": (mosaic.cdelt, "first axis increment per pixel"),
        "CDELT2": (mosaic.cdelt, "second axis increment per pixel"),
        **terms,
    }


def extension_cards(name: str, unit: str = "") -> dict[str, Any]:
    """Give the cards that all image extensions have; only SCI has more."""
    cards: dict[str, Any] = {"EXTNAME": (name, "extension name")}
    return cards | (
        {"BUNIT": (unit, "physical units of the array values")} if unit else {}
    )


def _position_angle(mosaic: Mosaic) -> float:
    _, east, _, north = mosaic.pc
    return round(math.degrees(math.atan2(east, north)) % 360.0, 10)


def _moment(mjd: float | None) -> datetime:
    assert mjd is not None, "a plan has no file"
    return _EPOCH + timedelta(days=mjd)


def _mjd(moment: datetime) -> float:
    return (moment - _EPOCH) / timedelta(days=1)


def _time(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").removesuffix("+00:00")


def _clock(moment: datetime) -> str:
    return _time(moment).partition("T")[2]
