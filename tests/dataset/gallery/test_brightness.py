from __future__ import annotations

import numpy as np
import pytest

from harvester.dataset.gallery.brightness import colour, grey, stretch


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
    assert np.isfinite(stretch(np.full((5, 5), value))).all()


def test_one_dark_pixel():
    """An even stamp with one darker pixel is drawn without a warning."""
    data = np.ones((9, 9))
    data[4, 4] = 0
    assert np.isfinite(stretch(data)).all()


def test_nothing_but_nan():
    """A stamp with only NaN is completely hatched, in grey and in colour."""
    empty = np.full((8, 8), np.nan)
    for drawn in (grey(empty), colour([empty] * 3, [700, 600, 500])):
        assert len(np.unique(drawn.reshape(-1, 3), axis=0)) == 2


def test_half_filled():
    """A part that is filled with one value does not hide the galaxy in the rest."""
    data = source() - 7
    data[:18] = 0
    bright = stretch(data)
    assert bright[20, 20] > 0.95
    assert np.median(bright[30:]) < 0.4


def test_red_and_blue():
    """A galaxy that is bright at long wavelengths is red, and the sky is grey."""
    lengths = [748.0, 616.6, 468.6]
    galaxy = source() - 7
    red = colour([4 * galaxy, galaxy, galaxy], lengths)[20, 20].astype(int)
    blue = colour([galaxy, galaxy, 4 * galaxy], lengths)[20, 20].astype(int)
    assert red[0] > red[2] + 50
    assert blue[2] > blue[0] + 50


def test_colour_with_holes():
    """Where one band has no value the colour picture is hatched, and only there."""
    planes = [source() for _ in range(3)]
    whole = colour(planes, [3, 2, 1])
    planes[1] = planes[1].copy()
    planes[1][:, :4] = np.nan
    holed = colour(planes, [3, 2, 1])
    assert len(np.unique(holed[:, :4].reshape(-1, 3), axis=0)) == 2
    assert np.abs(holed[:, 4:].astype(int) - whole[:, 4:]).mean() < 10
