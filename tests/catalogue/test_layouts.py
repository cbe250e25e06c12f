"""How the lines of a text form a table."""

from __future__ import annotations

import io

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harvester.catalogue import texts
from harvester.catalogue.layouts import find_layout
from harvester.errors import InputError


@pytest.mark.parametrize("separator", [",", "\t", ";", "|"])
def test_separator(separator):
    """The separator is the one that splits all lines into equally many fields."""
    lines = [separator.join(row) for row in (("id", "ra", "dec"), ("a b", "1", "2"))]
    layout = find_layout(lines)
    assert layout.separator == separator
    assert layout.names == ["id", "ra", "dec"]
    assert layout.first == 1


def test_blanks():
    """Blanks, one or more, are the separator if there is no other."""
    layout = find_layout(["  id   ra dec", "  1   2.5   3"])
    assert (layout.separator, layout.names) == ("", ["id", "ra", "dec"])


def test_commas_inside_tabs():
    """Commas in the fields of a tab-separated table are not separators."""
    layout = find_layout(["id\tnames", "1\ta, b, c", "2\td, e", "3\tf"])
    assert layout.separator == "\t"


def test_quoted_separators():
    """Separators and line ends inside quotes do not count."""
    lines = ["id,note,ra", '1,"a,b', 'c",2', "3,d,4", '5,"e,,,",6']
    layout = find_layout(lines)
    assert (layout.separator, len(layout.names)) == (",", 3)


def test_header_in_comment():
    """A header may begin with a hash, with other comments around it."""
    layout = find_layout(["# made by hand", "# id,ra,dec", "#", "x1,1.5,2.5"])
    assert layout.names == ["id", "ra", "dec"]
    assert (layout.first, layout.has_names) == (3, True)


def test_units_below_header():
    """A comment with units is not taken for the header above it."""
    layout = find_layout(["# objid ra dec", "# - deg deg", "5 1.5 2.5"])
    assert layout.names == ["objid", "ra", "dec"]


def test_prose_above_rows():
    """Without a header the columns are numbered, and prose above is skipped."""
    prose = ["Data of a sample, see the paper.", "(1) id, (2) RA, (3) Dec", ""]
    rows = [f"  {n} {n}.5 -{n}.25" for n in range(10)]
    layout = find_layout(prose + rows)
    assert layout.names == ["col1", "col2", "col3"]
    assert (layout.first, layout.has_names) == (3, False)


def test_names_are_unique():
    """Repeated names are numbered, and empty ones get a name."""
    assert find_layout(["a,a, ,b", "x,1,2,3"]).names == ["a", "a_2", "col3", "b"]


def test_text_rows_below_header():
    """The header is found also if the rows have few numbers."""
    layout = find_layout(["name,type,comment", "NGC 1,spiral,x", "NGC 2,7,y"])
    assert layout.names == ["name", "type", "comment"]


def test_broken_lines_below_header():
    """The header is found also if the lines right below it are broken."""
    layout = find_layout(["id,ra,dec", "1,2", *(f"{n},1,2" for n in range(9))])
    assert (layout.names, layout.first) == (["id", "ra", "dec"], 1)


def test_some_broken_lines():
    """The separator is found also if a few lines have another width."""
    lines = ["id,ra,dec"] + [f"{n},1,2" for n in range(40)] + ["1,2"]
    assert find_layout(lines).separator == ","


def test_decimal_comma():
    """Decimal commas are recognised if semicolons are the separator."""
    assert find_layout(["id;ra", "1;2,5"]).decimal_point == ","
    assert find_layout(["id;ra", "1;2.5"]).decimal_point == "."
    assert find_layout(["id,ra", "1,25"]).decimal_point == "."


@pytest.mark.parametrize("lines", [[""], ["", "# id,ra,dec"], []])
def test_nothing(lines):
    """Comments alone are not a table."""
    assert find_layout(lines) is None


@pytest.mark.parametrize("lines", [["id,ra,dec"], ["id ra dec", ""]])
def test_header_only(lines):
    """A header without rows is a table."""
    assert find_layout(lines).names == ["id", "ra", "dec"]


