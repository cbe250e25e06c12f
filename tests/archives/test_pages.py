"""What the archives tell the gallery: wavelengths, and pages of positions."""

from __future__ import annotations

import pytest

from harvester.archives.registry import kind_of


@pytest.mark.parametrize(
    ("archive", "instrument", "bands"),
    [
        ("sdss", "", "u g r i z"),
        ("hst", "WFC3/UVIS", "F225W F275W F438W F606W F850LP"),
        ("hst", "ACS/WFC", "F435W F606W F814W"),
        ("hst", "WFC3/IR", "F098M F105W F125W F140W F160W"),
        ("hst", "NICMOS/NIC2", "F110W F160W F205W"),
        ("hst", "", "F115LP F435W F814W F098M F160W"),
        ("jwst", "NIRCAM/IMAGE", "F070W F115W F150W2 F200W F444W"),
        ("jwst", "MIRI/IMAGE", "F560W F1000W F2550W"),
        ("jwst", "", "F090W F444W F770W"),
    ],
)
def test_order_of_bands(archive, instrument, bands):
    """Bands sort by wavelength."""
    kind = kind_of(archive)
    lengths = [kind.wavelength_nm(instrument, band) for band in bands.split()]
    assert lengths == sorted(lengths)
    assert len(set(lengths)) == len(lengths)


@pytest.mark.parametrize(
    ("archive", "instrument", "band", "pivot"),
    # Pivot wavelengths of the instruments' handbooks, in nanometres.
    [
        ("hst", "WFC3/IR", "F160W", 1536.9),
        ("hst", "ACS/WFC", "F814W", 804.5),
        ("hst", "", "F606W", 592.2),
        ("jwst", "NIRCAM/IMAGE", "F200W", 1990),
        ("sdss", "", "r", 616.6),
    ],
)
def test_wavelengths(archive, instrument, band, pivot):
    """A wavelength is within a tenth of the pivot of the filter."""
    found = kind_of(archive).wavelength_nm(instrument, band)
    assert found == pytest.approx(pivot, rel=0.1)


@pytest.mark.parametrize("archive", ["hst", "jwst", "sdss"])
def test_unknown_band(archive):
    """A band that is not in the archive's form has no wavelength."""
    assert kind_of(archive).wavelength_nm("", "CLEAR") is None


def test_page_of_skyserver():
    """The page is of the data release that the image is from."""
    kind = kind_of("sdss")
    image = "https://data.sdss.org/sas/dr16/eboss/photoObj/frames/301/1/1/f.fits.bz2"
    page = kind.page(150.1, -2.25, image)
    assert page == (
        "https://skyserver.sdss.org/dr16/VisualTools/explore/summary"
        "?ra=150.100000&dec=-2.250000"
    )
    assert "/dr17/" in kind.page(150.1, -2.25, "")


@pytest.mark.parametrize("archive", ["hst", "jwst"])
def test_page_of_mast(archive):
    """The page of MAST searches the position."""
    page = kind_of(archive).page(150.1, 2.25, "")
    assert page.endswith("Portal.html?searchQuery=150.100000%202.250000")
