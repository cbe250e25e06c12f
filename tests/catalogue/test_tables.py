"""Files to tables."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import MaskedColumn, Table

from harvester.catalogue.options import ReadOptions
from harvester.catalogue.tables import open_tables
from harvester.errors import InputError

ID = 587722952231026744


def read_table(path, data):
    """Read a whole table."""
    with open_tables(path, io.BytesIO(data)) as (sheet,):
        batches = sheet.table.to_batches(max_chunksize=2)
        whole = pa.Table.from_batches(batches, sheet.table.schema)
        return replace(sheet, table=whole)


def small_table():
    """Make a table with one column of each type that all formats support."""
    return Table(
        {
            "objid": np.array([ID, ID + 1]),
            "ra": np.array([1.5, 2.5]) * u.deg,
            "dec": MaskedColumn([-1.0, 2.0], mask=[False, True]),
            "n": MaskedColumn(np.array([3, 4], "i2"), mask=[True, False]),
            "flag": [True, False],
            "name": ["a", "b c"],
            "v": np.arange(4, dtype="f4").reshape(2, 2),
        }
    )


def written(table, kind):
    """Return the bytes of a table file."""
    if kind == "ascii.ecsv":
        text = io.StringIO()
        table.write(text, format=kind)
        return text.getvalue().encode()
    file = io.BytesIO()
    table.write(file, format=kind)
    return file.getvalue()


def parquet(**columns):
    """Return the bytes of a Parquet file."""
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file)
    return file.getvalue()


def fits_file(*hdus):
    """Return the bytes of a FITS file."""
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    return file.getvalue()


@pytest.mark.parametrize("kind", ["fits", "votable", "ascii.ecsv"])
@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, bz2.compress, lzma.compress],
    ids=lambda f: f.__module__,
)
def test_astronomers_formats(kind, pack):
    """FITS, VOTable and ECSV, also compressed, keep values, types and missing ones."""
    sheet = read_table(Path("x"), pack(written(small_table(), kind)))
    assert sheet.table.to_pylist() == [
        {
            "objid": ID,
            "ra": 1.5,
            "dec": -1.0,
            "n": None,
            "flag": True,
            "name": "a",
            "v": [0.0, 1.0],
        },
        {
            "objid": ID + 1,
            "ra": 2.5,
            "dec": None,
            "n": 4,
            "flag": False,
            "name": "b c",
            "v": [2.0, 3.0],
        },
    ]
    kinds = {field.name: field.type for field in sheet.table.schema}
    assert kinds["objid"] == pa.int64()
    assert kinds["n"] == pa.int16()
    assert kinds["v"] == pa.list_(pa.float32())
    assert sheet.units == {"ra": "deg"}
    assert not sheet.is_text


def test_parquet():
    """Parquet columns keep their types; large strings become strings."""
    data = parquet(id=pa.array(["007"], pa.large_string()), ra=[1.5], v=[[1, 2]])
    table = read_table(Path("x.parquet"), data).table
    assert table.schema.field("id").type == pa.string()
    assert table.to_pylist() == [{"id": "007", "ra": 1.5, "v": [1, 2]}]


def test_text():
    """A file of no other format is read as a text table."""
    sheet = read_table(Path("x.csv.gz"), gzip.compress(b"id,ra\n1,2.5\n"))
    assert sheet.table.to_pylist() == [{"id": "1", "ra": 2.5}]
    assert sheet.is_text


def test_content_decides():
    """The suffix does not matter if the content is clear."""
    sheet = read_table(Path("x.csv"), written(small_table(), "fits"))
    assert sheet.table.num_columns == 7


def test_fits_numbers():
    """Big-endian, unsigned, bit and blank-padded columns become plain ones."""
    columns = [
        fits.Column("u", "K", bzero=2**63, array=np.array([2**63 + 1], "u8")),
        fits.Column("bits", "3X", array=np.array([[1, 0, 1]], bool)),
        fits.Column("cube", "4D", dim="(2,2)", array=np.arange(4.0).reshape(1, 2, 2)),
        fits.Column("word", "6A", array=["ab  "]),
        fits.Column("none", "6A", array=["  "]),
    ]
    sheet = read_table(Path("x"), fits_file(fits.BinTableHDU.from_columns(columns)))
    assert sheet.table.to_pylist() == [
        {
            "u": 2**63 + 1,
            "bits": [True, False, True],
            "cube": [[0.0, 1.0], [2.0, 3.0]],
            "word": "ab",
            "none": None,
        }
    ]


def test_fits_lists_of_any_length():
    """Vectors of different lengths become lists."""
    array = np.array([np.array([1, 2, 3]), np.array([4])], dtype=object)
    hdu = fits.BinTableHDU.from_columns([fits.Column("v", "PJ()", array=array)])
    table = read_table(Path("x"), fits_file(hdu)).table
    assert table.column("v").to_pylist() == [[1, 2, 3], [4]]


def test_every_table_is_read():
    """Of several tables in a FITS file each is a sheet with its name."""
    hdus = [fits.BinTableHDU(small_table()[:n], name=f"T{n}") for n in (2, 1)]
    data = fits_file(fits.ImageHDU(np.zeros((2, 2))), *hdus)
    with open_tables(Path("x"), io.BytesIO(data)) as sheets:
        assert [(sheet.name, sheet.table.num_rows) for sheet in sheets] == [
            *(("T2", 2), ("T1", 1)),
        ]


def test_sky_coordinates():
    """A SkyCoord column of ECSV becomes two columns of degrees."""
    table = Table({"id": [1], "pos": SkyCoord([10.0] * u.deg, [20.0] * u.deg)})
    sheet = read_table(Path("x.ecsv"), written(table, "ascii.ecsv"))
    assert sheet.table.to_pylist() == [{"id": 1, "pos.ra": 10.0, "pos.dec": 20.0}]


@pytest.mark.parametrize(
    ("name", "data", "complaint"),
    [
        ("x.fits", b"\n<!DOCTYPE html><html></html>", "is a web page"),
        ("x.csv", b"<html>", "is a web page"),
        ("x.fits", b"id,ra,dec\n1,2,3\n", "is named .fits, but it begins with"),
        ("x.fits.gz", b"", "is named .fits, but it begins with"),
        ("x.parquet", b"id,ra,dec\n1,2,3\n", "is named .parquet"),
        ("x.xlsx", b"PK\x03\x04...", "Excel"),
        ("x.h5", b"\x89HDF\r\n", "HDF5"),
        ("x.dat", b"\x00\x01\x02", "is neither FITS"),
        ("x.txt", b"Some prose\nwithout any table in it\n", "do not split"),
        ("x.parquet", b"PAR1" + bytes(40), "is damaged or incomplete"),
        ("x.vot", b"<?xml?><VOTABLE><RESOURCE>", "is damaged or incomplete"),
        ("x.vot", b"<VOTABLE></VOTABLE>", "is a VOTable document, but it has no table"),
        ("x.vot", b"<VOTABLE><a></VOTABLE>", "is damaged or incomplete"),
        ("x.csv", b'a,b\n1,"' + b"x" * 200_000, "is damaged or incomplete"),
        ("x.fits", b"SIMPLE  =   ", "is damaged or incomplete"),
        ("x.fits", fits_file(), "holds no table"),
        ("x.fits", fits_file(fits.CompImageHDU(np.zeros((9, 9), "i2"))), "no table"),
        ("x.gz", b"\x1f\x8bnonsense", "cannot be decompressed"),
        ("x.bz2", b"BZh9nonsense", "cannot be decompressed"),
        ("x.xz", b"\xfd7zXZ\x00nonsense", "cannot be decompressed"),
    ],
)
def test_no_table(name, data, complaint):
    """A file that is not a table is refused with its path and the reason."""
    with pytest.raises(InputError, match=complaint) as caught:
        read_table(Path(name), data)
    assert str(caught.value).startswith(name)


@pytest.mark.parametrize("kind", ["fits", "votable", "ascii.ecsv", "parquet"])
@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_truncated_file(kind, part):
    """A file that ends too early is never read as a smaller table."""
    columns = {"objid": np.arange(ID, ID + 5000), "ra": np.linspace(0, 9, 5000)}
    data = parquet(**columns) if kind == "parquet" else written(Table(columns), kind)
    if kind == "ascii.ecsv":
        data = gzip.compress(data)
    with pytest.raises(InputError):
        read_table(Path("x"), data[: int(part * len(data))])


def votable_with(entities):
    """Write a VOTable of one row whose identifier is the entity ``last``."""
    return (
        f'<?xml version="1.0"?>\n<!DOCTYPE VOTABLE [{entities}]>\n'
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        '<RESOURCE><TABLE><FIELD name="id" datatype="char" arraysize="*"/>'
        "<DATA><TABLEDATA><TR><TD>&last;</TD></TR></TABLEDATA></DATA>"
        "</TABLE></RESOURCE></VOTABLE>"
    ).encode()


def test_entity_bomb():
    """A VOTable that would expand to a huge size is refused with the reason."""
    levels = ["x" * 10]
    levels += [f"&e{n};" * 10 for n in range(6)]
    named = [f'<!ENTITY e{n} "{text}">' for n, text in enumerate(levels)]
    # 10 MB: the limit of the XML parser is 8 MiB, and an entity of this size would be
    # harmless if the parser allowed it.
    bomb = votable_with("".join([*named, '<!ENTITY last "&e6;">']))
    assert len(bomb) < 1000
    with pytest.raises(InputError, match=r"x\.vot is damaged.*amplification"):
        read_table(Path("x.vot"), bomb)


def test_entity_of_another_file(tmp_path):
    """A VOTable cannot include another file of this machine."""
    secret = tmp_path / "secret"
    secret.write_text("CANARY")
    entity = f'<!ENTITY last SYSTEM "{secret.as_uri()}">'
    sheet = read_table(Path("x.vot"), votable_with(entity))
    assert [row["id"] or "" for row in sheet.table.to_pylist()] == [""]


@pytest.mark.parametrize(
    ("word", "text"),
    [
        (",", "id,ra,dec\na;b,1.5,2\n"),
        (";", "id;ra;dec\na,b;1.5;2\n"),
        ("|", "id|ra|dec\na|1.5|2\n"),
        ("tab", "id\tra\tdec\na,b\t1.5\t2\n"),
        ("\\t", "id\tra\tdec\na\t1.5\t2\n"),
        ("blank", "id ra dec\na,b 1.5 2\n"),
        (" ", "id ra dec\na,b 1.5 2\n"),
    ],
)
def test_delimiter(word, text):
    """The delimiter that the user names is used."""
    options = ReadOptions(delimiter=word)
    with open_tables(Path("x"), io.BytesIO(text.encode()), options) as (sheet,):
        (row,) = sheet.table.to_pylist()
    assert list(row) == ["id", "ra", "dec"]
    assert (row["ra"], row["dec"]) == (1.5, 2)


@pytest.mark.parametrize(
    ("word", "data", "complaint"),
    [
        ("comma-ish", b"id,ra\n1,2\n", "is not a known delimiter: give ','"),
        (";", b"id,ra\n1,2\n", "';' does not split its lines"),
        (",", fits_file(), "is not a text table"),
    ],
)
def test_wrong_delimiter(word, data, complaint):
    """A delimiter that is unknown, or splits nothing, is refused."""
    with (
        pytest.raises(InputError, match=complaint),
        open_tables(Path("x"), io.BytesIO(data), ReadOptions(delimiter=word)),
    ):
        pass
