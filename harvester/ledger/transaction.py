"""One transaction on a ledger that no harvest has open."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

from .group_commit import to_ours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["transaction"]


@contextmanager
def transaction(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection; what the block does is kept wholly, or not at all.

    Raises
    ------
    LocalError
        The disk is full or read-only.
    BusyError
        Another program holds the ledger.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as db:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # a full disk may have ended it
                    db.execute("ROLLBACK")
                raise
    except sqlite3.Error as error:
        raise to_ours(error) from error
