"""Catalogues that are in memory: every value as it is, with units and frames."""

from __future__ import annotations

import astropy.units as u
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from astropy.coordinates import SkyCoord
from astropy.table import MaskedColumn, QTable, Table

from harvester.archives.registry import identifiers
from harvester.catalogue.in_memory import to_arrow
from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import open_catalogue
from harvester.errors import InputError

#: An identifier that a float cannot hold.
LONG = 587732048403824841


def read(catalogue, folder):
    """Keep a catalogue as a run does, and read it again: names and positions."""
    path = folder / "kept.parquet"
    pq.write_table(to_arrow(catalogue), path)
    with open_catalogue(
        path,
        ReadOptions(),
        schemes=identifiers(),
        scratch=folder,
        look_up=lambda *_: {},
    ) as opened:
        return [
            (one.id, round(one.ra, 6), round(one.dec, 6)) for one in opened.targets()
        ]


def frame_of(columns):
    """Give what has the Arrow interface, as data frames of pandas and polars have."""

    class Frame:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table(columns).__arrow_c_stream__(requested_schema)

    return Frame()


COLUMNS = {"objid": [LONG, LONG + 1], "ra": [150.5, 20.25], "dec": [2.5, -7.0]}
READ = [(str(LONG), 150.5, 2.5), (str(LONG + 1), 20.25, -7.0)]


@pytest.mark.parametrize(
    "catalogue",
    [
        COLUMNS,
        {name: np.array(column) for name, column in COLUMNS.items()},
        pa.table(COLUMNS),
        frame_of(COLUMNS),
        Table(COLUMNS),
        Table(COLUMNS).as_array(),
        Table(
            {
                name: np.array(c).astype(np.array(c).dtype.newbyteorder(">"))
                for name, c in COLUMNS.items()
            }
        ),
        Table({**COLUMNS, "objid": [str(LONG).encode(), str(LONG + 1).encode()]}),
    ],
    ids=[
        "lists",
        "arrays",
        "arrow",
        "interface",
        "astropy",
        "structured",
        "fits",
        "bytes",
    ],
)
def test_values_are_exact(catalogue, tmp_path):
    """Identifiers and positions are the same, whatever holds them."""
    assert read(catalogue, tmp_path) == READ


@pytest.mark.parametrize(
    "catalogue",
    [
        QTable({"id": ["a"], "ra": [10.0] * u.hourangle, "dec": [-30.0] * u.deg}),
        {"id": ["a"], "ra": [10.0] * u.hourangle, "dec": [-30.0] * u.deg},
    ],
    ids=["table", "columns"],
)
def test_units_are_kept(catalogue, tmp_path):
    """The units of quantities reach the reader of catalogues."""
    assert read(catalogue, tmp_path) == [("a", 150.0, -30.0)]


def test_frames_are_kept(tmp_path):
    """Positions of another frame are turned as those of a file are."""
    icrs = SkyCoord([150.0, 20.0], [-30.0, 5.0], unit="deg")
    table = Table({"id": ["a", "b"], "position": icrs.fk4})
    assert read(table, tmp_path) == [("a", 150.0, -30.0), ("b", 20.0, 5.0)]


def test_masked_values_are_missing():
    """What is masked becomes a null, and no number."""
    column = MaskedColumn([1, 2], mask=[False, True])
    table = Table({"id": ["a", "b"], "n": column, "pair": [[1, 2], [3, 4]]})
    assert to_arrow(table).to_pydict() == {
        "id": ["a", "b"],
        "n": [1, None],
        "pair": [[1, 2], [3, 4]],
    }


def test_index_of_a_data_frame():
    """A nameless index is left out; pandas is asked for that in its own words."""

    class Frame:
        class index:  # noqa: N801 - pandas' name
            names = (None,)

        def reset_index(self, *, drop):
            return pa.table(COLUMNS) if drop else None

    assert to_arrow(Frame()).column_names == ["objid", "ra", "dec"]


@pytest.mark.parametrize(
    "catalogue",
    [7, ["a"], {"id": ["a", 1]}, {"id": [1], "ra": [1.0, 2.0]}, {"id": [1 << 70]}],
)
def test_no_table(catalogue):
    """What Arrow cannot hold exactly is refused with what would do."""
    with pytest.raises(InputError, match="Give the path of a file, a table of astropy"):
        to_arrow(catalogue)
