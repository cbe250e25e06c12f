"""The ledger as a file: how it is made, checked, opened and locked."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from importlib.resources import files
from typing import TYPE_CHECKING

from ..errors import InputError, LedgerError, LocalError, LockedError
from ..places import need_no_url
from ..states import State
from .in_thread import end_when_cancelled
from .process import ProcessMark
from .tally import STAMPS, SUBSTITUTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import TextIO

    from ..models import Survey, Target

__all__ = [
    "VERSION",
    "check_file",
    "create_ledger",
    "durable_rename",
    "insert_jobs",
    "is_owned",
    "need_ledger",
    "new_ledger",
    "open_to_read",
    "owned",
    "owner_of",
    "read_script",
    "remove_log",
    "start_tally",
]

#: Of the schema, in ``PRAGMA user_version``. `upgrade` says how to raise it.
VERSION = 5

#: How often the owner of a run is read, and seconds between two readings.
_LOOKS, _LOOK_S = 20, 0.05

#: Height of a zone of declination, degrees, about that of a small field: a zone is
#: walked in right ascension, so that galaxies of one frame follow each other.
_ZONE_DEG = 0.15

#: A job for each target in a survey. SQLite sorts on disk what does not fit in memory.
#: Those that come later follow the others on the way along the sky: no two jobs of a
#: survey may have the same place.
_JOBS = """
    INSERT INTO job (survey, target, sky)
    SELECT ?1, number, row_number() OVER (
        ORDER BY CAST((dec + 90) / ?2 AS INTEGER), ra, number
    ) - 1 + (SELECT coalesce(max(sky) + 1, 0) FROM job WHERE survey = ?1)
    FROM target
    WHERE number >= ?3
    ORDER BY number
"""


@contextmanager
def owned(lock: Path) -> Iterator[None]:
    """Own a run for as long as this process lives.

    The kernel holds the lock, so that it ends with the process however that ends; the
    text in the file is only for messages. The folder is locked as well: deleting the
    file does not free the run.

    Raises
    ------
    LockedError
        Another process owns the run; the message says which.
    LocalError
        The folder cannot be written.
    """
    try:
        file = lock.open("a+", encoding="utf-8")
    except OSError as error:
        raise LocalError(_not_writable(lock, error)) from error
    with file, _locked_folder(lock.parent) as is_free:
        if not (is_free and _is_locked_by_us(file)):
            msg = (
                f"another harvester works on {lock.parent}: {_owner(file)}. "
                "Wait for it or stop it; `harvester status` may be asked meanwhile."
            )
            raise LockedError(msg)
        _sign(file, lock)
        try:
            yield
        finally:
            # This process may live on, and must not seem to own the run.
            with suppress(OSError):
                file.truncate(0)


@contextmanager
def _locked_folder(folder: Path) -> Iterator[bool]:
    """Lock a folder for the block; give False if another process has locked it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:  # it may be written, but not read
        yield True
        return
    try:
        yield _is_locked_by_us(descriptor)
    finally:
        os.close(descriptor)


