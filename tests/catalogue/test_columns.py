"""Finding the columns of identifiers and positions."""

from __future__ import annotations

from functools import partial

import pyarrow as pa
import pytest

from harvester.archives.sdss.identifiers import IDENTIFIERS
from harvester.catalogue import id_columns
from harvester.catalogue.columns import find_positions
from harvester.catalogue.sheets import Sheet
from harvester.errors import InputError

find_id = partial(id_columns.find_id, schemes=[IDENTIFIERS])

DR7 = 587722952231026744
DR8 = 1237652943176138868


def sheet_of(columns, *, has_names=True):
    """Make a sheet of a few columns."""
    sheet = Sheet.of(pa.table(columns), {})
    return Sheet(sheet.table, sheet.lines, has_names=has_names)


def found(columns, **wanted):
    """Return the names of the columns of identifier, RA and Dec."""
    sheet = sheet_of(columns)
    positions = find_positions(sheet)
    return find_id(sheet, positions, **wanted).name, positions.ra, positions.dec


def columns(*names, **more):
    """Make columns of degrees with these names, behind the given columns."""
    return more | {name: [1.5, 2.5, 3.5] for name in names}


# The columns of the published Galaxy Zoo catalogues, with invented rows.
LAYOUTS = {
    "agn hosts": (columns("RA", "DEC", "REDSHIFT", OBJID=[DR7] * 3), "OBJID RA DEC"),
    "zoo 1": (
        {"OBJID": [str(DR7)], "RA": ["00:00:00.41"], "DEC": ["-10:22:25.7"]},
        "OBJID RA DEC",
    ),
    "zoo 2 spectra": (
        columns("ra", "dec", specobjid=[1] * 3, dr8objid=[DR8] * 3, dr7objid=[DR7] * 3),
        "dr7objid ra dec",
    ),
    "zoo 2 sample": (
        columns("RA", "DEC", OBJID=[DR7] * 3, RUN=[1] * 3, FIELD=[1] * 3, OBJ=[1] * 3),
        "OBJID RA DEC",
    ),
    "mergers": (
        columns("ra1", "ra2", "dec1", "dec2", object1=[DR7] * 3, object2=[DR7] * 3),
        "object1 ra1 dec1",
    ),
    "merger targets": (
        columns("PRI_RA_DEG", "PRI_DEC_DEG", ID=[1, 2, 3], SDSSID=[DR7] * 3),
        "SDSSID PRI_RA_DEG PRI_DEC_DEG",
    ),
    "peas": (columns("RA", "DEC", DR7OBJID=[DR7] * 3), "DR7OBJID RA DEC"),
    "builder": (
        columns("ra", "dec", galaxy_builder_id=[2] * 3, dr7objid=[DR7] * 3),
        "dr7objid ra dec",
    ),
    "hubble": (
        columns("RA", "DEC", zooniverse_id=["AHZ1"] * 3, survey_id=["2003"] * 3),
        "survey_id RA DEC",
    ),
    "candels": (columns("RA", "Dec", ID=["COS_1"] * 3), "ID RA Dec"),
    "decals": (
        columns("ra", "dec", iauname=["J1+2"] * 3, dr8_id=["3_4"] * 3),
        "iauname ra dec",
    ),
    "vizier": (
        columns("_RAJ2000", "_DEJ2000", Name=["a"] * 3),
        "Name _RAJ2000 _DEJ2000",
    ),
    "with units": (
        columns("RA (deg)", "Dec [deg]", id=["a"] * 3),
        "id RA (deg) Dec [deg]",
    ),
    "prefixed": (columns("best_RA", "best_Dec", id=["a"] * 3), "id best_RA best_Dec"),
    "nameless": (columns("ra", "dec", "z"), " ra dec"),
}


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts(layout):
    """The columns of every published layout are found."""
    table, expected = LAYOUTS[layout]
    assert " ".join(found(table)) == expected


def test_first_of_two_galaxies():
    """Of two galaxies in a row the first is used; a note says how to get the other."""
    sheet = sheet_of(LAYOUTS["mergers"][0])
    (note,) = find_positions(sheet).notes
    assert "--ra ra2" in note
    assert "--dec dec2" in note


def test_second_of_two_galaxies():
    """With the second position the second identifier is used too."""
    sheet = sheet_of(LAYOUTS["mergers"][0])
    positions = find_positions(sheet, ra="ra2")
    assert (positions.ra, positions.dec) == ("ra2", "dec2")
    assert find_id(sheet, positions).name == "object2"


def test_text_for_short_floats():
    """Sexagesimal text is preferred to degrees that are floats of 4 bytes."""
    short = pa.array([1.5, 2.5], pa.float32())
    text = {"rastring": ["00:06:00.01"] * 2, "decstring": ["1:30:00.1"] * 2}
    positions = find_positions(sheet_of({"ra": short, "dec": short} | text))
    assert (positions.ra, positions.dec) == ("rastring", "decstring")
    assert positions.shadowed == ("ra", "dec")
    assert "4 bytes" in positions.notes[0]


def test_short_floats_alone():
    """Without such text floats of 4 bytes are used, and a note states their error."""
    short = pa.array([1.5], pa.float32())
    positions = find_positions(sheet_of({"ra": short, "dec": short}))
    assert positions.ra == "ra"
    assert "0.1 arcsec" in positions.notes[0]


def test_degrees_before_text():
    """Degrees that are floats of 8 bytes are preferred to any text."""
    table = columns("ra", "dec", rastring=["0:0:0"] * 3, decstring=["0:0:0"] * 3)
    assert found(table)[1:] == ("ra", "dec")


