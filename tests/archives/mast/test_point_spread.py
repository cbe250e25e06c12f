"""Widths of point-spread functions, as the handbooks list them."""

from __future__ import annotations

import pytest

from harvester.archives.mast.point_spread import psf_fwhm


@pytest.mark.parametrize(
    ("camera", "wavelength", "width"),
    [
        (("WFC3", "IR"), 1600, 0.151),
        (("WFC3", "IR"), 800, 0.124),
        (("WFC3", "IR"), 1536.918, 0.1472),
        (("WFC3", "UVIS"), 1100, 0.089),
        (("WFC3", "UVIS"), 588.9, 0.067),
    ],
)
def test_width(camera, wavelength, width):
    """The width is read off the table, between its wavelengths too."""
    found, source = psf_fwhm(*camera, wavelength)
    assert found == pytest.approx(width, abs=1e-4)
    assert "WFC3 Instrument Handbook" in source


@pytest.mark.parametrize("camera", [("ACS", "WFC"), ("WFC3", "IR")])
def test_no_width(camera):
    """A camera that no handbook lists, or a wavelength outside, has no width."""
    with pytest.raises(LookupError):
        psf_fwhm(*camera, 1800.0)
