"""Files to tables: FITS, VOTable, ECSV, Parquet and text, also compressed.

The first bytes of a file decide which format it has. The suffix is only used to refuse
a file that is not what its name says, such as a web page saved as ``x.fits``.

What a format needs is imported when it is read: astropy takes a third of a second, and
without it a run with a CSV or Parquet file sends its first request earlier.
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
from ..importing import IMPORTING
from .damage import explain_damage
from .ecsv import is_ecsv, read_ecsv
from .foreign import check_bytes
from .options import ReadOptions
from .parquet import read_parquet
from .separators import separator_named
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
#: Byte-order marks, and the encoding that each of them means.
_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
_UTF16 = (b"\xff\xfe", b"\xfe\xff")

#: Bytes at the beginning of a file that are used to recognise its format.
_HEAD = 4096


@contextmanager
def open_tables(
    path: Path,
    file: BinaryIO,
    options: ReadOptions | None = None,
    *,
    scratch: Path | None = None,
) -> Iterator[list[Sheet]]:
    """Yield the tables in ``file``, the open file at ``path``.

    They may be read only inside the ``with`` block.

    Parameters
    ----------
    options
        What the user says. Columns named here stay text if the file holds text.
    scratch
        Folder for temporary files, such as the decompressed file; they are removed
        at the end of the block.

    Raises
    ------
    InputError
        The file has no table, or only a part of one.
    LocalError
        The disk has no room for the temporary files.
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
    with explain_damage(path), warnings.catch_warnings():
        # Astropy warns of small deviations from a standard; the rows are still good.
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
        # Open it again read-only: FITS files are memory-mapped.
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
            msg = (
                f"{path} could not be decompressed, because the disk has no room: "
                f"{error.strerror}. Free some space and try again."
            )
            raise LocalError(msg) from error
        msg = (
            f"{path} cannot be decompressed: its {name} data are damaged or end too "
            "early. Download the file again."
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
                f"--delimiter: {path} is not a text table, so it has no delimiter. "
                "Leave the option out."
            )
            raise InputError(msg)
        is_parquet = head.startswith(b"PAR1")
        return (lambda file: [read_parquet(path, file)]) if is_parquet else _read_fits
    encoding = next((e for mark, e in _MARKS.items() if head.startswith(mark)), "utf-8")
    text = head.decode(encoding, "replace")
    if text.lstrip().startswith("<") and not text.lstrip().startswith("<HEADER>"):
        return _xml_reader(path, text, encoding)
    _check_text(path, head)
    if is_ecsv(text):
        return lambda file: read_ecsv(file, encoding)
    with IMPORTING:
        from .texts import read_text
    return lambda file: read_text(
        file,
        exact=[name for name in (options.id, options.ra, options.dec) if name],
        scratch=scratch,
        separator=separator,
        by_number=options.ra.isdecimal() and options.dec.isdecimal(),
    )


def _read_fits(file: BinaryIO) -> list[Sheet]:
    with IMPORTING:
        from .fits_tables import read_fits
    return read_fits(file)


def _xml_reader(path: Path, text: str, encoding: str) -> Reader:
    if "VOTABLE" in text:
        return lambda file: read_votable(file, encoding)
    msg = (
        f"{path} is a web page or other XML, not a table: perhaps an error page was "
        "saved in its place. Open it to see, and download the catalogue again; if the "
        "page shows the table, save the table as CSV or VOTable."
    )
    raise InputError(msg)


def _check_text(path: Path, head: bytes) -> None:
    suffixes = [each.lower() for each in path.suffixes]
    while suffixes and suffixes[-1] in _PACKED_SUFFIXES:
        suffixes.pop()
    named = suffixes[-1] if suffixes else ""
    if named in {".fits", ".fit", ".fts", ".parquet", ".pq", ".vot", ".votable"}:
        msg = (
            f"{path} is named {named}, but it begins with {head[:16]!r}, so it is not "
            "a file of that format. Download it again, or give it the right suffix."
        )
        raise InputError(msg)
    if b"\0" in head and not head.startswith(_UTF16):
        msg = (
            f"{path} is neither FITS, VOTable, Parquet nor text: it begins with "
            f"{head[:16]!r}. Save the table in one of these formats."
        )
        raise InputError(msg)
