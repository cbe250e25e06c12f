"""Checks of a stamp file: each flaw is found and named."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harvester.cutouts.soundness import Expected, find_flaw
from harvester.cutouts.stamp_file import Extension, to_cards, to_fits
from harvester.models import CutoutSpec, Plane, StampSize

_SIDE = 40
_SCALE = 0.396 / 3600
_SPEC = CutoutSpec(StampSize.parse("15.84arcsec"), "partial")
_TRIM = CutoutSpec(StampSize.parse("15.84arcsec"), "trim")
_EXPECTED = Expected(150.0, 2.0, 1.0, _SPEC)


def stamp(shape=(_SIDE, _SIDE), middle=None, planes=None, **cards):
    """Return the bytes of a stamp; ``middle`` is its galaxy's pixel, ``(x, y)``."""
    x, y = middle or ((shape[1] - 1) / 2, (shape[0] - 1) / 2)
    data = np.ones(shape, np.float32)
    sky = {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": 150.0, "CRVAL2": 2.0,
        "CRPIX1": x + 1, "CRPIX2": y + 1, "CD1_1": -_SCALE, "CD1_2": 0.0,
        "CD2_1": 0.0, "CD2_2": _SCALE,
    }  # fmt: skip
    own = [
        (key, value, "") for key, value in (sky | cards).items() if value is not None
    ]
    if planes is None:
        planes = [Extension("MASK", np.ones(shape, np.uint8))]
    return to_fits(data, own, to_cards([]), planes)


def test_sound():
    """A correct stamp has no flaw, wherever the galaxy is in its middle pixels."""
    assert find_flaw(stamp(), _EXPECTED) == ""
    assert find_flaw(stamp(middle=(19.01, 20.0)), _EXPECTED) == ""
    assert (
        find_flaw(
            stamp((30, 40), (5.0, 9.0)), _EXPECTED._replace(spec=_TRIM, coverage=0.75)
        )
        == ""
    )


@pytest.mark.parametrize(
    ("content", "flaw"),
    [
        (b"", "not a FITS image"),
        (b"<html>Maintenance</html>" * 200, "not a FITS image"),
        (stamp()[:4000], "not a FITS image"),
        (stamp((40, 39)), "39 x 40 pixels, not 40 x 40"),
        (stamp(middle=(20.6, 19.5)), "1.10 columns and 0.00 rows off the middle"),
        (stamp(middle=(19.5, 3.5)), "0.00 columns and 16.00 rows off"),
        (stamp(CTYPE1="", CTYPE2=""), "not right ascension"),
        (stamp(CRVAL1=330.0, CRVAL2=-2.0), "off the middle"),
        (stamp(CD1_1=0.0, CD2_2=0.0), "WCS"),
    ],
)
def test_flaws(content, flaw):
    """A file that is not a stamp of this galaxy gives a short reason."""
    assert flaw in find_flaw(content, _EXPECTED)


@pytest.mark.parametrize(
    ("planes", "flaw"),
    [
        ([], "lacks the plane mask"),
        ([Extension("MASK", np.ones((2, 2), np.uint8))], "another shape"),
        ([Extension("IVAR", np.ones((40, 40), np.float32))], "lacks the plane mask"),
    ],
)
def test_plane_flaws(planes, flaw):
    """A plane that was asked for must be there, with the shape of the flux."""
    assert flaw in find_flaw(stamp(planes=planes), _EXPECTED)
    only_flux = _EXPECTED._replace(spec=replace(_SPEC, planes=(Plane.FLUX,)))
    assert find_flaw(stamp(planes=planes), only_flux) == ""


def test_good_without_value():
    """A mask must not call a pixel good that has no value."""
    content = bytearray(stamp())
    content[2880:2884] = np.array([np.nan], ">f4").tobytes()
    expected = _EXPECTED._replace(coverage=0.999375)
    assert find_flaw(bytes(content), expected) == (
        "its mask calls pixels good that have no value"
    )


def test_coverage():
    """A stamp with another coverage than in the ledger has a flaw."""
    said = find_flaw(stamp(), _EXPECTED._replace(coverage=0.5))
    assert said == "1.0 of its pixels have a value, not 0.5"


def test_trimmed_too_large():
    """A trimmed stamp must not be larger than the requested size."""
    said = find_flaw(stamp((41, 40)), _EXPECTED._replace(spec=_TRIM))
    assert "pixels, not 40 x 40" in said
