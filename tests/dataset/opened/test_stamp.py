"""Stamps as arrays, and as astropy has them."""

from __future__ import annotations

import numpy as np
import pytest
from astropy import units as u
from astropy.io import fits
from astropy.nddata import InverseVariance
from written_run import INFRARED, RED, write_run

import harvester
from harvester.errors import InputError


@pytest.fixture
def stamp(tmp_path):
    """Give a stamp with all planes."""
    run = write_run(tmp_path, {"n": [1]}, (RED,), planes=("ivar", "mask", "psf"))
    return harvester.open(run)[0]["sdss", "r"]


def test_planes(stamp):
    """The planes are those that astropy reads, in the byte order of the machine."""
    with fits.open(stamp.path) as hdus:
        assert np.array_equal(stamp.flux, hdus[0].data, equal_nan=True)
        for name in ("ivar", "mask", "psf"):
            assert np.array_equal(getattr(stamp, name), hdus[name.upper()].data)
    for plane in (stamp.flux, stamp.ivar, stamp.mask, stamp.psf):
        assert plane.dtype.isnative
    assert stamp.good.sum() == stamp.good.size - 1
    assert not stamp.good[0, 0]


def test_coordinates(stamp):
    """The world coordinates put the galaxy where the manifest says that it is."""
    x, y = stamp.wcs.world_to_pixel_values(150.0, 2.0)
    assert (x, y) == pytest.approx((stamp.record["x"], stamp.record["y"]))


def test_ccddata(stamp):
    """Astropy's mask is true where a pixel is bad; unit and noise are stated."""
    data = stamp.to_ccddata()
    assert data.unit == u.Unit("nanomaggy")
    assert np.array_equal(data.mask, ~stamp.good)
    assert data.mask.sum() == 1
    assert isinstance(data.uncertainty, InverseVariance)
    assert data.uncertainty.unit == u.Unit("nanomaggy") ** -2
    assert data.wcs.pixel_shape == (24, 24)
    assert data.meta["band"] == "r"
    # An inverse variance of 0 is infinite noise.
    with np.errstate(divide="ignore"):
        doubled = data.multiply(2)
    assert doubled.uncertainty.array[5, 5] == pytest.approx(0.25)


def test_flux_only(tmp_path):
    """A run that kept the flux only has no other planes; what has a value is good."""
    run = write_run(tmp_path, {"n": [1]}, (INFRARED,), planes=())
    stamp = harvester.open(run)[0]["hst", "F160W"]
    assert (stamp.ivar, stamp.mask, stamp.psf) == (None, None, None)
    assert np.array_equal(stamp.good, np.isfinite(stamp.flux))
    data = stamp.to_ccddata()
    assert data.uncertainty is None
    assert data.unit == u.electron / u.s


def test_no_unit(stamp):
    """Without a unit there is no CCDData, because astropy would need one."""
    header = stamp.header.copy()
    del header["BUNIT"]
    planes = stamp.planes
    cards = header.tostring(sep="", endcard=True, padding=False).encode()
    bare = type(planes)(planes.flux, None, None, None, cards)
    with pytest.raises(InputError, match="does not tell the unit"):
        stamp.replaced(bare, stamp.record | {"unit": None}).to_ccddata()
