"""Fill a new ledger with what a manifest tells, so that nothing is located again."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from typing import TYPE_CHECKING, Any

from ..states import State
from .group_commit import to_ours
from .located import match_as_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from ..models import Survey

    #: A row of a manifest.
    Row = Mapping[str, Any]

__all__ = ["NOT_SETTLED", "located_as_told"]

#: Product of a galaxy that a frame does not show: the manifest does not name it.
_NOT_NAMED = "not named in the manifest"

#: Reason of jobs that were not settled when the manifest was written.
NOT_SETTLED = "not_settled_in_manifest"


def located_as_told(
    path: Path, surveys: Sequence[Survey], targets: Iterable[Sequence[Row]]
) -> None:
    """Record the file of each stamp, and the state of each job without a stamp.

    Parameters
    ----------
    path
        A new ledger with these targets, which no other process has opened.
    targets
        The rows of each target.

    Raises
    ------
    LocalError
        The disk is full or broken.
    """
    numbers = {
        (survey.archive, band): number
        for number, survey in enumerate(surveys)
        for band in survey.bands
    }
    try:
        with closing(sqlite3.connect(path)) as db, db:
            for rows in targets:
                _record(db, rows, numbers)
    except sqlite3.Error as error:
        raise to_ours(error) from error


def _record(
    db: sqlite3.Connection, rows: Sequence[Row], numbers: Mapping[tuple[str, str], int]
) -> None:
    jobs: dict[int, list[Row]] = {}
    for row in rows:
        jobs.setdefault(numbers[row["survey"], row["band"]], []).append(row)
    for survey, own in jobs.items():
        ranks: Counter[str] = Counter()
        for row, name, state, note in _pieces(own):
            _insert(db, survey, row, name, (ranks[row["band"]], state, note))
            ranks[row["band"]] += 1
        state, reason = _state(own)
        db.execute(
            """
            UPDATE job
            SET state = ?, reason = ?, match = ?
            WHERE survey = ? AND target = ?
            """,
            (state, reason, _match(own[0]), survey, own[0]["target"]),
        )


def _pieces(rows: Sequence[Row]) -> Iterator[tuple[Row, str, str, str]]:
    """Give row, product, state and note of each cutout, the better ones first."""
    for row in rows:
        if row["missing_reason"] == "looked_nothing_there":
            yield row, _NOT_NAMED, "empty", ""
        if row["file_loc"] is None:
            continue
        if row["substitute"]:
            # "http_403 of NAME": the better image that could not be had.
            note, _, name = row["substitute_reason"].partition(" of ")
            yield row, name, "empty", note
        yield row, row["product"], "wanted", ""


def _insert(
    db: sqlite3.Connection,
    survey: int,
    row: Row,
    name: str,
    piece: tuple[int, str, str],
) -> None:
    url = row["parent_url"] if name == row["product"] else ""
    place = row["file_loc"] or ""
    db.execute(
        """
        INSERT INTO product (survey, name, band, url, mirrors)
        VALUES (?, ?, ?, ?, '[]')
        ON CONFLICT DO UPDATE SET url = excluded.url WHERE product.url = ''
        """,
        (survey, name, row["band"], url),
    )
    db.execute(
        """
        INSERT INTO cutout (survey, target, band, file_loc, rank, state, note, product)
        SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, number
        FROM product
        WHERE survey = ?1 AND name = ?8 AND band = ?3
        """,
        (survey, row["target"], row["band"], place, *piece, name),
    )


def _match(row: Row) -> str:
    candidates, separation = row["n_candidates"], row["sep_arcsec"]
    if candidates is None:
        return ""
    is_ambiguous = row["match_ambiguous"]
    return match_as_json(candidates, separation, is_ambiguous=is_ambiguous)


def _state(rows: Sequence[Row]) -> tuple[str, str]:
    """Give state and reason of a job: located if it has any stamp."""
    if any(row["file_loc"] for row in rows):
        return State.LOCATED, ""
    status, reason = rows[0]["status"], rows[0]["reason"]
    if status in {State.PENDING, State.LOCATED}:
        return State.FAILED, NOT_SETTLED
    return status, reason
