"""Positions in several columns."""

from __future__ import annotations

import pyarrow as pa
import pytest
from astropy.coordinates import SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.columns import find_positions
from harvester.catalogue.options import ReadOptions
from harvester.catalogue.sheets import Sheet
from harvester.catalogue.source import find_source, read_source

MRT = ("RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs")


def positions(table):
    """Read the positions of a table."""
    options = ReadOptions()
    return read_source(find_source(Sheet.of(pa.table(table), {}), options), options)[0]


@given(
    st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 5999)),
    st.sampled_from("+-"),
    st.tuples(st.integers(0, 89), st.integers(0, 59), st.integers(0, 599)),
)
def test_as_astropy(ra, sign, dec):
    """Hours, minutes, seconds and a sign column give the same as with astropy."""
    values = (*ra[:2], ra[2] / 100, sign, *dec[:2], dec[2] / 10)
    found = positions({name: [v] for name, v in zip(MRT, values, strict=True)})
    text = "{}h{}m{}s {}{}d{}m{}s".format(*values)
    place = SkyCoord(text)
    assert found.ra[0] == pytest.approx(place.ra.deg, abs=1e-9)
    assert found.dec[0] == pytest.approx(place.dec.deg, abs=1e-9)


def test_whole_columns_first():
    """If there are columns of degrees too, they are used."""
    table = {name: [1] for name in MRT} | {"RAdeg": [15.25], "DEdeg": [1.5]}
    assert find_positions(Sheet.of(pa.table(table), {})).ra == "RAdeg"


def test_minutes_with_decimals():
    """Without seconds the minutes have decimals."""
    found = positions({"RAh": [1], "RAm": [30.5], "DEd": ["-00"], "DEm": [30.0]})
    assert (found.ra[0], found.dec[0]) == (22.625, -0.5)


def test_lost_sign():
    """Without a sign column, a 0 among southern declinations may mean -0."""
    parts = {"RAh": [1, 2], "RAm": [0, 0], "DEd": [0, -5], "DEm": [30, 30]}
    found = positions(parts)
    assert list(found.problems) == [0]
    assert found.dec[1] == -5.5
    assert "may mean -0, which an integer cannot show (rows: 1)" in found.notes[-1]


def test_used_columns_are_no_labels():
    """All parts are used as position columns, and named in messages."""
    columns = find_positions(Sheet.of(pa.table({name: [1] for name in MRT}), {}))
    assert set(MRT) <= set(columns.used)
    assert (columns.ra, columns.dec) == ("RAh RAm RAs", "DE- DEd DEm DEs")


@pytest.mark.parametrize("seconds", [60.5, -1.0, None])
def test_no_seconds(seconds):
    """Seconds beyond 60 give no position."""
    table = {"RAh": [1], "RAm": [0], "RAs": [seconds], "DEd": [1], "DEm": [0]}
    assert list(positions(table).problems) == [0]
