"""Paint HST images: drizzled, rotated, and empty outside of the exposures.

As in the products of the pipeline the sky is subtracted, WHT is the exposure of each
pixel in seconds, and the noise of neighbouring pixels is correlated.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy.io import fits

from . import hdus, sersic
from .drizzle import drizzle_noise

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .pointings import Observation, Passband
    from .sky import Sky

__all__ = ["drz", "drz_size", "light"]

#: Magnitudes of early and of late galaxies in each filter minus those in r.
_COLOURS = {
    "F160W": (-1.6, -1.1),
    "F140W": (-1.5, -1.0),
    "F125W": (-1.3, -0.9),
    "F814W": (-0.55, -0.35),
}
_SEEING_ARCSEC = {"WFC3/IR": 0.17, "ACS/WFC": 0.11}
#: Sky in electrons per second and pixel; its noise stays when it is subtracted.
_SKY = 0.72
_READ_NOISE = 15.0
_STARS = 25
#: Number of dead pixels, and their least distance from a galaxy in pixels.
_DEAD_PIXELS, _KEEP_OFF = 60, 12.0
_NOISE = 6
#: Cards in the headers of real files: PRIMARY; SCI, WHT and CTX.
_PRIMARY_CARDS, _PLANE_CARDS = 750, (82, 44, 37)
#: Width in arcsec of the pixels of the exposures.
_EXPOSED_ARCSEC = {"WFC3/IR": 0.12825, "ACS/WFC": 0.05}


def drz(sky: Sky, obs: Observation) -> bytes:
    """Paint the combined image of an observation: PRIMARY, SCI, WHT, CTX, HDRTAB."""
    rng = np.random.default_rng([sky.seed, _NOISE, obs.obsid])
    dead = _dead(rng, sky, obs)
    noise, share = drizzle_noise(rng, (obs.ny, obs.nx), obs.exposures, _tilt_deg(obs))
    seen = _seen(obs) & ~dead & (share > 0)
    science = light(sky, obs)
    science += noise * np.sqrt(_variance(science, obs))
    science[~seen] = np.nan
    weight = np.where(seen, share * np.float32(obs.t_exptime), np.float32(0.0))
    context = np.where(seen, np.int32(2**obs.exposures - 1), np.int32(0))
    planes = (science, weight, context)
    images = zip(_plane_cards(obs), planes, _PLANE_CARDS, strict=True)
    return b"".join(
        [
            hdus.primary(_primary_cards(obs), count=_PRIMARY_CARDS),
            *(hdus.image(*image) for image in images),
            _exposure_table(obs),
        ]
    )


def drz_size(obs: Observation) -> int:
    """Give the number of bytes that `drz` makes, without painting."""
    plane = np.broadcast_to(np.float32(0.0), (obs.ny, obs.nx))
    images = zip(_plane_cards(obs), _PLANE_CARDS, strict=True)
    primary = hdus.primary(_primary_cards(obs), count=_PRIMARY_CARDS)
    ends = len(primary) + len(_exposure_table(obs))
    return ends + sum(hdus.image_size(cards, plane, n) for cards, n in images)


def _seen(obs: Observation) -> NDArray[np.bool_]:
    """Give the mask of pixels inside the drizzled outline."""
    y, x = np.ogrid[: obs.ny, : obs.nx]
    seen = np.ones((obs.ny, obs.nx), bool)
    following = (*obs.corners[1:], obs.corners[0])
    for (x0, y0), (x1, y1) in zip(obs.corners, following, strict=True):
        seen &= (x1 - x0) * (y - y0) - (y1 - y0) * (x - x0) >= 0
    return seen


def _dead(rng: np.random.Generator, sky: Sky, obs: Observation) -> NDArray[np.bool_]:
    dead = np.zeros((obs.ny, obs.nx), bool)
    ys = rng.integers(0, obs.ny, _DEAD_PIXELS)
    xs = rng.integers(0, obs.nx, _DEAD_PIXELS)
    keep = np.ones(_DEAD_PIXELS, bool)
    for galaxy in sky.galaxies_in_observation(obs):
        x, y = obs.tangent.to_pixel(galaxy.ra, galaxy.dec)
        keep &= np.hypot(xs - x, ys - y) > _KEEP_OFF
    dead[ys[keep], xs[keep]] = True
    return dead


def light(sky: Sky, obs: Observation) -> NDArray[np.float32]:
    """Paint galaxies and a few stars without noise, in electrons per second."""
    rng = np.random.default_rng([sky.seed, _NOISE, obs.obsid, 1])
    image = np.zeros((obs.ny, obs.nx), np.float32)
    seeing = _SEEING_ARCSEC[obs.instrument]
    for galaxy in sky.galaxies_in_observation(obs):
        early, late = _COLOURS[obs.filters]
        magnitude = galaxy.mag_r + (early if galaxy.morphology == 1 else late)
        flux = _electrons(magnitude, obs.passband)
        sersic.add(image, sersic.blob_of(galaxy, obs.tangent, flux, seeing))
    for _ in range(_STARS):
        x, y = rng.uniform(0, obs.nx), rng.uniform(0, obs.ny)
        flux = _electrons(rng.uniform(22.0, 25.0), obs.passband)
        sersic.add(image, sersic.star(x, y, flux, 1.1))
    return image


def _variance(flux: NDArray[np.float32], obs: Observation) -> NDArray[np.float32]:
    """Give the variance of independent pixels that see the whole exposure."""
    read = obs.exposures * (_READ_NOISE / obs.t_exptime) ** 2
    return (flux + np.float32(_SKY)) / np.float32(obs.t_exptime) + np.float32(read)


def _tilt_deg(obs: Observation) -> float:
    """Give the angle between the exposures and the image."""
    (x0, y0), (x1, y1), *_ = obs.corners
    return math.degrees(math.atan2(y1 - y0, x1 - x0))


def _electrons(magnitude: float, band: Passband) -> float:
    """Electrons per second of an AB magnitude (zero point of the WFC3 handbook)."""
    zero = -2.5 * math.log10(band.photflam) - 21.10
    zero += 18.692 - 5.0 * math.log10(band.photplam)
    return float(10.0 ** (-0.4 * (magnitude - zero)))


def _primary_cards(obs: Observation) -> dict[str, Any]:
    instrument, detector = obs.instrument.split("/")
    start = datetime(1858, 11, 17, tzinfo=UTC) + timedelta(days=obs.t_min)
    last, _, first = obs.proposal_pi.partition(", ")
    return {
        "FILENAME": (obs.filename, "name of file"),
        "FILETYPE": ("SCI", "type of data found in data file"),
        "TELESCOP": ("HST", "telescope that the sandbox pretends"),
        "INSTRUME": (instrument, "instrument"),
        "EQUINOX": (2000.0, "equinox of coordinate system"),
        "ROOTNAME": (obs.filename[:9], "rootname of the observation set"),
        "IMAGETYP": ("EXT", "type of exposure"),
        "PRIMESI": (instrument, "instrument designated as prime"),
        "TARGNAME": (obs.target_name, "proposer's target name"),
        "RA_TARG": (obs.ra, "right ascension of the target (deg)"),
        "DEC_TARG": (obs.dec, "declination of the target (deg)"),
        "PROPOSID": (int(obs.proposal_id), "proposal"),
        "LINENUM": ("01.001", "proposal logsheet line number"),
        "PR_INV_L": (last, "last name of principal investigator"),
        "PR_INV_F": (first, "first name of principal investigator"),
        "DATE-OBS": (start.date().isoformat(), "UT date of start of observation"),
        "TIME-OBS": (start.strftime("%H:%M:%S"), "UT time of start of observation"),
        "EXPSTART": (obs.t_min, "exposure start time (MJD)"),
        "EXPEND": (obs.t_max, "exposure end time (MJD)"),
        "EXPTIME": (obs.t_exptime, "exposure duration (seconds)"),
        "TEXPTIME": (obs.t_exptime, "total exposure of all inputs (seconds)"),
        "EXPFLAG": ("NORMAL", "exposure interruption indicator"),
        "QUALITY": "",
        "OBSTYPE": ("IMAGING", "observation type"),
        "OBSMODE": ("MULTIACCUM", "operating mode"),
        "SCLAMP": ("NONE", "lamp status"),
        "NRPTEXP": (obs.exposures, "number of repeat exposures"),
        "SUBARRAY": (obs.instrument == "ACS/WFC", "data from a subarray"),
        "DETECTOR": (detector, "detector in use"),
        **_filter_cards(obs),
        "APERTURE": ("IR" if detector == "IR" else "WFC1-1K", "aperture name"),
        "PROPAPER": ("IR" if detector == "IR" else "WFC1-1K", "proposed aperture"),
        "ASN_ID": (obs.obs_id, "association"),
        "ASN_MTYP": ("PROD-DTH", "role in the association"),
        "CAL_VER": ("3.7.2", "CALWF3 code version that is imitated"),
        "DRIZCORR": ("COMPLETE", "drizzle processing"),
        "NDRIZIM": (obs.exposures, "drizzled exposures"),
        **_drizzle_cards(obs),
        "NEXTEND": (4, "number of extensions"),
    }


def _drizzle_cards(obs: Observation) -> dict[str, Any]:
    """Give the cards of each exposure that AstroDrizzle writes.

    A weight factor (WTSC) of 1 is that of weights in seconds.
    """
    cards: dict[str, Any] = {}
    for number, member in enumerate(obs.members, 1):
        given = {
            "VER": ("sandbox", "Drizzle, task version"),
            "GEOM": ("wcs", "Drizzle, source of geometric information"),
            "DATA": (f"{member}_flt.fits[sci,1]", "Drizzle, input data image"),
            "DEXP": (obs.t_exptime / obs.exposures, "Drizzle, input exposure time (s)"),
            "OUDA": (obs.filename, "Drizzle, output data image"),
            "OUWE": (obs.filename, "Drizzle, output weighting image"),
            "OUCO": (obs.filename, "Drizzle, output context image"),
            "MASK": ("", "Drizzle, input weighting image"),
            "WTSC": (1.0, "Drizzle, weighting factor for input image"),
            "KERN": ("square", "Drizzle, form of weight distribution kernel"),
            "PIXF": (1.0, "Drizzle, linear size of drop"),
            "COEF": ("SIP", "Drizzle, source of coefficients"),
            "OUUN": ("cps", "Drizzle, units of output image"),
            "FVAL": ("INDEF", "Drizzle, fill value for zero weight pixels"),
            "WKEY": ("", "Input image WCS version used"),
            "SCAL": (_scale(obs), "Drizzle, output pixel size (arcsec)"),
            "ISCL": (_EXPOSED_ARCSEC[obs.instrument], "Drizzle, input pixel (arcsec)"),
        }
        cards |= {f"D{number:03d}{name}": card for name, card in given.items()}
    return cards


def _filter_cards(obs: Observation) -> dict[str, Any]:
    if obs.instrument == "WFC3/IR":
        return {"FILTER": (obs.filters, "element selected from filter wheel")}
    return {
        "FILTER1": ("CLEAR1L", "element selected from filter wheel 1"),
        "FILTER2": (obs.filters, "element selected from filter wheel 2"),
    }


def _scale(obs: Observation) -> float:
    return round(math.hypot(obs.tangent.cd[0], obs.tangent.cd[2]) * 3600.0, 6)


def _extension(name: str, unit: str) -> dict[str, Any]:
    return {"EXTNAME": name, "EXTVER": 1, "BUNIT": (unit, "brightness units")}


def _science_cards(obs: Observation) -> dict[str, Any]:
    instrument, detector = obs.instrument.split("/")
    band = obs.passband
    return {
        **_extension("SCI", "ELECTRONS/S"),
        "ROOTNAME": (obs.filename[:9], "rootname of the observation set"),
        "WCSAXES": 2,
        "RADESYS": "ICRS",
        "EQUINOX": 2000.0,
        "ORIENTAT": (_orientation(obs), "position angle of image y axis (deg)"),
        "PHOTMODE": (f"{instrument} {detector} {band.name}", "observation con"),
        "PHOTFLAM": (band.photflam, "inverse sensitivity, erg/cm2/Ang/electron"),
        "PHOTFNU": (
            band.photflam * band.photplam**2 / 2.99792458e18 * 1e23,
            "inverse sensitivity, Jy*sec/electron",
        ),
        "PHOTZPT": (-21.1, "ST magnitude zero point"),
        "PHOTPLAM": (band.photplam, "pivot wavelength (Angstroms)"),
        "PHOTBW": ((band.em_max - band.em_min) * 2.75, "RMS bandwidth (Angstroms)"),
        "NCOMBINE": (obs.exposures, "number of image sets combined"),
        "MDRIZSKY": (_SKY, "sky value computed by AstroDrizzle"),
        "SAMPTIME": (obs.t_exptime, "total integration time (sec)"),
    }


def _plane_cards(obs: Observation) -> list[dict[str, Any]]:
    """Headers of SCI, WHT and CTX."""
    wcs = hdus.wcs_cards(obs.tangent)
    weight, context = (_extension(name, "UNITLESS") for name in ("WHT", "CTX"))
    return [cards | wcs for cards in (_science_cards(obs), weight, context)]


def _orientation(obs: Observation) -> float:
    _, xy, _, yy = obs.tangent.cd
    return round(math.degrees(math.atan2(xy, yy)) % 360.0, 6)


def _exposure_table(obs: Observation) -> bytes:
    """Make the table of the exposures that were combined."""
    n = obs.exposures
    names = list(obs.members)
    seconds = np.full(n, obs.t_exptime / n)
    starts = obs.t_min + np.arange(n) * (obs.t_max - obs.t_min) / n
    columns = [
        fits.Column("ROOTNAME", "9A", array=np.array(names)),
        fits.Column("EXPTIME", "D", array=seconds, unit="s"),
        fits.Column("EXPSTART", "D", array=starts, unit="d"),
        fits.Column("FILTER", "6A", array=np.array([obs.filters] * n)),
        fits.Column("TARGNAME", "24A", array=np.array([obs.target_name] * n)),
    ]
    return hdus.table(columns, {"EXTNAME": "HDRTAB"})
