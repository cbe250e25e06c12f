"""The grids of JWST mosaics: stepped outlines, in arrays of the real size."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harvester.sandbox.jwst.mosaic import CAMERAS, Size, build

TARGET = (150.1, 2.2)


def made(name="SHORT", size=Size.SMALL, **more):
    """Build a mosaic with its target on pixel (200, 100)."""
    camera = CAMERAS[name].sized(size)
    return build(np.random.default_rng(3), camera, TARGET, (200.0, 100.0), **more)


def area(outline):
    """Return the area of a polygon."""
    x, y = np.transpose(outline)
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


def covered(mosaic):
    """Return a mask of the pixels that have data, as ``(ny, nx)``."""
    seen = np.zeros((mosaic.ny, mosaic.nx), bool)
    for one in mosaic.inputs:
        seen[one.y0 : one.y1, one.x0 : one.x1] = True
    return seen


@pytest.mark.parametrize("name", CAMERAS)
@pytest.mark.parametrize("visits", [1, 2])
def test_outlines_hold_the_data(name, visits):
    """The area of the outlines is exactly the number of exposed pixels."""
    mosaic = made(name, visits=visits)
    assert len(mosaic.outlines) == visits * len(CAMERAS[name].detectors)
    assert sum(map(area, mosaic.outlines)) == covered(mosaic).sum()
    assert covered(mosaic)[[0, -1]].any(axis=1).all()
    assert covered(mosaic)[:, [0, -1]].any(axis=0).all()


def test_like_a_real_mosaic(shared):
    """The short channel has a real mosaic's array size, inputs and outlines."""
    real = json_of(shared)["sci"]
    regions = real["S_REGION"].split("POLYGON ICRS")[1:]
    mosaic = made(size=Size.REAL)
    assert (mosaic.nx, mosaic.ny) == (10272, 4755)
    assert len(mosaic.inputs) == 72
    assert mosaic.layers == 3
    assert mosaic.cdelt == real["CDELT1"]
    assert mosaic.pixar_sr == pytest.approx(real["PIXAR_SR"], rel=1e-4)
    assert [len(outline) for outline in mosaic.outlines] == [36, 36]
    assert [len(region.split()) // 2 for region in regions] == [36, 38]


def json_of(shared):
    """Read the cards of the real mosaic."""
    return json.loads((shared / "data/jwst/i2d_jw02736_f090w_cards.json").read_text())


def test_target_on_its_pixel():
    """The target is on the pixel given to ``build``, to 0.05 pixels."""
    x, y = made().tangent.to_pixel(*TARGET)
    assert (float(x), float(y)) == pytest.approx((200.0, 100.0), abs=0.05)


def test_margin():
    """A margin shifts the sky position and the data by the same pixels."""
    mosaic = made()
    larger = mosaic.with_margin(3)
    assert (larger.nx, larger.ny) == (mosaic.nx + 6, mosaic.ny + 6)
    x, y = mosaic.tangent.to_pixel(*TARGET)
    assert np.allclose(larger.tangent.to_pixel(*TARGET), (x + 3, y + 3), atol=1e-9)
    assert (covered(larger)[3:-3, 3:-3] == covered(mosaic)).all()
    assert covered(larger).sum() == covered(mosaic).sum()


def test_covers():
    """A pixel is covered if it has data; gaps and pixels outside are not."""
    mosaic = made()
    seen = covered(mosaic)
    for y in range(0, mosaic.ny, 31):
        for x in range(0, mosaic.nx, 17):
            assert mosaic.covers(x, y) == seen[y, x]
    assert not mosaic.covers(-1, 10)
    assert not mosaic.covers(mosaic.nx, 10)
