"""Write the tables of docs/catalogues.md by reading small catalogues.

``make tables`` runs this; `test_formats_table.py` checks that the page is up to date.
"""

from __future__ import annotations

import gzip
import io
import re
import sys
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Table

from harvester.archives.registry import identifiers
from harvester.catalogue.options import ReadOptions
from harvester.catalogue.position_names import heading
from harvester.catalogue.reader import inspect_catalogue
from harvester.errors import InputError

DOCS = Path(__file__).resolve().parents[2] / "docs" / "catalogues.md"

#: Two galaxies.
NAMES, RA, DEC = ["A1", "B2"], [150.1, 210.25], [2.2, -33.5]

SEXTRACTOR = """\
#   1 NUMBER       Running object number
#   2 MAG_AUTO     Kron-like magnitude  [mag]
#   3 ALPHA_J2000  Right ascension  [deg]
#   4 DELTA_J2000  Declination  [deg]
1 18.211 150.1 +2.2
2 19.032 210.25 -33.5
"""
VIZIER = """\
#Column\tName\t(a2)\tIdentifier
#Column\tRA_ICRS\t(F7.3)\tRight ascension
#Column\tDE_ICRS\t(F7.3)\tDeclination
Name\tRA_ICRS\tDE_ICRS
\tdeg\tdeg
----\t-------\t-------
A1\t150.100\t+02.200
B2\t210.250\t-33.500
"""
LISTING = """\
 name |   ra   |  dec
------+--------+-------
 A1   |  150.1 |   2.2
 B2   | 210.25 | -33.5
(2 rows)
"""
MARKDOWN = """\
| name | ra     | dec   |
|------|--------|-------|
| A1   | 150.1  | 2.2   |
| B2   | 210.25 | -33.5 |
"""
REGIONS = (
    '# Region file format: DS9\nfk5\ncircle(150.1,2.2,3")\ncircle(210.25,-33.5,3")\n'
)


def rows(header, *lines, separator=","):
    """Write text lines."""
    return "".join(separator.join(each) + "\n" for each in (header, *lines)).encode()


def galaxies(*names, separator=","):
    """Write the two galaxies as text, below a header with these names."""
    lines = [
        (name, str(ra), str(dec)) for name, ra, dec in zip(NAMES, RA, DEC, strict=True)
    ]
    return rows(names, *lines, separator=separator)


def headerless():
    """Write the two galaxies without a header."""
    return galaxies("name", "ra", "dec").partition(b"\n")[2]


def table(kind, **columns):
    """Write a table with astropy."""
    whole = Table(columns or {"name": NAMES, "ra": RA, "dec": DEC})
    file = io.BytesIO() if kind in {"fits", "votable"} else io.StringIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a name of no XML, a format without units
        whole.write(file, format=kind)
    content = file.getvalue()
    return content if isinstance(content, bytes) else content.encode()


def in_hours(kind):
    """Write a table whose columns have the units hours and degrees."""
    whole = Table({"name": NAMES, "ra": [ra / 15 for ra in RA], "dec": DEC})
    whole["ra"].unit, whole["dec"].unit = "hourangle", "deg"
    return table(kind, **{name: whole[name] for name in whole.colnames})


def sky_coord():
    """Write an ECSV file with a column of galactic coordinates."""
    places = SkyCoord(RA, DEC, unit="deg").galactic
    return table("ascii.ecsv", name=NAMES, place=places)


def vectors():
    """Write one row of vectors, as IDL does."""
    columns = [
        fits.Column("ID", "2K", array=[[1, 2]]),
        fits.Column("RA", "2D", array=[RA]),
        fits.Column("DEC", "2D", array=[DEC]),
    ]
    return _fits([fits.BinTableHDU.from_columns(columns)])


def _fits(hdus):
    file = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(file)
    return file.getvalue()


def ldac():
    """Write two FITS tables; the second one has the positions."""
    head = fits.Column("Field Header Card", "80A", array=["SIMPLE  =  T"])
    columns = [
        fits.Column("NUMBER", "J", array=[1, 2]),
        fits.Column("ALPHA_J2000", "D", unit="deg", array=RA),
        fits.Column("DELTA_J2000", "D", unit="deg", array=DEC),
    ]
    return _fits(
        [
            fits.BinTableHDU.from_columns([head], name="LDAC_IMHEAD"),
            fits.BinTableHDU.from_columns(columns, name="LDAC_OBJECTS"),
        ]
    )


