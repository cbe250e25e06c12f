"""Text tables with special headers, as the programs that own the formats write them."""

from __future__ import annotations

import io

import pytest

from harvester.catalogue.sheets import StatedFrame
from harvester.catalogue.texts import read_text
from harvester.errors import InputError

ROWS = [(1, 18.2, 150.1, 2.25), (2, 19.5, 150.2, -2.5)]
UNITS = {"mag": "mag", "ra": "deg", "dec": "deg"}


def read(text, **options):
    """Read a text with one table."""
    (sheet,) = read_text(io.BytesIO(text.encode()), **options)
    return sheet


def values(sheet):
    """Return the rows; cells that are numbers become numbers."""

    def plain(cell):
        try:
            return float(cell)
        except (TypeError, ValueError):
            return cell

    return [tuple(map(plain, row.values())) for row in sheet.table.to_pylist()]


SEXTRACTOR = """\
#   1 num       Running number
#   2 mag       Magnitude      [mag]
#   3 ra        Position       [deg]
#   4 dec       Position       [deg]
  1  18.2 150.1 +2.25
  2  19.5 150.2 -2.5
"""
IPAC = r"""\RADESYS = 'FK5'
\EQUINOX = 2000.0
\ a comment
|num| mag  | ra    | dec  |
|int|double|double |double|
|   |mag   |deg    |deg   |
|nul|null  |null   |null  |
   1  18.2   150.1   +2.25
   2  19.5   150.2   -2.5
"""
IPAC_SHORT = """\
|num|  mag |     ra|   dec|
|i  |r     |d      |double|
   1   18.2   150.1   2.25
   2   19.5   150.2   -2.5
"""
CDS = """\
J/ApJ/1/1       A catalogue      (Nobody, 2026)
================================================================================
Byte-by-byte Description of file: table1.dat
--------------------------------------------------------------------------------
   Bytes Format Units  Label  Explanations
--------------------------------------------------------------------------------
   1-  1 I1     ---    num    Number
   3-  6 F4.1   mag    mag    ?=99.9 Magnitude
   8- 12 F5.1   deg    ra     Right ascension (J2000)
  14- 18 F5.2   deg    dec    Declination (J2000)
--------------------------------------------------------------------------------
1 18.2 150.1 +2.25
2 19.5 150.2 -2.50
"""
MRT = CDS.replace(
    "J/ApJ/1/1       A catalogue      (Nobody, 2026)", "Title: A catalogue"
)
RDB = (
    "# made by hand\nnum\tmag\tra\tdec\n5N\t5N\t10N\t10N\n"
    "1\t18.2\t150.1\t2.25\n2\t19.5\t150.2\t-2.5\n"
)
VIZIER = """\
#
#   VizieR Astronomical Server
#INFO\tservice_protocol=ASU
#RESOURCE=yCat_1
#Name: J/ApJ/1/1
#Table\tJ_ApJ_1_1_table1:
#Name: J/ApJ/1/1/table1
#---Details of Columns:
#Column\tnum\t(I1)\tNumber\t[ucd=meta.record]
#Column\tmag\t(F4.1)\t? Magnitude\t[ucd=phot.mag]
#Column\tra\t(F5.1)\tRight ascension (FK4, Equinox=B1950.0)\t[ucd=pos.eq.ra]
#Column\tdec\t(F5.2)\tDeclination (FK4, Equinox=B1950.0)\t[ucd=pos.eq.dec]
num\tmag\tra\tdec
\tmag\tdeg\tdeg
-\t----\t-----\t-----
1\t18.2\t150.1\t+2.25
2\t19.5\t150.2\t-2.50

#END#
"""
MYSQL = """\
+-----+------+-------+------+
| num | mag  | ra    | dec  |
+-----+------+-------+------+
|   1 | 18.2 | 150.1 | 2.25 |
|   2 | 19.5 | 150.2 | -2.5 |
+-----+------+-------+------+
2 rows in set (0.00 sec)
"""
PSQL = """\
 num | mag  |  ra   | dec
-----+------+-------+------
   1 | 18.2 | 150.1 | 2.25
   2 | 19.5 | 150.2 | -2.5
(2 rows)

"""
SQLITE = """\
num  mag   ra     dec
---  ----  -----  ----
1    18.2  150.1  2.25
2    19.5  150.2  -2.5
"""
MARKDOWN = """\
# My galaxies

| num | mag | ra | dec |
|----:|:---:|----|-----|
| 1 | 18.2 | 150.1 | 2.25 |
| 2 | 19.5 | 150.2 | -2.5 |
"""
RST = """\
=== ==== ===== =====
num mag  ra    dec
=== ==== ===== =====
1   18.2 150.1 2.25
2   19.5 150.2 -2.5
=== ==== ===== =====
"""
GRID = """\
+-----+------+-------+------+
| num | mag  | ra    | dec  |
+=====+======+=======+======+
| 1   | 18.2 | 150.1 | 2.25 |
+-----+------+-------+------+
| 2   | 19.5 | 150.2 | -2.5 |
+-----+------+-------+------+
"""
PRINTED = """\
num mag    ra  dec
    mag   deg  deg
--- ---- ----- ----
  1 18.2 150.1 2.25
  2 19.5 150.2 -2.5
Length = 2 rows
"""
BARS = """\
| num | mag | ra | dec |
| 1 | 18.2 | 150.1 | 2.25 |
| 2 | 19.5 | 150.2 | -2.5 |
"""
PLAIN = "1 18.2 150.1 2.25\n2 19.5 150.2 -2.5\n"
COMMAS = PLAIN.replace(" ", ",")

