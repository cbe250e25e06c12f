"""Reading stamp files without astropy."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits

from harvester.cutouts.stamp_file import Extension, to_cards, to_fits
from harvester.dataset.stamp_reader import read_stamp
from harvester.errors import LocalError

RNG = np.random.default_rng(12)
FLUX = RNG.normal(size=(7, 9)).astype(np.float32)
FLUX[2, 3] = np.nan
IVAR = RNG.uniform(size=(7, 9)).astype(np.float32)
MASK = RNG.integers(0, 255, size=(7, 9), dtype=np.uint8)
PSF = RNG.uniform(size=(5, 5)).astype(np.float32)
ALL = (
    Extension("IVAR", IVAR),
    # Text that looks like the end of a header, and a card in it.
    Extension("MASK", MASK, to_cards([("NOTE", "END" + " " * 60, "END NAXIS1 = 3")])),
    Extension("PSF", PSF, to_cards([("LONGEST", "x" * 5000, "more than a block")])),
)


@pytest.mark.parametrize("planes", [ALL, ALL[:1], ALL[1:], ()])
def test_as_astropy_reads(tmp_path, planes):
    """Every plane has the pixels that astropy reads, in the machine's byte order."""
    path = tmp_path / "stamp.fits"
    path.write_bytes(to_fits(FLUX, [("RA", 1.5, "END")], b"", planes))
    stamp = read_stamp(path)
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert len(hdus) == 1 + len(planes)
        for name in ("ivar", "mask", "psf"):
            read = getattr(stamp, name)
            if name.upper() not in hdus:
                assert read is None
                continue
            assert np.array_equal(read, hdus[name].data)
            assert read.dtype.isnative
        assert np.array_equal(stamp.flux, hdus[0].data, equal_nan=True)
        assert stamp.header["RA"] == hdus[0].header["RA"]


def test_not_a_stamp(tmp_path):
    """Files that are no stamps, cut off or missing, are errors with their path."""
    whole = to_fits(FLUX, [], b"", ALL)
    for number, content in enumerate([b"", b"SIMPLE  =", whole[:4000], b"x" * 9000]):
        path = tmp_path / f"{number}.fits"
        path.write_bytes(content)
        with pytest.raises(LocalError, match=rf"{number}\.fits"):
            read_stamp(path)
    with pytest.raises(LocalError, match="none"):
        read_stamp(tmp_path / "none")
