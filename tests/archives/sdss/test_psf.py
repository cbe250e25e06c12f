"""The point spread function of SDSS fields, from the fits of the survey."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from astropy.io import fits

from harvester.archives.sdss.kind import KIND
from harvester.archives.sdss.psf import COLUMNS, PsfFit
from harvester.models import Product

#: The columns of ``photoField`` that SkyServer's table ``Field`` calls otherwise.
NAMES = ("WIDTH", "SIGMA1", "SIGMA2", "B", "P0", "BETA", "SIGMAP")

#: The r band of field 136 of run 2583, camera column 2.
ROW = dict(
    zip(
        COLUMNS,
        (1.0475932, 0.88021415, 2.3084083, 0.05884838, 1e-7, 3.0, 5.0),
        strict=True,
    )
)


@pytest.fixture(scope="module")
def rows(shared):
    """Give the bands of all fields of a real table, with the names of SkyServer."""
    table = fits.getdata(shared / "data/sdss/photoField-002583-2.fits")
    return [
        {
            name: float(row[f"PSF_{own}"][band])
            for name, own in zip(COLUMNS, NAMES, strict=True)
        }
        for row in table
        for band in range(5)
    ]


def width_of(stamp, pixel_arcsec=0.396):
    """Give the FWHM of the Gaussian that has the noise area of this PSF."""
    area = stamp.sum() ** 2 / (stamp**2).sum()
    return 2.3548 * np.sqrt(area / (4 * np.pi)) * pixel_arcsec


def test_real_fits(rows):
    """Each fit of a real run makes a centred stamp, of sum 1 and the stated width."""
    assert len(rows) == 5 * 227
    for row in rows:
        fit = PsfFit.of(row)
        stamp = fit.stamp()
        assert stamp.shape == (31, 31)
        assert stamp.sum() == pytest.approx(1)
        assert np.unravel_index(stamp.argmax(), stamp.shape) == (15, 15)
        assert np.array_equal(stamp, stamp[::-1, ::-1])
        assert width_of(stamp) == pytest.approx(fit.width_arcsec, rel=0.15)


def test_stars_of_a_real_frame(unpacked):
    """Bright stars of the frame of that field have the profile of its fit."""
    with fits.open(unpacked("frame-r-002583-2-0136.fits")) as hdus:
        image = hdus[0].data.astype(float)
    stamp = PsfFit.of(ROW).stamp().astype(float)
    within = stamp[14:17, 14:17].sum() / stamp[9:22, 9:22].sum()
    ratios = [one for one in map(concentration, stars_of(image)) if one]
    assert len(ratios) > 10
    assert np.median(ratios) == pytest.approx(within, abs=0.04)


def stars_of(image):
    """Give boxes of 13 pixels around peaks of medium brightness, away from edges."""
    peaks = np.argwhere((image > 3) & (image < 60))
    for y, x in peaks[(peaks > 20).all(axis=1) & (peaks < 1460).all(axis=1)]:
        box = image[y - 6 : y + 7, x - 6 : x + 7]
        if box.argmax() == box.size // 2:
            yield box - np.median(image[y - 20 : y + 21, x - 20 : x + 21])


def concentration(box):
    """Give the part of a star's light in 3 x 3 of 13 x 13 pixels; 0 for others."""
    ring = box.copy()
    ring[3:10, 3:10] = 0
    is_alone = ring.max() < 0.02 * box.max()
    v, u = np.mgrid[-1:2, -1:2]
    core = box[5:8, 5:8]
    off = np.hypot((core * u).sum(), (core * v).sum()) / core.sum()
    return core.sum() / box.sum() if is_alone and off < 0.1 else 0


def test_widths_in_arcsec():
    """If the widths of a fit are in arcsec, they are read as such."""
    widths = ("psfSigma1", "psfSigma2", "psfSigmaP")
    arcsec = ROW | {name: ROW[name] * 0.396 for name in widths}
    there, here = PsfFit.of(arcsec).stamp(), PsfFit.of(ROW).stamp()
    assert np.allclose(there, here, atol=1e-6)


def test_contradiction():
    """A fit whose width contradicts the stated one gives no stamp."""
    assert PsfFit.of(ROW | {"psfWidth": 1.7}).stamp() is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("psfWidth", -9999.0),
        ("psfSigma1", 0.0),
        ("psfSigma2", float("nan")),
        ("psfB", -0.1),
        ("psfBeta", float("inf")),
    ],
)
def test_no_profile(column, value):
    """Values that describe no profile, such as those of a missing fit, give none."""
    assert PsfFit.of(ROW | {column: value}) is None


@pytest.mark.parametrize("facts", ["", "{}", "no JSON", "[1]", '{"psfWidth": 1.2}'])
def test_no_facts(facts):
    """A product without a whole fit among its facts has no PSF."""
    assert PsfFit.read(facts) is None


def test_point_spread():
    """The PSF of a frame is made from the facts of its product."""
    name = "frame-r-002583-2-0136.fits.bz2"
    product = Product("sdss", name, "r", f"https://archive.example/{name}")
    found = KIND.reading.point_spread(replace(product, facts=json.dumps(ROW)), str)
    assert found.fwhm_arcsec == 1.0475932
    assert "psfWidth_r" in found.source
    assert np.array_equal(found.image, PsfFit.of(ROW).stamp())
    assert KIND.reading.point_spread(product, str) is None
