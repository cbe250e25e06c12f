"""The list of an export's files with their SHA-256, as ``sha256sum -c`` reads it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from ...errors import InputError
from ..stamps import atomic_write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["CHECKSUMS", "files_of", "read_checksums", "sha256_of", "write_checksums"]

#: Name of the list in the folder of an export; it lists all other files.
CHECKSUMS = "SHA256SUMS"

#: Bytes that are read at a time.
_BLOCK = 1 << 20

#: Hexadecimal digits of a SHA-256, and what ``sha256sum`` writes after them.
_DIGITS, _BETWEEN = 64, "  "


def write_checksums(folder: Path) -> Path:
    """Write the list of all files in a folder, in the order of their paths.

    Raises
    ------
    InputError
        The name of a file has a line break.
    LocalError
        The list cannot be written.
    """
    lines = [f"{sha256_of(folder / name)}{_BETWEEN}{name}" for name in files_of(folder)]
    with atomic_write(folder / CHECKSUMS) as new:
        new.write_text("".join(f"{line}\n" for line in lines), "utf-8")
    return folder / CHECKSUMS


def files_of(folder: Path) -> Iterator[str]:
    """Give the paths of all files but the list, relative to the folder, with ``/``."""
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_dir() or name in {CHECKSUMS, f"{CHECKSUMS}.part"}:
            continue
        if "\n" in name or "\\" in name:
            msg = (
                f"{name!r}: the name of an exported file has no line break or backslash"
            )
            raise InputError(msg)
        yield name


def sha256_of(path: Path, read: Callable[[bytes], object] = len) -> str:
    """Give the SHA-256 of a file; ``read`` gets its bytes, a block at a time."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            read(block)
    return digest.hexdigest()


def read_checksums(folder: Path) -> dict[str, str]:
    """Read the list: SHA-256 by path.

    Raises
    ------
    InputError
        There is no list, or it is damaged.
    """
    path = folder / CHECKSUMS
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        msg = (
            f"{folder} is not an exported data set: {CHECKSUMS} cannot be read. Name "
            "the folder that `harvester export` has made, or export again."
        )
        raise InputError(msg) from error
    known = dict(line.split(_BETWEEN, 1)[::-1] for line in lines if _BETWEEN in line)
    if len(known) != len(lines) or not all(map(_is_sha256, known.values())):
        msg = f"{path} is damaged. Export again."
        raise InputError(msg)
    return known


def _is_sha256(text: str) -> bool:
    return len(text) == _DIGITS and not text.strip("0123456789abcdef")
