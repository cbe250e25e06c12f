"""FITS tables as authors and archives write them."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import FK4, SkyCoord
from astropy.io import fits
from astropy.table import Table

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.tables import open_tables
from harvester.errors import InputError

ID = 587722984435351614


def read(*hdus, cards=(), edits=()):
    """Write tables behind an empty image, change cards, and read them."""
    file = io.BytesIO()
    primary = fits.PrimaryHDU(header=fits.Header(cards))
    fits.HDUList([primary, *hdus]).writeto(file, output_verify="ignore")
    content = file.getvalue()
    for old, new in edits:
        assert old.encode() in content
        content = content.replace(old.encode(), new.ljust(len(old)).encode())
    file = io.BytesIO(content)
    with open_tables(Path("x"), file) as sheets:
        return sheets


def rows(sheet):
    """Return all rows."""
    batches = sheet.table.to_batches(max_chunksize=2)
    return pa.Table.from_batches(batches, sheet.table.schema).to_pylist()


def binary(*columns, **cards):
    """Make a table with cards in its header."""
    hdu = fits.BinTableHDU.from_columns(
        [fits.Column(name, kind, array=values) for name, kind, values in columns]
    )
    hdu.header.update(cards)
    return hdu


def test_vectors_of_one():
    """A TDIM of one value does not make a vector, nor shorten a text."""
    hdu = binary(("id", "K", [ID]), ("name", "6A", ["NGC 12"]), ("v", "2D", [[1, 2]]))
    hdu.header.update({"TDIM1": "(1)", "TDIM2": "(1)", "TDIM3": "(2)"})
    (sheet,) = read(hdu, edits=[("TDIM2   = '(1)", "TDIM2   = '(1)")])
    assert rows(sheet) == [{"id": ID, "name": "NGC 12", "v": [1.0, 2.0]}]
    hdu.header["TDIM2"] = "(6,1)"
    assert rows(read(hdu)[0])[0]["name"] == "NGC 12"


def test_texts_in_a_vector():
    """A text column with two axes stays a vector of texts."""
    hdu = binary(("id", "K", [ID]), ("names", "6A", ["abcdef"]))
    hdu.header["TDIM2"] = "(3,2)"
    assert rows(read(hdu)[0]) == [{"id": ID, "names": ["abc", "def"]}]


def test_names_that_come_again():
    """A second column of the same name is renamed, and a note says so."""
    hdu = binary(("ra", "D", [1.5]), ("dec", "D", [2.5]), ("x", "D", [3.5]))
    hdu.header["TUNIT3"] = "rad"
    (sheet,) = read(hdu, edits=[("= 'x       '", "= 'ra      '")])
    assert rows(sheet) == [{"ra": 1.5, "dec": 2.5, "ra_2": 3.5}]
    assert sheet.units == {"ra_2": "rad"}
    assert sheet.notes == ["Several columns are named ra: column 3 is read as ra_2."]


def test_several_tables():
    """Every table becomes a sheet with its name, except SExtractor's header copy."""
    info, objects = (
        binary(("id", "K", [n]), EXTNAME=name)
        for n, name in ((1, "INFO"), (2, "LDAC_OBJECTS"))
    )
    header = binary(("Field Header Card", "4A", ["CARD"]), EXTNAME="LDAC_IMHEAD")
    image = fits.CompImageHDU(np.zeros((9, 9), "i2"))
    sheets = read(header, info, image, objects)
    assert [sheet.name for sheet in sheets] == ["INFO", "LDAC_OBJECTS"]
    assert [rows(sheet)[0]["id"] for sheet in sheets] == [1, 2]


@pytest.mark.parametrize(
    "unit", ["RADIANS", "rad", "HOURANGLE", "hms", "ARCSEC", "Angle[rad]", "deg", "'h'"]
)
def test_units(unit):
    """A unit keeps the spelling of the file, whether or not astropy knows it."""
    (sheet,) = read(binary(("ra", "D", [1.5]), TUNIT1=unit))
    assert sheet.units == {"ra": unit}


@pytest.mark.parametrize(
    ("cards", "frame"),
    [
        ({"RADESYS": "FK5", "EQUINOX": 2000.0}, StatedFrame("FK5", "2000.0")),
        ({"RADECSYS": "FK4", "EQUINOX": 1950.0}, StatedFrame("FK4", "1950.0")),
        ({"EQUINOX": "J2000"}, StatedFrame("", "J2000")),
        ({"REFERENCE_FRAME": "ICRS"}, None),
        ({"HIERARCH REFERENCE_FRAME": "ICRS"}, StatedFrame("ICRS")),
        ({"EPOCH": 1950.0}, StatedFrame("", "1950.0")),
        ({"RADESYS": "ICRS", "EPOCH": 2016.0}, StatedFrame("ICRS", "", "2016.0")),
        ({"EPOCH": 2016.0}, None),
        ({}, None),
    ],
)
@pytest.mark.filterwarnings("ignore:Keyword name .* HIERARCH")
def test_frames(cards, frame):
    """The header of the table states the frame, or that of a file without an image."""
    if "REFERENCE_FRAME" in cards:
        cards, frame = {"REFFRAME": "ICRS"}, StatedFrame("ICRS")
    (sheet,) = read(binary(("ra", "D", [1.5]), **cards))
    assert sheet.frame == frame
    plain = [(key.removeprefix("HIERARCH "), value) for key, value in cards.items()]
    if all(len(key) <= 8 for key, _ in plain):
        assert read(binary(("ra", "D", [1.5])), cards=plain)[0].frame == frame


