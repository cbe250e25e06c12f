"""VOTables as servers write them."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from astropy.io import votable
from astropy.table import Table

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.tables import open_tables
from harvester.errors import InputError

FIELDS = (
    '<FIELD name="id" datatype="long"/><FIELD name="ra" ID="r" datatype="double" '
    'unit="deg"{ref}/><FIELD name="dec" ID="d" datatype="double" unit="deg"{ref}/>'
)
ROWS = (
    "<DATA><TABLEDATA><TR><TD>587722984435351614</TD><TD>150.1</TD><TD>2.2</TD></TR>"
    "</TABLEDATA></DATA>"
)
OVERFLOW = '<INFO name="QUERY_STATUS" value="OVERFLOW"/>'
COOSYS = '<COOSYS ID="c" system="{}" equinox="{}"/>'


def table(name="", fields=FIELDS, ref="", rows=ROWS):
    """Write a TABLE element."""
    return f'<TABLE name="{name}">{fields.format(ref=ref)}{rows}</TABLE>'


def document(content, encoding=""):
    """Write a document of one resource."""
    stated = f' encoding="{encoding}"' if encoding else ""
    return (
        f'<?xml version="1.0"{stated}?>\n<VOTABLE version="1.3" '
        'xmlns="http://www.ivoa.net/xml/VOTable/v1.3">'
        f'<RESOURCE type="results">{content}</RESOURCE></VOTABLE>'
    )


def read(text):
    """Read all tables of a document."""
    data = text if isinstance(text, bytes) else text.encode()
    with open_tables(Path("x.vot"), io.BytesIO(data)) as sheets:
        return sheets


def rows(sheet):
    """Return all rows."""
    batches = sheet.table.to_batches(max_chunksize=2)
    return pa.Table.from_batches(batches, sheet.table.schema).to_pylist()


def test_several_tables():
    """Every table is a sheet with its name, also those in nested resources."""
    info = table("info", '<FIELD name="key" datatype="int"/>', rows="")
    inner = f"<RESOURCE>{table('objects')}</RESOURCE>"
    sheets = read(document(info + inner))
    assert [sheet.name for sheet in sheets] == ["info", "objects"]
    assert rows(sheets[1])[0]["id"] == 587722984435351614


@pytest.mark.parametrize("place", ["before", "behind"])
def test_overflow(place):
    """A result that the server truncated has a note."""
    parts = (OVERFLOW, table()) if place == "before" else (table(), OVERFLOW)
    (sheet,) = read(document("".join(parts)))
    assert ["truncated this result" in note for note in sheet.notes] == [True]
    assert read(document(table()))[0].notes == []


@pytest.mark.parametrize(
    "said",
    [
        '<INFO name="QUERY_STATUS" value="ERROR">No such column</INFO>',
        '<INFO name="Error" value="No such column"/>',
        '<PARAM name="Error" datatype="char" arraysize="*" value="No such column"/>',
    ],
)
def test_server_error(said):
    """An error of the server is reported in the server's words."""
    with pytest.raises(
        InputError, match=r"error message of a server.* says: No such column"
    ):
        read(document(said))


@pytest.mark.parametrize(
    ("system", "equinox"), [("eq_FK4", "B1950"), ("ICRS", ""), ("galactic", "")]
)
def test_frames(system, equinox):
    """A column has the frame of the system that it references."""
    text = COOSYS.format(system, equinox) + table(ref=' ref="c"')
    (sheet,) = read(document(text))
    frame = StatedFrame(system, equinox)
    assert sheet.frames == {"ra": frame, "dec": frame}
    assert sheet.frame is None


def test_frame_of_a_table():
    """The only equatorial system that no column references is that of the table."""
    (sheet,) = read(document(COOSYS.format("eq_FK4", "B1950") + table()))
    assert sheet.frame == StatedFrame("eq_FK4", "B1950")
    (sheet,) = read(document(COOSYS.format("galactic", "") + table()))
    assert sheet.frame is None


def test_frame_of_a_group():
    """A group that references a system gives its columns that frame."""
    group = '<GROUP ref="c"><FIELDref ref="r"/><FIELDref ref="d"/></GROUP>'
    text = COOSYS.format("eq_FK4", "B1950") + table(fields=FIELDS + group)
    (sheet,) = read(document(text))
    assert sheet.frames["dec"] == StatedFrame("eq_FK4", "B1950")


@pytest.mark.parametrize(
    ("unit", "spelled"),
    [
        ("RADIANS", "RADIANS"),
        ("HOURANGLE", "HOURANGLE"),
        ("&quot;h:m:s&quot;", "h:m:s"),
    ],
)
def test_units(unit, spelled):
    """Units that astropy does not know keep the spelling of the file."""
    fields = FIELDS.replace('unit="deg"', f'unit="{unit}"')
    (sheet,) = read(document(table(fields=fields)))
    assert sheet.units == {"ra": spelled, "dec": spelled}


def test_names_that_come_again():
    """A second column of the same name is renamed."""
    again = '<FIELD name="ra" datatype="double"/>'
    fields, data = FIELDS + again, ROWS.replace("</TR>", "<TD>7</TD></TR>")
    (sheet,) = read(document(table(fields=fields, rows=data)))
    assert rows(sheet)[0] == {
        "id": 587722984435351614,
        "ra": 150.1,
        "dec": 2.2,
        "ra_2": 7.0,
    }


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-8", "iso-8859-1"])
def test_encodings(encoding):
    """A document is read in its encoding, with or without a byte order mark."""
    field = FIELDS.replace('name="id"', 'name="Mi\xe9rt"')
    named = encoding.removesuffix("-sig")
    text = document(table(fields=field), named).encode(encoding)
    assert list(rows(read(text)[0])[0]) == ["Mi\xe9rt", "ra", "dec"]


@pytest.mark.parametrize("kind", ["tabledata", "binary", "binary2"])
def test_serializations(kind):
    """All serializations give the same rows."""
    data = Table({"id": [587722984435351614, 2], "ra": [1.5, 2.5], "n": ["a", "b c"]})
    file = io.BytesIO()
    votable.from_table(data).to_xml(file, tabledata_format=kind)
    assert rows(read(file.getvalue())[0]) == [
        {"id": 587722984435351614, "ra": 1.5, "n": "a"},
        {"id": 2, "ra": 2.5, "n": "b c"},
    ]


@pytest.mark.parametrize("prefix", ["", "v:"])
def test_rows_elsewhere(tmp_path, prefix):
    """Rows in another file, here or on a server, are never read."""
    (tmp_path / "secret").write_bytes(b"CANARY")
    href = (tmp_path / "secret").as_uri()
    stream = f'<DATA><BINARY><{prefix}STREAM  href="{href}"/></BINARY></DATA>'
    with pytest.raises(InputError, match=r"are in another file, file:.*secret: read"):
        read(document(table(rows=stream)))


@pytest.mark.parametrize(
    "fields", [FIELDS.replace("long", "bar"), f"{FIELDS}<FIELD></FIELD>"]
)
def test_sound_but_strange(fields):
    """A document that violates the standard, but can be read, is not "damaged"."""
    text = document(table(fields=fields))
    with pytest.raises(InputError, match="could not be read") as caught:
        read(text)
    assert "damaged" not in str(caught.value)
