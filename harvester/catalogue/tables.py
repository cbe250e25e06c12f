"""Files to tables: FITS, VOTable, ECSV, Parquet and text, also packed.

What a file is, its first bytes decide; the suffix only tells when a file is not
what it should be, such as a web page saved under the name of a FITS file.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import shutil
import warnings
import zlib
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, TYPE_CHECKING, Any, BinaryIO

from ..errors import InputError, LocalError
from .damage import damage_told
from .ecsv import is_ecsv, read_ecsv
from .fits_tables import read_fits
from .foreign import check_bytes
from .options import ReadOptions
from .parquet import read_parquet
from .separators import separator_named
from .texts import read_text
from .votables import read_votable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .sheets import Sheet

    Reader = Callable[[BinaryIO], list[Sheet]]

__all__ = ["open_tables"]

_PACKINGS: dict[bytes, tuple[str, Callable[[BinaryIO], Any]]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ": ("xz", lzma.open),
}
_PACKED_SUFFIXES = {".gz", ".bz2", ".xz"}

#: How FITS and Parquet files begin.
_BINARY = (b"SIMPLE  =", b"PAR1")
#: Marks that tell how a text is encoded.
_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

#: Beginning of the file that must tell what it is.
_HEAD = 4096


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
    with _unpacked(path, file, scratch) as plain:
        yield _read(path, plain, options, scratch)


def _read(
    path: Path, file: BinaryIO, options: ReadOptions, scratch: Path | None
) -> list[Sheet]:
    head = file.read(_HEAD)
    file.seek(0)
    reader = _reader(path, head, options, scratch)
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
    path: Path, head: bytes, options: ReadOptions, scratch: Path | None
) -> Reader:
    check_bytes(path, head)
    separator = separator_named(options.delimiter)
    if head.startswith(_BINARY):
        if separator is not None:
            msg = (
                f"--delimiter: {path} is no text, so that nothing separates its fields."
            )
            raise InputError(msg)
        is_parquet = head.startswith(b"PAR1")
        return (lambda file: [read_parquet(path, file)]) if is_parquet else read_fits
    encoding = next((e for mark, e in _MARKS.items() if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, "replace")
    if text.lstrip().startswith("<") and not text.lstrip().startswith("<HEADER>"):
        return _xml_reader(path, text, encoding)
    _check_text(path, head)
    if is_ecsv(text):
        return lambda file: read_ecsv(file, encoding)
    return lambda file: read_text(
        file,
        exact=[name for name in (options.id, options.ra, options.dec) if name],
        scratch=scratch,
        separator=separator,
        by_number=options.ra.isdecimal() and options.dec.isdecimal(),
    )


def _xml_reader(path: Path, text: str, encoding: str) -> Reader:
    if "VOTABLE" in text:
        return lambda file: read_votable(file, encoding)
    msg = (
        f"{path} is a web page or other XML, not a table: perhaps an error page was "
        "saved in its place. Look into it, and fetch the catalogue again; if the page "
        "shows the table, save the table as CSV or VOTable."
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
    if b"\0" in head and not head.startswith(_UTF16):
        msg = (
            f"{path} is neither FITS, VOTable, Parquet nor text: it begins with "
            f"{head[:16]!r}. Save the table in one of these formats."
        )
        raise InputError(msg)
