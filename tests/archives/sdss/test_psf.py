"""The point spread function of SDSS fields, from the fits of the survey."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from harvester.archives.sdss.psf import COLUMNS, PsfFit

#: The columns of ``photoField`` that SkyServer's table ``Field`` calls otherwise.
NAMES = ("WIDTH", "SIGMA1", "SIGMA2", "B", "P0", "BETA", "SIGMAP")

#: The r band of field 136 of run 2583, camera column 2.
ROW = dict(
    zip(
        (f"{name}_r" for name in COLUMNS),
        (1.0475932, 0.88021415, 2.3084083, 0.05884838, 1e-7, 3.0, 5.0),
        strict=True,
    )
)


@pytest.fixture(scope="module")
def rows(shared):
    """Give the fields of a real table, with the names of SkyServer's columns."""
    table = fits.getdata(shared / "data/sdss/photoField-002583-2.fits")
    return [
        {
            f"{name}_{band}": float(row[f"PSF_{own}"][place])
            for name, own in zip(COLUMNS, NAMES, strict=True)
            for place, band in enumerate("ugriz")
        }
        for row in table
    ]


def width_of(stamp, pixel_arcsec=0.396):
    """Give the FWHM of the Gaussian that has the noise area of this PSF."""
    area = stamp.sum() ** 2 / (stamp**2).sum()
    return 2.3548 * np.sqrt(area / (4 * np.pi)) * pixel_arcsec


def test_real_fits(rows):
    """Each fit of a real run makes a centred stamp, of sum 1 and the stated width."""
    for row in rows:
        for band in "ugriz":
            fit = PsfFit.of(row, band)
            stamp = fit.stamp()
            assert stamp.shape == (31, 31)
            assert stamp.sum() == pytest.approx(1)
            assert np.unravel_index(stamp.argmax(), stamp.shape) == (15, 15)
            assert np.array_equal(stamp, stamp[::-1, ::-1])
            assert width_of(stamp) == pytest.approx(fit.width_arcsec, rel=0.15)


def test_stars_of_a_real_frame(shared):
    """Bright stars of the frame of that field have the profile of its fit."""
    path = shared / "data/sdss/frame-r-002583-2-0136.fits.bz2"
    with fits.open(path) as hdus:
        image = hdus[0].data.astype(float)
    stamp = PsfFit.of(ROW, "r").stamp().astype(float)
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
    arcsec = ROW | {
        f"{name}_r": ROW[f"{name}_r"] * 0.396
        for name in ("psfSigma1", "psfSigma2", "psfSigmaP")
    }
    there, here = PsfFit.of(arcsec, "r").stamp(), PsfFit.of(ROW, "r").stamp()
    assert np.allclose(there, here, atol=1e-6)


def test_contradiction():
    """A fit whose width contradicts the stated one gives no stamp."""
    assert PsfFit.of(ROW | {"psfWidth_r": 1.7}, "r").stamp() is None


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("psfWidth_r", -9999.0),
        ("psfSigma1_r", 0.0),
        ("psfSigma2_r", float("nan")),
        ("psfB_r", -0.1),
        ("psfBeta_r", float("inf")),
    ],
)
def test_no_profile(column, value):
    """Values that describe no profile, such as those of a missing fit, give none."""
    assert PsfFit.of(ROW | {column: value}, "r") is None
    assert PsfFit.of({}, "r") is None
