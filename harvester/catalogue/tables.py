"""Files to tables: FITS, VOTable, ECSV, Parquet and text, also packed.

What a file is, its first bytes decide; the suffix only tells when a file is not
what it should be, such as a web page saved under the name of a FITS file.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import shutil
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO

import numpy as np
from astropy.io import fits
from astropy.table import Table

from ..errors import InputError, LocalError
from ..importing import IMPORTING
from .arrays import from_astropy
from .damage import damage_told
from .delimited import read_delimited
from .options import ReadOptions
from .parquet import read_parquet
from .sheets import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from .sheets import Columns

    Reader = Callable[[BinaryIO], Sheet]

__all__ = ["open_tables"]

_PACKINGS: dict[bytes, tuple[str, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ": ("xz", lzma.open),
}
_PACKED_SUFFIXES = {".gz", ".bz2", ".xz"}

#: Files that are recognised only to say what to do with them.
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel sheet: unpack it, or save it as CSV",
    b"\x89HDF": "an HDF5 file: save the table as Parquet, FITS or CSV",
    b"%PDF": "a PDF: catalogues are read from FITS, VOTable, Parquet or text",
    b"SQLite format 3": "a database: save the table as Parquet, FITS or CSV",
}

#: Beginning of the file that must tell what it is.
_HEAD = 4096
#: End of a VOTable in which its last tag must be.
_TAIL = 512


@contextmanager
def open_tables(
    path: Path,
    file: BinaryIO,
    options: ReadOptions | None = None,
    *,
    scratch: Path | None = None,
) -> Iterator[list[Sheet]]:
    """Give the tables in ``file``, the open file at ``path``, while the block runs.

    Parameters
    ----------
    options
        Columns that it names stay text where the file holds text.
    scratch
        Folder for what a packed file holds, or a text, until the block ends.

    Raises
    ------
    InputError
        There is no table in it, or only a part of one.
    """
    options = options or ReadOptions()
    exact = [name for name in (options.id, options.ra, options.dec) if name]
    with _unpacked(path, file, scratch) as plain:
        yield [_read(path, plain, exact, scratch)]


def _read(
    path: Path, file: BinaryIO, exact: Collection[str], scratch: Path | None
) -> Sheet:
    head = file.read(_HEAD)
    file.seek(0)
    reader = _reader(path, head, exact, scratch)
    with damage_told(path), warnings.catch_warnings():
        # Astropy warns of every small sin of a header; the table is what counts.
        warnings.simplefilter("ignore")
        return reader(file)


@contextmanager
def _unpacked(path: Path, file: BinaryIO, scratch: Path | None) -> Iterator[BinaryIO]:
    head = file.read(_HEAD)
    file.seek(0)
    packing = next(
        (p for magic, p in _PACKINGS.items() if head.startswith(magic)), None
    )
    if packing is None:
        yield file
        return
    with NamedTemporaryFile(dir=scratch) as unpacked:
        _unpack(path, file, unpacked, *packing)
        # Opened again, as what is only read: FITS files are mapped into memory.
        with Path(unpacked.name).open("rb") as plain:
            yield plain


def _unpack(
    path: Path,
    file: BinaryIO,
    plain: IO[bytes],
    name: str,
    opened: Callable[[BinaryIO], Any],
) -> None:
    try:
        with opened(file) as content:
            shutil.copyfileobj(content, plain)
        plain.flush()
    except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
        if isinstance(error, OSError) and error.errno:
            msg = f"there is no room to unpack {path}: {error.strerror}."
            raise LocalError(msg) from error
        msg = (
            f"{path} cannot be unpacked: the {name} data are damaged or end too "
            "early. Fetch the file again."
        )
        raise InputError(msg) from error


def _reader(
    path: Path, head: bytes, exact: Collection[str], scratch: Path | None
) -> Reader:
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            msg = f"{path} is {what}."
            raise InputError(msg)
    if head.startswith(b"SIMPLE  ="):
        return _read_fits
    if head.startswith(b"PAR1"):
        return lambda file: _numbered(read_parquet(path, file))
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        return _xml_reader(path, head)
    _check_text(path, head)
    if head.startswith(b"# %ECSV"):
        return _read_ecsv
    return lambda file: read_delimited(file, exact=exact, scratch=scratch)


def _xml_reader(path: Path, head: bytes) -> Reader:
    if b"VOTABLE" in head:
        return _read_votable
    msg = (
        f"{path} is a web page or other XML, not a table: perhaps an error page was "
        "saved in its place. Look into it, and fetch the catalogue again."
    )
    raise InputError(msg)


def _check_text(path: Path, head: bytes) -> None:
    suffixes = [each.lower() for each in path.suffixes]
    while suffixes and suffixes[-1] in _PACKED_SUFFIXES:
        suffixes.pop()
    named = suffixes[-1] if suffixes else ""
    if named in {".fits", ".fit", ".fts", ".parquet", ".pq", ".vot", ".votable"}:
        msg = (
            f"{path} is named {named} but begins with {head[:16]!r}, as no such file "
            "does. Fetch it again, or give it the suffix of what it is."
        )
        raise InputError(msg)
    is_utf16 = head.startswith((b"\xff\xfe", b"\xfe\xff"))
    if b"\0" in head and not is_utf16:
        msg = (
            f"{path} is neither FITS, VOTable, Parquet nor text: it begins with "
            f"{head[:16]!r}. Save the table in one of these formats."
        )
        raise InputError(msg)


def _numbered(columns: Columns) -> Sheet:
    return Sheet(columns, np.arange(1, columns.num_rows + 1))


def _read_ecsv(file: BinaryIO) -> Sheet:
    lines = file.read().decode().splitlines()
    return from_astropy(Table.read(lines, format="ascii.ecsv"))


def _read_votable(file: BinaryIO) -> Sheet:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - _TAIL))
    if b"VOTABLE>" not in file.read():
        msg = "the VOTable ends too early"
        raise EOFError(msg)
    file.seek(0)
    with IMPORTING:
        from astropy.io import votable  # noqa: PLC0415 - slow, and seldom needed
    document = votable.parse(file, verify="ignore")
    return from_astropy(document.get_first_table().to_table(use_names_over_ids=True))


def _read_fits(file: BinaryIO) -> Sheet:
    with fits.open(file, memmap=True) as hdus:
        tables = [
            hdu for hdu in hdus if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))
        ]
        if not tables:
            msg = "it holds no table, only images, or it ends before its table"
            raise InputError(msg)
        sheet = from_astropy(Table.read(tables[0]))
        if len(tables) > 1:
            sheet.notes.append(
                f"Of {len(tables)} tables in the file the first was read."
            )
        return sheet
