from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from make_frames import tan_header

from harvester.dataset.gallery.display import draw, read_picture, stretch, to_png, turn


def source(shape=(41, 41), at=(20, 20)):
    """Return noise with one bright source."""
    rows, columns = np.indices(shape)
    distance = (rows - at[0]) ** 2 + (columns - at[1]) ** 2
    noise = np.random.default_rng(3).normal(0, 1, shape)
    return noise + 100 * np.exp(-distance / 20) + 7


def test_stretch():
    """The sky is dark, the core bright, and the faint part of a galaxy in between."""
    bright = stretch(source())
    assert np.median(bright) < 0.2
    assert bright[20, 20] > 0.95
    assert 0.3 < bright[20, 27] < 0.8
    assert (bright.min(), bright.max()) == (0, 1)


def test_stretch_ignores_scale():
    """The unit and the offset of the pixels do not change the result."""
    data = source()
    np.testing.assert_allclose(stretch(data), stretch(1e-9 * data - 3), atol=1e-5)


def test_stretch_with_holes():
    """NaN stays NaN; NaN and infinite values do not change other pixels."""
    data = source()
    holed = data.copy()
    holed[:5] = np.nan
    bright = stretch(holed)
    assert np.isnan(bright[:5]).all()
    assert np.isfinite(bright[5:]).all()
    assert abs(np.median(bright[5:]) - np.median(stretch(data)[5:])) < 0.05


@pytest.mark.parametrize("value", [0.0, -3.0, 1e30, 1e-30])
def test_even_stamp(value):
    """A stamp with one constant value is drawn without a warning."""
    bright = stretch(np.full((5, 5), value))
    assert np.isfinite(bright).all()


def test_nothing_but_nan():
    """A stamp with only NaN is completely hatched."""
    picture = draw(np.full((8, 8), np.nan))
    assert picture.mode == "RGB"
    assert len(picture.getcolors()) == 2


def test_half_filled():
    """A part that is filled with one value does not hide the galaxy in the rest."""
    data = source() - 7
    data[:18] = 0
    bright = stretch(data)
    assert bright[20, 20] > 0.95
    assert np.median(bright[30:]) < 0.4


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("x", [1, -1])
@pytest.mark.parametrize("y", [1, -1])
def test_turn(swap, x, y):
    """North is up and east left for every orientation of a frame."""
    # A star north-east of the middle, on the sky and in pixels.
    matrix = np.array([[0.1, x], [y, 0.1]]) if swap else np.array([[x, 0.1], [0.1, y]])
    across, up = np.linalg.solve(matrix, (1.0, 2.0))
    data = np.zeros((21, 31))
    data[round(10 + 3 * up), round(15 + 3 * across)] = 1
    shown = turn(data, matrix)
    row, column = np.argwhere(shown == 1)[0]
    height, width = shown.shape
    assert (height, width) == ((31, 21) if swap else (21, 31))
    assert row < height // 2  # above the middle
    assert column < width // 2  # left of it
    assert height // 2 - row > width // 2 - column


def test_picture_of_a_file(tmp_path):
    """A stamp file is drawn with its first row at the bottom, north up."""
    data = np.zeros((10, 10), np.float32) + np.eye(10, dtype=np.float32)
    data[1, 2] = 50
    path = tmp_path / "s.fits"
    fits.PrimaryHDU(data, tan_header(data.shape)).writeto(path)
    picture = read_picture(path)
    assert picture.getpixel((2, 8)) == 255
    assert to_png(picture).startswith(b"\x89PNG")


@pytest.mark.parametrize("content", [None, b"", b"<html>"])
def test_no_picture(tmp_path, content):
    """A file that is not a stamp raises an error."""
    path = tmp_path / "s.fits"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(OSError, match=r"."):
        read_picture(path)


def test_no_image_in_file(tmp_path):
    """A FITS file without an image raises an error."""
    path = tmp_path / "s.fits"
    fits.PrimaryHDU().writeto(path)
    with pytest.raises(OSError, match="no image"):
        read_picture(path)
