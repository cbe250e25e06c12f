"""Writes the pieces of an export so that a kill loses only the pieces at work.

The export grows in a folder beside its own, ``NAME.part``. Each piece is written in a
folder for the piece at work, moved to its place, and noted in a file of receipts. The
same command again skips what has a receipt. At the end the folder gets its name: so a
folder with the name of an export is complete.
"""

from __future__ import annotations

import json
import os
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import TYPE_CHECKING, Any

from ...errors import InputError, LocalError
from ..folder_lock import lock_folder
from .checksums import write_checksums

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .kind import ExportPiece

__all__ = ["MARKER", "ExportFolder", "final_folder"]

#: The file by which an export is recognised; it says what the export was made from.
MARKER = "export.json"

#: The key of what there is to say of a complete export; no part of its identity.
_MADE = "made"

#: Ending of the name of an unfinished folder.
_UNFINISHED = ".part"

#: Names of the receipts, and of the folder with a folder for each piece at work.
_RECEIPTS, _AT_WORK = ".receipts.jsonl", ".at-work"


def final_folder(work: Path) -> Path:
    """Give the absolute path that an unfinished folder will have."""
    return work.absolute().with_name(work.name.removesuffix(_UNFINISHED))


class ExportFolder:
    """The folder of an export, unfinished until `complete`.

    Parameters
    ----------
    final
        Its path when it is complete.
    identity
        What decides its bytes, as JSON. The files of an unfinished folder with
        another identity are removed.
    """

    def __init__(self, final: Path, identity: Mapping[str, Any]) -> None:
        self.final = final
        self.work = final.with_name(f"{final.name}{_UNFINISHED}")
        self._replaced = final.with_name(f"{final.name}.replaced")
        self._identity = json.loads(json.dumps(identity))
        self._receipts: dict[str, list[int]] = {}
        self._begun = False
        self._noting = Lock()

    @property
    def is_complete(self) -> bool:
        """Whether this very export is there already."""
        marker = _read_marker(self.final / MARKER)
        return _MADE in marker and self._is_of(marker)

    @property
    def made(self) -> dict[str, Any]:
        """What `complete` was told about the complete export."""
        made: dict[str, Any] = _read_marker(self.final / MARKER)[_MADE]
        return made

    def _is_of(self, marker: Mapping[str, Any]) -> bool:
        identity = {key: value for key, value in marker.items() if key != _MADE}
        return bool(identity == self._identity)

    def begin(self, say: Callable[[str], None]) -> None:
        """Make the unfinished folder, or go on with the one that is there.

        A second call does nothing.

        Raises
        ------
        InputError
            The final folder has other files than an export.
        LockedError
            Another export writes there.
        LocalError
            The folder cannot be made.
        """
        if self._begun:
            return
        is_foreign = self.final.exists() and not (self.final / MARKER).exists()
        if is_foreign and not _is_empty_folder(self.final):
            msg = f"{self.final} has files that no export wrote: choose another --out."
            raise InputError(msg)
        with _on_disk(self.work):
            self.work.mkdir(parents=True, exist_ok=True)
            lock_folder(self, self.work, "export")
            marker = _read_marker(self.work / MARKER)
            if self._is_of(marker):
                self._receipts = _read_receipts(self.work / _RECEIPTS)
            else:
                if marker:
                    say(f"{self.work} is of another export: its files are made again.")
                for path in self.work.iterdir():
                    _remove(path)
                self._mark(self._identity)
            _remove(self.work / _AT_WORK)
            if self._receipts:
                say(f"Continued: {len(self._receipts):,} parts were written before.")
        self._begun = True

    def _mark(self, content: Mapping[str, Any]) -> None:
        text = json.dumps(content, indent=2, sort_keys=True) + "\n"
        _write_durably(self.work / MARKER, text)

    def has(self, piece: ExportPiece) -> bool:
        """Whether a piece was written before a kill, and is still as it was."""
        receipt = self._receipts.get(piece.name)
        return receipt is not None and receipt == _extent(self.work / piece.name)

    def write(self, piece: ExportPiece) -> None:
        """Write a piece; after that it is there whole.

        Several threads may write different pieces at the same time.

        Raises
        ------
        LocalError
            The disk is full or broken.
        """
        path = self.work / piece.name
        with _on_disk(path):
            (self.work / _AT_WORK).mkdir(exist_ok=True)
            # A folder of its own, because some libraries put temporary files beside
            # theirs.
            at_work = Path(mkdtemp(dir=self.work / _AT_WORK))
            new = at_work / path.name
            piece.write(new, self.work)
            _flush(new)
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove(path)  # a piece without a receipt, or one that was altered
            new.rename(path)
            self._note(piece.name, path)
            _remove(at_work)

    def _note(self, name: str, path: Path) -> None:
        line = json.dumps([name, *_extent(path)])
        with self._noting, (self.work / _RECEIPTS).open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    def complete(self, made: Mapping[str, Any]) -> None:
        """Give the folder its final name; an older export there is replaced.

        ``made`` is what there is to say of it, as JSON; the folder keeps it.

        Raises
        ------
        LocalError
            The folder cannot be renamed.
        """
        with _on_disk(self.final):
            _remove(self.work / _AT_WORK)
            self._mark({**self._identity, _MADE: made})
            (self.work / _RECEIPTS).unlink(missing_ok=True)
            write_checksums(self.work)
            _flush_names(self.work)
            _remove(self._replaced)
            if self.final.exists():
                self.final.rename(self._replaced)
            self.work.rename(self.final)
            _flush_one(self.final.parent)
            _remove(self._replaced)


class _on_disk:  # noqa: N801 - used as a statement
    """Turn an error of the system into a `LocalError` that names the path."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: object, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, OSError):
            msg = (
                f"{self._path} cannot be written: {error.strerror or error}. Check the "
                "free space and the permissions; the same command then continues."
            )
            raise LocalError(msg) from error


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except OSError:
        return ""


def _read_marker(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(_read(path) or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _is_empty_folder(path: Path) -> bool:
    return path.is_dir() and not any(path.iterdir())


def _read_receipts(path: Path) -> dict[str, list[int]]:
    receipts = {}
    for line in _read(path).splitlines():
        # The last line may be torn.
        with suppress(ValueError):
            name, *extent = json.loads(line)
            receipts[name] = extent
    return receipts


def _extent(path: Path) -> list[int]:
    """Give the number of files and of bytes of a piece; none if it is missing."""
    if path.is_file():
        return [1, path.stat().st_size]
    sizes = [one.stat().st_size for one in path.rglob("*") if one.is_file()]
    return [len(sizes), sum(sizes)]


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_durably(path: Path, text: str) -> None:
    new = path.with_name(_AT_WORK)
    new.write_text(text, "utf-8")
    _flush_one(new)
    new.rename(path)


def _flush(path: Path) -> None:
    if path.is_file():
        _flush_one(path)
    else:
        # One call for thousands of files.
        os.sync()


def _flush_names(folder: Path) -> None:
    for path in (folder, *(one for one in folder.rglob("*") if one.is_dir())):
        _flush_one(path)


def _flush_one(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
