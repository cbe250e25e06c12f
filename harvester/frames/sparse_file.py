"""Local files that hold only parts of a remote file, at the offsets of the whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..transport.intake import disk_trouble_named

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["fit_sparse", "make_sparse", "write_at"]


def make_sparse(path: Path, length: int, held: Mapping[int, bytes]) -> None:
    """Make a file of this length with some pieces of bytes at their offsets.

    Raises
    ------
    LocalError
        The disk is full or broken.
    """
    with disk_trouble_named(path), path.open("xb") as file:
        for start, piece in held.items():
            file.seek(start)
            file.write(piece)
        file.truncate(length)


def fit_sparse(path: Path, length: int, held: Mapping[int, bytes]) -> None:
    """Give a file that exists another length, and write further pieces.

    Raises
    ------
    LocalError
        As `write_at`.
    """
    with disk_trouble_named(path), path.open("r+b") as file:
        for start, piece in held.items():
            file.seek(start)
            file.write(piece)
        file.truncate(length)


def write_at(path: Path, start: int, content: bytes) -> None:
    """Write bytes at an offset of a file that exists.

    Raises
    ------
    LocalError
        The disk is full or broken, or the file was removed.
    """
    # Open the file by name each time. A thread may outlive its cancelled task; then it
    # finds no file, instead of writing to a reused file descriptor.
    with disk_trouble_named(path), path.open("r+b") as file:
        file.seek(start)
        file.write(content)
