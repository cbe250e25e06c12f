"""The planes of a stamp: bits of the mask, and inverse variance."""

from __future__ import annotations

import numpy as np

from harvester.archives.reading import PixelStack
from harvester.cutouts.planes import Quality
from harvester.models import Bit, Plane

ALL = (Plane.FLUX, Plane.IVAR, Plane.MASK)
FLUX = np.array([[[1.0, np.nan], [50.0, -2.0]]], np.float32)
STACK = PixelStack(FLUX, np.array([[3, 4]]), None, None)


class KnownNoise:
    """An inverse variance that is unknown in one pixel."""

    source = "a test"

    def ivar(self, stack):
        """Return values that are invalid in two pixels."""
        assert stack.first.tolist() == [[3, 4]]
        return np.array([[[4.0, 9.0], [np.inf, -1.0]]], np.float32)


def test_no_noise_known():
    """Without any known noise the inverse variance is 0, and no pixel is good."""
    (planes,) = Quality(ALL).planes_of(STACK)
    assert not planes.ivar.any()
    assert planes.bits[0, 0] == Bit.NO_NOISE
    assert planes.bits[0, 1] == Bit.NO_DATA


def test_only_the_flux():
    """The noise is not computed if it was not asked for; the bits always are."""
    (planes,) = Quality((Plane.FLUX,)).planes_of(STACK)
    assert planes.ivar is None
    assert planes.bits.shape == planes.flux.shape


def test_bits():
    """A pixel is good if it has a value and a noise, and is not saturated."""
    (planes,) = Quality(ALL, KnownNoise(), saturation=40).planes_of(STACK)
    assert planes.ivar.tolist() == [[4, 0], [0, 0]]
    assert planes.bits.tolist() == [
        [Bit.GOOD, Bit.NO_DATA],
        [Bit.SATURATED | Bit.NO_NOISE, Bit.NO_NOISE],
    ]


def test_row_of_zeros():
    """A row of zeros has no data; a single zero is a value like others."""
    flux = np.array([[[0, 0, np.nan], [0, 1, 2]]], np.float32)

    class Certain:
        source = "a test"

        def ivar(self, stack):
            return np.ones_like(stack.flux)

    stack = PixelStack(flux, np.array([[3, 4]]), None, None)
    (planes,) = Quality(ALL, Certain()).planes_of(stack)
    assert planes.bits.tolist() == [[Bit.NO_DATA] * 3, [Bit.GOOD] * 3]
    assert planes.ivar.tolist() == [[0, 0, 0], [1, 1, 1]]


def test_padded():
    """Around the pixels in the frame the stamp is outside: NaN, 0 and OUTSIDE."""
    (planes,) = Quality(ALL, KnownNoise()).planes_of(STACK)
    whole = planes.padded((1, 0), 3)
    assert np.isnan(whole.flux[0]).all()
    assert whole.flux[1, 0] == 1
    assert (whole.bits[0] == Bit.OUTSIDE).all()
    assert (whole.bits[:, 2] == Bit.OUTSIDE).all()
    assert whole.bits[1, 0] == Bit.GOOD
    assert whole.ivar[1, 0] == 4
    assert whole.ivar[:, 2].tolist() == [0, 0, 0]
