"""Examines this machine: the disk of a run, its file system, permissions, versions."""

from __future__ import annotations

import fcntl
import os
import platform
import resource
import sqlite3
import time
from contextlib import closing
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ... import __version__
from ...errors import LocalError
from ..disk import disk_notes, free_bytes
from .findings import Diagnosis, Level

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["machine_findings", "versions"]

_ABOUT = "machine"

#: Libraries whose version changes what a harvest does.
_LIBRARIES = ("aiohttp", "astropy", "astroquery", "numpy", "pyarrow")

#: Free bytes and file descriptors that a harvest needs at least.
_LEAST_FREE, _LEAST_FILES = 200_000_000, 256

#: Bytes of the test of speed, in pieces; it ends after so many seconds.
_WRITTEN, _PIECE, _LONGEST_S = 64 << 20, 1 << 20, 3.0

#: Small files of the test of flushing, and how many a second are too few.
_FLUSHED, _SLOW = 20, 5.0


def versions() -> dict[str, str]:
    """Give the versions of this program, of Python and of its libraries."""
    return {
        "harvester": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
        **{name: version(name) for name in _LIBRARIES},
    }


def machine_findings(folder: Path, *, cache_bytes: int) -> Iterator[Diagnosis]:
    """Examine the machine, and the disk on which ``folder`` is or will be.

    ``cache_bytes``: largest size of the cache of frames.
    """
    told = ", ".join(f"{name} {text}" for name, text in versions().items())
    yield Diagnosis(_ABOUT, Level.OK, told)
    yield from _descriptors()
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    yield from _of_space(there, cache_bytes)
    for note in disk_notes(there):
        yield Diagnosis(_ABOUT, Level.NOTE, note, "Move the run to a local disk.")
    try:
        with TemporaryDirectory(prefix=".harvester-doctor-", dir=there) as scratch:
            yield from _of_disk(Path(scratch), there)
    except OSError as error:
        words = f"{there} cannot be written: {error.strerror or error}"
        advice = "Give this user the right to write there, or choose another folder."
        yield _trouble(words, advice)


def _trouble(words: str, advice: str) -> Diagnosis:
    return Diagnosis.trouble(_ABOUT, words, advice, LocalError.exit_code)


def _descriptors() -> Iterator[Diagnosis]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < _LEAST_FILES:
        words = f"only {soft} files may be open at a time"
        yield _trouble(words, f"Raise the limit: ulimit -n {_LEAST_FILES}")


def _of_space(there: Path, cache_bytes: int) -> Iterator[Diagnosis]:
    free, state = free_bytes(there), os.statvfs(there)
    words = f"{free / 1e9:,.1f} GB free on the disk of {there}"
    if free < _LEAST_FREE:
        yield _trouble(words, "Free some space, or choose a folder on another disk.")
    elif free < cache_bytes + _LEAST_FREE:
        advice = (
            f"The cache of frames may take {cache_bytes / 1e9:,.1f} GB: lower "
            "work.frame_cache_bytes, or free some space."
        )
        yield Diagnosis(_ABOUT, Level.NOTE, words, advice)
    else:
        yield Diagnosis(_ABOUT, Level.OK, words)
    # Some file systems do not count files, and state 0 of 0.
    if state.f_files and not state.f_favail:
        words = "the disk can hold no more files"
        yield _trouble(words, "Remove files, or choose a folder on another disk.")


def _of_disk(scratch: Path, there: Path) -> Iterator[Diagnosis]:
    yield Diagnosis(_ABOUT, Level.OK, f"{there} can be written")
    for what, attempt in (
        ("flush files and folders (fsync)", _flush),
        ("lock files (flock)", _lock),
        ("keep a ledger (SQLite with a write-ahead log)", _keep_ledger),
    ):
        yield _tried(what, attempt, scratch)
    yield _speed(scratch)


def _tried(what: str, attempt: Callable[[Path], str], scratch: Path) -> Diagnosis:
    """Try one thing; ``attempt`` gives its result in words, or raises an error."""
    try:
        words = attempt(scratch)
    except (OSError, sqlite3.Error) as error:
        advice = "Use a local disk with a usual file system, such as ext4 or xfs."
        return _trouble(f"the disk cannot {what}: {error}", advice)
    return Diagnosis(_ABOUT, Level.OK, f"the disk can {what}{words}")


def _flush(scratch: Path) -> str:
    began = time.monotonic()
    for number in range(_FLUSHED):
        _write_flushed(scratch / f"{number}")
    rate = _FLUSHED / max(time.monotonic() - began, 1e-6)
    if rate < _SLOW:
        return f", but only {rate:.1f} files a second: stamps will be written slowly"
    return f": {rate:,.0f} files a second"


def _write_flushed(path: Path) -> None:
    # As a stamp is written: aside, flushed, renamed, and the folder flushed.
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        file.write(bytes(4096))
        file.flush()
        os.fsync(file.fileno())
    part.rename(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _lock(scratch: Path) -> str:
    path = scratch / "lock"
    with path.open("w") as ours, path.open("w") as other:
        fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return ""
    msg = "two programs got the same lock, and would work on one run"
    raise OSError(msg)


def _keep_ledger(scratch: Path) -> str:
    with closing(sqlite3.connect(scratch / "ledger.sqlite")) as db:
        (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
        if mode != "wal":
            msg = f"the journal mode is {mode}"
            raise OSError(msg)
        with db:
            db.execute("CREATE TABLE one (a INTEGER)")
            db.execute("INSERT INTO one VALUES (1)")
    return ""


def _speed(scratch: Path) -> Diagnosis:
    size, began, piece = 0, time.monotonic(), bytes(_PIECE)
    with (scratch / "speed").open("wb", buffering=0) as file:
        while size < _WRITTEN and time.monotonic() - began < _LONGEST_S:
            size += file.write(piece)
        os.fsync(file.fileno())
    speed = size / max(time.monotonic() - began, 1e-6)
    return Diagnosis(_ABOUT, Level.OK, f"the disk writes {speed / 1e6:,.0f} MB/s")
