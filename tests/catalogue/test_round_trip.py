"""Positions in any table are read right, in every format and spelling of angles."""

from __future__ import annotations

import gzip
import io
import warnings
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import Table
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.catalogue.reader import open_catalogue
from harvester.errors import InputError

#: Hundredths of a second in 24 hours of right ascension; tenths of an arcsec from the
#: equator to the pole.
DAY, POLE = 24 * 360_000, 90 * 36_000

NAMES = [
    ("id", "ra", "dec"),
    ("OBJID", "RA", "DEC"),
    ("Object Id", "RA (deg)", "Dec (deg)"),
    ("name", "_RAJ2000", "_DEJ2000"),
    ("iau_name", "right ascension", "declination"),
    ("targetid", "target_ra", "target_dec"),
]


class Row(NamedTuple):
    """A position in integer units, or wrong text in its place."""

    ticks: int
    tenths: int
    #: Full circles that are added to the right ascension.
    turns: int = 0
    #: Index of the wrong text in its place; -1 for a correct position.
    wrong: int = -1


def clock(ticks, a, b, c=""):
    """Write a right ascension as hours, minutes and seconds."""
    whole, hundredths = divmod(ticks, 100)
    hours, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    return f"{hours:02}{a}{minutes:02}{b}{seconds:02}.{hundredths:02}{c}"


def arc(tenths, a, b, c=""):
    """Write a declination as degrees, minutes and seconds."""
    whole, tenth = divmod(abs(tenths), 10)
    degrees, minutes, seconds = whole // 3600, whole // 60 % 60, whole % 60
    sign = "-" if tenths < 0 else "+"
    return f"{sign}{degrees:02}{a}{minutes:02}{b}{seconds:02}.{tenth}{c}"


def in_degrees(row):
    """Write a position as numbers."""
    return row.ticks * 15 / 360_000 + 360 * row.turns, row.tenths / 36_000


SPELLINGS = {
    "degrees": in_degrees,
    "hours": lambda row: (row.ticks / 360_000, row.tenths / 36_000),
    "text": lambda row: tuple(map(repr, in_degrees(row))),
    "colons": lambda row: (clock(row.ticks, ":", ":"), arc(row.tenths, ":", ":")),
    "blanks": lambda row: (clock(row.ticks, " ", " "), arc(row.tenths, " ", " ")),
    "letters": lambda row: (
        clock(row.ticks, "h", "m", "s"),
        arc(row.tenths, "d", "m", "s"),
    ),
}
#: Wrong text in place of a right ascension and a declination.
WRONG_NUMBERS = [(np.nan, 1.0), (1.0, np.nan), (1.0, 90.5), (-9999.0, -9999.0)]
WRONG_TEXTS = [("", "1:2:3"), ("1:2:3", ""), ("1:2:3", "95:00:00"), ("1:61:1", "1:1:1")]


def is_unusable(row, spelling):
    """Return whether both cells have text that is not a position."""
    return row.wrong == 2 or (row.wrong == 3 and spelling not in {"degrees", "hours"})


def cells(row, spelling):
    """Return the two cells of a row."""
    wrong = WRONG_NUMBERS if spelling in {"degrees", "hours"} else WRONG_TEXTS
    return SPELLINGS[spelling](row) if row.wrong < 0 else wrong[row.wrong]


def as_text(names, rows, _spelling, *, separator):
    """Write lines of text; tables with prose above the rows have their own tests."""
    lines = [names, *rows]
    return "".join(separator.join(map(str, line)) + "\n" for line in lines).encode()


def as_table(names, rows, spelling, *, kind):
    """Write a table with astropy."""
    table = Table(rows=rows, names=names)
    if spelling == "hours":
        table[names[1]].unit = "h"
    file = io.StringIO() if kind == "ascii.ecsv" else io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the name is no identifier of XML
        table.write(file, format=kind)
    content = file.getvalue()
    return content.encode() if isinstance(content, str) else content


def as_parquet(names, rows, _spelling):
    """Write a table with Arrow, which has no units."""
    file = io.BytesIO()
    columns = zip(names, zip(*rows, strict=True), strict=True)
    pq.write_table(pa.table({name: list(column) for name, column in columns}), file)
    return file.getvalue()


#: Formats, and whether they state units.
FORMATS = {
    "comma": (as_text, {"separator": ","}),
    "tab": (as_text, {"separator": "\t"}),
    "semicolon": (as_text, {"separator": ";"}),
    "bar": (as_text, {"separator": " | "}),
    "fits": (as_table, {"kind": "fits"}),
    "votable": (as_table, {"kind": "votable"}),
    "ecsv": (as_table, {"kind": "ascii.ecsv"}),
    "parquet": (as_parquet, {}),
}

