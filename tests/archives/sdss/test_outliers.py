"""Identifiers that contradict the positions of their galaxies."""

from __future__ import annotations

import numpy as np
from astropy.coordinates.matrix_utilities import rotation_matrix
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from harvester.archives.sdss.names import Field, decode, decode_all
from harvester.archives.sdss.outliers import find_outliers, have_neighbours

#: Degrees from a field to the next, and from the middle of one to its edges.
STEP, HALF = 1361 * 0.396 / 3600, np.array([1489, 2048]) * 0.396 / 7200

POLES = st.tuples(st.floats(0, 360), st.floats(0, 180))


def scan(numbers, pole=(95.0, 32.5), seed=0):
    """Give ``ra`` and ``dec`` of a random galaxy in each of these fields."""
    places = np.random.default_rng(seed).uniform(-HALF, HALF, (len(numbers), 2))
    along, across = np.radians(places + np.outer(numbers, (STEP, 0))).T
    flat = np.cos(across) * np.array([np.cos(along), np.sin(along)])
    node, tilt = pole
    turn = rotation_matrix(-node, "z") @ rotation_matrix(-tilt, "x")
    x, y, z = turn @ np.stack([*flat, np.sin(across)])
    return np.degrees(np.arctan2(y, x)) % 360, np.degrees(np.arcsin(z))


def fields(numbers, run=3836, camcol=3):
    """Give fields of one run and camera column."""
    return [Field(run, camcol, number) for number in numbers]


@given(st.lists(st.integers(11, 1000), min_size=1, max_size=30), POLES)
def test_scan(numbers, pole):
    """No galaxy in its own field is an outlier, wherever the run goes."""
    assert not find_outliers(fields(numbers), *scan(numbers, pole)).any()


@given(
    st.lists(st.integers(100, 115), min_size=7, max_size=30),
    st.integers(0, 6),
    st.sampled_from([-60, -35, 35, 60]),
    POLES,
)
def test_other_field(numbers, which, by, pole):
    """A single galaxy with an identifier of a distant field is the only outlier."""
    ra, dec = scan(numbers, pole)
    named = list(numbers)
    named[which] += by
    found = find_outliers(fields(named), ra, dec)
    assert np.flatnonzero(found).tolist() == [which]


def test_two_that_disagree():
    """If two galaxies contradict each other, both are outliers."""
    ra, dec = scan([100, 140])
    assert find_outliers(fields([100, 200]), ra, dec).all()


def test_nobody_near():
    """A galaxy alone in its run and camera column is not an outlier."""
    ra, dec = scan([100, 900, 100])
    named = [*fields([100]), *fields([500], camcol=4), *fields([500], run=94)]
    assert not find_outliers(named, ra, dec).any()
    assert find_outliers([], np.empty(0), np.empty(0)).tolist() == []


@given(st.lists(st.integers(0, 2**63 - 1) | st.integers(0, 4095), min_size=1))
def test_decode_all(numbers):
    """Decoding many identifiers gives the same as decoding each."""
    run = 2 << 59 | 301 << 48 | 752 << 32 | 3 << 29
    numbers = [run | number << 16 if number < 4096 else number for number in numbers]
    fields, known = decode_all(np.array(numbers, np.uint64))
    alone = [decode(str(number)) for number in numbers]
    assert known.tolist() == [field is not None for field in alone]
    assert [tuple(row) for row in fields[known].tolist()] == [f for f in alone if f]


def test_comparable():
    """Galaxies have neighbours only in the same run and camera column."""
    named = [*fields([100, 400]), *fields([500], camcol=4), *fields([500], run=94)]
    assert have_neighbours(np.array(named)).tolist() == [True, True, False, False]


def test_real_catalogue(shared):
    """None of the 3,003 mergers of Darg et al. is an outlier, unless misnamed."""
    rows = fits.getdata(shared / "data/catalogues/darg_mergers.fits", 1)
    named = [decode(str(number)) for number in rows["object1"]]
    known = np.array([field is not None for field in named])
    ra, dec = (rows[name][known].astype(float) for name in ("ra1", "dec1"))
    named = [field for field in named if field]
    assert len(named) > 2900
    assert not find_outliers(named, ra, dec).any()
    # Identifiers are shifted by a line, as by a bad join.
    assert find_outliers([*named[1:], named[0]], ra, dec).mean() > 0.5
