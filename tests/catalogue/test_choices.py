"""The choice among several columns or tables, or an error if it is not certain."""

from __future__ import annotations

import pyarrow as pa
import pytest

from harvester.catalogue.columns import find_positions
from harvester.catalogue.id_columns import find_id
from harvester.catalogue.options import ReadOptions
from harvester.catalogue.reader import inspect_catalogue
from harvester.catalogue.sheets import Sheet, StatedFrame
from harvester.catalogue.table_choice import chosen_table
from harvester.errors import InputError


def sheet_of(name="", **columns):
    """Make a table with a name."""
    sheet = Sheet.of(pa.table(columns), {})
    return Sheet(sheet.table, sheet.lines, name=name)


def chosen(*names, **values):
    """Return the position columns of a table with these columns."""
    table = {name: values.get(name, [50.1, 50.2]) for name in names}
    found = find_positions(Sheet.of(pa.table(table), {}))
    return found.ra, found.dec


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("ra(err) ra dec(err) dec", "ra dec"),
        ("ra_err dec_err ra dec", "ra dec"),
        ("e_RAJ2000 e_DEJ2000 RAJ2000 DEJ2000", "RAJ2000 DEJ2000"),
        ("dra ddec ra_deg dec_deg", "ra_deg dec_deg"),
        ("ra_shift dec_shift target_ra target_dec", "target_ra target_dec"),
        ("RA1950 DEC1950 RA2000 DEC2000", "RA2000 DEC2000"),
        ("glon glat l b ra dec", "ra dec"),
        ("rad decd radius", "rad decd"),
        ("RAh DEd", "RAh DEd"),
        ("ra declination", "ra declination"),
        ("NUMBER X_WORLD Y_WORLD ERRX2_WORLD", "X_WORLD Y_WORLD"),
        ("ALPHAWIN_J2000 DELTAWIN_J2000 ALPHA_J2000 DELTA_J2000",
         "ALPHA_J2000 DELTA_J2000"),
        ("raMean decMean raMeanErr decMeanErr", "raMean decMean"),
        ("ra_x dec_x ra_y dec_y", "ra_x dec_x"),
        ("dec_rad ra_rad", "ra_rad dec_rad"),
        ("place.l place.b", "place.l place.b"),
        ("gal_l gal_b", "gal_l gal_b"),
    ],
)  # fmt: skip
def test_plain_names_first(names, expected):
    """The plainest pair is used; errors, offsets and older frames are not."""
    assert " ".join(chosen(*names.split())) == expected


@pytest.mark.parametrize(
    "names",
    [
        "ra_err dec_err",
        "rad dec",
        "alpha dec",
        "l b_mag",
        "lon lat",
        "l_r b_r",
        "u_l u_b",
        "ra_u dec_u",
        "ra_foo dec_foo",
    ],
)
def test_no_pair(names):
    """Columns that are not a pair of positions are not used."""
    with pytest.raises(InputError, match="no two columns"):
        chosen(*names.split())


@pytest.mark.parametrize(
    "names", ["ra_1 dec_1 ra_2 dec_2", "ra_sdss dec_sdss ra_hst dec_hst"]
)
def test_rivals(names):
    """If two pairs differ the user must choose; if they are the same, one is used."""
    names = names.split()
    assert chosen(*names) == tuple(names[:2])
    with pytest.raises(InputError, match="several pairs") as caught:
        chosen(*names, **{names[2]: [50.1, 50.3]})
    for name in names:
        assert repr(name) in str(caught.value)


def test_lon_lat_of_a_frame():
    """Columns named ``lon`` and ``lat`` are used only if the file states a frame."""
    whole = Sheet.of(pa.table({"sky.lon": [1.0], "sky.lat": [2.0]}), {})
    frames = dict.fromkeys(("sky.lon", "sky.lat"), StatedFrame("ecliptic"))
    sheet = Sheet(whole.table, whole.lines, frames=frames)
    assert find_positions(sheet).ra == "sky.lon"


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        *(({name: [1, 2]}, name) for name in ("NUMBER", "IDENT", "EVCC_ID", "NSAID")),
        *(({name: [1, 2]}, name) for name in ("mangaid", "plateifu", "CATAID")),
        *(({name: [1, 2]}, name) for name in ("MAIN_ID", "SubjectID", "VCC", "PGC")),
        *(({name: [1, 2]}, name) for name in ("AGC", "cntr", "source_id", "iauName")),
        *(({name: [1, 2]}, name) for name in ("COADD_OBJECT_ID", "specobjid")),
        ({"specobjid": [1, 2], "Galaxy": ["a", "b"]}, "Galaxy"),
        ({"name": ["a"] * 10, "NGC": list(range(10))}, "NGC"),
        ({"ELAIS_ID": [1, 2], "n": [7, 8]}, "ELAIS_ID"),
        ({"ELAIS_ID": [1, 1], "n": [7, 8]}, ""),
        ({"valid": ["a", "b"], "flag": ["x", "y"]}, ""),
        ({"id": [12.0, 13.0]}, "id"),
        ({"bname": ["a", "b"], "other_name": ["c", "d"]}, "bname"),
        ({"Mag": [1, 2], "ID number": [7, 8]}, "ID number"),
        ({"z": [0.1, 0.2], "pearsid": [7, 8]}, "pearsid"),
        ({"Col #": [1, 2], "Con": ["Cas", "Cep"]}, "Col #"),
        ({"EGC Index": [1, 2], "Other Names": ["a", "b"]}, "EGC Index"),
        ({"index": [0, 1], "n": [7, 8], "TMID": ["a", "b"]}, "TMID"),
        ({"n": [1, 2], "A name": ["a", "b"], "B name": ["c", "d"]}, ""),
        ({"2MRS": [f"{n:04}" for n in range(20)], "n": list(range(20))}, "2MRS"),
        ({"Unnamed: 0": [0, 1], "Seq": [1, 2]}, "Seq"),
    ],
)  # fmt: skip
def test_identifiers(columns, expected):
    """Known names come first; an unknown one must be the only unique candidate."""
    rows = len(next(iter(columns.values())))
    places = {"ra": [150.0 + n for n in range(rows)], "dec": [2.0] * rows}
    sheet = Sheet.of(pa.table(columns | places), {})
    assert find_id(sheet, find_positions(sheet)).name == expected


