"""Positions as degrees."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.angle_units import DEGREES, angle_unit
from harvester.catalogue.positions import designation_in, designations, read_positions
from harvester.catalogue.sky_frames import SkyFrame


def read(ra, dec, **units):
    """Read one position from each of two lists."""
    return read_positions(pa.array(ra), pa.array(dec), **units)


@pytest.mark.parametrize(
    ("given_ra", "expected"),
    [(0.0, 0.0), (360.0, 0.0), (-1.0, 359.0), (540.0, 180.0), (-1e-20, 0.0)],
)
def test_ra_is_wrapped(given_ra, expected):
    """RA is wrapped into 0..360, 360 excluded."""
    positions = read([given_ra], [0.0])
    assert positions.ra[0] == expected
    assert not positions.problems


def test_wrapping_is_told():
    """A note states how many rows were wrapped; without any there is no note."""
    assert "(rows: 2)" in read([-1.0, 5.0, 360.0], [0.0] * 3).notes[0]
    assert read([5.0], [0.0]).notes == []


@given(st.floats(), st.floats())
def test_any_floats(ra, dec):
    """Every row has either a position on the sphere or a reason."""
    positions = read([ra], [dec])
    if positions.problems:
        assert positions.problems[0]
        assert np.isnan(positions.ra[0])
        assert np.isnan(positions.dec[0])
    else:
        assert 0 <= positions.ra[0] < 360
        assert positions.dec[0] == dec


@pytest.mark.parametrize(
    ("ra", "dec", "reason"),
    [
        (None, 1.0, "no RA"),
        (float("nan"), 1.0, "no RA"),
        (1.0, None, "no Dec"),
        (float("inf"), 1.0, "far outside"),
        (-9999.0, -9999.0, "stands for no value"),
        (10.0, -999.0, "stands for no value"),
        (10.0, 91.0, "beyond the poles"),
        (10.0, -90.0001, "beyond the poles"),
        (1e6, 0.0, "far outside"),
    ],
)
def test_bad_row_has_a_reason(ra, dec, reason):
    """A row without a position has a reason, and the other rows are read."""
    positions = read([ra, 20.0], [dec, 30.0])
    assert reason in positions.problems[0]
    assert list(positions.problems) == [0]
    assert (positions.ra[1], positions.dec[1]) == (20.0, 30.0)


def test_poles_are_places():
    """Declinations of exactly 90 and -90 degrees are valid."""
    assert not read([0.0, 0.0], [90.0, -90.0]).problems


@given(
    st.integers(0, 23), st.integers(0, 59), st.floats(0, 59.99), st.sampled_from(": ")
)
def test_sexagesimal_ra(hours, minutes, seconds, mark):
    """Text with colons or blanks is hours of RA, as in astropy."""
    text = mark.join([f"{hours:02}", f"{minutes:02}", f"{seconds:05.2f}"])
    expected = Angle(text.replace(" ", ":"), u.hourangle).deg
    assert read([text], ["0"]).ra[0] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-01:02:03", -(1 + 2 / 60 + 3 / 3600)),
        ("-00:30:00", -0.5),
        ("+00 30 00.0", 0.5),
        ("  -10:22:25.7 ", -(10 + 22 / 60 + 25.7 / 3600)),
        ("\u22120:30:00", -0.5),
        ("1d30m00s", 1.5),
        ("-1.5", -1.5),
        ("1e1", 10.0),
    ],
)
def test_dec_as_text(text, expected):
    """Declinations keep their sign, also above -1 degree."""
    assert read(["1"], [text]).dec[0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("text", "expected"), [("12h00m00s", 180.0), ("12d00m00s", 12.0), ("183.5", 183.5)]
)
def test_ra_says_its_unit(text, expected):
    """Letters make RA hours or degrees, and plain numbers in text are degrees."""
    assert read([text], ["0"]).ra[0] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("00h 25m 17.4s", "-61\u00b0 19' 19\""),
        ("00h25m17.4s", "\u221261\u00ba19\u203219\u2033"),
        ("00 h 25 m 17.4 s", "\u201361 d 19 m 19 s"),
        ("0:25:17.40", "-61\u02da 19\u2019 19\u201d"),
        ("00H25M17.4S", "-61\u00b019'19''"),
        ("00\u02b025\u1d5017.4\u02e2", "-61deg19'19.0\""),
        ("0h25m17s.4", "-61 19 19"),
        ("0h25m17.s4", "-61\u00b019'19\".0"),
    ],
)
def test_signs_as_typed(ra, dec):
    """Degrees, minutes and seconds may have any of the marks in use."""
    positions = read([ra], [dec])
    assert positions.ra[0] == pytest.approx(Angle("0h25m17.4s").deg)
    assert positions.dec[0] == pytest.approx(-Angle("61d19m19s").deg)


@pytest.mark.parametrize(
    ("ra", "dec", "expected"),
    [
        ("12h30.5m", "-0d30.5m", (187.625, -0.5083333)),
        ("12:34:60", "-00:00:60.0", (188.75, -1 / 60)),
        ("12:30.5", "0", None),
        ("12h30m00s", "1h00m00s", None),
        ("12:34:60.5", "0", None),
    ],
)
def test_odd_text(ra, dec, expected):
    """Decimal minutes need letters, 60 seconds are a minute, Dec is never in hours."""
    positions = read([ra], [dec])
    if expected is None:
        assert list(positions.problems) == [0]
    else:
        assert (positions.ra[0], positions.dec[0]) == pytest.approx(expected)


def test_hours_beyond_the_day():
    """Numbers above 24 in a column of hours are errors; they are not wrapped."""
    hours = angle_unit("hours")
    found = read_positions(pa.array([30.0, 23.0]), pa.array([1.0, 1.0]), ra_unit=hours)
    assert list(found.problems) == [0]
    assert found.ra[1] == pytest.approx(345)


@pytest.mark.parametrize("text", ["25:00:00", "183:31:52", "12:60:00", "12:34", "abc"])
def test_unreadable_ra(text):
    """Text that is not a right ascension has no position."""
    positions = read([text, "1"], ["0", "0"])
    assert positions.problems == {0: f"RA {text!r} is not an angle"}


@pytest.mark.parametrize(
    ("unit", "expected"),
    [
        ("deg", 2.0),
        ("h", 30.0),
        ("hourangle", 30.0),
        ("15 deg", 30.0),
        ("arcmin", 1 / 30),
        ("RADIANS", 2 * 57.29577951308232),
    ],
)
def test_unit_of_column(unit, expected):
    """The unit of the column is used, with a note if it is not degrees."""
    positions = read([2.0], [0.0], ra_unit=angle_unit(unit), dec_unit=DEGREES)
    assert positions.ra[0] == pytest.approx(expected)
    assert len(positions.notes) == (unit != "deg")


@pytest.mark.parametrize(
    ("unit", "text", "expected"),
    [
        ("h:m:s", "10:00:00", 150.0),
        ("d:m:s", "10:00:00", 10.0),
        ("deg", "10:00:00", 10.0),
        ("hour", "10:00:00", 150.0),
        ("hour", "10.0", 150.0),
        ("rad", "10:00:00", None),
        ("h:m:s", "10.0", None),
    ],
)
def test_unit_of_text(unit, text, expected):
    """The unit decides what text with colons means; a contradiction is an error."""
    positions = read([text], ["0"], ra_unit=angle_unit(unit))
    if expected is None:
        assert positions.problems == {0: f"RA {text!r} is not an angle"}
    else:
        assert positions.ra[0] == pytest.approx(expected)


@pytest.mark.parametrize("form", ["degrees", "text"])
def test_galactic_text_is_degrees(form):
    """Longitudes other than RA are never hours, also as text with colons."""
    l, b = ("120:30:00", "-60:15:00") if form == "text" else (120.5, -60.25)  # noqa: E741 - its name
    positions = read([l], [b], frame=SkyFrame("galactic"))
    place = SkyCoord(120.5, -60.25, unit="deg", frame="galactic").icrs
    assert positions.ra[0] == pytest.approx(place.ra.deg, abs=1e-9)
    assert positions.dec[0] == pytest.approx(place.dec.deg, abs=1e-9)
    assert positions.notes == ["Positions were transformed from galactic to ICRS."]


def test_swapped_columns_are_suspected():
    """With many declinations beyond the poles a note asks about swapped columns."""
    positions = read([1.0, 2.0, 3.0], [200.0, 300.0, 10.0])
    assert any("swapped" in note for note in positions.notes)
    assert len(positions.problems) == 2


@pytest.mark.parametrize("kind", [pa.int16(), pa.float32(), pa.decimal128(25, 2)])
def test_number_types(kind):
    """All types of numbers are read."""
    column = pa.array([2, 3]).cast(kind)
    assert read_positions(column, column).ra.tolist() == [2.0, 3.0]


def test_no_numbers_at_all():
    """A column that cannot hold angles rejects each row; it does not raise an error."""
    column = pa.array([[1.0], [2.0]])
    assert len(read_positions(column, pa.array([1.0, 2.0])).problems) == 2


def test_designation_is_cut():
    """Names follow the IAU: truncated, with leading zeros and the sign."""
    ra, dec = (
        np.array([1.046625, 356.25, 359.9999999]),
        np.array([2.15667, -0.5, -89.9999]),
    )
    assert designations(ra, dec) == [
        "J000411.19+020924.0",
        "J234500.00-003000.0",
        "J235959.99-895959.6",
    ]


@given(st.floats(0, 359.999), st.floats(-90, 90))
def test_designation_is_found_again(ra, dec):
    """A name made of a position is recognised as one."""
    (name,) = designations(np.array([ra]), np.array([dec]))
    assert designation_in(f"SDSS {name} x") == name


def test_no_designation():
    """Other names are not recognised as positions."""
    assert designation_in("NGC 5257, 587722984435351614") == ""
