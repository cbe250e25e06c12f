"""The reload: what was sent is read back from the pinned revision and compared.

One file after another is downloaded beside the data set, compared and deleted, so that
neither the memory nor the disk holds more than one file.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

from ...errors import LocalError, PermanentError
from ..export.checksums import sha256_of
from .contents import FileContents, differences, read_contents

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .remote import Remote, SentFile

__all__ = ["Reloaded", "reload"]


@dataclass(slots=True)
class Reloaded:
    """What the reload has found."""

    files: int = 0
    bytes: int = 0
    #: Rows of all tables, and the sum of all their pixels.
    rows: int = 0
    pixels: float = 0.0
    #: Files whose format is compared by bytes alone.
    unread: int = 0
    #: One sentence for each file that differs; empty: all are the same.
    problems: list[str] = field(default_factory=list)

    def count(self, found: FileContents | None) -> None:
        """Add the contents of a file."""
        if found is None:
            self.unread += 1
            return
        self.rows += found.rows
        self.pixels += sum(found.pixels.values())


def reload(
    remote: Remote,
    files: Sequence[SentFile],
    revisions: Mapping[str, str],
    *,
    done: Callable[[SentFile], None] = lambda _: None,
) -> Reloaded:
    """Read all files back and compare bytes, identifiers, pixels and labels.

    Parameters
    ----------
    revisions
        The pinned revision of each file, by name.
    done
        Called after each file.

    Raises
    ------
    TransientError
        The destination cannot be reached.
    LocalError
        The files cannot be kept on disk while they are compared.
    """
    reloaded = Reloaded()
    folder = _beside(files[0])
    try:
        with tempfile.TemporaryDirectory(prefix=".reload-", dir=folder) as scratch:
            for file in files:
                copy = Path(scratch) / f"copy{file.path.suffix}"
                reloaded.problems += _compared(remote, file, revisions, copy, reloaded)
                copy.unlink(missing_ok=True)
                done(file)
    except OSError as error:
        msg = f"{folder} cannot keep a reloaded file: {error.strerror or error}."
        raise LocalError(msg) from error
    return reloaded


def _beside(file: SentFile) -> Path:
    """Give the folder that the data set is in."""
    return file.path.absolute().parents[file.name.count("/") + 1]


def _compared(
    remote: Remote,
    file: SentFile,
    revisions: Mapping[str, str],
    copy: Path,
    reloaded: Reloaded,
) -> Iterator[str]:
    try:
        remote.fetch(file.name, revisions[file.name], copy)
    except PermanentError as error:
        yield f"{file.name} cannot be reloaded: {error}"
        return
    reloaded.files += 1
    reloaded.bytes += copy.stat().st_size
    ours, theirs = read_contents(file.path), _readable(copy)
    reloaded.count(ours if theirs is None else theirs)
    if sha256_of(copy) != file.sha256:
        what = "other bytes" if ours is None else _said(ours, theirs)
        yield f"{file.name} differs: {what}"


def _readable(copy: Path) -> FileContents | None:
    try:
        return read_contents(copy)
    except (ValueError, OSError, pa.ArrowException):
        return None


def _said(ours: FileContents, theirs: FileContents | None) -> str:
    if theirs is None:
        return "it cannot be read"
    return ", ".join(differences(ours, theirs)) or "the same contents in other bytes"
