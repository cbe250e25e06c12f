"""What makes files a Lance table: its first version, with the same bytes every time."""

from __future__ import annotations

import shutil
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pyarrow as pa

__all__ = ["STORAGE", "file_name", "write_first_version"]

#: Version of the format of the files; readers since 2025 know it.
STORAGE = "2.1"

#: The field of a manifest with the time, and the same without a value: 1970.
_TIME, _NO_TIME = 7, b"\x3a\x00"

#: Replaces the random name of the transaction.
_NO_NAME = b"00000000-0000-0000-0000-000000000000"

#: Bytes after the sections of a manifest, beginning with the place of the last one.
_FOOTER = 16

#: Wire types of Protocol Buffers: a number of variable length, bytes after a length.
_NUMBER, _BYTES = 0, 2


def file_name(number: int) -> str:
    """Give the name of a file of rows, in the folder ``data``."""
    return f"{number:06d}.lance"


def write_first_version(
    folder: Path, schema: pa.Schema, counts: Sequence[int], path: Path
) -> None:
    """Make the files of rows a table.

    Parameters
    ----------
    folder
        The table; its files of rows are there.
    counts
        The number of rows in each file.
    path
        Where to write what belongs at ``folder / "_versions"``.
    """
    import lance
    from lance.fragment import DataFile, FragmentMetadata

    _forget(folder)
    empty = lance.write_dataset(
        schema.empty_table(), folder, data_storage_version=STORAGE
    )
    fragments = [
        FragmentMetadata(number, [DataFile.create(empty, file_name(number))], count)
        for number, count in enumerate(counts)
    ]
    _forget(folder)
    lance.LanceDataset.commit(folder, lance.LanceOperation.Overwrite(schema, fragments))
    (transaction,) = (folder / "_transactions").iterdir()
    name = transaction.stem.partition("-")[2].encode()
    for manifest in (folder / "_versions").glob("*.manifest"):
        content = manifest.read_bytes().replace(name, _NO_NAME)
        manifest.write_bytes(_without_time(content))
    (folder / "_versions").rename(path)
    _forget(folder)


def _forget(folder: Path) -> None:
    """Remove what says which files belong to the table."""
    for name in ("_versions", "_transactions"):
        shutil.rmtree(folder / name, ignore_errors=True)


def _without_time(manifest: bytes) -> bytes:
    """Give a manifest without the time at which it was written.

    It has a section with the transaction and one with the manifest itself, a message
    of Protocol Buffers after its length, and a footer.
    """
    (place,) = struct.unpack_from("<Q", manifest, len(manifest) - _FOOTER)
    (length,) = struct.unpack_from("<I", manifest, place)
    start = place + 4
    message = b"".join(
        _NO_TIME if number == _TIME else field
        for number, field in _fields(manifest[start : start + length])
    )
    size = struct.pack("<I", len(message))
    return manifest[:place] + size + message + manifest[start + length :]


def _fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Give the number and the bytes of each field of a message."""
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        value, at = _varint(message, at)
        kind = tag & 7
        if kind not in {_NUMBER, _BYTES}:
            msg = f"a manifest of Lance has a field of the unknown type {kind}"
            raise ValueError(msg)
        at += value if kind == _BYTES else 0
        yield tag >> 3, message[start:at]


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """Read a number of variable length; give it and the place after it."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:  # noqa: PLR2004 - the highest bit says that more follow
            return number, at