#: Text, line of the first row, and whether the text states units, by name.
FORMS = {
    "sextractor": (SEXTRACTOR, 5, True),
    "ipac": (IPAC, 8, True),
    "ipac, types in short": (IPAC_SHORT, 3, False),
    "cds": (CDS, 12, True),
    "mrt": (MRT, 12, True),
    "rdb": (RDB, 4, False),
    "vizier": (VIZIER, 16, True),
    "vizier, semicolons": (
        VIZIER.replace("\n#C", "\n~")
        .replace("\t", ";")
        .replace("~", "#C")
        .replace("#Column;", "#Column\t"),
        16,
        True,
    ),
    "mysql": (MYSQL, 4, False),
    "mysql, with its prompt": (f"mysql> select * from t;\n{MYSQL}\n", 5, False),
    "psql": (PSQL, 3, False),
    "sqlite": (SQLITE, 3, False),
    "markdown": (MARKDOWN, 5, False),
    "rst": (RST, 4, False),
    "rst grid": (GRID, 4, False),
    "printed by astropy": (PRINTED, 4, True),
    "bars at both ends": (BARS, 2, False),
    "skyserver": ("#Table1\nnum,mag,ra,dec\n" + COMMAS, 3, False),
    "units below": ("num,mag,ra,dec\n,mag,deg,deg\n" + COMMAS, 3, True),
    "units and dashes": (
        "num\tmag\tra\tdec\n \tmag\tdeg\tdeg\n---\t---\t---\t---\n"
        + PLAIN.replace(" ", "\t"),
        4,
        True,
    ),
    "types below": ("num,mag,ra,dec\nint,float,double,double\n" + COMMAS, 3, False),
    "dashes below": ("num mag ra dec\n---------------\n" + PLAIN, 3, False),
    "comment": ("# num mag ra dec\n" + PLAIN, 2, False),
    "comment, then another": (
        "# num mag ra dec\n# made in one night\n" + PLAIN,
        3,
        False,
    ),
    "comment, units": ("# num mag ra dec\n# - mag deg deg\n" + PLAIN, 3, True),
    "comment, brackets": ("#num mag [mag] ra (deg) dec (deg)\n" + PLAIN, 2, False),
    "comment, commas": ("# num, mag, ra, dec\n" + PLAIN, 2, False),
    "comment, units aligned": (
        "# num   mag    ra     dec\n#       mag   (deg)   deg\n" + PLAIN,
        3,
        True,
    ),
    "units aligned": (
        "num   mag    ra   dec\n      mag   deg   deg\n" + PLAIN,
        3,
        True,
    ),
    "title before names": ("# Columns: num mag ra dec\n" + PLAIN, 2, False),
    "numbers below": ("num mag ra dec\n(1) (2) (3) (4)\n" + PLAIN, 3, False),
    "numbered, words": (
        "# 1: num\n# 2: mag  (mag)\n# 3: ra  right ascension (J2000) [deg]\n"
        "# 4: dec  declination in deg\n" + PLAIN,
        5,
        True,
    ),
    "sextractor, words": (
        "# 1 num\n# 2 mag mag\n# 3 ra  in deg\n# 4 dec  Dec (deg)\n" + PLAIN,
        5,
        True,
    ),
    "percent": ("% a thesis\n% num mag ra dec\n" + PLAIN, 3, False),
    "exclamation": ("! num mag ra dec\n" + PLAIN, 2, False),
    "slashes": ("// num,mag,ra,dec\n" + COMMAS, 2, False),
    "numbered": ("# 1: num\n# 2: mag\n# 3: ra\n# 4: dec\n" + PLAIN, 5, False),
    "numbered from 0": ("# 0: num\n# 1: mag\n# 2: ra\n# 3: dec\n" + PLAIN, 5, False),
    "numbered, brackets": (
        "# (1) num  running number\n# (2) mag\n# (3) ra\n# (4) dec\n" + COMMAS,
        5,
        False,
    ),
    "numbered, col": (
        "# col1 = num\n# col2 = mag\n# col3 = ra\n# col4 = dec\n" + PLAIN,
        5,
        False,
    ),
    "numbered, column": (
        "# Column 1: num\n# Column 2: mag\n# Column 3: ra\n# Column 4: dec\n" + COMMAS,
        5,
        False,
    ),
    "separator at the end": (
        "num,mag,ra,dec\n" + COMMAS.replace("\n", ",\n"),
        2,
        False,
    ),
    "separator at the header's end": ("num,mag,ra,dec,\n" + COMMAS, 2, False),
    "decimal commas, tabs": (
        "num\tmag\tra\tdec\n" + PLAIN.replace(" ", "\t").replace(".", ","),
        2,
        False,
    ),
    "decimal commas, blanks": ("num mag ra dec\n" + PLAIN.replace(".", ","), 2, False),
}


