"""Ledgers of earlier versions are changed to the present schema, one version at a time.

``upgrades/N.sql`` makes version N of version N - 1. Files that were published stay as
they are: a new change of the schema is a new file, a higher `VERSION`, and the same
change in ``schema.sql`` or ``indexes.sql``, from which new ledgers are made. Programs
that only read a ledger take it as it is, so a change must leave their queries valid.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from .file import VERSION, read_script
from .group_commit import to_ours
from .in_thread import end_when_cancelled

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["upgrade_ledger"]


def upgrade_ledger(path: Path) -> None:
    """Bring a sound ledger up to the present version; only its owner may.

    Each step is one transaction: after a kill the next start goes on from there.

    Raises
    ------
    LocalError
        The disk is full or read-only, or another program holds the ledger.
    """
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as db:
            end_when_cancelled(db)
            (version,) = db.execute("PRAGMA user_version").fetchone()
            for number in range(version + 1, VERSION + 1):
                _step(db, number)
    except sqlite3.Error as error:
        raise to_ours(error) from error


def _step(db: sqlite3.Connection, number: int) -> None:
    script = read_script(f"upgrades/{number}.sql")
    db.execute("BEGIN IMMEDIATE")
    try:
        for statement in _statements(script):
            db.execute(statement)
        db.execute(f"PRAGMA user_version = {number}")
        db.execute("COMMIT")
    except sqlite3.Error:
        if db.in_transaction:  # a full disk may have ended it
            db.execute("ROLLBACK")
        raise


def _statements(script: str) -> list[str]:
    """Split a script; `executescript` would commit before it begins."""
    statements, statement = [], ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            statements.append(statement)
            statement = ""
    return statements
