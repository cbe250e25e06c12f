"""The small files that once were read wrong: what their bytes say."""

from __future__ import annotations

import pyarrow as pa
import pytest

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.tables import open_tables

B1950 = StatedFrame("eq_FK4", "B1950")
DEGREES = {"ra": "deg", "dec": "deg"}

#: File: format, first row, units.
CASES = {
    "b1950.vot": (
        "VOTable",
        {"objid": 587722984435351614, "ra": 150.1, "dec": 2.2},
        DEGREES,
    ),
    "bom.ecsv": (
        "ECSV",
        {"id": "A", "ra": 10.0066674, "dec": 2.20011},
        {"ra": "hourangle", "dec": "deg"},
    ),
    "ipac.tbl": (
        "IPAC table",
        {"cntr": 1, "mag": 18.211, "err": 0.012, "ra": 150.10001, "dec": 2.20011},
        {"mag": "mag", "err": "mag", **DEGREES},
    ),
    "latin1_bytes.parquet": (
        "Parquet",
        {"object_id": "Jörg-1", "ra": 150.1, "dec": 2.2},
        {},
    ),
    "leading_zeros.csv": (
        "text, comma-separated",
        {
            "objid": "1237648720142401611",
            "ra": 150.1,
            "dec": 2.2,
            "plate": "0266",
            "tile": "007",
        },
        {},
    ),
    "sextractor.cat": (
        "SExtractor catalogue",
        {
            "NUMBER": 1,
            "MAG_AUTO": 18.211,
            "MAGERR_AUTO": 0.012,
            "ALPHA_J2000": 150.10001,
            "DELTA_J2000": 2.20011,
        },
        {
            "MAG_AUTO": "mag",
            "MAGERR_AUTO": "mag",
            "ALPHA_J2000": "deg",
            "DELTA_J2000": "deg",
        },
    ),
    "small_float_ids.csv": (
        "text, comma-separated",
        {"id": "12.0", "ra": 150.1, "dec": 2.2},
        {},
    ),
    "unit_in_header.csv": (
        "text, comma-separated",
        {"name": "A", "RA (hours)": 10.0066674, "Dec (deg)": 2.20011},
        {"RA (hours)": "hours", "Dec (deg)": "deg"},
    ),
    "vizier.tsv": (
        "VizieR TSV",
        {
            "objID": "1237648720142401611",
            "RA_ICRS": 150.10001,
            "DE_ICRS": 2.20011,
            "rmag": 18.211,
        },
        {"RA_ICRS": "deg", "DE_ICRS": "deg", "rmag": "mag"},
    ),
}


@pytest.fixture
def read(shared):
    """Give what reads a file with one table: the sheet and its rows."""

    def read(name):
        path = shared / "cases" / "catalogues" / name
        with path.open("rb") as file, open_tables(path, file) as (sheet,):
            batches = sheet.table.to_batches(max_chunksize=2)
            table = pa.Table.from_batches(batches, sheet.table.schema)
            return sheet, table.to_pylist()

    return read


@pytest.mark.parametrize("name", CASES)
def test_case(read, name):
    """Format, first row and units are those that the file states."""
    form, row, units = CASES[name]
    sheet, rows = read(name)
    assert (sheet.format, rows[0], sheet.units) == (form, row, units)
    assert sheet.has_names
    assert sheet.broken == []


def test_frames_of_cases(read):
    """A VOTable's columns are in their system, an IPAC table in its own."""
    assert read("b1950.vot")[0].frames == {"ra": B1950, "dec": B1950}
    assert read("ipac.tbl")[0].frame == StatedFrame("", "J2000")


def test_headerless_case(read):
    """A table without a header has numbered columns, and says so."""
    sheet, rows = read("headerless.csv")
    assert not sheet.has_names
    assert list(rows[0].values()) == [
        *(1237648720142401612, 0.05, 0.0001, 150.10001, 2.20011),
    ]


def test_semicolon_case(read):
    """A semicolon in every row of a comma-separated table separates nothing."""
    _, rows = read("semicolon_in_text.csv")
    assert len(rows[0]) == 16
    assert (rows[0]["RA"], rows[0]["tags"]) == (179.74275117, "x;y")


@pytest.mark.parametrize(
    ("name", "columns"),
    [
        ("tdim_one.fits", ["objID", "ra", "dec", "name"]),
        ("duplicate_column.fits", ["id", "ra", "dec", "survey", "survey_2"]),
        ("second_table.fits", ["NUMBER", "ALPHA_J2000", "DELTA_J2000"]),
    ],
)
def test_fits_cases(read, name, columns):
    """The one table with a catalogue is read, its rows plain values."""
    _, rows = read(name)
    assert list(rows[0]) == columns
    assert len(rows) == 2
    assert not any(isinstance(value, list) for value in rows[0].values())
    if name == "tdim_one.fits":
        assert (rows[0]["objID"], rows[1]["name"]) == (587722984435351614, "UGC 22")
