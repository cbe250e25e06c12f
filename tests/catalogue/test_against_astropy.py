"""For any table in any format, the harvester reads the same as astropy."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from astropy.table import MaskedColumn, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from harvester.catalogue.tables import open_tables

#: Formats of astropy, whether they keep units, and their names in the harvester.
FORMATS = {
    "fits": (True, "FITS binary table"),
    "votable": (True, "VOTable"),
    "ascii.ecsv": (True, "ECSV"),
    "ascii.ipac": (True, "IPAC table"),
    "ascii.mrt": (True, "MRT table (byte by byte)"),
    "ascii.rdb": (False, "rdb table"),
    "ascii.rst": (False, "text in columns, drawn with dashes"),
    "ascii.fixed_width_two_line": (False, "text in columns, drawn with dashes"),
    "ascii.fixed_width": (False, "text, bar-separated"),
    "ascii.commented_header": (False, "text, blank-separated"),
    "ascii.basic": (False, "text, blank-separated"),
    "ascii.tab": (False, "text, tab-separated"),
    "ascii.csv": (False, "text, comma-separated"),
}

places = st.floats(0, 90).map(lambda value: round(value, 6) + 0.5)
words = st.text("abcXYZ", min_size=1, max_size=6)
row = st.tuples(
    st.integers(10**17, 2**63 - 1),
    st.tuples(words, words).map(" ".join),
    places,
    places,
    st.one_of(places, st.none()),
    places,
)
#: Columns: identifier, name, position, and others.
NAMES = [
    ("objid", "label", "ra", "dec", "mag", "ra_err"),
    ("ID", "note", "RAJ2000", "DEJ2000", "e_RAJ2000", "z"),
    ("NUMBER", "cls", "ALPHA_J2000", "DELTA_J2000", "FLUX", "ERRA_WORLD"),
]


def table_of(rows, names, unit):
    """Make a table whose positions have a unit; the fifth column has missing values."""
    columns = list(zip(*rows, strict=True))
    table = Table(columns[:4], names=names[:4])
    gaps = [value is None for value in columns[4]]
    filled = [value or 0.0 for value in columns[4]]
    table[names[4]] = MaskedColumn(filled, mask=gaps)
    table[names[5]] = columns[5]
    for name in names[2:4]:
        table[name].unit = unit
    return table


def written(table, form):
    """Return the bytes of the table as astropy writes it."""
    file = io.StringIO() if form.startswith("ascii") else io.BytesIO()
    table.write(file, format=form)
    content = file.getvalue()
    return content if isinstance(content, bytes) else content.encode()


def astropy_reads(content, form):
    """Return columns and units as astropy reads them; missing values are None."""
    is_text = form.startswith("ascii")
    source = content.decode().splitlines() if is_text else io.BytesIO(content)
    table = Table.read(source, format=form)
    rows = [
        [None if np.ma.is_masked(value) else plain(value) for value in each]
        for each in table.iterrows()
    ]
    return rows, {name: str(table[name].unit) for name in table.colnames}


def plain(value):
    """Convert a NumPy value to a Python one; NaN becomes None."""
    value = value.decode() if isinstance(value, bytes) else value
    value = value.item() if hasattr(value, "item") else value
    return None if value != value else value  # noqa: PLR0124 - NaN alone differs


def we_read(content):
    """Return the sheet and its rows; identifiers of text tables are text."""
    with open_tables(Path("x"), io.BytesIO(content)) as (sheet,):
        batches = list(sheet.table.to_batches(max_chunksize=3))
        table = pa.Table.from_batches(batches, sheet.table.schema)
        rows = [list(each.values()) for each in table.to_pylist()]
    return sheet, [[int(each[0]), each[1].strip(), *each[2:]] for each in rows]


@pytest.mark.parametrize("form", FORMATS)
@settings(max_examples=25)
@given(
    rows=st.lists(row, min_size=1, max_size=5),
    names=st.sampled_from(NAMES),
    unit=st.sampled_from(["deg", "rad", "arcsec"]),
)
def test_as_astropy_reads(form, rows, names, unit):
    """Names, values, missing values and units are the same as with astropy."""
    keeps_units, form_in_words = FORMATS[form]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = written(table_of(rows, names, unit), form)
        theirs, units = astropy_reads(content, form)
    sheet, ours = we_read(content)
    assert list(sheet.table.column_names) == list(names)
    assert ours == [[plain(value) for value in each] for each in theirs]
    assert [each[0] for each in ours] == [each[0] for each in rows]
    assert sheet.format == form_in_words
    if keeps_units:
        assert [sheet.units[name] for name in names[2:4]] == [unit, unit]
        assert [units[name] for name in names[2:4]] == [unit, unit]