@pytest.mark.parametrize("form", FORMS)
def test_form(form):
    """For each format of header, names, rows, units and lines are right."""
    text, line, has_units = FORMS[form]
    sheet = read(text)
    names = [name.partition(" ")[0] for name in sheet.table.column_names]
    assert names[:4] == ["num", "mag", "ra", "dec"]
    assert sheet.has_names
    assert [row[:4] for row in values(sheet)] == ROWS
    assert sheet.lines[0] == line
    assert sheet.broken == []
    if has_units:
        assert sheet.units == UNITS


@pytest.mark.parametrize(
    ("comment", "frame"),
    [
        ("# EQUINOX = B1950", StatedFrame("", "B1950")),
        ("# RADESYS: FK4 / frame", StatedFrame("FK4")),
        ("# author: nobody", None),
    ],
)
def test_keywords_in_comments(comment, frame):
    """A keyword in a comment states the frame of the table."""
    assert read(f"{comment}\n# num mag ra dec\n{PLAIN}").frame == frame


@pytest.mark.parametrize(
    "header",
    [
        "# 1: num\n# 2: mag\n# 3: ra  equinox B1950\n# 4: dec  (B1950)\n",
        (
            "# 1 num\n# 2 mag\n# 3 ra   Right ascension (B1950)  [deg]\n"
            "# 4 dec   Declination (B1950)  [deg]\n"
        ),
    ],
)
def test_frames_in_numbered_comments(header):
    """The description of a numbered column states its frame."""
    frame = StatedFrame("", "B1950")
    assert read(header + PLAIN).frames == {"ra": frame, "dec": frame}


