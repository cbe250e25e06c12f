"""Units and frames that a table states, contradicts, or does not state."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import inspect_catalogue
from harvester.catalogue.sheets import Sheet, StatedFrame
from harvester.catalogue.source import find_source, read_source
from harvester.errors import InputError

FK4 = StatedFrame("eq_FK4", "B1950")


def read(table, *, units=None, frames=None, frame=None, **options):
    """Read the first position of a table; return it with the frame."""
    whole = Sheet.of(pa.table(table), units or {})
    sheet = Sheet(whole.table, whole.lines, whole.units, frames or {}, frame)
    chosen = ReadOptions(**options)
    positions, meaning = read_source(find_source(sheet, chosen), chosen)
    return positions.ra[0], positions.dec[0], str(meaning.frame)


@pytest.mark.parametrize(
    ("names", "units", "options", "expected"),
    [
        (("RA (hours)", "Dec (deg)"), {}, {}, (15.0, 0.5)),
        (("ra_rad", "dec_rad"), {}, {}, (57.29577951308232, 28.64788975654116)),
        (("ra", "dec"), {"ra": "HOURANGLE", "dec": "deg"}, {}, (15.0, 0.5)),
        (("ra", "dec"), {"ra": "hours"}, {}, (15.0, 0.5)),
        (
            ("ra", "dec"),
            {"ra": "RADIANS", "dec": "Angle[rad]"},
            {},
            (57.2957795, 28.6478),
        ),
        (("ra", "dec"), {"ra": "ARCSEC", "dec": "ARCSEC"}, {}, (1 / 3600, 0.5 / 3600)),
        (("ra", "dec"), {"ra": "degree (J2000)"}, {}, (1.0, 0.5)),
        (("ra", "dec"), {"ra": "furlong"}, {"unit": "deg"}, (1.0, 0.5)),
        (("ra", "dec"), {}, {"unit": "hour"}, (15.0, 0.5)),
        (("RA (hours)", "Dec"), {}, {"unit": "deg"}, (1.0, 0.5)),
        (("ra", "dec"), {"ra": "-"}, {}, (1.0, 0.5)),
    ],
)
def test_units(names, units, options, expected):
    """Units in names and in files are used; the user overrules both."""
    table = dict(zip(names, ([1.0], [0.5]), strict=True))
    found = read(table, units=units, **options)
    assert found[:2] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("names", "units", "words"),
    [
        (("ra", "dec"), {"ra": "furlong"}, "column ra has the unit 'furlong'"),
        (("ra", "dec"), {"dec": "mag"}, "column dec has the unit 'mag'"),
        (("ra", "dec"), {"ra": "pix"}, "column ra has the unit 'pix'"),
        (("RA (parsecs)", "Dec"), {}, "'parsecs', which is neither"),
        (
            ("ra_rad", "dec_rad"),
            {"ra_rad": "deg"},
            "rad according to its name, but in deg",
        ),
        (("ra_rad", "dec"), {}, "but the unit of column dec is not stated"),
        (("ra", "dec"), {"ra": "h:m:s"}, "but it holds numbers"),
    ],
)
def test_units_refused(names, units, words):
    """Unknown or contradictory units are refused, and the error names the option."""
    table = dict(zip(names, ([1.0], [0.5]), strict=True))
    with pytest.raises(InputError, match="--unit deg") as caught:
        read(table, units=units)
    assert words in str(caught.value)


def test_doubtful_comments(tmp_path):
    """A unit that only a comment states is refused, unless an option or a name does."""
    path = tmp_path / "x.csv"
    path.write_text("# RA in hours (B1950)\nid,ra,dec\na,10.5,2\n", "utf-8")
    with pytest.raises(InputError, match=r"line 1 says '# RA in hours .*--unit deg"):
        inspect_catalogue(path)
    assert inspect_catalogue(path, ReadOptions(unit="hour")).sample[0].ra == 157.5
    path.write_text("# equinox 1950\nid,RA1950,Dec1950\na,10.5,2\n", "utf-8")
    assert inspect_catalogue(path).frame == "FK4 (equinox B1950)"


def test_hours_as_degrees():
    """Text with colons in a column of degrees is refused if no value is above 24."""
    table = {"RA (deg)": ["10:00:00"], "Dec (deg)": ["1:00:00"]}
    with pytest.raises(InputError, match="so it may be hours"):
        read(table)
    assert read(table, unit="hour")[0] == 150
    assert read(table, unit="deg")[0] == 10
    assert read({"RA (deg)": ["150:06:00"], "Dec (deg)": ["1:00:00"]})[0] == 150.1
    assert read({"RA (deg)": ["10h00m00s"], "Dec (deg)": ["1:00:00"]})[0] == 150


@pytest.mark.parametrize(
    ("table", "stated", "expected"),
    [
        (("RA1950", "DEC1950"), {}, "FK4 (equinox B1950)"),
        (("RA (B1950)", "Dec (B1950)"), {}, "FK4 (equinox B1950)"),
        (("ra", "dec"), {"frames": {"ra": FK4, "dec": FK4}}, "FK4 (equinox B1950)"),
        (("ra", "dec"), {"frame": FK4}, "FK4 (equinox B1950)"),
        (("ra", "dec"), {"frame": StatedFrame("", "1950.0")}, "FK4 (equinox B1950)"),
        (("ra", "dec"), {"frame": StatedFrame("FK5", "1975")}, "FK5 (equinox J1975)"),
        (("ra", "dec"), {"units": {"ra": "deg (B1950)"}}, "FK4 (equinox B1950)"),
        (("RAJ2000", "DEJ2000"), {"frame": FK4}, "FK5 (equinox J2000)"),
        (("ra", "dec"), {"frame": StatedFrame("", "", "J2016.0")}, "ICRS"),
        (("l", "b"), {}, "galactic"),
        (("GLON", "GLAT"), {"frame": StatedFrame("ICRS")}, "galactic"),
        (("ELON", "ELAT"), {}, "ecliptic (equinox J2000)"),
        (("SGL", "SGB"), {}, "supergalactic"),
    ],
)
def test_frames(table, stated, expected):
    """The frame is the one that the columns state, else the one of the table."""
    columns = dict(zip(table, ([150.1], [2.2]), strict=True))
    assert read(columns, **stated)[2] == expected


@pytest.mark.parametrize(
    ("table", "stated", "words"),
    [
        (("ra", "dec"), {"frames": {"ra": StatedFrame("GAPPT")}}, "column ra is given"),
        (("ra", "dec"), {"frame": StatedFrame("FK4", "2000")}, "the table is given"),
        (("ra", "dec"), {"frame": StatedFrame("galactic")}, "named as right ascension"),
        (
            ("RAJ2000", "DEJ2000"),
            {"frames": {"RAJ2000": FK4}},
            "the file states several frames for columns RAJ2000 and",
        ),
    ],
)
def test_frames_refused(table, stated, words):
    """Frames that are unknown or contradict each other are refused."""
    columns = dict(zip(table, ([150.1], [2.2]), strict=True))
    with pytest.raises(InputError, match="--frame") as caught:
        read(columns, **stated)
    assert words in str(caught.value)


def test_equatorial_before_galactic():
    """Galactic columns are used if there are no others, or if the user says so."""
    table = {"l": [10.0], "b": [20.0], "ra": [150.1], "dec": [2.2]}
    assert read(table) == (150.1, 2.2, "ICRS")
    place = SkyCoord(10, 20, unit="deg", frame="galactic").icrs
    for options in ({"ra": "l", "dec": "b"}, {"ra": "l"}):
        assert read(table, **options)[0] == pytest.approx(place.ra.deg)


def test_frame_overrules():
    """The frame of the user overrules the one in the file."""
    chosen = ReadOptions(frame="galactic")
    sheet = Sheet.of(
        pa.table({"l": [10.0], "b": [20.0], "ra": [1.0], "dec": [2.0]}), {}
    )
    assert find_source(sheet, chosen).columns.ra == "l"
    columns = {"RA1950": [150.1], "DEC1950": [2.2]}
    sheet = Sheet.of(pa.table(columns), {})
    source = find_source(sheet, ReadOptions())
    positions, _ = read_source(source, ReadOptions(frame="icrs"))
    assert (positions.ra[0], positions.dec[0]) == (150.1, 2.2)


UNITS = {
    "deg": (u.deg, u.deg),
    "hours": (u.hourangle, u.deg),
    "rad": (u.rad, u.rad),
    "h:m:s": (None, None),
}
FRAMES = {
    "": "icrs",
    "J2000": "icrs",
    "B1950": "fk4",
    "GALACTIC": "galactic",
}
NON_POSITION_WORDS = [
    "ra_err",
    "e_RA",
    "RA(err)",
    "dra",
    "pmRA",
    "ra_offset",
    "delta_dec",
    "z",
]


@given(
    st.sampled_from(list(UNITS)),
    st.sampled_from(list(FRAMES)),
    st.lists(st.sampled_from(NON_POSITION_WORDS), max_size=4, unique=True),
    st.booleans(),
    st.tuples(st.floats(0, 359.9), st.floats(-89, 89)),
)
def test_as_skycoord(unit, frame, decoys, in_name, place):
    """Any unit in any frame, among other columns, is read as `SkyCoord` reads it."""
    names = ("GLON", "GLAT") if frame == "GALACTIC" else ("RA", "Dec")
    lon, lat = Angle(place[0], "deg"), Angle(place[1], "deg")
    said = [f"{frame}, " * (frame in {"J2000", "B1950"}) + unit] * 2
    units = UNITS[unit]
    if unit == "hours":
        said[1] = said[1].replace("hours", "deg")
    if units[0] is None:
        hours = lon.to_string(
            u.deg if names[0] == "GLON" else u.hour, sep=":", precision=9
        )
        values = [hours], [lat.to_string(u.deg, sep=":", precision=9)]
        said[1] = said[1].replace("h:m:s", "d:m:s")
        if names[0] == "GLON":
            said[0] = said[0].replace("h:m:s", "d:m:s")
    else:
        values = [lon.to_value(units[0])], [lat.to_value(units[1])]
    if in_name:
        names = tuple(f"{n} ({s})" for n, s in zip(names, said, strict=True))
        said = ["", ""]
    table = {each: [0.5] for each in decoys} | dict(zip(names, values, strict=True))
    ra, dec, _ = read(table, units=dict(zip(names, said, strict=True)))
    expected = SkyCoord(lon, lat, frame=FRAMES[frame]).icrs
    there = SkyCoord(ra, dec, unit="deg")
    assert there.separation(expected) < 1e-4 * u.arcsec
    assert np.isfinite(ra)
