"""Finds out whether a worker can read the frames folder, by a small file in it."""

from __future__ import annotations

import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ....errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SharedFile", "can_read"]

#: Files that this process was able to read. A failure is not kept: it may pass.
_READ: set[SharedFile] = set()


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file with random content, so that no other file is taken for it."""

    path: str
    content: str

    @classmethod
    def below(cls, folder: Path) -> Self:
        """Name a new file in a folder."""
        content = secrets.token_hex(16)
        return cls(str(folder.absolute() / f"{content[:8]}.pixels"), content)

    @contextmanager
    def written(self) -> Iterator[None]:
        """Write the file, and remove it after the block.

        Raises
        ------
        LocalError
            It cannot be written.
        """
        path = Path(self.path)
        try:
            path.write_text(self.content, encoding="ascii")
        except OSError as error:
            msg = f"{path} cannot be written: {error.strerror}"
            raise LocalError(msg) from error
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def can_read(shared: SharedFile) -> bool:
    """Whether this process reads the file with its content."""
    if shared in _READ:
        return True
    try:
        is_same = Path(shared.path).read_text(encoding="ascii") == shared.content
    except (OSError, UnicodeDecodeError):
        return False
    if is_same:
        _READ.add(shared)
    return is_same
