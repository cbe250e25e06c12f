"""Reads how the ledger of a part stands, and which stamps it has."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple

from .file import check_file, open_to_read, remove_log
from .upgrade import upgrade_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["PartState", "read_part", "stamps_of", "state_of"]


class PartState(NamedTuple):
    """The ledger of a part as it is now."""

    facts: dict[str, str]
    #: A hash that changes with whatever a harvest records.
    state: str
    #: How many galaxies it has, and a hash of their numbers.
    targets: int
    targets_sha256: str


def read_part(path: Path) -> PartState:
    """Read it, brought to the version of this harvester; only its owner may.

    Raises
    ------
    LedgerError
        It is damaged, no ledger, or of a newer version.
    """
    check_file(path)
    upgrade_ledger(path)
    with closing(open_to_read(path)) as db:
        facts = dict(db.execute("SELECT key, value FROM run").fetchall())
        digest, count = hashlib.sha256(), 0
        for (number,) in db.execute("SELECT number FROM target ORDER BY number"):
            digest.update(int(number).to_bytes(8, "little"))
            count += 1
    return PartState(facts, state_of(path), count, digest.hexdigest())


def state_of(path: Path) -> str:
    """Give a hash that changes with whatever a harvest records in a ledger."""
    with closing(open_to_read(path)) as db:
        rows = [
            db.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608 - constants
            for table in ("tally", "host")
        ]
        tried = db.execute("SELECT total(attempts), total(due) FROM job").fetchall()
    remove_log(path)
    return hashlib.sha256(json.dumps([rows, tried]).encode()).hexdigest()


def stamps_of(path: Path) -> Iterator[tuple[str, str]]:
    """Give path and hash of each stamp that is on disk."""
    with closing(open_to_read(path)) as db:
        yield from db.execute(
            "SELECT file_loc, sha256 FROM cutout WHERE state = 'done'"
        )
    remove_log(path)