@pytest.mark.parametrize(
    "words",
    [
        "ra and dec are in hours and degrees",
        "positions in radians",
        "Coordinates: B1950",
        "equinox 1975",
    ],
)
def test_doubtful_comment(words):
    """A comment about other units or frames is kept if nothing else states them."""
    text = f"# {words}\nnum,mag,ra,dec\n"
    assert read(text + COMMAS).doubts == [f"line 1 says '# {words}'"]
    assert read(text.replace("ra,", "ra (h),") + COMMAS).doubts == []


@pytest.mark.parametrize(
    "words", ["equinox J2000, degrees", "exposures in hours", "10 hours of exposure"]
)
def test_harmless_comment(words):
    """Comments about other things, or about J2000 and ICRS, are ignored."""
    sheet = read(f"# {words}\nnum,mag,ra,dec\n" + COMMAS)
    assert (sheet.doubts, sheet.notes) == ([], [])


def test_title_of_a_header():
    """A title before the names in a comment is not a name."""
    text = "# Columns: num, mag, ra, dec\n"
    assert read(text + COMMAS).table.column_names == ["num", "mag", "ra", "dec"]


def test_declared_types():
    """Columns that are declared as text or as numbers have these types."""
    rdb = read("plate\tn\tra\n4S\t4N\t5N\n266\t007\t1.5\n")
    assert rdb.table.to_pylist() == [{"plate": "266", "n": 7, "ra": 1.5}]
    comments = "#Column\tplate\t(A4)\tx\n#Column\tn\t(I3)\tx\n"
    vizier = read(f"{comments}plate\tn\n\t\n----\t---\n266\t007\n")
    assert vizier.table.to_pylist() == [{"plate": "266", "n": 7}]


def test_gap_in_the_first_cell():
    """In a row without a first value the others stay in their columns."""
    text = " num | ra\n-----+----\n     | 1.5\n   2 |    \n(2 rows)\n"
    assert values(read(text)) == [(None, 1.5), (2, None)]


@pytest.mark.parametrize(
    "row", ["m,12h34m56s,-1d2m3s,unknown", "NGC 1,12:34:56,-1:2:3,m"]
)
def test_first_row_is_no_units(row):
    """A first row with the letter of a unit in it is a row, not a row of units."""
    text = f"cls,ra,dec,v\n{row}\nk,12h34m56s,-1d2m3s,5\n"
    assert read(text).lines.tolist() == [2, 3]


def test_mark_as_name():
    """A column may have a comment mark as its name."""
    assert read("#,ra,dec\n1,2.5,3.5\n").table.column_names == ["col1", "ra", "dec"]


def test_columns_are_described():
    """A comment that describes one column is not a header."""
    text = "# name type unit\n# ra double deg\n# dec double deg\nA 1.5 2.5\n"
    assert read(text).table.column_names == ["name", "type", "unit"]


def test_sextractor_vectors():
    """A vector has the columns up to the next number; the last has all the rest."""
    text = "# 1 num\n# 2 FLUX_APER  Flux  [count]\n# 5 ra\n# 6 dec\n# 7 MAG_APER\n"
    sheet = read(text + "1 10 20 30 150.1 2.2 18 19\n")
    assert sheet.table.to_pylist() == [
        {
            "num": 1,
            "FLUX_APER": 10,
            "FLUX_APER_1": 20,
            "FLUX_APER_2": 30,
            "ra": 150.1,
            "dec": 2.2,
            "MAG_APER": 18,
            "MAG_APER_1": 19,
        }
    ]
    vector = ("FLUX_APER", "FLUX_APER_1", "FLUX_APER_2")
    assert sheet.units == dict.fromkeys(vector, "count")


def test_ipac_says_more():
    """Keywords state the frame, the null row missing values; integers stay exact."""
    text = IPAC.replace("num|", "num               |").replace(
        "int|", "long              |"
    )
    text = text.replace("\n|   |", "\n|                  |").replace(
        "|nul|", "|null              |"
    )
    text = text.replace("\n   1  18.2", "\n 587722952231026744 null")
    text = text.replace("\n   2  19.5", "\n 587722952231026745 19.5")
    sheet = read(text)
    assert sheet.frame == StatedFrame("FK5", "2000.0")
    rows = sheet.table.to_pylist()
    assert (rows[0]["num"], rows[0]["mag"]) == (587722952231026744, None)
    assert rows[1]["num"] == 587722952231026745


