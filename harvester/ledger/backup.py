"""A copy of the ledger, made while it is in use."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from ..errors import InputError, LedgerError, LocalError
from .file import durable_rename, open_to_read

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["back_up"]

#: What SQLite may leave beside a file.
_BESIDE = ("-wal", "-shm", "-journal")


def back_up(ledger: Path, target: Path, *, force: bool = False) -> int:
    """Copy a ledger as it is at one moment; tell the bytes of the copy.

    Its owner goes on writing meanwhile. The copy is made aside, checked, flushed and
    renamed, so that at ``target`` there is a whole one or what was there before.

    Raises
    ------
    InputError
        There is no ledger, or something is at ``target`` and ``force`` is not given,
        or it is a folder, the ledger itself, or a database in use.
    LedgerError
        The ledger is damaged or of another version, or the copy is not sound.
    LocalError
        The copy cannot be written.
    """
    with closing(open_to_read(ledger)) as db:
        _check_target(ledger, target, force=force)
        aside = target.with_name(f"{target.name}.part")
        try:
            _remove(aside)
            _copy(db, aside)
            size = aside.stat().st_size
            durable_rename(aside, target)
        except (sqlite3.OperationalError, OSError) as error:
            msg = f"the copy {target} cannot be written: {error}. Is the disk full?"
            raise LocalError(msg) from error
        except sqlite3.DatabaseError as error:
            msg = f"the ledger {ledger} cannot be copied: {error}."
            raise LedgerError(msg) from error
        finally:
            _remove(aside)
    return size


def _check_target(ledger: Path, target: Path, *, force: bool) -> None:
    problem = ""
    if target.is_dir():
        problem = "is a folder: name the file that the copy shall be"
    elif target.exists() and target.samefile(ledger):
        problem = "is the ledger itself: name another file"
    elif any(target.with_name(target.name + end).exists() for end in _BESIDE):
        # SQLite would read the old log beside it as the log of the copy.
        problem = "is a database that is in use: name another file"
    elif target.exists() and not force:
        problem = "is there already: name another file, or say --force"
    if problem:
        msg = f"{target} {problem}."
        raise InputError(msg)


def _copy(db: sqlite3.Connection, aside: Path) -> None:
    # Absolute: SQLite would take a name that begins with "file:" for an address.
    with closing(sqlite3.connect(aside.absolute(), isolation_level=None)) as copy:
        # In one step: the copy is of one moment, and the owner need not wait.
        db.backup(copy)
        # The pages say that there is a log beside it: without one the copy is whole.
        copy.execute("PRAGMA journal_mode = DELETE")
        (damage,) = copy.execute("PRAGMA integrity_check(1)").fetchone()
    if damage != "ok":
        msg = f"the copy is damaged ({damage}), so that the ledger must be"
        raise sqlite3.DatabaseError(msg)


def _remove(aside: Path) -> None:
    for end in ("", *_BESIDE):
        aside.with_name(aside.name + end).unlink(missing_ok=True)