def test_names_that_repeat():
    """A note offers a column that is named like an identifier but has repeats."""
    columns = {"zname": ["a", "b", "b"], "ra": [1.0, 2.0, 3.0], "dec": [1.0, 2.0, 3.0]}
    sheet = sheet_of(**columns)
    found = find_id(sheet, find_positions(sheet))
    assert found.name == ""
    assert (
        "only 2 of its 3 values are different. If it names the galaxies, give"
        in found.notes[-1]
    )


def test_candidates_are_named():
    """If no column is used, a note lists the unique ones and the option."""
    sheet = sheet_of(ra=[1.0, 2.0], dec=[1.0, 2.0], key=["a", "b"], kind=["x", "x"])
    (note,) = find_id(sheet, find_positions(sheet)).notes
    assert note == "To use a column of identifiers give --id NAME; unique are: key."


HEAD = {"card": ["SIMPLE"]}
GALAXIES = {"NUMBER": [1], "ALPHA_J2000": [150.1], "DELTA_J2000": [2.2]}


def test_table_with_positions():
    """Of several tables the only one with positions is read, with a note."""
    sheets = [sheet_of("LDAC_IMHEAD", **HEAD), sheet_of("LDAC_OBJECTS", **GALAXIES)]
    found = chosen_table(sheets, ReadOptions())
    assert found.name == "LDAC_OBJECTS"
    assert "2 (LDAC_OBJECTS)" in found.notes[-1]


@pytest.mark.parametrize("wanted", ["two", "TWO", "3"])
def test_named_table(wanted):
    """The user selects a table by its name or its number."""
    sheets = [sheet_of(name, **GALAXIES) for name in ("one", "1", "two")]
    assert chosen_table(sheets, ReadOptions(table=wanted)).name == "two"
    assert chosen_table(sheets, ReadOptions(table="1")).name == "1"


@pytest.mark.parametrize(
    ("sheets", "table", "words"),
    [
        ([GALAXIES, GALAXIES], "", "several of them have positions"),
        ([HEAD, HEAD], "", "none of them has positions"),
        ([GALAXIES, HEAD], "sky", "there is no table 'sky'"),
        ([GALAXIES], "2", "there is no table '2'"),
    ],
)
def test_table_is_not_certain(sheets, table, words):
    """Otherwise an error lists all tables with number, name and columns."""
    named = [sheet_of(f"T{n}", **each) for n, each in enumerate(sheets)]
    with pytest.raises(InputError, match="--table") as caught:
        chosen_table(named, ReadOptions(table=table))
    assert words in str(caught.value)
    assert f"  1: T0 (1 rows): {', '.join(sheets[0])}" in str(caught.value)


TWO_TABLES = (
    '<VOTABLE><RESOURCE><TABLE name="one"><FIELD name="key" datatype="int"/></TABLE>'
    '<TABLE name="sky"><FIELD name="ra" datatype="double" unit="deg"/>'
    '<FIELD name="dec" datatype="double" unit="deg"/><DATA><TABLEDATA>'
    "<TR><TD>1.5</TD><TD>2.5</TD></TR>"
    "</TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"
)


def test_many_tables():
    """With hundreds of tables an error lists the first ones and counts the rest."""
    sheets = [sheet_of(f"T{n}", **GALAXIES) for n in range(100)]
    with pytest.raises(InputError, match="and 70 more"):
        chosen_table(sheets, ReadOptions())


@pytest.mark.parametrize("wanted", ["2", "sky", "SKY", ""])
def test_table_of_a_file(tmp_path, wanted):
    """The table that the user selects is read from the file."""
    path = tmp_path / "two.vot"
    path.write_text(TWO_TABLES, "utf-8")
    found = inspect_catalogue(path, ReadOptions(table=wanted))
    assert (found.table, found.sample[0].ra) == ("sky", 1.5)


@pytest.mark.parametrize("wanted", ["0", "3", "nonsense"])
def test_no_such_table(tmp_path, wanted):
    """A table that does not exist is refused, and the existing ones are listed."""
    path = tmp_path / "two.vot"
    path.write_text(TWO_TABLES, "utf-8")
    with pytest.raises(InputError, match=f"no table '{wanted}'") as caught:
        inspect_catalogue(path, ReadOptions(table=wanted))
    assert "  2: sky (1 rows): ra, dec" in str(caught.value)


def test_table_of_the_columns():
    """Columns that the user names also select their table."""
    sheets = [sheet_of("a", **GALAXIES), sheet_of("b", x=[1.0], y=[2.0])]
    assert chosen_table(sheets, ReadOptions(ra="x", dec="y")).name == "b"