def test_cds_says_more():
    """Values for "missing" are null, and descriptions state the equinox."""
    sheet = read(CDS.replace("1 18.2", "1 99.9"))
    assert values(sheet)[0] == (1, None, 150.1, 2.25)
    assert sheet.frames == {name: StatedFrame("", "J2000") for name in ("ra", "dec")}
    assert sheet.format == "CDS table (byte by byte)"
    assert read(MRT).format == "MRT table (byte by byte)"


def test_gap_in_the_only_column():
    """A row whose only value is missing is a row."""
    header = CDS[: CDS.index("   1-  1")]
    text = f"{header}   1-  3 A3 --- N ?=abc Name\n{'-' * 80}\nabc\nxyz\n"
    sheet = read(text)
    assert sheet.table.to_pylist() == [{"N": None}, {"N": "xyz"}]
    assert len(sheet.lines) == 2


def test_cds_positions_in_parts():
    """Hours, minutes and seconds are read as numbers, also with leading zeros."""
    header = CDS[: CDS.index("   1-  1")]
    parts = [("RAh", "I2", "h"), ("RAm", "I2", "min"), ("RAs", "F4.1", "s")]
    parts += [("DE-", "A1", "---"), ("DEd", "I2", "deg")]
    places = [(1, 2), (4, 5), (7, 10), (12, 12), (13, 14)]
    lines = "".join(
        f"  {a:2}- {b:2} {kind} {unit} {name} of it\n"
        for (name, kind, unit), (a, b) in zip(parts, places, strict=True)
    )
    sheet = read(f"{header}{lines}{'-' * 80}\n00 07 01.5 -00\n")
    assert sheet.table.to_pylist() == [
        {"RAh": 0, "RAm": 7, "RAs": 1.5, "DE-": "-", "DEd": 0}
    ]
    assert sheet.units == {"RAh": "h", "RAm": "min", "RAs": "s", "DEd": "deg"}


def test_vizier_says_more():
    """Each table is a sheet with its rows and frames, and a note if it is truncated."""
    second = VIZIER[VIZIER.index("#Table") :].replace("table1", "table2")
    text = VIZIER.replace("#END#\n", "") + second.replace("1\t18.2", "7\t18.2")
    first, other = read_text(io.BytesIO(text.encode()))
    assert (first.name, other.name) == ("J/ApJ/1/1/table1", "J/ApJ/1/1/table2")
    assert values(first) == ROWS
    assert [row[0] for row in values(other)] == [7, 2]
    assert first.frames["ra"] == StatedFrame("FK4", "B1950.0")
    assert first.notes == []
    one = "#Column\tx\t(I1)\tx\nx\n \n-\n1\n2\n\n"
    alone, _ = read_text(io.BytesIO((one + VIZIER).encode()))
    assert values(alone) == [(1,), (2,)]
    for mark in ("#INFO\tQUERY_STATUS=OVERFLOW\n", "#-out.max=2\n"):
        assert "truncated this result" in read(mark + VIZIER).notes[0]


