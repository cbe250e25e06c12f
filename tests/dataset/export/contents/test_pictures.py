"""Pictures of exported galaxies."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from harvester.dataset.export.contents.pictures import to_jpg, to_pictures

_RNG = np.random.default_rng(5)


def _galaxy(x, y, *, brightness=200.0, side=41):
    rows, columns = np.mgrid[:side, :side]
    light = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / 18)
    return _RNG.normal(0, 1, (side, side)) + brightness * light


def _centre(plane):
    rows, columns = np.nonzero(plane > plane.max() * 0.6)
    return rows.mean(), columns.mean()


def _pictures(planes, offsets=None):
    flux = np.array([planes], np.float32)
    if offsets is None:
        offsets = np.zeros((*flux.shape[:2], 2))
    return to_pictures(flux, np.asarray(offsets))


def test_first_row_is_at_the_bottom():
    """A galaxy in the last rows of a stamp is in the first rows of the picture."""
    (picture,) = _pictures([_galaxy(20, 33)])
    assert picture.shape == (41, 41)
    assert np.allclose(_centre(picture), (7, 20), atol=1)


def test_colour():
    """The brightest band gives the colour, and faint sky stays dark."""
    (picture,) = _pictures(
        [_galaxy(20, 20, brightness=b) for b in (100, 50, 20)],
    )
    red, green, blue = picture[20, 20].tolist()
    assert red > green > blue
    assert np.median(picture) < 60


def test_bands_are_aligned():
    """Bands that are off by parts of a pixel make no coloured fringes."""
    planes = [_galaxy(20.4, 20, brightness=80), _galaxy(20, 20.4, brightness=80)]
    planes.append(_galaxy(19.6, 19.6, brightness=80))
    off = [[[0, 0.4], [0.4, 0], [-0.4, -0.4]]]
    (fringed,), (aligned,) = _pictures(planes), _pictures(planes, off)

    def fringe(picture):
        return np.ptp(picture[14:27, 14:27].astype(int), axis=2).mean()

    assert fringe(aligned) < 0.7 * fringe(fringed)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("value", [np.nan, 0.0, 7.0])
def test_nothing_to_see(count, value):
    """A stamp without any value, or with a constant one, is drawn dark."""
    (picture,) = _pictures([np.full((9, 9), value)] * count)
    assert picture.max() < 60


def test_missing_pixels_are_black():
    """Pixels without a value are black."""
    plane = _galaxy(20, 20)
    plane[:, :10] = np.nan
    (picture,) = _pictures([plane])
    assert picture[:, :10].max() == 0


def test_no_false_colours():
    """Where a band has no value all are black: the edge of a frame has no colour."""
    planes = [_galaxy(20, 20) for _ in range(3)]
    planes[2][:, :10] = np.nan
    (picture,) = _pictures(planes, [[[0, 0.3], [0, 0], [0, -0.3]]])
    assert picture[:, :10].max() == 0
    # At the edge itself a known pixel is drawn whole or not at all.
    assert np.ptp(picture[:, 10:12].mean(axis=(0, 1))) < 15


def test_band_that_lacks():
    """A galaxy that lacks one of three bands is drawn in grey, from the others."""
    planes = [_galaxy(20, 20, brightness=b) for b in (100, 50)]
    (picture,) = _pictures([*planes, np.full((41, 41), np.nan)])
    assert np.ptp(picture, axis=2).max() <= 1
    assert picture[20, 20, 0] > 100


def test_colours_of_single_pixels():
    """JPEG keeps the colour of each pixel, not of pairs of them."""
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, ::2] = (200, 60, 60)
    picture[:, 1::2] = (60, 60, 200)
    with Image.open(io.BytesIO(to_jpg(picture))) as image:
        assert np.abs(np.asarray(image).astype(int) - picture).max() < 40


def test_jpg():
    """A packed picture has nearly the same pixels, and always the same bytes."""
    (picture,) = _pictures([_galaxy(20, 20)])
    packed = to_jpg(picture)
    assert packed == to_jpg(picture)
    with Image.open(io.BytesIO(packed)) as image:
        assert np.abs(np.asarray(image).astype(int) - picture).mean() < 3
