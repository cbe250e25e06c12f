"""The table of all SDSS fields on disk: fetched once, used by every run.

One file holds the rows with their release, the address they came from, the time, and
their SHA-256. If any of this does not match, the table is fetched again.
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

#: Version of the file format; to be raised when the columns change.
_FORMAT = 1

#: Errors that reading a damaged file may raise.
_DAMAGE = (OSError, ValueError, KeyError, TypeError, EOFError, BadZipFile)


def shared_folder() -> Path | None:
    """Give the cache folder of this user; None if the user has no home folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "harvester"
    except RuntimeError:
        return None


class FieldCache:
    """Keeps the table of a release, in the first of some folders that is writable."""

    def __init__(self, folders: Iterable[Path], *, release: int, source: str) -> None:
        """Take as ``source`` the address queried; tables of others are not used."""
        self._facts = {"format": _FORMAT, "release": release, "source": source}
        self._paths = [folder / f"sdss-fields-dr{release}.npz" for folder in folders]

    def exists(self) -> bool:
        """Whether there is a file for the table; `load` tells whether it is usable."""
        return any(path.is_file() for path in self._paths)

    def load(self) -> tuple[FieldTable, str] | None:
        """Give the table and the day it was fetched; None if there is no usable one."""
        for path in self._paths:
            try:
                # Open it here: numpy would leave a damaged file open.
                with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                    return self._checked(file["rows"], json.loads(str(file["about"])))
            except FileNotFoundError:
                continue
            except _DAMAGE as error:
                _log.warning(
                    "the table of SDSS fields in %s is not used: %s", path, error
                )
        return None

    def _checked(
        self, rows: NDArray[np.void], about: dict[str, Any]
    ) -> tuple[FieldTable, str]:
        wanted = self._facts | {"rows": len(rows), "sha256": _sha256(rows)}
        wrong = [name for name, value in wanted.items() if about[name] != value]
        if wrong or rows.dtype != FIELD or rows.ndim != 1 or not len(rows):
            msg = f"its {', '.join(wrong) or 'format'} does not match"
            raise ValueError(msg)
        day = datetime.fromtimestamp(about["asked_at"], UTC).date()
        return FieldTable(rows), day.isoformat()

    def keep(self, table: FieldTable) -> Path | None:
        """Write a new table and give its path; None if no folder is writable."""
        about = self._facts | {
            "rows": len(table),
            "sha256": _sha256(table.rows),
            "asked_at": time.time(),
        }
        for path in self._paths:
            try:
                _write_whole(path, table.rows, json.dumps(about))
            except OSError as error:
                # The cache only saves requests; the harvest works without it.
                _log.info("the table of SDSS fields is not kept in %s: %s", path, error)
            else:
                return path
        return None


def _write_whole(path: Path, rows: NDArray[np.void], about: str) -> None:
    # Use a unique temporary name: two runs may write the table at the same time.
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