@pytest.mark.parametrize(
    ("name", "unit", "frame"),
    [
        ("ra (hours)", "hours", None),
        ("ra[rad]", "rad", None),
        ("ra (h:m:s)", "h:m:s", None),
        ("ra (Angle[rad])", "Angle[rad]", None),
        ("ra (J2000, deg)", "deg", StatedFrame("", "J2000")),
        ("ra (B1950)", "", StatedFrame("", "B1950")),
        ("ra (FK4)", "", StatedFrame("FK4")),
        ("ra (furlong)", "furlong", None),
        ("ra(err)", "", None),
        ("ra(2)", "", None),
        ("ra", "", None),
    ],
)
def test_brackets(name, unit, frame):
    """Brackets behind a name hold its unit or its frame; the name is not changed."""
    sheet = read(f'id,"{name}",dec\n1,2.5,3.5\n')
    assert sheet.table.column_names == ["id", name, "dec"]
    assert sheet.units.get(name, "") == unit
    assert sheet.frames.get(name) == frame


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("num,ra,dec\n" + COMMAS, 1),
        ("num,mag,err,ra,dec\n" + COMMAS, 1),
        ("num ra dec\n" + PLAIN, 1),
        ("# num ra dec\n" + PLAIN, 1),
        ("# of one night\n#num ra dec\n#\n" + PLAIN, 2),
        ("# 1: num\n# 2: ra\n# 3: dec\n" + PLAIN, 3),
        ("% num mag err ra dec\n" + PLAIN, 1),
        ("# num,ra,dec\n" + COMMAS, 1),
    ],
)
def test_header_that_does_not_count_up(text, line):
    """A header with more or fewer names than columns is refused."""
    with pytest.raises(InputError, match=rf"header in line {line} names [35] columns"):
        read(text)
    with pytest.raises(InputError, match=r"4 fields.* dec\. .*: 1, 18\.2, 150\.1, 2"):
        read(text)
    sheet = read(text, by_number=True)
    assert not sheet.has_names
    assert values(sheet) == ROWS


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("num mag ra dec\nmag  deg deg\n" + PLAIN, "line 2 states units"),
        (SEXTRACTOR.replace(" +2.25", "").replace(" -2.5", ""), "numbers 4 columns"),
        (
            IPAC.replace("   1  18.2", "   1.18.2"),
            "has text outside the columns that its header",
        ),
        (
            IPAC.replace("|   |mag   |", "||mag|"),
            "bars in the lines of its IPAC header are not",
        ),
        (IPAC.replace("|int|", "|foo|"), "declares unknown types"),
        (CDS.replace("   3-  6 F4.1", "   0-  6 F4.1"), "impossible start or end"),
        (CDS.replace("1 18.2", "x 18.2"), "declares column num as numbers"),
        (CDS[: CDS.index("1 18.2")], "describes tables byte by byte"),
        (RDB.replace("num\t", ""), "rdb header names 3 columns"),
        (MYSQL.replace("| num ", ""), "names 3 columns"),
        (SQLITE.replace("num  ", ""), "names 3 columns"),
        (PRINTED.replace("  2 19.5 150.2 -2.5", "... ...  ...   ... "), "left out"),
        (VIZIER.replace("num\tmag\tra", "mag\tra"), "has dashes for 4 columns"),
        ("#INFO\tQUERY_STATUS=ERROR no such table\n" + VIZIER, "no such table"),
        ("# Region file format: DS9 version 4.1\nfk5\ncircle(1,2,3)\n", "DS9 regions"),
        ("fk5\ncircle(150.1, 2.2, 3)\n", "DS9 regions"),
        ("# id ra dec\n7 & 150.1 & 2.2 \\\\ \\hline\n", "table of LaTeX"),
        ("\nC.D.S.  -  SIMBAD4 rel 1.8  -  2024\n----\n", "as SIMBAD prints it"),
        ("fk5;circle 150.1 2.2 3\n", "DS9 regions"),
        ('[{"ra": 1.5, "dec": 2}]', "JSON"),
        ('{"ra": 1.5, "dec": 2}\n{"ra": 1.5, "dec": 2}\n', "JSON"),
        ("\\begin{tabular}{ll}\nra & dec \\\\\n1 & 2 \\\\\n", "LaTeX"),
        ("\\startdata\n1 & 2 \\\\\n", "LaTeX"),
        ("READ TERR 1\n! a\n1 2 3\n", "QDP"),
        ("#K MERGERAD   = INDEF   scaleunit\n1 2\n", "DAOphot"),
        ("<HEADER>\nfield[ra] = float\n", "TDAT"),
        ("-[ RECORD 1 ]\nra | 1\ndec | 2\n", "one field per line"),
    ],
)
def test_refused(text, complaint):
    """Ambiguous texts are refused; the message has the line or the format."""
    with pytest.raises(InputError, match=complaint):
        read(text)