def _is_locked_by_us(file: TextIO | int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # Network file systems lock no folders: there the lock of the file must do.
        if not isinstance(file, int):
            raise
    return True


def _sign(file: TextIO, lock: Path) -> None:
    try:
        # Unbuffered: from a buffer a full disk would be reported at the closing only.
        file.truncate(0)
        os.write(file.fileno(), ProcessMark.own().signed().encode())
    except OSError as error:
        raise LocalError(_not_writable(lock, error)) from error


def _owner(file: TextIO) -> str:
    # A process that has just taken the lock may not have signed yet: until then the
    # file names an earlier owner, which has ended.
    for _ in range(_LOOKS):
        file.seek(0)
        owner = ProcessMark.read(file.read())
        if owner and owner.is_alive() is not False:
            break
        time.sleep(_LOOK_S)
    unknown = "which one is not known, for its ledger.lock was deleted"
    return owner.words if owner else unknown


def is_owned(lock: Path) -> bool:
    """Tell whether a process of this machine owns a run, without locking it."""
    return owner_of(lock) is not None


def owner_of(lock: Path) -> ProcessMark | None:
    """Give the process of this machine that owns a run; None: there is none."""
    try:
        owner = ProcessMark.read(lock.read_text("utf-8"))
    except OSError:
        return None
    return owner if owner and owner.is_alive() else None


def _not_writable(lock: Path, error: OSError) -> str:
    return f"{lock.parent} cannot be written: {error.strerror}."


def need_ledger(path: Path) -> None:
    """Refuse a folder in which no run was begun, with how to begin one."""
    if path.is_file():
        return
    need_no_url(path.parent)
    folder = path.parent.resolve()
    if (folder / "manifest.parquet").exists():
        msg = (
            f"{folder} has a manifest but no ledger, as data sets that were aligned or "
            "copied. `harvester show`, `gallery`, `plot` and `export` work on it; this "
            "command needs the ledger of the harvest"
        )
    else:
        msg = (
            f"there is no harvest in {folder}. Name its folder, or begin one: "
            "harvester run CATALOGUE --out FOLDER"
        )
    raise InputError(msg)


def check_file(path: Path) -> None:
    """Refuse a ledger that this version cannot safely write to, untouched.

    Raises
    ------
    InputError
        There is none.
    LedgerError
        It is empty, damaged, no ledger at all, or of a newer version.
    """
    with closing(open_to_read(path)) as db:
        try:
            damage = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        except sqlite3.DatabaseError as error:
            damage = str(error)
    if damage != "ok":
        msg = (
            f"the ledger {path} is damaged ({damage}). It was left as it is: put a "
            "copy of it back, or harvest into a new folder."
        )
        raise LedgerError(msg)


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a ledger that may be in use by its owner, without ever writing to it.

    Raises
    ------
    InputError
        There is none.
    LedgerError
        It is no ledger, or of a newer version.
    LocalError
        The disk does not let it be opened, or another program holds it.
    """
    need_ledger(path)
    try:
        # Quoted: without it SQLite would cut the path of a folder with a # or a ? in
        # its name there, and open or make another file.
        address = f"{path.absolute().as_uri()}?mode=ro"
        db = sqlite3.connect(address, uri=True, timeout=30)
        end_when_cancelled(db)
        version = db.execute("PRAGMA user_version").fetchone()[0]
    except sqlite3.OperationalError as error:
        msg = (
            f"the ledger {path} cannot be opened: {error}. Is the disk full, or may "
            "nothing be written there?"
        )
        raise LocalError(msg) from error
    except sqlite3.Error as error:
        msg = f"the ledger {path} cannot be read: {error}."
        raise LedgerError(msg) from error
    if not 1 <= version <= VERSION:
        db.close()
        raise LedgerError(_version_sentence(path, version))
    return db


def remove_log(path: Path) -> None:
    """Remove the log (``-wal``, ``-shm``) that readers leave beside a ledger at rest.

    SQLite removes it when the last connection that may write is closed. So it stays
    while another process reads the ledger, and where nothing can be written.
    """
    with (
        suppress(sqlite3.Error),
        closing(sqlite3.connect(path, timeout=0)) as db,
    ):
        db.execute("SELECT 1 FROM run").fetchone()


def _version_sentence(path: Path, version: int) -> str:
    if version > VERSION:
        return (
            f"the ledger {path} was made by a newer harvester (schema {version}, "
            f"this one knows {VERSION}). It was left as it is: upgrade harvester."
        )
    return f"{path} is no ledger of harvester; it was left as it is."


def create_ledger(
    path: Path,
    *,
    targets: Iterable[Target],
    rejects: Iterable[tuple[int, str, str]],
    surveys: Sequence[Survey],
    facts: Mapping[str, str],
) -> None:
    """Make the ledger of a new run, whole or not at all.

    See `new_ledger`.

    Parameters
    ----------
    rejects
        Line, identifier and reason of the rows that were not taken.
    facts
        What the run is: hash of the catalogue, of the settings, and so on.
    """
    with new_ledger(path) as db:
        _fill(db, targets, rejects, surveys, facts)


@contextmanager
def new_ledger(path: Path) -> Iterator[sqlite3.Connection]:
    """Give an empty ledger to fill; after the block it is there, whole or not at all.

    It is made under another name and renamed, so that a kill while a large catalogue
    is read in leaves no file that looks like a ledger. Its indexes are made after the
    block. Other ledgers may be attached by their URL.

    Raises
    ------
    LocalError
        The disk is full or read-only.
    """
    new = path.with_name(path.name + ".part")
    for end in ("", "-wal", "-shm", "-journal"):
        new.with_name(new.name + end).unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(new.absolute().as_uri(), uri=True)) as db:
            # Nothing of it counts until the rename: no journal, one flush.
            db.execute("PRAGMA journal_mode = OFF")
            db.execute("PRAGMA synchronous = OFF")
            db.executescript(read_script("schema.sql"))
            with db:
                yield db
            db.executescript(read_script("indexes.sql"))
            db.execute(f"PRAGMA user_version = {VERSION}")
            # Now: later another program may hold the ledger, and this does not wait.
            db.execute("PRAGMA journal_mode = WAL")
        durable_rename(new, path)
    except (sqlite3.OperationalError, OSError) as error:
        msg = f"the ledger {path} cannot be written: {error}. Is the disk full?"
        raise LocalError(msg) from error


def read_script(name: str) -> str:
    """Give a script of SQL that lies beside this module."""
    return files(__package__).joinpath(name).read_text("utf-8")


def durable_rename(new: Path, path: Path) -> None:
    """Rename a file so that after a power cut the old or the new one is there."""
    _flush(new)
    new.rename(path)
    _flush(path.parent)


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fill(
    db: sqlite3.Connection,
    targets: Iterable[Target],
    rejects: Iterable[tuple[int, str, str]],
    surveys: Sequence[Survey],
    facts: Mapping[str, str],
) -> None:
    db.executemany("INSERT INTO run VALUES (?, ?)", facts.items())
    db.executemany("INSERT INTO reject VALUES (?, ?, ?)", rejects)
    db.executemany(
        "INSERT INTO target VALUES (?, ?, ?, ?, ?, ?)",
        ((t.number, t.id, t.ra, t.dec, t.stem, t.line) for t in targets),
    )
    for number, survey in enumerate(surveys):
        db.execute("INSERT INTO survey VALUES (?, ?)", (number, str(survey)))
        start_tally(db, number)
        insert_jobs(db, number)


def start_tally(db: sqlite3.Connection, survey: int) -> None:
    """Make the counters of a survey, which its triggers change."""
    db.executemany(
        "INSERT INTO tally VALUES (?, ?, 0)",
        ((survey, what) for what in (*State, STAMPS, SUBSTITUTES)),
    )


def insert_jobs(db: sqlite3.Connection, survey: int, *, first: int = 0) -> None:
    """Add a pending job for each target of a survey from the number ``first`` on."""
    count = db.execute(_JOBS, (survey, _ZONE_DEG, first)).rowcount
    db.execute(
        "UPDATE tally SET count = count + ? WHERE survey = ? AND what = ?",
        (count, survey, State.PENDING),
    )
