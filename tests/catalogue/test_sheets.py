"""Tables as they are in a file."""

from __future__ import annotations

import pyarrow as pa

from harvester.catalogue.sheets import Sheet, is_folded, unfolded, unique_names


def test_names_become_unique():
    """Names are stripped; repeated ones are numbered, empty ones get a name."""
    names = ["a ", "a", "", "a_2", "a"]
    assert unique_names(names) == ["a", "a_2", "col3", "a_2_2", "a_3"]


def test_rows_are_numbered():
    """Rows of a table are numbered from 1."""
    sheet = Sheet.of(pa.table({"a": [5, 6, 7]}), {})
    assert sheet.lines.tolist() == [1, 2, 3]


def test_column_is_one_piece():
    """A column of several chunks is returned as one array."""
    table = pa.table({"a": pa.chunked_array([[1], [2, 3]])})
    assert Sheet.of(table, {}).column("a").to_pylist() == [1, 2, 3]


def test_one_row_of_vectors_is_unfolded():
    """Vectors as long as the named one become columns; other values are repeated."""
    table = pa.table({"RA": [[1.0, 2.0]], "ID": [[7, 8]], "V": [[1, 2, 3]], "S": ["x"]})
    sheet = Sheet.of(table, {})
    assert is_folded(sheet, "RA")
    assert unfolded(sheet, "RA").table.to_pylist() == [
        {"RA": 1.0, "ID": 7, "V": [1, 2, 3], "S": "x"},
        {"RA": 2.0, "ID": 8, "V": [1, 2, 3], "S": "x"},
    ]


def test_ordinary_table_is_not_folded():
    """A row without vectors, or several rows of vectors, are not changed."""
    assert not is_folded(Sheet.of(pa.table({"ra": [1.0], "v": [[1, 2]]}), {}), "ra")
    assert not is_folded(Sheet.of(pa.table({"ra": [[1.0], [2.0]]}), {}), "ra")
