"""Metadata of columns in Parquet files, and columns of bytes."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy import units as u
from astropy.coordinates import FK4, SkyCoord
from astropy.io import votable
from astropy.table import Table

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.tables import open_tables

PLACES = {"ra": [1.5, 2.5], "dec": [3.5, 4.5]}


def read(table):
    """Write an Arrow table and read it, whole and column by column."""
    file = io.BytesIO()
    pq.write_table(table, file)
    with open_tables(Path("x.parquet"), file) as (sheet,):
        batches = sheet.table.to_batches(max_chunksize=1)
        rows = pa.Table.from_batches(batches, sheet.table.schema).to_pylist()
        for name in sheet.table.column_names:
            assert sheet.column(name).to_pylist() == [row[name] for row in rows]
        return sheet, rows


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary(6)])
@pytest.mark.parametrize("name", ["id", "an.id"])
def test_bytes_that_are_text(kind, name):
    """Bytes of text are read as UTF-8 or Latin-1; those of an image stay bytes."""
    values = ["Jörg-1".encode("latin-1"), "Jör-1".encode()]
    image = [b"\x89P\0\1", b"\x89P\0\2"]
    _, rows = read(pa.table({name: pa.array(values, kind), **PLACES, "png": image}))
    assert [row[name] for row in rows] == ["Jörg-1", "Jör-1"]
    assert rows[0]["png"] == image[0]


def test_units_of_columns():
    """The unit in the metadata of a column is the unit of the column."""
    fields = [
        pa.field("ra", pa.float64(), metadata={"unit": "rad"}),
        pa.field("dec", pa.float64()),
    ]
    sheet, _ = read(pa.table(PLACES, schema=pa.schema(fields)))
    assert sheet.units == {"ra": "rad"}


def test_words_of_astropy(tmp_path):
    """Units and frame are read from the metadata that astropy writes."""
    table = Table(PLACES, units={"ra": u.hourangle, "dec": u.deg})
    table.meta.update({"RADESYS": "FK4", "EQUINOX": 1950.0})
    table.write(tmp_path / "x.parquet", format="parquet")
    sheet, rows = read(pq.read_table(tmp_path / "x.parquet"))
    assert sheet.units == {"ra": "hourangle", "dec": "deg"}
    assert sheet.frame == StatedFrame("FK4", "1950.0")
    assert rows[1] == {"ra": 2.5, "dec": 4.5}


def test_sky_coordinates(tmp_path):
    """A column of coordinates that astropy wrote keeps its frame."""
    places = SkyCoord([1.5] * u.deg, [2.5] * u.deg, frame=FK4(equinox="B1975"))
    table = Table({"id": [1], "pos": places, "g": places.galactic})
    table.write(tmp_path / "x.parquet", format="parquet")
    sheet, rows = read(pq.read_table(tmp_path / "x.parquet"))
    assert list(rows[0]) == ["id", "pos.ra", "pos.dec", "g.l", "g.b"]
    assert sheet.frames["pos.ra"] == StatedFrame("fk4", "B1975.000", "B1975.000")
    assert sheet.frames["g.b"].system == "galactic"


def test_words_of_a_votable():
    """Units and frames are read from a VOTable without rows in the metadata."""
    plain = Table(PLACES, units={"ra": u.rad, "dec": u.rad})
    document = votable.from_table(plain)
    system = votable.tree.CooSys(ID="c", system="eq_FK4", equinox="B1950")
    document.resources[0].coordinate_systems.append(system)
    words = io.BytesIO()
    document.to_xml(words)
    content = {b"IVOA.VOTable-Parquet.content": words.getvalue()}
    sheet, _ = read(pa.table(PLACES).replace_schema_metadata(content))
    assert sheet.units == {"ra": "rad", "dec": "rad"}
    assert sheet.frame == StatedFrame("eq_FK4", "B1950")


@pytest.mark.parametrize("key", ["IVOA.VOTable-Parquet.content", "table_meta_yaml"])
def test_words_that_are_none(key):
    """Metadata that cannot be parsed are ignored, and the columns are read."""
    _, rows = read(pa.table(PLACES).replace_schema_metadata({key: b"\xff: ["}))
    assert rows[0] == {"ra": 1.5, "dec": 3.5}