def test_frame_of_an_image():
    """The frame in the header of an image is not used for the table behind it."""
    file = io.BytesIO()
    image = fits.PrimaryHDU(np.zeros((2, 2)), fits.Header({"RADESYS": "FK4"}))
    fits.HDUList([image, binary(("ra", "D", [1.5]))]).writeto(file)
    with open_tables(Path("x"), file) as (sheet,):
        assert sheet.frame is None


def test_sky_coordinates():
    """A column of coordinates that astropy wrote keeps its frame."""
    places = SkyCoord([1.5] * u.deg, [2.5] * u.deg, frame=FK4(equinox="B1950"))
    table = Table({"id": [ID], "at": places, "sky": places.galactic})
    file = io.BytesIO()
    table.write(file, format="fits")
    with open_tables(Path("x"), file) as (sheet,):
        pass
    assert list(sheet.table.column_names) == [
        *("id", "at.ra", "at.dec", "sky.l", "sky.b"),
    ]
    assert sheet.frames["at.ra"] == StatedFrame("fk4", "B1950.000", "B1950.000")
    assert sheet.frames["sky.b"].system == "galactic"
    assert sheet.units["at.ra"] == "deg"


def test_ascii_table():
    """An ASCII table keeps numbers, texts and missing values."""
    columns = [
        fits.Column("id", "I6", array=np.array([1, 2]), null="---"),
        fits.Column("ra", "F8.3", array=np.array([1.5, 2.5])),
        fits.Column("name", "A4", array=["a", "b c"]),
    ]
    hdu = fits.TableHDU.from_columns(columns, name="CAT")
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(file)
    data = file.getvalue().replace(b"     2   2.500", b"   ---   2.500")
    with open_tables(Path("x"), io.BytesIO(data)) as (sheet,):
        assert sheet.format == "FITS ASCII table"
        assert rows(sheet) == [
            {"id": 1, "ra": 1.5, "name": "a"},
            {"id": None, "ra": 2.5, "name": "b c"},
        ]


def test_numbers():
    """Scaled, unsigned and missing numbers are read right."""
    columns = [
        fits.Column("scaled", "I", array=np.array([2, 5], "i2")),
        fits.Column("u", "J", bzero=2**31, array=np.array([2**31 + 1, 1], "u4")),
        fits.Column("gap", "J", null=-99, array=np.array([-99, 5], "i4")),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header.update({"TSCAL1": 0.5, "TZERO1": 10.0})
    assert rows(read(hdu)[0]) == [
        {"scaled": 11.0, "u": 2**31 + 1, "gap": None},
        {"scaled": 12.5, "u": 1, "gap": 5},
    ]


def test_offset_with_a_point():
    """An offset of unsigned integers may be written as a float."""
    unsigned = fits.Column("u", "J", bzero=2**31, array=np.array([2**31 + 1, 1], "u4"))
    hdu = fits.BinTableHDU.from_columns([unsigned])
    (sheet,) = read(
        hdu, edits=[(f"TZERO1  = {2**31:>20}", "TZERO1  =  2147483648.0000000")]
    )
    assert rows(sheet) == [{"u": 2**31 + 1}, {"u": 1}]


def test_gap_of_a_scaled_column():
    """TNULL of a scaled column is compared with the stored integers."""
    columns = [
        fits.Column("ra", "J", null=-9999, array=np.array([-9999, 1500000], "i4")),
        fits.Column("dec", "J", null=0, array=np.array([0, 10], "i4")),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header.update({"TSCAL1": 0.0001, "TZERO2": -10.0})
    assert rows(read(hdu)[0]) == [
        {"ra": None, "dec": None},
        {"ra": 150.0, "dec": 0.0},
    ]


def test_texts_of_any_length():
    """Text of variable length is read as text, as Latin-1 if it is not UTF-8."""
    texts = np.array(["abc", "de"], dtype=object)
    columns = [
        fits.Column("t", "PA()", array=texts),
        fits.Column("n", "4A", array=["J\xf6rg".encode("latin-1"), b"x"]),
    ]
    assert rows(read(fits.BinTableHDU.from_columns(columns))[0]) == [
        {"t": "abc", "n": "J\xf6rg"},
        {"t": "de", "n": "x"},
    ]


def test_names_that_differ_in_case():
    """Columns whose names differ only in case keep their own values."""
    (sheet,) = read(binary(("RA", "D", [1.0]), ("ra", "D", [2.0]), ("Ra", "D", [3.0])))
    assert rows(sheet) == [{"RA": 1.0, "ra": 2.0, "Ra": 3.0}]


def test_no_width():
    """A column of width 0 has no value in any row."""
    hdu = binary(("ra", "D", [1.5, 2.5]), ("none", "0D", np.zeros((2, 0))))
    assert rows(read(hdu)[0]) == [{"ra": 1.5, "none": []}, {"ra": 2.5, "none": []}]


def test_sound_but_strange():
    """Content that a reader does not understand is not called damaged."""
    hdu = binary(("ra", "D", [1.5]))
    with pytest.raises(InputError, match="could not be read") as caught:
        read(hdu, edits=[("TFORM1  = 'D       '", "TFORM1  = 'Z9      '")])
    assert "damaged" not in str(caught.value)