def test_prose():
    """Prose is not a table."""
    lines = ["This is a text", "without any columns that one could", "find in it"]
    with pytest.raises(InputError, match="do not split into columns"):
        find_layout(lines)


def test_positions_in_names():
    """If the lines have positions in names, the error says so."""
    lines = [f"SDSS J00000{n}.03+081645.1 " + "x " * n for n in range(8)]
    with pytest.raises(InputError, match=r"such as J000000\.03\+081645\.1"):
        find_layout(lines)


@pytest.mark.parametrize("mark", ["", "# ", "#", "% ", "! ", "// "])
@pytest.mark.parametrize("separator", [",", "\t", ";", "|", " "])
@settings(max_examples=25)
@given(
    decoys=st.lists(st.sampled_from(["z", "mag", "e_mag", "type"]), unique=True),
    place=st.integers(0, 4),
    change=st.sampled_from([-1, 1, 2]),
    remark=st.sampled_from(["", "# made by hand", "# of one night in May"]),
)
def test_header_never_shifts(mark, separator, decoys, place, change, remark):
    """A header with too many or too few names is refused; names never shift."""
    names = [*decoys, "id"]
    at = min(place, len(names))
    names[at:at] = ["ra", "dec"]
    width = len(names) + change
    rows = [separator.join(f"{n}.{k}5" for k in range(width)) for n in range(3)]
    lines = [*([remark] if mark else []), mark + separator.join(names), *rows]
    with pytest.raises(InputError, match=f"names {len(names)} columns.*{width} fields"):
        find_layout(lines)
    assert not find_layout(lines, by_number=True).has_names or remark


def with_unit(style, names, units, separator):
    """Write a header that states units, in one of the ways in use."""
    row = separator.join
    filled = [unit or "-" for unit in units]
    named = [f"{n} ({u})" if u else n for n, u in zip(names, units, strict=True)]
    numbered = [*enumerate(zip(names, units, strict=True), 1)]
    return {
        "brackets": [row(named)],
        "comment with brackets": [f"# {row(named)}"],
        "row": [row(names), row(filled)],
        "row with brackets": [row(names), row(f"[{u}]" if u else "-" for u in units)],
        "row and dashes": [row(names), row(filled), row("---" for _ in names)],
        "comments": [f"# {row(names)}", f"# {row(filled)}"],
        "comment, then row": [f"# {row(names)}", row(filled)],
        "numbered": [f"# {n}: {name}  what it is [{u}]" for n, (name, u) in numbered],
        "numbered, in words": [f"# ({n}) {name}  {u}" for n, (name, u) in numbered],
        "numbered, in brackets": [f"# {n} {name}  ({u})" for n, (name, u) in numbered],
    }[style]


@pytest.mark.parametrize(
    "style",
    [
        *("brackets", "comment with brackets", "row", "row with brackets"),
        *("row and dashes", "comments", "comment, then row", "numbered"),
        *("numbered, in words", "numbered, in brackets"),
    ],
)
@pytest.mark.parametrize("separator", [",", "\t", ";", "|", " "])
@settings(max_examples=25)
@given(
    decoys=st.permutations([("z", ""), ("mag", "mag"), ("type", ""), ("id", "")]),
    place=st.integers(0, 4),
    unit=st.sampled_from(["hours", "rad", "h", "hourangle", "RADIANS", "hms"]),
    rows=st.integers(1, 3),
)
def test_unit_is_never_lost(style, separator, decoys, place, unit, rows):
    """The unit of a position is found in each way in which a header states it."""
    assume(rows > 1 or (style, separator) != ("brackets", " "))
    columns = [*decoys]
    columns[place:place] = [("ra", unit), ("dec", "deg")]
    names, units = zip(*columns, strict=True)
    cells = {"type": "spiral", "id": "n7"}
    row = separator.join(cells.get(name, "1.5") for name in names)
    header = with_unit(style, names, units, separator)
    sheet = texts.read_text(io.BytesIO("\n".join([*header, *[row] * rows]).encode()))[0]
    stated = {name.partition(" ")[0]: u for name, u in sheet.units.items()}
    assert (stated["ra"], stated["dec"]) == (unit, "deg")
    assert sheet.table.num_rows == rows
