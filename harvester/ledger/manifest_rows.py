"""The rows of the manifest: each target in each band, and the facts of its stamp."""

from __future__ import annotations

import heapq
import json
from dataclasses import astuple, fields
from typing import TYPE_CHECKING, Any, Literal

from ..models import Flag, StampFacts
from .substitutes import MISSED

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Container, Iterator, Mapping

    from ..models import Survey

    #: Why there is no stamp; empty while there is one, or while the job is not settled.
    MissingReason = Literal[
        "",
        "outside_footprint",
        "looked_nothing_there",
        "failed_qc",
        "not_public",
        "error",
    ]

__all__ = ["MANIFEST_COLUMNS", "ManifestRow", "read_manifest_rows"]

#: The columns of the manifest before the labels, in this order.
MANIFEST_COLUMNS = (
    "id_str",
    "ra",
    "dec",
    "survey",
    "band",
    "status",
    "reason",
    "file_loc",
    "coverage",
    "product",
    "sha256",
    # Whether the stamp is not of the best image, because that could not be had; why.
    "substitute",
    "substitute_reason",
    "missing_reason",
    *(field.name for field in fields(StampFacts)),
    "parent_url",
    # Of a position that was matched with objects of the archive.
    "n_candidates",
    "match_ambiguous",
    "sep_arcsec",
    # Place among the accepted rows of the catalogue, from 0.
    "target",
)

#: The first ledger version with facts of stamps and matches of targets.
_WITH_FACTS = 3

#: Reasons of failed jobs that mean: the image exists, but is not for everybody.
_NOT_PUBLIC = frozenset({"http_401", "http_403", "proprietary"})

#: Number of the target, and the values of `MANIFEST_COLUMNS`.
ManifestRow = tuple[int, tuple[Any, ...]]


def read_manifest_rows(
    db: sqlite3.Connection, surveys: Mapping[int, Survey]
) -> Iterator[ManifestRow]:
    """Give one row per target and band, in catalogue order.

    Where all observations were asked for, a target has a row for each stamp.
    """
    (version,) = db.execute("PRAGMA user_version").fetchone()
    twins = _find_twins(db)
    parts = [
        _rows(db, number, survey, band, twins, has_facts=version >= _WITH_FACTS)
        for number, survey in surveys.items()
        for band in survey.bands
    ]
    # Stable: of one target the surveys keep their order.
    return heapq.merge(*parts, key=lambda row: row[0])


def _find_twins(db: sqlite3.Connection) -> frozenset[int]:
    """Find the targets that have another one at the same position."""
    import numpy as np

    from ..sky.duplicates import have_twins

    rows = db.execute("SELECT number, ra, dec FROM target")
    columns = np.dtype([("number", "i8"), ("ra", "f8"), ("dec", "f8")])
    targets = np.fromiter(rows, columns)
    twins = have_twins(targets["ra"], targets["dec"])
    return frozenset(targets["number"][twins].tolist())


def _rows(
    db: sqlite3.Connection,
    number: int,
    survey: Survey,
    band: str,
    twins: Container[int],
    *,
    has_facts: bool,
) -> Iterator[ManifestRow]:
    facts, match = ("c.facts", "j.match") if has_facts else ("''", "''")
    rows = db.execute(
        f"""
        SELECT j.target, t.id, t.ra, t.dec, j.state, j.reason,
            c.file_loc, c.coverage, q.name, c.sha256, coalesce({MISSED}, ''), q.url,
            coalesce({facts}, ''), {match}, EXISTS (
                SELECT 1
                FROM cutout
                WHERE survey = j.survey AND target = j.target AND band = ?1
            )
        FROM job AS j
        JOIN target AS t ON t.number = j.target
        LEFT JOIN cutout AS c
            ON c.survey = j.survey AND c.target = j.target
            AND c.band = ?1 AND c.state = 'done'
        LEFT JOIN product AS q ON q.number = c.product
        WHERE j.survey = ?2
        ORDER BY j.target, c.rank
        """,  # noqa: S608 - constants
        (band, number),
    )
    for target, name, ra, dec, state, reason, file_loc, *stamp in rows:
        coverage, product, sha256, missed, url, known, matched, was_looked_at = stamp
        # A job of several bands is done when every band that is covered is.
        status = "no_coverage" if state == "done" and not file_loc else state
        said = "" if file_loc else reason
        status = "done" if file_loc else status
        stamp_facts = StampFacts.from_json(known)
        if target in twins:
            stamp_facts = stamp_facts.flagged(Flag.DUPLICATE_POSITION)
        yield (
            target,
            (
                name, ra, dec, survey.archive, band, status, said, file_loc, coverage,
                product, sha256, bool(missed), missed,
                _missing_reason(status, said, was_looked_at=bool(was_looked_at)),
                *astuple(stamp_facts), url, *_match(matched), target,
            ),
        )  # fmt: skip


def _missing_reason(status: str, reason: str, *, was_looked_at: bool) -> MissingReason:
    """Say why there is no stamp, in one of a few words."""
    if status == "failed":
        return "not_public" if reason in _NOT_PUBLIC else "error"
    if status != "no_coverage":
        return ""
    match reason:
        case "proprietary":
            return "not_public"
        case "moving_target":
            # There is an image of the place, but galaxies are trails in it.
            return "failed_qc"
    return "looked_nothing_there" if was_looked_at else "outside_footprint"


def _match(text: str) -> tuple[int | None, bool | None, float | None]:
    known = json.loads(text) if text else {}
    return (
        known.get("n_candidates"),
        known.get("match_ambiguous"),
        known.get("sep_arcsec"),
    )
