"""Writes the ledger of one part of a run: some of its galaxies, and all known of them.

Galaxies keep their numbers, so that stamps and manifest of the merged run are those of
one undivided harvest.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .file import new_ledger
from .part_mark import BILL, PART, WORKED, lasting_facts
from .recount import count_again, other_counters

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from .part_mark import PartMark

__all__ = ["known_before", "write_part"]

#: Rows of the whole run that a part needs. ``taken`` has the numbers of its galaxies.
_COPIED = (
    "INSERT INTO survey SELECT * FROM whole.survey",
    "INSERT INTO reject SELECT * FROM whole.reject",
    """
    INSERT INTO target
    SELECT t.*
    FROM temp.taken AS n
    CROSS JOIN whole.target AS t ON t.number = n.number
    """,
    """
    INSERT INTO job
    SELECT j.*
    FROM survey AS s
    CROSS JOIN temp.taken AS n
    CROSS JOIN whole.job AS j ON j.survey = s.number AND j.target = n.number
    """,
    """
    INSERT INTO cutout
    SELECT c.*
    FROM survey AS s
    CROSS JOIN temp.taken AS n
    CROSS JOIN whole.cutout AS c ON c.survey = s.number AND c.target = n.number
    """,
    # What an archive offers the whole sky stays known, so that it is not asked again.
    """
    INSERT INTO product
    SELECT *
    FROM whole.product
    WHERE number IN (SELECT product FROM cutout)
        OR number IN (SELECT product FROM whole.offer)
    """,
    "INSERT INTO offer SELECT * FROM whole.offer",
    "INSERT INTO listing SELECT * FROM whole.listing",
    # What was asked so far is counted for the whole run: see `known_before`.
    """
    INSERT INTO host (name, cooled_until)
    SELECT name, cooled_until
    FROM whole.host
    """,
    "INSERT INTO host_fact SELECT * FROM whole.host_fact",
)


def write_part(
    whole: Path, path: Path, numbers: Iterable[int], mark: PartMark
) -> list[tuple[str, str]]:
    """Write the ledger of a part; give path and hash of the stamps that it has already.

    Parameters
    ----------
    whole
        The ledger of the run that is split; only its owner may call this.
    numbers
        Those of the galaxies of the part.

    Raises
    ------
    LocalError
        The disk is full or read-only.
    """
    with new_ledger(path) as db:
        db.execute("ATTACH ? AS whole", (f"{whole.absolute().as_uri()}?mode=ro",))
        db.execute("CREATE TEMP TABLE taken (number INTEGER PRIMARY KEY)")
        db.executemany("INSERT INTO taken VALUES (?)", ((int(n),) for n in numbers))
        for copied in _COPIED:
            db.execute(copied)
        count_again(db)
        known = dict(db.execute("SELECT key, value FROM whole.run").fetchall())
        facts = {**lasting_facts(known), PART: mark.to_json()}
        db.executemany("INSERT INTO main.run VALUES (?, ?)", facts.items())
        stamps = db.execute("SELECT file_loc, sha256 FROM cutout WHERE state = 'done'")
        done = stamps.fetchall()
        db.commit()
        db.execute("DETACH whole")
    return done


def known_before(db: sqlite3.Connection) -> Mapping[str, Any]:
    """Give what a run has used until it is split, which the merged run counts, too.

    ``facts`` (its bills and versions), ``traffic`` (host, requests, bytes),
    ``counters`` (survey, name, count).
    """
    facts = dict(db.execute("SELECT key, value FROM run").fetchall())
    traffic = db.execute("SELECT name, requests, bytes FROM host ORDER BY name")
    before = {
        "facts": {
            key: value
            for key, value in sorted(facts.items())
            if key.startswith((BILL, WORKED))
        },
        "traffic": traffic.fetchall(),
        "counters": other_counters(db),
    }
    # As it comes back from a ledger: lists, no tuples.
    known: Mapping[str, Any] = json.loads(json.dumps(before))
    return known
