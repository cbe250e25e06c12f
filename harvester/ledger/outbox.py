"""What a run has sent to its object store: a small file beside the ledger.

It only saves requests. Without it, or if it is old, the listing of the store and the
metadata of its objects tell the same. The ledger alone says which stamps there are.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, NamedTuple, Self
from uuid import uuid4

from ..errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

__all__ = ["Outbox", "Unsent", "UnsentStamps"]

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS fact (
        key TEXT PRIMARY KEY,
        value TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS sent (
        name TEXT PRIMARY KEY,
        sha256 TEXT NOT NULL,
        e_tag TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS listed (
        name TEXT PRIMARY KEY,
        size INTEGER NOT NULL,
        e_tag TEXT NOT NULL
    ) STRICT, WITHOUT ROWID;
"""

#: Stamps of the ledger that the store has not, or not known to be the same.
_COMPARE = """
    CREATE TEMPORARY TABLE unsent AS
    SELECT c.file_loc AS name, c.sha256, c.size
    FROM run.cutout AS c
    LEFT JOIN sent AS s ON s.name = c.file_loc
    LEFT JOIN listed AS l ON l.name = c.file_loc
    WHERE c.state = 'done' AND (
        l.name IS NULL OR s.name IS NULL
        OR l.size <> c.size OR s.sha256 <> c.sha256 OR s.e_tag <> l.e_tag
    )
"""


class Unsent(NamedTuple):
    """A stamp that is to be sent."""

    #: As `Wanted.file_loc`.
    name: str
    sha256: str
    size: int


class Outbox:
    """What was sent, with the hash of its content and the ETag that the store gave."""

    def __init__(self, db: sqlite3.Connection, path: Path) -> None:
        self._db = db
        self._path = path

    @classmethod
    @contextmanager
    def open(cls, path: Path) -> Iterator[Self]:
        """Open the file, or make it; a damaged file is replaced by a new one.

        Raises
        ------
        LocalError
            It cannot be written.
        """
        with _as_local(path):
            try:
                db = _connect(path)
            except sqlite3.OperationalError:
                raise
            except sqlite3.DatabaseError:
                for end in ("", "-wal", "-shm"):
                    path.with_name(path.name + end).unlink(missing_ok=True)
                db = _connect(path)
            with closing(db):
                yield cls(db, path)

    @property
    def writer(self) -> str:
        """An identifier of this copy of the run, made with the file."""
        return str(self.fact("writer"))

    def fact(self, key: str) -> str | None:
        """Give what was kept under a key."""
        row = self._db.execute("SELECT value FROM fact WHERE key = ?", (key,))
        return next((str(value) for (value,) in row), None)

    def keep_fact(self, key: str, value: str) -> None:
        """Keep something under a key."""
        self._db.execute("INSERT OR REPLACE INTO fact VALUES (?, ?)", (key, value))

    def keep_sent(self, name: str, sha256: str, e_tag: str) -> None:
        """Keep that the store has an object with this content."""
        self._db.execute(
            "INSERT OR REPLACE INTO sent VALUES (?, ?, ?)", (name, sha256, e_tag)
        )

    def sent(self, name: str) -> tuple[str, str] | None:
        """Give hash and ETag of what was sent under a name; None: nothing was."""
        row = self._db.execute("SELECT sha256, e_tag FROM sent WHERE name = ?", (name,))
        return next(((str(sha256), str(e_tag)) for sha256, e_tag in row), None)

    def sent_below(self, folder: str) -> set[str]:
        """Give the names in a folder under which something was sent."""
        # From "folder/" to "folder0": the character after the slash.
        rows = self._db.execute(
            "SELECT name FROM sent WHERE name > ? AND name < ?",
            (f"{folder}/", f"{folder}0"),
        )
        return {str(name) for (name,) in rows}

    def forget(self, names: Iterable[str]) -> None:
        """Forget that something was sent under these names."""
        self._db.executemany("DELETE FROM sent WHERE name = ?", ((n,) for n in names))

    def begin_listing(self) -> None:
        """Forget the listing of before."""
        self._db.execute("DELETE FROM listed")

    def keep_listed(self, rows: Iterable[tuple[str, int, str]]) -> None:
        """Keep name, size and ETag of objects that are in the store."""
        self._db.execute("BEGIN")
        self._db.executemany("INSERT OR REPLACE INTO listed VALUES (?, ?, ?)", rows)
        self._db.execute("COMMIT")

    @contextmanager
    def comparison(self, ledger: Path) -> Iterator[UnsentStamps]:
        """Compare the listing with the stamps of a ledger: see `UnsentStamps`."""
        # With a connection of its own: another thread compares, and what is sent
        # meanwhile is kept without waiting for it.
        with _as_local(self._path), closing(_connect(self._path)) as db:
            yield UnsentStamps(db, ledger)

    def is_current(self, ledger: Path, stamp: Unsent) -> bool:
        """Tell whether a ledger still has a stamp with this content."""
        with closing(_connect(self._path)) as db, _beside(db, ledger):
            rows = db.execute(
                """
                SELECT 1
                FROM run.cutout
                WHERE file_loc = ? AND sha256 = ? AND state = 'done'
                """,
                stamp[:2],
            ).fetchall()
        return bool(rows)

    def unknown(self, ledger: Path) -> list[str]:
        """Give the stamps that the store lists and the ledger does not know."""
        with _beside(self._db, ledger):
            rows = self._db.execute(
                """
                SELECT name
                FROM listed
                WHERE name LIKE 'cutouts/%'
                    AND name NOT IN (SELECT file_loc FROM run.cutout)
                ORDER BY name
                """
            ).fetchall()
        return [str(name) for (name,) in rows]

    def listed(self, name: str) -> tuple[int, str] | None:
        """Give size and ETag of an object of the listing; None: it lacks."""
        row = self._db.execute("SELECT size, e_tag FROM listed WHERE name = ?", (name,))
        return next(((int(size), str(e_tag)) for size, e_tag in row), None)


