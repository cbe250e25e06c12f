"""Files to tables: FITS, VOTable, ECSV, Parquet and text, also packed.

What a file is, its first bytes decide; the suffix only tells when a file is not
what it should be, such as a web page saved under the name of a FITS file.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import warnings
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
from astropy.io import fits, votable
from astropy.table import Table, represent_mixins_as_columns

from ..errors import InputError
from .delimited import read_delimited
from .sheets import Sheet

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["read_table"]

_PACKINGS: dict[bytes, tuple[str, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": ("gzip", gzip.decompress),
    b"BZh": ("bzip2", bz2.decompress),
    b"\xfd7zXZ": ("xz", lzma.decompress),
}
_PACKED_SUFFIXES = {".gz", ".bz2", ".xz"}

#: Files that are recognised only to say what to do with them.
_FOREIGN = {
    b"PK\x03\x04": "a zip archive or an Excel sheet: unpack it, or save it as CSV",
    b"\x89HDF": "an HDF5 file: save the table as Parquet, FITS or CSV",
    b"%PDF": "a PDF: catalogues are read from FITS, VOTable, Parquet or text",
    b"SQLite format 3": "a database: save the table as Parquet, FITS or CSV",
}

#: What a reader of a damaged file raises.
_DAMAGE = (
    *(OSError, ValueError, TypeError, KeyError, IndexError, EOFError),
    *(csv.Error, fits.VerifyError, votable.exceptions.VOTableSpecError),
)

#: Beginning of the file that must tell what it is.
_HEAD = 4096
#: End of a VOTable in which its last tag must be.
_TAIL = 512


def read_table(path: Path, data: bytes, *, exact: Collection[str] = ()) -> Sheet:
    """Read the table in ``data``, the bytes of the file at ``path``.

    The columns named in ``exact`` stay text where the file holds text. Raises
    `InputError` if there is no table in it, or only a part of one.
    """
    plain = _unpacked(path, data)
    reader = _reader(path, plain)
    try:
        with warnings.catch_warnings():
            # Astropy warns of every small sin of a header; the table is what counts.
            warnings.simplefilter("ignore")
            return reader(plain, exact)
    except InputError as error:
        msg = f"{path} cannot be used: {error}."
        raise InputError(msg) from error
    except _DAMAGE as error:
        msg = (
            f"{path} is damaged or incomplete ({_first_line(error)}). Fetch or write "
            "it again."
        )
        raise InputError(msg) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _unpacked(path: Path, data: bytes) -> bytes:
    for magic, (name, unpack) in _PACKINGS.items():
        if not data.startswith(magic):
            continue
        try:
            return unpack(data)
        except (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError) as error:
            msg = (
                f"{path} cannot be unpacked: the {name} data are damaged or end too "
                "early. Fetch the file again."
            )
            raise InputError(msg) from error
    return data


def _reader(path: Path, data: bytes) -> Callable[[bytes, Collection[str]], Sheet]:
    head = data[:_HEAD]
    for magic, what in _FOREIGN.items():
        if head.startswith(magic):
            msg = f"{path} is {what}."
            raise InputError(msg)
    if head.startswith(b"SIMPLE  ="):
        return _read_fits
    if head.startswith(b"PAR1"):
        return _read_parquet
    if head.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"<"):
        return _xml_reader(path, head)
    _check_text(path, head)
    if head.startswith(b"# %ECSV"):
        return _read_ecsv
    return lambda text, exact: read_delimited(text, exact=exact)


def _xml_reader(path: Path, head: bytes) -> Callable[[bytes, Collection[str]], Sheet]:
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


def _read_parquet(data: bytes, _exact: Collection[str]) -> Sheet:
    table = pyarrow.parquet.read_table(pa.BufferReader(data))
    # Pandas writes large strings, which mean the same.
    plain = [
        field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field
        for field in table.schema
    ]
    return Sheet.of(table.cast(pa.schema(plain)), {})


def _read_ecsv(data: bytes, _exact: Collection[str]) -> Sheet:
    return _from_astropy(Table.read(data.decode().splitlines(), format="ascii.ecsv"))


def _read_votable(data: bytes, _exact: Collection[str]) -> Sheet:
    if b"VOTABLE>" not in data[-_TAIL:]:
        msg = "the VOTable ends too early"
        raise EOFError(msg)
    document = votable.parse(io.BytesIO(data), verify="ignore")
    return _from_astropy(document.get_first_table().to_table(use_names_over_ids=True))


def _read_fits(data: bytes, _exact: Collection[str]) -> Sheet:
    with fits.open(io.BytesIO(data), memmap=False) as hdus:
        tables = [
            hdu for hdu in hdus if isinstance(hdu, (fits.BinTableHDU, fits.TableHDU))
        ]
        if not tables:
            msg = "it holds no table, only images, or it ends before its table"
            raise InputError(msg)
        sheet = _from_astropy(Table.read(tables[0]))
        if len(tables) > 1:
            sheet.notes.append(
                f"Of {len(tables)} tables in the file the first was read."
            )
        return sheet


def _from_astropy(table: Table) -> Sheet:
    flat = represent_mixins_as_columns(table)
    columns = {name: _to_arrow(flat[name]) for name in flat.colnames}
    units = {name: str(flat[name].unit) for name in flat.colnames if flat[name].unit}
    return Sheet.of(pa.table(columns), units)


def _to_arrow(column: Any) -> pa.Array:  # noqa: ANN401 - astropy has no types
    mask = np.ma.getmaskarray(column)
    values = np.ma.getdata(column)
    array = _flat(np.ravel(values), np.ravel(mask))
    # Vectors become lists, the last axis the innermost.
    for size in reversed(values.shape[1:]):
        offsets = np.arange(0, len(array) + 1, size) if size else np.zeros(1)
        array = pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), array)
    return array


def _flat(values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    if values.dtype.kind == "O":
        return _objects(values, mask)
    if values.dtype.kind == "S":
        values = np.char.decode(values, "utf-8", "replace")
    if values.dtype.kind == "c":
        values = values.astype(str)
    array = pa.array(values.astype(values.dtype.newbyteorder("=")), mask=mask)
    return _filled(array) if pa.types.is_string(array.type) else array


def _filled(texts: pa.Array) -> pa.Array:
    """Cut the blanks that fixed widths need; what is blank throughout is null."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _objects(values: NDArray[Any], mask: NDArray[np.bool_]) -> pa.Array:
    plain = [
        None if hidden else each.tolist() if isinstance(each, np.ndarray) else each
        for each, hidden in zip(values.tolist(), mask.tolist(), strict=True)
    ]
    array = pa.array(plain)
    return _filled(array) if pa.types.is_string(array.type) else array
