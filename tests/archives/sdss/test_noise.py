"""The inverse variance of SDSS pixels, on small arrays and on real frames."""

from __future__ import annotations

import bz2
import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from harvester.archives.sdss.detectors import Detector, detector
from harvester.archives.sdss.noise import SdssNoise, SubtractedSky

FRAMES = [
    *("g-001043-5-0025", "g-003918-3-0213", "i-001043-5-0025", "i-003918-3-0213"),
    *("i-005405-6-0099", "r-001035-6-0017", "r-001043-5-0025", "r-002583-2-0136"),
    *("r-003918-3-0213", "r-008162-6-0080", "u-003918-3-0213", "u-008162-6-0080"),
    "z-003918-3-0213",
]

ROWS, COLUMNS = np.arange(30), np.arange(40)


def coarse(shape):
    """Give a table of the sky, and where 40 columns and 30 rows lie in it."""
    table = np.random.default_rng(2).uniform(90, 110, shape).astype(np.float32)
    across = (np.arange(40, dtype=np.float32) + 0.5) / 8 - 0.5
    return table, across, (np.arange(30, dtype=np.float32) + 0.5) / 8 + 0.5


@given(ny=st.integers(1, 6), nx=st.integers(1, 7))
def test_sky_is_bilinear(ny, nx):
    """The sky is interpolated bilinearly, and constant outside of its table."""
    table, across, along = coarse((ny, nx))
    found = SubtractedSky.of(table, across, along).at(ROWS[:, None], COLUMNS)
    places = np.meshgrid(along, across, indexing="ij")
    expected = map_coordinates(table.astype(float), places, order=1, mode="nearest")
    assert np.allclose(found, expected, rtol=1e-5)


def noise(calib=0.005, sky=100.0):
    """Give the noise of a frame with this calibration and sky everywhere."""
    _, across, along = coarse((5, 5))
    table = np.full((5, 5), sky, np.float32)
    calib = np.full(40, calib, np.float32)
    return SdssNoise(calib, SubtractedSky.of(table, across, along), Detector(4.0, 2.0))


def test_variance_of_counts():
    """The variance is that of the counts over the gain, and the dark variance."""
    flux = np.array([[0.0, 0.5]], np.float32)
    found = noise().ivar(flux, np.array([3]), np.array([7, 8]))
    expected = [1 / (0.005**2 * (100 / 4 + 2)), 1 / (0.005**2 * (200 / 4 + 2))]
    assert found.dtype == np.float32
    assert found[0] == pytest.approx(expected, rel=1e-5)


def test_no_value():
    """Where there is no value, or no calibration, the inverse variance is 0."""
    flux = np.array([[np.nan, 0.0, np.inf]], np.float32)
    columns = np.array([0, 1, 2])
    assert noise().ivar(flux, np.array([3]), columns).tolist()[0][::2] == [0, 0]
    blind = noise(calib=0.0)
    assert not blind.ivar(np.zeros((1, 3), np.float32), np.array([3]), columns).any()


def test_fewer_counts_than_none():
    """Counts below 0 do not make a pixel surer than darkness does."""
    flux = np.array([[-0.6]], np.float32)
    found = noise().ivar(flux, np.array([3]), np.array([0]))
    assert found[0, 0] == pytest.approx(1 / (0.005**2 * 2), rel=1e-5)


def test_many_stamps_at_once():
    """Many stamps in one call have the values that each has alone."""
    table, across, along = coarse((4, 5))
    calib = np.linspace(0.004, 0.006, 40, dtype=np.float32)
    one = SdssNoise(calib, SubtractedSky.of(table, across, along), Detector(4.7, 1.0))
    flux = np.random.default_rng(1).normal(size=(3, 4, 6)).astype(np.float32)
    rows = np.array([0, 9, 26])[:, None] + np.arange(4)
    columns = np.array([33, 1, 17])[:, None] + np.arange(6)
    together = one.ivar(flux, rows, columns)
    alone = [one.ivar(*each) for each in zip(flux, rows, columns, strict=True)]
    assert together.shape == (3, 4, 6)
    assert np.array_equal(together, alone)


def chi_square(image, ivar, *, side=6, darkest=1):
    """Give the reduced chi-square of blank sky: the darkest percent of small boxes.

    A plane is subtracted from each box, so that faint stars outside of it do not
    count. The boxes are chosen by their mean alone, not by their noise.
    """
    ny, nx = (length // side for length in image.shape)

    def boxes(plane):
        cut = plane[: ny * side, : nx * side].astype(float)
        return cut.reshape(ny, side, nx, side).swapaxes(1, 2).reshape(-1, side * side)

    flux, weight = boxes(image), boxes(ivar)
    y, x = np.mgrid[:side, :side].reshape(2, -1) - (side - 1) / 2
    basis = np.stack([np.ones(side * side), x, y])
    basis /= np.linalg.norm(basis, axis=1, keepdims=True)
    rest = flux - flux @ basis.T @ basis
    blank = flux.mean(axis=1) <= np.percentile(flux.mean(axis=1), darkest)
    return (rest**2 * weight)[blank].sum() / blank.sum() / (side * side - 3)


@pytest.mark.parametrize("name", FRAMES)
def test_blank_sky_of_real_frames(shared, name):
    """The noise of blank sky is what the inverse variance says, in every real frame.

    One of them is full of stars; its sky table has fewer rows than the frame asks for.
    """
    path = shared / "data/sdss" / f"frame-{name}.fits.bz2"
    with fits.open(io.BytesIO(bz2.decompress(path.read_bytes()))) as hdus:
        image, calib = (hdu.data.astype(np.float32) for hdu in hdus[:2])
        table = hdus[2].data[0]
        sky = SubtractedSky.of(
            *(table[key].astype(np.float32) for key in ("ALLSKY", "XINTERP", "YINTERP"))
        )
        run, camcol = hdus[0].header["RUN"], hdus[0].header["CAMCOL"]
    ivar = SdssNoise(calib, sky, detector(name[0], camcol, run)).ivar(
        image, *map(np.arange, image.shape)
    )
    assert (ivar > 0).all()
    assert 0.9 < chi_square(image, ivar) < 1.15
