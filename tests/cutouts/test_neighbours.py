"""Neighbouring frames: where they lie, and whether their shared rows agree."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from make_frames import noise, sdss_header, tan_header

from harvester.cutouts.astrometry import read_astrometry
from harvester.cutouts.neighbours import (
    CHECKED_ROWS,
    TOLERANCE,
    Offset,
    agree,
    likely_offsets,
    shared_rows,
)

SHAPE = (200, 120)
SKY = read_astrometry(sdss_header(SHAPE))
#: The pixels of a long scan, of which frames are parts.
SCAN = noise((300, 120))


def moved(rows, columns=0.0, *, scale=None):
    """Return the astrometry of a frame whose first pixel is so far from the first."""
    header = sdss_header(SHAPE) if scale is None else tan_header(SHAPE, scale=scale)
    header["CRPIX1"] -= columns
    header["CRPIX2"] -= rows
    return read_astrometry(header)


@pytest.mark.parametrize("rows", [150, -150])
def test_offset(rows):
    """The headers give the offset of the neighbour behind, and of the one before."""
    step = 1 if rows > 0 else -1
    assert likely_offsets(SKY, moved(rows + 0.2), SHAPE, step) == [Offset(rows, 0)]


def test_doubtful_offset():
    """Where headers are half a pixel off, both whole numbers are tried in turn."""
    found = likely_offsets(SKY, moved(150.4, 0.1), SHAPE, 1)
    assert found == [Offset(150, 0), Offset(151, 0)]


def test_other_grid():
    """A frame with other pixels has no offset, and neither has the far side of sky."""
    assert likely_offsets(SKY, moved(150, scale=0.4 / 3600), SHAPE, 1) == []
    far = read_astrometry(tan_header(SHAPE, ra=330.0, dec=-2.0))
    assert likely_offsets(SKY, far, SHAPE, 1) == []


def test_shared_rows():
    """The shared rows are the same rows of the sky, in both frames."""
    assert shared_rows(SHAPE, 200, Offset(150, 0)) == (slice(150, 200), slice(0, 50))
    assert shared_rows(SHAPE, 200, Offset(-150, 0)) == (slice(0, 50), slice(150, 200))
    longest, _ = shared_rows(SHAPE, 200, Offset(20, 0))
    assert longest.stop - longest.start == CHECKED_ROWS
    assert shared_rows(SHAPE, 200, Offset(190, 0)) is None


def test_same_pixels_agree():
    """Rows with the same pixels agree, though rounded and with a star cut off."""
    own = SCAN[150:200]
    other = own + noise(own.shape, seed=2) * np.float32(0.1) + np.float32(0.05)
    other[10:15, 10:15] += 1000
    other[0, 0] = np.nan
    assert agree(own, other)


@pytest.mark.parametrize("down", [-1, 1])
def test_wrong_rows_differ(down):
    """Rows that are one off do not agree."""
    assert not agree(SCAN[150:200], SCAN[150 + down : 200 + down])


def test_other_column():
    """The column of the neighbour counts: with a wrong one the rows differ."""
    wide = noise((50, 130))
    own, other = wide[:, :120], wide[:, 3:123]
    assert agree(own, other, 3)
    assert agree(other, own, -3)
    assert not agree(own, other)
    assert not agree(own, other, 500)


def test_other_level():
    """A background that differs by a fifth of the noise is not the same."""
    own = SCAN[150:200]
    assert not agree(own, own + np.float32(0.2))


def test_nothing_to_compare():
    """Rows without values or without noise prove nothing."""
    own = SCAN[150:200]
    assert not agree(own, np.full_like(own, np.nan))
    assert not agree(np.zeros_like(own), np.zeros_like(own))


@pytest.mark.parametrize("band", range(5))
def test_real_scan(shared, band):
    """Of a real run, every two neighbouring fields lie 1361 rows apart to 0.75 px."""
    table = fits.getdata(shared / "data/sdss/photoField-002583-2.fits", 1)
    a, b, c, d, e, f = (
        table[name][:, band] for name in ("A", "B", "C", "D", "E", "FF")
    )
    last, first = 1361.0 + 64.0, 64.0
    along = a[:-1] + b[:-1] * last - a[1:] - b[1:] * first
    across = d[:-1] + e[:-1] * last - d[1:] - e[1:] * first
    middle = 1024.0
    rows = (along + (c[:-1] - c[1:]) * middle) / b[1:]
    columns = (across + (f[:-1] - f[1:]) * middle) / f[1:]
    assert len(rows) > 200
    assert max(np.abs(rows).max(), np.abs(columns).max()) < TOLERANCE
