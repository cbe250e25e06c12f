"""Neighbouring frames: where they lie, and whether their shared rows agree."""

from __future__ import annotations

import numpy as np
import pytest
from astropy.io import fits
from make_frames import noise, sdss_header, tan_header

from harvester.cutouts.astrometry import read_astrometry
from harvester.cutouts.neighbours import (
    CHECKED_ROWS,
    MOST_SPREAD,
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
    assert likely_offsets(SKY, moved(rows + 0.2), SHAPE, step)[0] == Offset(rows, 0)


def test_doubtful_offset():
    """All whole numbers within 0.9 px are tried, the nearest first."""
    found = likely_offsets(SKY, moved(150.4, 0.2), SHAPE, 1)
    assert found[:2] == [Offset(150, 0), Offset(151, 0)]
    assert set(found) == {Offset(row, n) for row in (150, 151) for n in (0, 1)}


def test_other_grid():
    """A frame with other pixels has no offset, and neither has the far side of sky."""
    assert likely_offsets(SKY, moved(150, scale=0.41 / 3600), SHAPE, 1) == []
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
    """Of a real run, every two neighbouring fields lie 1361 rows apart to half a pixel.

    From one end of the shared row to the other this changes by half a pixel.
    """
    table = fits.getdata(shared / "data/sdss/photoField-002583-2.fits", 1)
    a, b, c, d, e, f = (
        table[name][:, band].astype(float) for name in ("A", "B", "C", "D", "E", "FF")
    )
    last, first = 1361.0 + 64.0, 64.0
    along = a[:-1] + b[:-1] * last - a[1:] - b[1:] * first
    across = d[:-1] + e[:-1] * last - d[1:] - e[1:] * first
    column = np.linspace(0, 2047, 3)[:, None]
    rows = (along + (c[:-1] - c[1:]) * column) / b[1:]
    columns = (across + (f[:-1] - f[1:]) * column) / f[1:]
    apart = np.stack([rows, columns])
    assert apart.shape[2] > 200
    assert np.abs(apart.mean(axis=1)).max() < 0.5 < TOLERANCE
    assert np.ptp(apart, axis=1).max() < 0.6 < MOST_SPREAD


def test_turned_headers():
    """The offset is found if it differs by a pixel between the ends of a row."""
    header = sdss_header(SHAPE)
    header["CRPIX2"] -= 150
    turn = np.radians(0.5)
    scale = header["CD2_2"]
    header["CD1_1"], header["CD1_2"] = -scale * np.cos(turn), scale * np.sin(turn)
    header["CD2_1"], header["CD2_2"] = scale * np.sin(turn), scale * np.cos(turn)
    found = likely_offsets(SKY, read_astrometry(header), SHAPE, 1)
    assert Offset(150, 0) in found
