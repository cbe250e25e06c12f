"""Small frames for tests, written by astropy, and jobs that cut them."""

from __future__ import annotations

import bz2
import gzip
import warnings
from typing import TYPE_CHECKING

import numpy as np
from astropy.io import fits
from astropy.wcs import WCS

from harvester.models import CutoutSpec, FrameJob, Product, StampSize, Wanted

if TYPE_CHECKING:
    from pathlib import Path

#: Degrees; the pixels of an SDSS frame.
SCALE = 0.396 / 3600

SDSS_NAME = "frame-r-001043-5-0025.fits.bz2"


def tan_header(shape, *, scale=SCALE, ra=150.0, dec=2.0):
    """Return a header with its reference in the middle pixel of the image, north up."""
    header = fits.Header()
    header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
    header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
    header["CRPIX1"], header["CRPIX2"] = shape[1] // 2 + 1.0, shape[0] // 2 + 1.0
    header["CRVAL1"], header["CRVAL2"] = ra, dec
    header["CD1_1"], header["CD1_2"] = -scale, 0.0
    header["CD2_1"], header["CD2_2"] = 0.0, scale
    header["RADESYS"] = "ICRS"
    return header


def noise(shape, seed=1):
    """Return pixels that bz2 cannot compress; none of them is zero."""
    values = np.random.default_rng(seed).normal(size=shape)
    return values.astype(np.float32)


def sdss_header(shape):
    """Return a header like those of SDSS frames."""
    header = tan_header(shape)
    header["RUN"], header["CAMCOL"], header["FRAME"] = 1043, 5, 25
    header["RERUN"], header["EXPTIME"], header["ORIGIN"] = "301", "53.907456", "SDSS"
    header["TELESCOP"] = "2.5m"
    return header


def sdss_frame(path: Path, data, header=None):
    """Write an SDSS frame: bz2, gzip or plain, according to the name."""
    header = sdss_header(data.shape) if header is None else header
    image = fits.PrimaryHDU(data, header)
    calibration = fits.ImageHDU(np.ones(data.shape[1], np.float32))
    return write_fits(path, fits.HDUList([image, calibration]))


def hst_frame(path: Path, data, *, weights=None, header=None, primary=None):
    """Write a drizzled HST file: PRIMARY, SCI and, if weights are given, WHT."""
    header = tan_header(data.shape, scale=0.128 / 3600) if header is None else header
    hdus = fits.HDUList([fits.PrimaryHDU(header=fits.Header(primary or {}))])
    hdus.append(fits.ImageHDU(data, header, name="SCI"))
    if weights is not None:
        hdus.append(fits.ImageHDU(weights, header, name="WHT"))
    return write_fits(path, hdus)


def write_fits(path: Path, hdus):
    """Write HDUs, compressed according to the name."""
    plain = path.with_suffix(".plain")
    hdus.writeto(plain, overwrite=True, output_verify="ignore")
    pack = {".bz2": bz2.compress, ".gz": gzip.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(plain.read_bytes()))
    plain.unlink()
    return path


def job(path: Path, root: Path, places, *, size="10px", mode="partial", **product):
    """Request stamps of a frame at ``(ra, dec)`` positions: s0.fits, s1.fits, ..."""
    facts = {"archive": "sdss", "name": path.name, "band": "r"} | product
    wanted = tuple(
        Wanted(n, f"galaxy {n}", ra, dec, f"r/s{n}.fits")
        for n, (ra, dec) in enumerate(places)
    )
    spec = CutoutSpec(StampSize.parse(size), mode)
    url = f"https://archive.example/{facts['name']}"
    return FrameJob(Product(url=url, **facts), str(path), str(root), wanted, spec)


def sky_of(header, x, y):
    """Return the sky position of a pixel, counted from 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # dates that astropy mends
        ra, dec = WCS(header).all_pix2world(x, y, 0)
    return float(ra), float(dec)
