"""Galaxies of a catalogue beside those of a run: which of them the run has.

They are put into a temporary table, so that SQLite joins millions on disk. Nothing is
written to the ledger.
"""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING, Self

import numpy as np

from .file import open_to_read, remove_log

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ..models import Target

__all__ = ["IncomingTargets"]

#: Characters: the longest stem, as of a catalogue.
_LONGEST_STEM = 64

_PLACE = np.dtype([("number", "i8"), ("ra", "f8"), ("dec", "f8")])

_PAIR = np.dtype(
    [
        ("incoming", "i8"),
        ("number", "i8"),
        *((name, "f8") for name in ("ra", "dec", "ra_before", "dec_before")),
    ]
)

_TABLES = """
    CREATE TEMP TABLE incoming (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL,
        ra REAL NOT NULL,
        dec REAL NOT NULL,
        stem TEXT NOT NULL
    );
    CREATE TEMP TABLE taken (stem TEXT PRIMARY KEY) WITHOUT ROWID;
"""


class IncomingTargets:
    """The galaxies of a catalogue, and the ledger of a run that may get them."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    @classmethod
    @contextmanager
    def open(cls, path: Path, targets: Iterable[Target]) -> Iterator[Self]:
        """Put targets beside those of a ledger, while the block runs.

        Raises
        ------
        LedgerError
            The ledger cannot be read by this version.
        """
        db = open_to_read(path)
        try:
            db.executescript(_TABLES)
            db.executemany(
                "INSERT INTO incoming VALUES (?, ?, ?, ?, ?)",
                ((t.number, t.id, t.ra, t.dec, t.stem) for t in targets),
            )
            db.execute("CREATE INDEX temp.incoming_id ON incoming (id)")
            yield cls(db)
        finally:
            db.close()
            remove_log(path)

    def pairs(self) -> NDArray[np.void]:
        """Give those with the same identifier, in the run and in the catalogue.

        Returns
        -------
        ndarray
            One record a pair: ``incoming`` and ``number`` are the numbers in the
            catalogue and in the run; ``ra``, ``dec`` and ``ra_before``, ``dec_before``
            their positions, ICRS degrees.
        """
        rows = self._db.execute(
            """
            SELECT i.number, t.number, i.ra, i.dec, t.ra, t.dec
            FROM main.target AS t
            CROSS JOIN incoming AS i ON i.id = t.id
            """
        )
        return np.fromiter(rows, _PAIR)

    def places(self) -> NDArray[np.void]:
        """Give ``number``, ``ra`` and ``dec`` of all in the catalogue."""
        return np.fromiter(
            self._db.execute("SELECT number, ra, dec FROM incoming ORDER BY number"),
            _PLACE,
        )

    def places_before(self) -> NDArray[np.void]:
        """Give ``number``, ``ra`` and ``dec`` of all in the run."""
        return np.fromiter(
            self._db.execute("SELECT number, ra, dec FROM main.target ORDER BY number"),
            _PLACE,
        )

    def ids(self, numbers: Sequence[int]) -> list[str]:
        """Give the identifiers of some in the catalogue, in the order of their rows."""
        return self._ids("incoming", numbers)

    def ids_before(self, numbers: Sequence[int]) -> list[str]:
        """Give the identifiers of some in the run, in the order of their numbers."""
        return self._ids("main.target", numbers)

    def _ids(self, table: str, numbers: Sequence[int]) -> list[str]:
        rows = self._db.execute(
            f"""
            SELECT id
            FROM {table}
            WHERE number IN (SELECT value FROM json_each(?))
            ORDER BY number
            """,  # noqa: S608 - one of two names
            (json.dumps([int(one) for one in numbers]),),
        )
        return [name for (name,) in rows]

    def other_stems(self, fresh: Sequence[int]) -> dict[int, str]:
        """Give other file names to those new ones whose own is taken in the run.

        Parameters
        ----------
        fresh
            Numbers, in the catalogue, of those that the run gets.
        """
        self._db.execute("INSERT INTO taken SELECT lower(stem) FROM main.target")
        rows = self._db.execute(
            """
            SELECT i.number, i.stem
            FROM json_each(?) AS f
            CROSS JOIN incoming AS i ON i.number = f.value
            CROSS JOIN taken AS t ON t.stem = lower(i.stem)
            ORDER BY i.number
            """,
            (json.dumps([int(one) for one in fresh]),),
        ).fetchall()
        if rows:
            # Nor may they have a name that another galaxy of the catalogue has.
            self._db.execute(
                "INSERT OR IGNORE INTO taken SELECT lower(stem) FROM incoming"
            )
        return {number: self._numbered(stem) for number, stem in rows}

    def _numbered(self, stem: str) -> str:
        number = 1
        while True:
            number += 1
            ending = f"_{number}"
            name = stem[: _LONGEST_STEM - len(ending)] + ending
            added = self._db.execute(
                "INSERT OR IGNORE INTO taken VALUES (lower(?))", (name,)
            )
            if added.rowcount:
                return name