def fits_of(unit="deg", step=1, **cards):
    """Write a FITS table with a unit for RA, and extra cards in its header."""
    columns = [
        fits.Column("NAME", "2A", array=NAMES),
        fits.Column("RA", "D", unit=unit, array=[ra / step for ra in RA]),
        fits.Column("DEC", "D", unit="deg", array=DEC),
    ]
    hdu = fits.BinTableHDU.from_columns(columns)
    hdu.header.update(cards)
    return _fits([hdu])


def votable():
    """Write a VOTable with the frame FK4 B1950."""
    fields = "".join(
        f'<FIELD name="{name}" datatype="{kind}" {more}/>'
        for name, kind, more in (
            ("name", "char", 'arraysize="2"'),
            ("ra", "double", 'unit="deg" ref="old"'),
            ("dec", "double", 'unit="deg" ref="old"'),
        )
    )
    cells = "".join(
        f"<TR><TD>{name}</TD><TD>{ra}</TD><TD>{dec}</TD></TR>"
        for name, ra, dec in zip(NAMES, RA, DEC, strict=True)
    )
    return (
        '<VOTABLE version="1.3" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>'
        '<COOSYS ID="old" system="eq_FK4" equinox="B1950"/>'
        f"<TABLE>{fields}<DATA><TABLEDATA>{cells}</TABLEDATA></DATA></TABLE>"
        "</RESOURCE></VOTABLE>"
    ).encode()


def parquet():
    """Write Parquet."""
    file = io.BytesIO()
    pq.write_table(pa.table({"name": NAMES, "ra": RA, "dec": DEC}), file)
    return file.getvalue()


def split():
    """Write positions split into seven columns."""
    header = ("Name", "RAh", "RAm", "RAs", "DE-", "DEd", "DEm", "DEs")
    first = ("A1", "10", "0", "24.0", "+", "2", "12", "0")
    second = ("B2", "14", "1", "0.0", "-", "33", "30", "0")
    return rows(header, first, second)


SDSS = ("1237648720142401611", "1237648720142401612")

#: Description of the sample, file name, content, and options.
SAMPLES = {
    "CSV": ("x.csv", lambda: galaxies("name", "ra", "dec"), {}),
    "CSV, packed": ("x.csv.gz", lambda: gzip.compress(galaxies("id", "ra", "dec")), {}),
    "tabs": ("x.tsv", lambda: galaxies("name", "ra", "dec", separator="\t"), {}),
    "bars": ("x.txt", lambda: galaxies("name", "ra", "dec", separator=" | "), {}),
    "blanks": ("x.txt", lambda: galaxies("name", "ra", "dec", separator=" "), {}),
    "header in a comment": ("x.txt", lambda: galaxies("# name", "ra", "dec"), {}),
    "decimal commas": (
        "x.csv",
        lambda: galaxies("name", "ra", "dec", separator=";").replace(b".", b","),
        {},
    ),
    "no header": ("x.csv", headerless, {}),
    "no header, columns by number": (
        "x.csv",
        headerless,
        {"id": "1", "ra": "2", "dec": "3"},
    ),
    "SExtractor": ("x.cat", SEXTRACTOR.encode, {}),
    "SExtractor, FITS_LDAC": ("x.cat", ldac, {}),
    "IPAC": ("x.tbl", lambda: table("ascii.ipac"), {}),
    "MRT and CDS": ("x.txt", lambda: table("ascii.mrt"), {}),
    "VizieR, tabs": ("x.tsv", VIZIER.encode, {}),
    "rdb": ("x.rdb", lambda: table("ascii.rdb"), {}),
    "listing of an SQL shell": ("x.txt", LISTING.encode, {}),
    "Markdown": ("x.md", MARKDOWN.encode, {}),
    "ECSV, hours": ("x.ecsv", lambda: in_hours("ascii.ecsv"), {}),
    "ECSV, BOM before it": (
        "x.ecsv",
        lambda: b"\xef\xbb\xbf" + in_hours("ascii.ecsv"),
        {},
    ),
    "ECSV, galactic SkyCoord": ("x.ecsv", sky_coord, {}),
    "FITS": ("x.fits", lambda: table("fits"), {}),
    "FITS, hours": ("x.fits", lambda: fits_of("HOURANGLE", 15), {}),
    "FITS, one row of vectors": ("x.fits", vectors, {}),
    "FITS, EQUINOX of 1950": (
        "x.fits",
        lambda: fits_of(RADESYS="FK4", EQUINOX=1950.0),
        {},
    ),
    "VOTable": ("x.vot", lambda: table("votable"), {}),
    "VOTable, COOSYS of B1950": ("x.vot", votable, {}),
    "Parquet": ("x.parquet", parquet, {}),
    "positions in seven columns": ("x.csv", split, {}),
    "SDSS identifiers alone": (
        "x.csv",
        lambda: rows(("objid",), *((i,) for i in SDSS)),
        {},
    ),
    "Excel": ("x.xlsx", lambda: b"PK\x03\x04" + bytes(60), {}),
    "DS9 regions": ("x.reg", REGIONS.encode, {}),
}

