"""ECSV as astropy and authors write it."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest
from astropy import units as u
from astropy.coordinates import FK4, SkyCoord
from astropy.table import Table

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.tables import open_tables

TEXT = """\
# %ECSV 1.0
# ---
# delimiter: ','
# datatype:
# - {name: name, datatype: string}
# - {name: ra, unit: UNIT, datatype: float64}
# - {name: n, datatype: int32}
# meta: {EQUINOX: B1950}
name,ra,n
null,1.5,3
"a, null",null,NA
"""


def read(data):
    """Read an ECSV file."""
    with open_tables(Path("x.ecsv"), io.BytesIO(data)) as (sheet,):
        batches = sheet.table.to_batches(max_chunksize=2)
        return sheet, pa.Table.from_batches(batches, sheet.table.schema).to_pylist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("unit", ["hourangle", "deg", "RADIANS", "Angle[rad]"])
def test_units_and_gaps(encoding, unit):
    """Units keep their spelling; "no value" is a missing number, but text in a name."""
    sheet, rows = read(TEXT.replace("UNIT", f"'{unit}'").encode(encoding))
    assert sheet.units == {"ra": unit}
    assert sheet.frame == StatedFrame("", "B1950")
    assert sheet.format == "ECSV"
    assert rows == [
        {"name": "null", "ra": 1.5, "n": 3},
        {"name": "a, null", "ra": None, "n": None},
    ]


@pytest.mark.parametrize(
    ("frame", "names"),
    [("icrs", ("ra", "dec")), ("fk4", ("ra", "dec")), ("galactic", ("l", "b"))],
)
def test_sky_coordinates(frame, names):
    """A column of coordinates keeps its frame, equinox and unit."""
    places = SkyCoord([1.5] * u.deg, [2.5] * u.deg).transform_to(
        FK4(equinox="B1975") if frame == "fk4" else frame
    )
    text = io.StringIO()
    Table({"id": [1], "pos": places}).write(text, format="ascii.ecsv")
    sheet, (row,) = read(text.getvalue().encode())
    columns = [f"pos.{name}" for name in names]
    assert list(row) == ["id", *columns]
    assert {sheet.frames[column].system for column in columns} == {frame}
    assert sheet.frames[columns[0]].equinox == ("B1975.000" if frame == "fk4" else "")
    assert [sheet.units[column] for column in columns] == ["deg", "deg"]
    given = [getattr(places, name).deg[0] for name in names]
    assert [row[column] for column in columns] == pytest.approx(given, abs=1e-12)
