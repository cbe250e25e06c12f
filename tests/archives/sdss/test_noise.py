"""The inverse variance of SDSS pixels, on small arrays and on real frames."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from harvester.archives.reading import PixelStack
from harvester.archives.sdss.detectors import Detector, detector
from harvester.archives.sdss.kind import KIND
from harvester.archives.sdss.noise import SdssNoise, SubtractedSky
from harvester.cutouts.frame_file import open_frame

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


def stack(flux, *first):
    """Give stamps whose first pixels have these rows and columns in the frame."""
    return PixelStack(np.array(flux, np.float32), np.array(first), None, None)


def test_variance_of_counts():
    """The variance is that of the counts over the gain, and the dark variance."""
    found = noise().ivar(stack([[[0.0, 0.5]]], (3, 7)))
    expected = [1 / (0.005**2 * (100 / 4 + 2)), 1 / (0.005**2 * (200 / 4 + 2))]
    assert found.dtype == np.float32
    assert found[0, 0] == pytest.approx(expected, rel=1e-5)


def test_no_value():
    """Where there is no value, or no calibration, the inverse variance is 0."""
    found = noise().ivar(stack([[[np.nan, 0.0, np.inf]]], (3, 0)))
    assert (found[0, 0] == 0).tolist() == [True, False, True]
    for calib in (0.0, -0.005, np.nan):
        assert not noise(calib=calib).ivar(stack([[[0.0, 1.0]]], (3, 0))).any()


def test_fewer_counts_than_none():
    """Counts below 0 do not make a pixel surer than darkness does."""
    found = noise().ivar(stack([[[-0.6]]], (3, 0)))
    assert found[0, 0, 0] == pytest.approx(1 / (0.005**2 * 2), rel=1e-5)


def test_many_stamps_at_once():
    """Many stamps in one call have the values that each has alone."""
    table, across, along = coarse((4, 5))
    calib = np.linspace(0.004, 0.006, 40, dtype=np.float32)
    one = SdssNoise(calib, SubtractedSky.of(table, across, along), Detector(4.7, 1.0))
    flux = np.random.default_rng(1).normal(size=(3, 4, 6)).astype(np.float32)
    first = [(0, 33), (9, 1), (26, 17)]
    together = one.ivar(stack(flux, *first))
    alone = [one.ivar(stack([f], at))[0] for f, at in zip(flux, first, strict=True)]
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
def test_blank_sky_of_real_frames(unpacked, name):
    """The noise of blank sky is what the inverse variance says, in every real frame.

    One of them is full of stars; its sky table has fewer rows than the frame asks for.
    Half of a chip may have an amplifier of its own, with another noise.
    """
    with open_frame(unpacked(f"frame-{name}.fits")) as frame:
        image = next(frame.hdus())
        flux = frame.rows(image, 0, image.shape[0]).astype(np.float32)
        ivar = KIND.reading.noise(frame, image.values.get).ivar(stack([flux], (0, 0)))
    assert (ivar > 0).all()
    assert 0.9 < chi_square(flux, ivar[0]) < 1.15
    for half in (slice(1024), slice(1024, None)):
        assert 0.85 < chi_square(flux[:, half], ivar[0][:, half]) < 1.3


def frame_of(tmp_path, *extensions, **cards):
    """Write a frame with these HDUs behind its image; open it."""
    header = fits.Header({"FILTER": "r", "CAMCOL": 5, "RUN": 1043} | cards)
    image = fits.PrimaryHDU(np.zeros((30, 40), np.float32), header)
    path = tmp_path / "frame.fits"
    fits.HDUList([image, *extensions]).writeto(path)
    return open_frame(path)


def sky_hdu(rows=30, **renamed):
    """Give a table of the sky for 40 columns."""
    table, across, along = coarse((5, 6))
    arrays = {"ALLSKY": table[None], "XINTERP": across[None]}
    arrays["YINTERP"] = np.resize(along, rows)[None]
    columns = [
        fits.Column(renamed.get(name, name), f"{array.size}E", array=array, dim=dim)
        for (name, array), dim in zip(
            arrays.items(), ("(6,5)", None, None), strict=True
        )
    ]
    return fits.BinTableHDU.from_columns(columns)


def strange_sky():
    """Give a table of the sky that does not tell where a column lies."""
    hdu = sky_hdu()
    hdu.data["XINTERP"][0][3] = np.nan
    return hdu


def calib_hdu(columns=40, kind=np.float32):
    """Give a calibration vector."""
    return fits.ImageHDU(np.full(columns, 0.005, kind))


def test_small_frame(tmp_path):
    """Calib and sky are read from the HDUs behind the image."""
    with frame_of(tmp_path, calib_hdu(), sky_hdu()) as frame:
        text = next(frame.hdus()).values.get
        found = KIND.reading.noise(frame, text)
    assert found.detector == detector("r", 5, 1043)
    assert found.calib == pytest.approx(0.005)
    table, across, along = coarse((5, 6))
    expected = SubtractedSky.of(table, across, along).at(ROWS[:, None], COLUMNS)
    assert np.array_equal(found.sky.at(ROWS[:, None], COLUMNS), expected)


@pytest.mark.parametrize(
    "extensions",
    [
        (),
        (calib_hdu(),),
        (calib_hdu(41), sky_hdu()),
        (calib_hdu(kind=np.int32), sky_hdu()),
        (calib_hdu(), sky_hdu(29)),
        (calib_hdu(), sky_hdu(ALLSKY="SKY")),
        (calib_hdu(), strange_sky()),
        (calib_hdu(), calib_hdu()),
    ],
)
def test_no_noise(tmp_path, extensions):
    """A frame with another calib or sky, or without one, has no known noise."""
    with frame_of(tmp_path, *extensions) as frame:
        assert KIND.reading.noise(frame, next(frame.hdus()).values.get) is None


@pytest.mark.parametrize(
    "cards", [{"FILTER": "x"}, {"CAMCOL": 7}, {"RUN": "none"}, {"BUNIT": "counts"}]
)
def test_unknown_detector(tmp_path, cards):
    """A frame of no CCD of the camera, or of another unit, has no known noise."""
    with frame_of(tmp_path, calib_hdu(), sky_hdu(), **cards) as frame:
        assert KIND.reading.noise(frame, next(frame.hdus()).values.get) is None
