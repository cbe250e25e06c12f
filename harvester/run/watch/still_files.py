"""Files that have appeared or changed, once they no longer change.

A file that is being written looks complete at any moment. So it is taken only when
its size and its times have been the same for a while.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

__all__ = ["StillFiles", "files_in"]

#: Ends of the names of files that programs are still writing.
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".swp", ".crdownload", "~")


class _Look(NamedTuple):
    """What a file looked like: number, size, and time of the last change."""

    number: int
    size: int
    changed_ns: int


class StillFiles:
    """Tells of files that are new or have changed, once they no longer change.

    Parameters
    ----------
    still_s
        Seconds for which a file must have looked the same.
    clock
        Gives seconds; only differences count.
    """

    def __init__(
        self, still_s: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._still_s = still_s
        self._clock = clock
        #: What files look like now, and since when.
        self._seen: dict[Path, tuple[_Look, float]] = {}
        #: What files looked like when they were told.
        self._told: dict[Path, _Look] = {}

    def look(self, paths: Iterable[Path]) -> list[Path]:
        """Look at files; give those that are to be read now."""
        found = {path: look for path in paths if (look := _look(path))}
        self._seen = {p: s for p, s in self._seen.items() if p in found}
        return [path for path, look in found.items() if self._is_due(path, look)]

    def forget(self, path: Path) -> None:
        """Tell of a file again, although it has not changed."""
        self._told.pop(path, None)

    def _is_due(self, path: Path, look: _Look) -> bool:
        if self._told.get(path) == look:
            return False
        now = self._clock()
        before, since = self._seen.get(path, (None, now))
        if before != look:
            self._seen[path] = (look, now)
            return False
        if now - since < self._still_s:
            return False
        del self._seen[path]
        self._told[path] = look
        return True


def files_in(folder: Path) -> list[Path]:
    """Give the files in a folder that may be catalogues, the oldest first.

    Hidden files, and names that programs give to unfinished files, are left out. If the
    folder cannot be read, there are none.
    """
    try:
        paths = [path for path in folder.iterdir() if _is_candidate(path)]
        return sorted(paths, key=lambda path: (path.stat().st_mtime_ns, path.name))
    except OSError:
        return []


def _is_candidate(path: Path) -> bool:
    is_hidden = path.name.startswith((".", "~", "#"))
    return not is_hidden and not path.name.lower().endswith(_UNFINISHED)


def _look(path: Path) -> _Look | None:
    """Look at a file; None if there is none, or nothing in it."""
    try:
        found = path.stat()
    except OSError:
        return None
    if not path.is_file() or not found.st_size:
        return None
    return _Look(found.st_ino, found.st_size, found.st_mtime_ns)
