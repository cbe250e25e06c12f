"""What is recorded of located targets, ten thousand at once.

The rows are built in a thread: on the event loop that would take a twentieth of a
second.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from ..states import State
from .moves import insert_products, settle_job

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator, Sequence

    import aiosqlite

    from ..models import Finding, Product, Survey, Target

    FileLoc = Callable[[Survey, Target, Product, int], str]
    _CutoutRow = tuple[int, str, int, str, str, str]

__all__ = ["LocatedRows", "located_rows", "match_as_json", "write_located"]


class LocatedRows(NamedTuple):
    """What was found of some targets in one survey."""

    #: Numbers of the targets, as a JSON list.
    targets: str
    products: list[Product]
    #: Target, band, rank, file of the stamp, name and band of the product.
    cutouts: list[_CutoutRow]
    #: State and reason of each job, if nothing was known of it before, how it was
    #: matched, and its target.
    jobs: list[tuple[State, str, str, int]]
    #: By which ways the targets were looked up.
    routes: Counter[str]
    #: A stamp of every product is wanted, not only of the best.
    keep_all: bool


def located_rows(
    survey: Survey, findings: Sequence[Finding], file_loc: FileLoc, *, keep_all: bool
) -> LocatedRows:
    """Turn findings into rows."""
    return LocatedRows(
        json.dumps([finding.target.number for finding in findings]),
        _products(findings),
        list(_cutouts(survey, findings, file_loc, keep_all=keep_all)),
        [
            (
                State.LOCATED if finding.choices else State.NO_COVERAGE,
                finding.reason,
                _match(finding),
                finding.target.number,
            )
            for finding in findings
        ],
        Counter(finding.route for finding in findings if finding.route),
        keep_all,
    )


def _match(finding: Finding) -> str:
    """Give how a position was matched with an object, as JSON; empty if it was not."""
    if finding.candidates is None:
        return ""
    return match_as_json(
        finding.candidates,
        finding.separation_arcsec,
        is_ambiguous=finding.is_ambiguous,
    )


def match_as_json(
    candidates: int, separation_arcsec: float | None, *, is_ambiguous: bool | None
) -> str:
    """Give how a position was matched, as the ledger keeps it."""
    return json.dumps(
        {
            "n_candidates": candidates,
            "sep_arcsec": separation_arcsec,
            "match_ambiguous": is_ambiguous,
        }
    )


def _products(findings: Sequence[Finding]) -> list[Product]:
    products = {
        (product.name, product.band): product
        for finding in findings
        for choices in finding.choices.values()
        for product in choices
    }
    return list(products.values())


def _cutouts(
    survey: Survey, findings: Sequence[Finding], file_loc: FileLoc, *, keep_all: bool
) -> Iterator[_CutoutRow]:
    for finding in findings:
        target = finding.target
        for band, choices in finding.choices.items():
            for rank, product in enumerate(choices):
                place = file_loc(survey, target, product, rank if keep_all else 0)
                yield target.number, band, rank, place, product.name, product.band


async def write_located(
    db: aiosqlite.Connection, survey: int, rows: LocatedRows
) -> Counter[State]:
    """Write what was found; tell how many jobs went to which state."""
    known = await _known_before(db, survey, rows.targets)
    await insert_products(db, survey, rows.products)
    await _insert_cutouts(db, survey, rows, known)
    moved = await _settle(db, survey, rows.jobs, known)
    await db.executemany(
        """
        INSERT INTO tally VALUES (?, 'by ' || ?, ?)
        ON CONFLICT DO UPDATE SET count = count + excluded.count
        """,
        [(survey, route, count) for route, count in rows.routes.items()],
    )
    return moved


async def _known_before(
    db: aiosqlite.Connection, survey: int, targets: str
) -> set[int]:
    """Tell which pending jobs were located before: some of their stamps may be here."""
    # Only these targets are looked at: a million jobs may be pending.
    rows = await db.execute_fetchall(
        """
        SELECT target
        FROM job AS j
        WHERE survey = ? AND target IN (SELECT value FROM json_each(?))
            AND state = 'pending'
            AND (by_position = 1 OR EXISTS (
                SELECT 1 FROM cutout WHERE survey = j.survey AND target = j.target
            ))
        """,
        (survey, targets),
    )
    return {row[0] for row in rows}


async def _insert_cutouts(
    db: aiosqlite.Connection, survey: int, rows: LocatedRows, known: Container[int]
) -> None:
    """Add what may be cut; what was found empty before stays empty.

    A target that was located before may have stamps of some bands. It gets spares only:
    settling its job asks for what is missing.
    """

    def is_wanted(target: int, rank: int) -> bool:
        return rows.keep_all or not (rank or target in known)

    await db.executemany(
        """
        INSERT INTO cutout (survey, target, band, rank, state, file_loc, product)
        SELECT ?1, ?2, ?3, ?4, ?8, ?5, number
        FROM product
        WHERE survey = ?1 AND name = ?6 AND band = ?7
        ON CONFLICT DO NOTHING
        """,
        # A generator, so that the database's thread runs it.
        (
            (survey, *row, "wanted" if is_wanted(row[0], row[2]) else "spare")
            for row in rows.cutouts
        ),
    )


async def _settle(
    db: aiosqlite.Connection,
    survey: int,
    jobs: Sequence[tuple[State, str, str, int]],
    known: Container[int],
) -> Counter[State]:
    """Move pending jobs to where what was found puts them; tell how many where.

    One statement each does for all that are located for the first time. For those
    located before, what is known already counts too.
    """
    first = [job for job in jobs if job[-1] not in known]
    moved = Counter(state for state, *_ in first)
    await db.executemany(
        """
        UPDATE job
        SET state = ?, reason = ?, match = ?, attempts = 0, due = 0
        WHERE survey = ? AND target = ? AND state = 'pending'
        """,
        ((*told, survey, target) for *told, target in first),
    )
    for *_, match, target in jobs:
        if target in known:
            await db.execute(
                "UPDATE job SET match = ? WHERE survey = ? AND target = ?",
                (match, survey, target),
            )
            state = await settle_job(db, survey, target, may_relocate=False)
            moved.update([state] if state else [])
    return moved