class UnsentStamps:
    """The stamps of a ledger that the store has not, or not known to be the same.

    They are kept in a temporary table: of a million stamps all may lack, and reading
    the ledger for hours would keep its log from being emptied.
    """

    def __init__(self, db: sqlite3.Connection, ledger: Path) -> None:
        self._db = db
        self._ledger = ledger

    def count(self) -> int:
        """Compare; tell how many stamps are to be sent."""
        with _beside(self._db, self._ledger):
            self._db.execute(_COMPARE)
        (count,) = self._db.execute("SELECT count(*) FROM unsent").fetchone()
        return int(count)

    def page(self, after: int, limit: int) -> list[tuple[int, Unsent]]:
        """Give stamps that are to be sent, each with its number, in their order."""
        rows = self._db.execute(
            """
            SELECT rowid, name, sha256, size
            FROM unsent
            WHERE rowid > ?
            ORDER BY rowid
            LIMIT ?
            """,
            (after, limit),
        )
        return [(number, Unsent(*rest)) for number, *rest in rows]


@contextmanager
def _beside(db: sqlite3.Connection, ledger: Path) -> Iterator[None]:
    """Have the tables of a ledger in the block, as ``run``; they are only read."""
    # Quoted, as in `open_to_read`.
    db.execute("ATTACH ? AS run", (f"{ledger.absolute().as_uri()}?mode=ro",))
    try:
        yield
    finally:
        db.execute("DETACH run")


def _connect(path: Path) -> sqlite3.Connection:
    address = f"{path.absolute().as_uri()}"
    # A comparison is made in another thread than its result is read in.
    db = sqlite3.connect(
        address, uri=True, isolation_level=None, timeout=30, check_same_thread=False
    )
    try:
        db.execute("PRAGMA journal_mode = WAL")
        # What a power cut loses of it is found out again.
        db.execute("PRAGMA synchronous = NORMAL")
        db.executescript(_SCHEMA)
        db.execute("INSERT OR IGNORE INTO fact VALUES ('writer', ?)", (uuid4().hex,))
    except BaseException:
        db.close()
        raise
    return db


@contextmanager
def _as_local(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        msg = f"{path} cannot be written: {error}. Is the disk full?"
        raise LocalError(msg) from error
