"""Joins the ledgers of all parts of a split run to one.

A million galaxies are joined by a few statements a part. Each part may have found
products of its own, so products get new numbers; galaxies keep theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .file import new_ledger
from .joined_bills import add_up_bills
from .joined_history import join_histories
from .part_mark import MERGED, WORKED, PartMark, lasting_facts
from .recount import count_again
from .run_dates import BEGAN, SETTLED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

__all__ = ["join_ledgers"]

#: Pages in memory, in kB: rows of a part go between those of the others.
_CACHE_KB = 262_144

#: What all parts have in common.
_COMMON = (
    "INSERT INTO survey SELECT * FROM part.survey",
    "INSERT INTO reject SELECT * FROM part.reject",
)

#: What each part adds.
_JOINED = (
    "INSERT INTO target SELECT * FROM part.target",
    "INSERT INTO job SELECT * FROM part.job",
    """
    INSERT INTO product (survey, name, band, url, mirrors, size, fetched, facts)
    SELECT survey, name, band, url, mirrors, size, fetched, facts
    FROM part.product
    WHERE true
    ORDER BY number
    ON CONFLICT (survey, name, band) DO UPDATE SET
        fetched = max(fetched, excluded.fetched),
        size = coalesce(size, excluded.size),
        url = iif(url = '', excluded.url, url),
        facts = iif(facts = '', excluded.facts, facts)
    """,
    "DELETE FROM temp.renumbered",
    """
    INSERT INTO temp.renumbered
    SELECT p.number, q.number
    FROM part.product AS p
    JOIN main.product AS q USING (survey, name, band)
    """,
    """
    INSERT INTO cutout
    SELECT c.survey, c.target, c.band, r.number, c.rank, c.state, c.note, c.file_loc,
        c.sha256, c.size, c.coverage, c.facts
    FROM part.cutout AS c
    JOIN temp.renumbered AS r ON r.before = c.product
    """,
    """
    INSERT INTO offer
    SELECT r.number, o.region, o.exposure_s
    FROM part.offer AS o
    JOIN temp.renumbered AS r ON r.before = o.product
    WHERE true
    ON CONFLICT DO NOTHING
    """,
    """
    INSERT INTO listing
    SELECT *
    FROM part.listing
    WHERE true
    ON CONFLICT DO UPDATE SET asked_at = min(asked_at, excluded.asked_at)
    """,
    """
    INSERT INTO host
    SELECT *
    FROM part.host
    WHERE true
    ON CONFLICT DO UPDATE SET
        requests = requests + excluded.requests,
        bytes = bytes + excluded.bytes,
        cooled_until = max(cooled_until, excluded.cooled_until)
    """,
    # What was learned last holds.
    """
    INSERT OR REPLACE INTO host_fact
    SELECT *
    FROM part.host_fact AS f
    WHERE NOT EXISTS (
        SELECT 1
        FROM main.host_fact
        WHERE name = f.name AND measured_at > f.measured_at
    )
    """,
    # The counters that follow from the rows are counted again at the end.
    """
    INSERT INTO tally
    SELECT *
    FROM part.tally
    WHERE true
    ON CONFLICT DO UPDATE SET count = count + excluded.count
    """,
)


def join_ledgers(path: Path, parts: Sequence[Path], merged: str) -> None:
    """Make one ledger of those of all parts, whole or not at all.

    Only the owner of the parts may call this, who has seen that they fit together.

    Parameters
    ----------
    merged
        What the ledger keeps of the merge, as JSON.

    Raises
    ------
    LocalError
        The disk is full or read-only.
    """
    with new_ledger(path) as db:
        db.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        db.execute(
            "CREATE TEMP TABLE renumbered (before INTEGER PRIMARY KEY, number INTEGER)"
        )
        facts = [_join(db, part) for part in parts]
        join_histories(db, parts)
        _add_before(db, PartMark.of(facts[0]))
        db.execute(
            "UPDATE listing SET rows = (SELECT count(*) FROM offer JOIN product "
            "ON number = product WHERE product.survey = listing.survey)"
        )
        count_again(db)
        db.executemany(
            "INSERT OR IGNORE INTO run VALUES (?, ?)", _facts(db, facts, merged)
        )


def _join(db: sqlite3.Connection, part: Path) -> dict[str, str]:
    """Add the rows of a part; give its facts."""
    db.execute("ATTACH ? AS part", (f"{part.absolute().as_uri()}?mode=ro",))
    is_first = not db.execute("SELECT 1 FROM main.survey").fetchone()
    for joined in (*(_COMMON if is_first else ()), *_JOINED):
        db.execute(joined)
    facts = dict(db.execute("SELECT key, value FROM part.run").fetchall())
    db.commit()
    db.execute("DETACH part")
    return facts


def _add_before(db: sqlite3.Connection, mark: PartMark | None) -> None:
    """Add what the run had used before it was split."""
    assert mark is not None
    before = mark.before
    db.executemany(
        """
        INSERT INTO host (name, requests, bytes)
        VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET
            requests = requests + excluded.requests, bytes = bytes + excluded.bytes
        """,
        before["traffic"],
    )
    db.executemany(
        """
        INSERT INTO tally
        VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET count = count + excluded.count
        """,
        before["counters"],
    )
    db.executemany("INSERT INTO run VALUES (?, ?)", before["facts"].items())


def _facts(
    db: sqlite3.Connection, parts: Sequence[Mapping[str, str]], merged: str
) -> Iterator[tuple[str, str]]:
    """Give the facts of the merged run; the first of two with one key holds."""
    yield MERGED, merged
    began = [facts[BEGAN] for facts in parts if BEGAN in facts]
    if began:
        yield BEGAN, min(began)
    settled = [facts[SETTLED] for facts in parts if SETTLED in facts]
    if settled and not _has_work(db):
        yield SETTLED, max(settled)
    yield from add_up_bills(parts).items()
    for facts in parts:
        yield from lasting_facts(facts).items()
        yield from ((k, v) for k, v in facts.items() if k.startswith(WORKED))


def _has_work(db: sqlite3.Connection) -> bool:
    (count,) = db.execute(
        "SELECT total(count) FROM tally WHERE what IN ('pending', 'located')"
    ).fetchone()
    return bool(count)
