"""Formats that cannot be read: they are recognised to tell the user what to do."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["check_bytes", "check_lines"]

_FOREIGN = {
    b"PK\x03\x04": (
        "a zip archive, an Excel sheet (.xlsx) or one of LibreOffice (.ods): unpack "
        "it, or save the sheet as CSV (File, Save as), with identifiers as text"
    ),
    b"\xd0\xcf\x11\xe0": "an old Excel sheet (.xls): save it as CSV (File, Save as)",
    b"\x89HDF": "an HDF5 file: save the table as Parquet, FITS or CSV",
    b"%PDF": "a PDF: catalogues are read from FITS, VOTable, Parquet or text",
    b"SQLite format 3": "a database: save the table as Parquet, FITS or CSV",
    b"ARROW1\0": (
        "an Arrow (Feather) file: save it as Parquet, for instance with "
        "pandas.read_feather(...).to_parquet(...)"
    ),
    b"FEA1": "an old Feather file: save it as Parquet with pandas",
    b"\x93NUMPY": (
        "an array of NumPy (.npy): save it as CSV or FITS with the names of its "
        "columns, for instance with astropy.table.Table(numpy.load(...)).write(...)"
    ),
    b"root\0": "a ROOT file: save the tree as Parquet, for instance with uproot",
    b"Obj\x01": "an Avro file: save it as Parquet",
    b"\x80\x04": "a pickle of Python: save the table as Parquet, FITS or CSV",
    b"\x80\x05": "a pickle of Python: save the table as Parquet, FITS or CSV",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: decompress it with unzstd",
    b"\x1f\x9d": "compressed with compress (.Z): decompress it with uncompress",
    b"7z\xbc\xaf": "a 7z archive: unpack it",
    b"Rar!\x1a": "a RAR archive: unpack it",
}
_TAR = b"ustar"
_TAR_PLACE = 257

#: Lines at the beginning that are searched for the mark of a format.
_BEGINNING = 60


def check_bytes(path: Path, head: bytes) -> None:
    """Refuse a file whose first bytes belong to a format that cannot be read.

    Raises
    ------
    InputError
        It has such a format; the message says which format to save it as.
    """
    found = next((w for magic, w in _FOREIGN.items() if head.startswith(magic)), "")
    if head[_TAR_PLACE:].startswith(_TAR):
        found = "a tar archive: unpack it"
    if found:
        msg = f"{path} is {found}."
        raise InputError(msg)


def check_lines(lines: list[str]) -> None:
    """Refuse a text in a format that cannot be read.

    Raises
    ------
    InputError
        It has such a format; the message says which format to save it as.
    """
    filled = [line for line in lines if line.strip()][:_BEGINNING]
    for is_first, is_form, words in _TEXTS:
        looked_at = filled[:1] if is_first else filled
        if any(map(is_form, looked_at)):
            msg = f"it is {words}"
            raise InputError(msg)


def _convert(form: str) -> str:
    return f"astropy.table.Table.read(FILE, format={form!r}).write('catalogue.ecsv')"


_REGIONS = (
    "a file of DS9 regions: in DS9 choose Region, Save Regions, format 'xy' and "
    "system 'fk5' in degrees, write the line 'ra dec' above, and read that"
)
#: Whether the mark must be in the first line, the mark, and what to tell the user.
_TEXTS: tuple[tuple[bool, Callable[[str], object], str], ...] = (
    (True, re.compile(r".*region file format: ds9", re.IGNORECASE).match, _REGIONS),
    (
        False,
        re.compile(
            r"\s*[-+]?(?:(?:fk[45]|icrs|galactic|ecliptic|j2000|b1950|image|physical)"
            r"\s*[;#]?\s*)?(?:circle|ellipse|box|polygon|point|annulus|panda|vector)"
            r"\s*\(\s*[\d.+-]|\s*(?:fk[45]|icrs|galactic|j2000|b1950|image|physical)\s*;",
            re.IGNORECASE,
        ).match,
        _REGIONS,
    ),
    (
        False,
        re.compile(
            r"\s*(?:\\begin\{(?:tabular|table|deluxetable|longtable|array)"
            r"|\\(?:tablehead|startdata)\b)"
        ).match,
        "a table of LaTeX: save it as CSV, or with " + _convert("ascii.latex"),
    ),
    (
        False,
        re.compile(r"[^&]*(?:&[^&]*){2,}\\\\\s*(?:\\hline)?\s*$").match,
        "a table of LaTeX, with & between its fields: save it as CSV",
    ),
    (
        False,
        re.compile(r"C\.D\.S\.\s+-\s+SIMBAD").match,
        "a list as SIMBAD prints it: save it from SIMBAD as VOTable (output options)",
    ),
    (
        True,
        re.compile(r'\s*(?:\{\s*"|\[\s*[{\["\d]|[{\[]\s*$)').match,
        "JSON: save it as CSV, or with pandas.read_json(FILE).to_csv('x.csv')",
    ),
    (
        False,
        re.compile(r"\s*READ [ST]ERR\b", re.IGNORECASE).match,
        "a QDP table: convert it with " + _convert("ascii.qdp"),
    ),
    (
        True,
        re.compile(r"#K\s+\w+\s*=").match,
        "a DAOphot table, whose positions are pixels: convert it with "
        + _convert("ascii.daophot")
        + " and add RA and Dec with the image's WCS",
    ),
    (
        True,
        re.compile(r"\s*<HEADER>", re.IGNORECASE).match,
        "a TDAT table: convert it with " + _convert("ascii.tdat"),
    ),
    (
        False,
        re.compile(r"-\[ RECORD \d+ \]|\*{10,} \d+\. row \*{10,}").match,
        "a listing with one field per line: let the database write CSV",
    ),
)