def test_never_by_value():
    """Without a header nothing is guessed: the error shows three rows with numbers."""
    table = {"col1": [DR7, DR7], "col2": [0.05, 0.1], "col3": [150.1, 150.2]}
    sheet = sheet_of(table | {"col4": [2.2, 2.3]}, has_names=False)
    with pytest.raises(InputError, match=r"no header.*--ra 2 --dec 3") as caught:
        find_positions(sheet)
    assert f"  1: {DR7}  2: 0.1  3: 150.2  4: 2.3\n" in str(caught.value)


def test_by_number():
    """Columns are named by number, from 1; a column with that name comes first."""
    sheet = sheet_of(columns("a", "b", "c", "d"), has_names=False)
    positions = find_positions(sheet, ra="3", dec="4")
    assert (positions.ra, positions.dec) == ("c", "d")
    sheet = sheet_of(columns("a", "4", "c", "d"))
    assert find_positions(sheet, ra="4", dec="3").ra == "4"
    with pytest.raises(InputError, match="no column '5'"):
        find_positions(sheet, ra="5", dec="4")


def test_long_integers_are_ids():
    """Without a header a column of long integers is the identifier."""
    sheet = sheet_of(columns("b", "c", a=[DR7] * 3), has_names=False)
    assert find_id(sheet, find_positions(sheet, ra="2", dec="3")).name == "a"


def test_no_positions():
    """Without positions the error lists the columns and the options."""
    with pytest.raises(InputError, match=r"--ra and --dec .* id, z\.") as caught:
        find_positions(sheet_of({"id": ["a"], "z": [0.1]}))
    assert "seem to be" not in str(caught.value)


def test_positions_in_names():
    """If names contain the positions, the error says so; they are not used."""
    sheet = sheet_of({"id_str": ["J000411.19+020924.0"], "ring": [1]})
    with pytest.raises(InputError, match=r"column id_str \(J000411\.19\+020924\.0\)"):
        find_positions(sheet)


def test_many_columns_are_cut_short():
    """A long list of columns is shortened in an error."""
    sheet = sheet_of({f"c{n}": [0] for n in range(300)})
    with pytest.raises(InputError, match=r"c39 and 260 more\."):
        find_positions(sheet)


@pytest.mark.parametrize("wanted", ["alpha_x", "ALPHA_X", " alpha_x "])
def test_overruled(wanted):
    """Columns that the user names are used, in any case of letters."""
    sheet = sheet_of(columns("ra", "dec", "alpha_x", "delta_x"))
    positions = find_positions(sheet, ra=wanted, dec="delta_x")
    assert (positions.ra, positions.dec) == ("alpha_x", "delta_x")


def test_wrong_name():
    """For a column that does not exist the error suggests similar names."""
    sheet = sheet_of(columns("target_ra", "target_dec"))
    with pytest.raises(InputError, match=r"--ra.*'taget_ra'.*Did you mean target_ra "):
        find_positions(sheet, ra="taget_ra", dec="target_dec")


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"ra": "RAJ2000"}, ("RAJ2000", "DEJ2000")),
        ({"dec": "DEJ2000"}, ("RAJ2000", "DEJ2000")),
        ({"ra": "hst_ra"}, ("hst_ra", "hst_dec")),
    ],
)
def test_partner(wanted, expected):
    """If the user names one coordinate, the other is found."""
    names = ("ra", "dec", "RAJ2000", "DEJ2000", "hst_ra", "hst_dec")
    positions = find_positions(sheet_of(columns(*names)), **wanted)
    assert (positions.ra, positions.dec) == expected


def test_no_partner():
    """If the other coordinate cannot be found, the error asks for it."""
    with pytest.raises(InputError, match="with --dec too"):
        find_positions(sheet_of(columns("ra", "dec", "x")), ra="x")


def test_float_id_is_passed_over():
    """An id column of floats is skipped with a note, and the next one is used."""
    sheet = sheet_of(columns("ra", "dec", objid=[1.24e18] * 3, name=["a", "b", "c"]))
    chosen = find_id(sheet, find_positions(sheet))
    assert chosen.name == "name"
    assert "Column objid was not used" in chosen.notes[0]


def test_only_damaged_ids():
    """If all id columns are floats, none is used."""
    sheet = sheet_of(columns("ra", "dec", objid=["1.24E+18"] * 3))
    chosen = find_id(sheet, find_positions(sheet))
    assert chosen.name == ""
    assert "1.24E+18" in chosen.notes[0]


def test_damaged_id_is_refused():
    """An id column of floats that the user names is an error."""
    sheet = sheet_of(columns("ra", "dec", objid=[1.24e18] * 3, name=["a", "b", "c"]))
    with pytest.raises(InputError, match="--id: column objid holds floating-point"):
        find_id(sheet, find_positions(sheet), wanted="objid")


def test_rounded_id_is_told():
    """Rounded integers are used as names, and the column is marked as rounded."""
    rounded = [(DR7 + 64 * n) // 64 * 64 for n in range(3)]
    sheet = sheet_of(columns("ra", "dec", objid=rounded))
    chosen = find_id(sheet, find_positions(sheet))
    assert (chosen.name, chosen.is_rounded) == ("objid", True)
    assert "multiples of 64" in chosen.notes[0]


def test_rounded_neighbour_is_told():
    """Rounded integers in another column are reported too."""
    rounded = [(DR7 + 64 * n) // 64 * 64 for n in range(3)]
    sheet = sheet_of(columns("ra", "dec", objid=[DR7, DR7 + 1, 5], object2=rounded))
    chosen = find_id(sheet, find_positions(sheet))
    assert (chosen.name, chosen.is_rounded) == ("objid", False)
    assert "object2" in chosen.notes[0]