HEADINGS = (
    *("RA", "RA (deg)", "RA (hours)", "RA [rad]", "ra_rad", "RA (h:m:s)", "RAJ2000"),
    "al2000",
    *("RA_ICRS", "RA (J2000)", "RA (B1950)", "RA1950", "ra [deg, ICRS]", "ALPHA_J2000"),
    *("X_WORLD", "GLON", "l", "ELON", "SGL", "RA (furlongs)", "ra(err)", "e_RAJ2000"),
    *("ra_err", "ra_offset", "pmRA"),
)


def formats(folder):
    """Read each sample, and return how it was read as lines of Markdown."""
    yield "| file | identifier | RA, Dec | units | frame | first position |"
    yield "|---|---|---|---|---|---|"
    for what, (name, content, options) in SAMPLES.items():
        path = Path(folder) / name
        path.write_bytes(content())
        yield f"| {what} | {_understood(path, ReadOptions(**options))} |"


def _understood(path, options):
    try:
        found = inspect_catalogue(path, options, schemes=identifiers())
    except InputError as error:
        return f"refused: {_sentence(str(error), path)} | | | | "
    if not found.ra:
        return f"`{found.id}` | looked up at SDSS | | | "
    first = next(row for row in found.sample if row.ra is not None)
    units = " and ".join(dict.fromkeys((found.ra_unit, found.dec_unit)))
    place = f"{first.ra:.5f} {first.dec:+.5f}"
    if found.targets != found.rows:
        place += f" ({found.targets} of {found.rows} rows)"
    names = f"`{found.ra}`, `{found.dec}`"
    return f"`{found.id or '-'}` | {names} | {units} | {found.frame} | {place}"


def _sentence(text, path):
    bare = text.replace(f"{path}: ", "").replace(str(path), "it")
    bare = bare.replace("|", "bar").partition("\n")[0]
    if bare.startswith("it cannot be used: "):
        return bare.partition(": ")[2].rstrip(".")
    return re.split(r"(?<=[a-z])[.:] ", bare)[0].rstrip(".")


def headings():
    """Return what the names of columns mean as lines of Markdown."""
    yield "| name | unit | frame |"
    yield "|---|---|---|"
    for name in HEADINGS:
        found = heading(name)
        if found is None:
            yield f"| `{name}` | no position | |"
            continue
        stated = found.stated
        unit = stated.unit.name if stated.unit else ""
        frame = stated.frame or found.system
        unit = f"refused: {stated.unknown}" if stated.unknown else unit
        yield f"| `{name}` | {unit} | {frame or ''} |"


def filled(text):
    """Insert the tables into a page, between their marks."""
    with TemporaryDirectory() as folder:
        tables = {"formats": formats(folder), "names": headings()}
        for name, lines in tables.items():
            begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
            before, _, rest = text.partition(begin)
            after = rest.partition(end)[2]
            text = before + begin + "\n".join(lines) + "\n" + end + after
    return text


if __name__ == "__main__":
    DOCS.write_text(filled(DOCS.read_text()))
    sys.stdout.write(f"{DOCS}\n")
