"""The table of all SDSS fields on disk: asked once, used by every run.

One file holds the rows and says of which release they are, who was asked, when, and
their SHA-256. A file that is not wholly as it says is as good as none: it is asked
for anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np

from .fields import FIELD, FieldTable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["FieldCache", "shared_folder"]

_log = logging.getLogger(__name__)

#: Changes with the columns of the file.
_FORMAT = 1

#: What reading a file raises that is not what was written.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile)


def shared_folder() -> Path | None:
    """Give the folder that all runs of this user may share; None without a home."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "harvester"
    except RuntimeError:
        return None


class FieldCache:
    """Keeps the table of a release in the first of some folders that can be written."""

    def __init__(self, folders: Iterable[Path], *, release: int, source: str) -> None:
        """Take the address that is asked: another one may know other fields."""
        self._facts = {"format": _FORMAT, "release": release, "source": source}
        self._paths = [folder / f"sdss-fields-dr{release}.npz" for folder in folders]

    def exists(self) -> bool:
        """Whether a table seems to be there; only reading it tells whether it is."""
        return any(path.is_file() for path in self._paths)

    def load(self) -> tuple[FieldTable, str] | None:
        """Give a table that was kept and the day it was asked; None: ask for it."""
        for path in self._paths:
            try:
                # Opened here: numpy leaves a file open that it cannot read.
                with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                    return self._checked(file["rows"], json.loads(str(file["about"])))
            except FileNotFoundError:
                continue
            except _DAMAGE as error:
                _log.warning("%s cannot be used: %s", path, error)
        return None

    def _checked(
        self, rows: NDArray[np.void], about: dict[str, Any]
    ) -> tuple[FieldTable, str]:
        wanted = self._facts | {"rows": len(rows), "sha256": _sha256(rows)}
        wrong = [name for name, value in wanted.items() if about[name] != value]
        if wrong or rows.dtype != FIELD or rows.ndim != 1 or not len(rows):
            msg = f"it is of another {', '.join(wrong) or 'form'}"
            raise ValueError(msg)
        day = datetime.fromtimestamp(about["asked_at"], UTC).date()
        return FieldTable(rows), day.isoformat()

    def keep(self, table: FieldTable) -> Path | None:
        """Write a table that was just asked for; None if no folder takes it."""
        about = self._facts | {
            "rows": len(table),
            "sha256": _sha256(table.rows),
            "asked_at": time.time(),
        }
        for path in self._paths:
            try:
                _write_whole(path, table.rows, json.dumps(about))
            except OSError as error:
                # It saves requests, no more: the harvest goes on without it.
                _log.info("%s cannot be written: %s", path, error)
            else:
                return path
        return None


def _write_whole(path: Path, rows: NDArray[np.void], about: str) -> None:
    # Aside under a name of its own: two runs may ask for it at the same time.
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".part", delete=False) as file:
        new = Path(file.name)
        try:
            np.savez(file, rows=rows, about=np.array(about))
            file.flush()
            os.fsync(file.fileno())
            new.replace(path)
        finally:
            with suppress(FileNotFoundError):
                new.unlink()


def _sha256(rows: NDArray[np.void]) -> str:
    return hashlib.sha256(rows.view(np.uint8).data).hexdigest()
