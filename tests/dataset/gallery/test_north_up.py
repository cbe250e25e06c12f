from __future__ import annotations

import math

import numpy as np
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from harvester.dataset.gallery.north_up import Placement, north_up

_SCALE = 0.4


def header(angle, *, flipped, at=(20.3, 17.6)):
    """Return the header of a stamp whose y axis has this position angle."""
    up = math.radians(angle)
    across = up + math.pi / 2 if flipped else up - math.pi / 2
    made = fits.Header()
    made["CTYPE1"], made["CTYPE2"] = "RA---TAN", "DEC--TAN"
    made["CRPIX1"], made["CRPIX2"] = at[0] + 1, at[1] + 1
    made["CRVAL1"], made["CRVAL2"] = 150.0, 60.0
    made["CD1_1"], made["CD1_2"] = math.sin(across), math.sin(up)
    made["CD2_1"], made["CD2_2"] = math.cos(across), math.cos(up)
    for name in ("CD1_1", "CD1_2", "CD2_1", "CD2_2"):
        made[name] *= _SCALE / 3600
    return made


def facts(angle, *, flipped):
    """Return the columns of the manifest for the same stamp."""
    named = {"x": 20.3, "y": 17.6, "pixel_scale": _SCALE}
    return named | {"orientation": angle, "flipped": flipped}


def centroid(image):
    """Return the row and column of the light."""
    light = np.nan_to_num(image)
    rows, columns = np.indices(light.shape)
    return (rows * light).sum() / light.sum(), (columns * light).sum() / light.sum()


def spot(x, y, *, shape=(37, 43)):
    """Return a round source at column x and row y."""
    rows, columns = np.indices(shape)
    light = np.exp(-((rows - y) ** 2 + (columns - x) ** 2) / 8)
    return light.astype(np.float32)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("angle", [0, 30, 45, 120, 200, 305])
def test_facts_and_header_agree(angle, flipped):
    """The manifest and the WCS of the stamp place the galaxy alike."""
    told = Placement.from_row(facts(angle, flipped=flipped))
    read = Placement.from_header(header(angle, flipped=flipped), 150, 60, (37, 43))
    assert (told.x, told.y) == pytest.approx((read.x, read.y), abs=1e-4)
    np.testing.assert_allclose(told.matrix, read.matrix, atol=1e-4)
    assert told.scale == pytest.approx(_SCALE)


@pytest.mark.parametrize("flipped", [False, True])
@pytest.mark.parametrize("angle", [0, 30, 45, 120, 200, 305])
def test_north_is_up(angle, flipped):
    """A star north-east of the galaxy is drawn above and left of the middle."""
    card = header(angle, flipped=flipped)
    star = 150 + 2 / 3600 / math.cos(math.radians(60)), 60 + 3 / 3600
    x, y = WCS(card).all_world2pix(*star, 0)
    placed = Placement.from_row(facts(angle, flipped=flipped))
    image, inside = north_up(spot(x, y), placed, 16, 64)
    row, column = centroid(np.where(inside, image, 0))
    assert (31.5 - row) * 16 / 64 == pytest.approx(3, abs=0.05)
    assert (31.5 - column) * 16 / 64 == pytest.approx(2, abs=0.05)


def test_bands_lie_on_one_another():
    """Bands whose pixels lie differently are drawn with the galaxy in one place."""
    places = []
    for x, y in ((20.0, 18.0), (20.9, 17.6), (19.6, 18.5)):
        placed = Placement(x, y, _SCALE * np.array([[-1.0, 0.0], [0.0, 1.0]]))
        image, _ = north_up(spot(x, y), placed, 12, 120)
        places.append(centroid(image))
    # The pixels of the stamp are four of the picture's wide.
    assert np.ptp(places, axis=0).max() < 0.1 * 4


def test_large_stamp():
    """Pixels of a stamp larger than the picture are averaged, not skipped."""
    data = np.random.default_rng(1).normal(0, 1, (512, 512)).astype(np.float32)
    placed = Placement(255.5, 255.5, 0.1 * np.array([[-1.0, 0.0], [0.0, 1.0]]))
    image, inside = north_up(data, placed, 51.2, 64)
    assert inside.all()
    assert image.std() == pytest.approx(1 / 8, rel=0.3)


def test_corners_and_holes():
    """What is outside a rotated stamp and what has no value are told apart."""
    data = spot(20, 18)
    data[:6] = np.nan
    placed = Placement(20, 18, _SCALE * np.array([[-0.8, 0.6], [0.6, 0.8]]))
    image, inside = north_up(data, placed, 16, 64)
    assert 0.05 < (~inside).mean() < 0.4
    assert 0.05 < np.isnan(image[inside]).mean() < 0.4


@pytest.mark.parametrize("lacking", ["x", "orientation", "pixel_scale"])
def test_no_facts(lacking):
    """A row of an older run, without facts, gives no placement."""
    assert Placement.from_row(facts(10, flipped=False) | {lacking: None}) is None


def test_no_wcs():
    """Without a WCS the galaxy is taken to be in the middle."""
    placed = Placement.from_header(fits.Header(), 150, 60, (37, 43))
    assert (placed.x, placed.y, placed.scale) == (21, 18, 1)