good = st.builds(
    Row,
    st.integers(0, DAY - 1),
    st.integers(-POLE, POLE),
    st.integers(-1, 1),
    st.just(-1),
)
wrong = st.builds(Row, st.just(0), st.just(0), st.just(0), st.integers(0, 3))


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=60)
@given(
    rows=st.lists(st.one_of(good, good, wrong), min_size=1, max_size=8),
    names=st.sampled_from(NAMES),
    spelling=st.sampled_from(list(SPELLINGS)),
    packed=st.booleans(),
)
def test_positions_come_back(tmp_path_factory, form, rows, names, spelling, packed):
    """Every row is a target at its position or a reject with line and reason.

    If most positions are wrong, the catalogue is refused.
    """
    write, options = FORMATS[form]
    if spelling == "hours" and write is not as_table:
        spelling = "colons"  # numbers are hours only where a unit says so
    if "deg" in names[1] and spelling != "degrees":
        names = NAMES[0]  # hours under such a name are refused
    table = [(f"g{n}x", *cells(row, spelling)) for n, row in enumerate(rows)]
    content = write(names, table, spelling, **options)
    path = tmp_path_factory.getbasetemp() / f"round-trip-{form}"
    path.write_bytes(gzip.compress(content) if packed else content)
    kept = [n for n, row in enumerate(rows) if row.wrong < 0]
    if not kept:
        with pytest.raises(InputError, match="none of its rows"), open_catalogue(path):
            pass
        return
    if 2 * sum(is_unusable(row, spelling) for row in rows) > len(
        [row for row in rows if row.wrong < 0 or is_unusable(row, spelling)]
    ):
        told = "positions cannot be used"
        with pytest.raises(InputError, match=told), open_catalogue(path):
            pass
        return
    if len({rows[n][:2] for n in kept}) < len(kept):
        return  # several in one place: another test's matter
    with open_catalogue(path) as catalogue:
        targets, rejects = list(catalogue.targets()), catalogue.rejects
        assert catalogue.labels().read_all().num_rows == len(targets)
    assert [target.id for target in targets] == [f"g{n}x" for n in kept]
    assert sorted([r.id for r in rejects] + [t.id for t in targets]) == [
        f"g{n}x" for n in range(len(rows))
    ]
    assert all(reject.reason for reject in rejects)
    assert sorted([r.line for r in rejects] + [t.line for t in targets]) == [
        n + (2 if write is as_text else 1) for n in range(len(rows))
    ]
    for target, n in zip(targets, kept, strict=True):
        ra, dec = in_degrees(rows[n])
        assert 0 <= target.ra < 360
        assert abs((target.ra - ra + 180) % 360 - 180) < 1e-9
        assert target.dec == pytest.approx(dec, abs=1e-9)


#: Names of RA and Dec with their meaning: the degrees in a unit of each, and the frame.
STATED = {
    ("RA (hours)", "Dec (deg)"): (15.0, 1.0, "icrs"),
    ("ra_rad", "dec_rad"): (np.degrees(1), np.degrees(1), "icrs"),
    ("RA [arcsec]", "Dec [arcsec]"): (1 / 3600, 1 / 3600, "icrs"),
    ("RAJ2000", "DEJ2000"): (1.0, 1.0, "icrs"),
    ("RA1950", "DEC1950"): (1.0, 1.0, "fk4"),
    ("RA (B1950 hours)", "Dec (B1950 deg)"): (15.0, 1.0, "fk4"),
    ("glon_deg", "glat_deg"): (1.0, 1.0, "galactic"),
}
NON_POSITION_WORDS = ("RA(err)", "e_RAJ2000", "ra_offset", "pmRA", "dec_err", "z")


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=40)
@given(
    places=st.lists(st.tuples(st.floats(0, 359), st.floats(-89, 89)), max_size=4),
    names=st.sampled_from(list(STATED)),
    decoys=st.lists(st.sampled_from(NON_POSITION_WORDS), max_size=3, unique=True),
)
def test_stated_in_names(tmp_path_factory, form, places, names, decoys):
    """Units and frames in names are read as by `SkyCoord`, in every format."""
    write, options = FORMATS[form]
    step_ra, step_dec, frame = STATED[names]
    places = [(150.25, 2.5), *places]
    rows = [
        (f"g{n}x", *([0.5] * len(decoys)), lon / step_ra, lat / step_dec)
        for n, (lon, lat) in enumerate(places)
    ]
    content = write(("name", *decoys, *names), rows, "degrees", **options)
    path = tmp_path_factory.getbasetemp() / f"stated-{form}"
    path.write_bytes(content)
    expected = SkyCoord(*np.array(places).T, unit="deg", frame=frame).icrs
    apart = expected[0].separation(expected[1:])
    if len(places) > 2 and np.all(apart.arcsec < 1):
        return  # all in one point: refused
    with open_catalogue(path) as catalogue:
        targets = list(catalogue.targets())
    found = SkyCoord([t.ra for t in targets], [t.dec for t in targets], unit="deg")
    assert [target.id for target in targets] == [f"g{n}x" for n in range(len(places))]
    assert np.all(found.separation(expected).arcsec < 1e-4)
