"""Text tables."""

from __future__ import annotations

import io

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.catalogue import lines, texts
from harvester.errors import InputError


def read_delimited(data, **options):
    """Read a text with one table from its bytes."""
    (sheet,) = texts.read_text(io.BytesIO(data), **options)
    return sheet


def rows(sheet):
    """Return the rows as tuples."""
    return [tuple(row.values()) for row in sheet.table.to_pylist()]


@pytest.mark.parametrize(
    "data",
    [
        b"id,ra,dec\n7,1.5,2\n8,3.5,4\n",
        b"id,ra,dec\r\n7,1.5,2\r\n8,3.5,4\r\n",
        b"id,ra,dec\r\r\n7,1.5,2\r\r\n8,3.5,4",
        b"id,ra,dec\r7,1.5,2\r8,3.5,4\r",
        b"\xef\xbb\xbfid,ra,dec\n7,1.5,2\n8,3.5,4\n",
        b"id;ra;dec\n7;1,5;2\n8;3,5;4\n",
        b"id\tra\tdec\n7\t1.5\t2\n8\t3.5\t4\n",
        b"  id  ra dec\n  7 1.5   2\n  8 3.5   4\n",
        b'"id","ra","dec"\n"7",1.5,2\n"8",3.5,4\n',
        b"# id , ra, dec\n 7 , 1.5,  2 \n 8 , 3.5,  4 \n",
        "id,ra,dec\n7,1.5,2\n8,3.5,4\n".encode("utf-16"),
    ],
)
def test_same_table(data):
    """A table gives the same result in every notation."""
    sheet = read_delimited(data)
    assert sheet.table.column_names == ["id", "ra", "dec"]
    assert [row[1:] for row in rows(sheet)] == [(1.5, 2), (3.5, 4)]
    assert [row[0].strip() for row in rows(sheet)] == ["7", "8"]
    assert sheet.lines.tolist() == [2, 3]


@given(st.integers(2**53, 10**25))
def test_long_integers_stay_exact(value):
    """No integer becomes a float, in a column of any name."""
    sheet = read_delimited(f"x,objid,y\n{value},{value},1\n".encode())
    assert str(sheet.table.column("x")[0].as_py()) == str(value)
    assert sheet.table.column("objid")[0].as_py() == str(value)


def test_late_long_integer():
    """One long integer in a late row makes its whole column text."""
    data = "x,ra\n" + "1,2\n" * 50_000 + f"{10**22},3\n"
    column = read_delimited(data.encode()).table.column("x")
    assert column[0].as_py() == "1"
    assert column[50_000].as_py() == str(10**22)


def test_named_column_stays_text():
    """A column that the user names as identifier keeps its leading zeros."""
    sheet = read_delimited(b"code,ra\n007,1\n", exact=["CODE"])
    assert rows(sheet) == [("007", 1)]


def test_times_stay_text():
    """A right ascension is not read as a time of day."""
    sheet = read_delimited(b"ra,dec\n12:34:56,1\n01:02:03,2\n")
    assert rows(sheet)[0] == ("12:34:56", 1)


def test_types_are_guessed():
    """A label column gets the type that fits all of its values."""
    sheet = read_delimited(b"a,b,c,d\n1,1.5,x,true\n2,,,false\n")
    kinds = [field.type for field in sheet.table.schema]
    assert kinds == [pa.int64(), pa.float64(), pa.string(), pa.bool_()]
    assert rows(sheet)[1] == (2, None, None, False)


def test_comments_and_blank_lines():
    """Comments and blank lines are not rows, but count in line numbers."""
    sheet = read_delimited(b"ra,dec\n\n1,2\n# note\n3,4\n")
    assert sheet.lines.tolist() == [3, 5]
    assert "(lines: 1)" in sheet.notes[0]


def test_broken_lines():
    """Lines with too few or too many fields are listed; the others are read."""
    good = "".join(f"{n},2,3\n" for n in range(60))
    sheet = read_delimited(f"n,ra,dec\n1,2\n5,6,7,8\n\n{good}".encode())
    assert sheet.broken == [
        (2, "the line has 2 fields instead of 3"),
        (3, "the line has 4 fields instead of 3"),
    ]
    assert sheet.table.num_rows == 60
    assert sheet.lines[:2].tolist() == [5, 6]


def test_quoted_line_ends():
    """Rows behind a field that spans two lines have the right line number."""
    sheet = read_delimited(b'n,note,ra\n1,"a\nb",2\n3,c,4\n')
    assert rows(sheet) == [(1, "a\nb", 2), (3, "c", 4)]
    assert sheet.lines.tolist() == [2, 4]


def test_latin_text():
    """Text that is not UTF-8 is read as Latin-1, with a note."""
    sheet = read_delimited("n,name\n1,Andr\xe9\n".encode("latin-1"))
    assert rows(sheet) == [(1, "Andr\xe9")]
    assert "Latin-1" in sheet.notes[0]


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf"])
def test_empty_text(data):
    """A text without lines is a table without columns."""
    assert read_delimited(data).table.num_columns == 0


def test_no_rows():
    """A header alone is a table without rows."""
    sheet = read_delimited(b"id,ra,dec\n")
    assert (sheet.table.num_rows, sheet.table.num_columns) == (0, 3)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1"])
@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_blocks_leave_no_trace(monkeypatch, encoding, block):
    """A letter or a line end that is split over two blocks is read right."""
    text = "id,ra,dec\r\nAndr\xe9,1.5,2\r\r\n\r\n# no\xebl\rb,3.5,4\r"
    whole = read_delimited(text.encode(encoding))
    monkeypatch.setattr(lines, "_BLOCK", block)
    parts = read_delimited(text.encode(encoding))
    assert rows(parts) == rows(whole) == [("Andr\xe9", 1.5, 2), ("b", 3.5, 4)]
    assert parts.lines.tolist() == whole.lines.tolist() == [2, 5]


def test_endless_line():
    """Text without line ends is refused before all of it is in memory."""
    with pytest.raises(InputError, match="is several megabytes long"):
        read_delimited(b"x" * (6 << 20))
