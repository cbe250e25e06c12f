"""Jobs that a user wants to be tried again: which ones, and what becomes of them."""

from __future__ import annotations

import difflib
import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from ..errors import InputError
from ..models import Survey
from .moves import settle_job
from .substitutes import OF_CHOSEN, want_better

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import aiosqlite

__all__ = ["RetryChoice", "check_ids", "survey_numbers", "take_up"]

#: Identifiers of failed galaxies that are compared with one that is unknown.
_COMPARED = 2_000


@dataclass(frozen=True, slots=True)
class RetryChoice:
    """Which jobs are tried again; all failed ones by default."""

    #: A glob of the reason for which they failed.
    reason: str = "*"
    #: Surveys as the run names them (``sdss:g,r``), or archives; empty: all.
    surveys: tuple[str, ...] = ()
    #: Identifiers of galaxies, as the catalogue spells them; empty: all.
    ids: tuple[str, ...] = ()
    #: At most so many, the first ones of the catalogue; None: all.
    limit: int | None = None
    #: Instead of failed jobs those whose stamp is of a second-best image.
    better: bool = False

    @classmethod
    def from_json(cls, facts: Mapping[str, Any]) -> Self:
        """Make it of its fields, with lists in place of tuples."""
        lists = {name: tuple(facts[name]) for name in ("surveys", "ids")}
        return cls(**{**facts, **lists})


def survey_numbers(known: Mapping[str, int], wanted: Sequence[str]) -> list[int]:
    """Give the numbers of surveys that are named by themselves or by their archive.

    Raises
    ------
    InputError
        The run has no such survey; the message has the most similar name.
    """
    names = {name: [number] for name, number in known.items()}
    for name, number in known.items():
        names.setdefault(Survey.parse(name).archive, []).append(number)
    for one in wanted:
        if one not in names:
            meant = _meant(one, names)
            msg = f"the run has no survey {one!r}.{meant} Surveys: {', '.join(known)}"
            raise InputError(msg)
    return [number for one in wanted for number in names[one]]


async def check_ids(db: aiosqlite.Connection, ids: Sequence[str]) -> None:
    """Refuse identifiers that are not in the catalogue.

    Raises
    ------
    InputError
        The message has the first of them, and the most similar failed galaxy.
    """
    found = await db.execute_fetchall(
        "SELECT id FROM target WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(ids),),
    )
    for one in sorted(set(ids) - {row[0] for row in found}):
        failed = await db.execute_fetchall(
            """
            SELECT DISTINCT t.id
            FROM job AS j INDEXED BY job_failed
            CROSS JOIN target AS t ON t.number = j.target
            WHERE j.state = 'failed'
            LIMIT ?
            """,
            (_COMPARED,),
        )
        meant = _meant(one, [row[0] for row in failed])
        msg = f"the catalogue has no galaxy {one!r}.{meant} Nothing was changed"
        raise InputError(msg)


def _meant(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]}?" if close else ""


async def take_up(
    db: aiosqlite.Connection, choice: RetryChoice, surveys: Sequence[int]
) -> Counter[int]:
    """Make the chosen jobs due again; count them by the number of their survey.

    ``surveys`` are the numbers of those that are wanted; empty: all.
    """
    work = _take_up_substitutes if choice.better else _take_up_failed
    facts = {
        "reason": choice.reason,
        "surveys": json.dumps(surveys) if surveys else None,
        "ids": json.dumps(choice.ids) if choice.ids else None,
        "most": -1 if choice.limit is None else choice.limit,
    }
    jobs = await work(db, facts)
    return Counter(survey for survey, _ in jobs)


async def _take_up_failed(
    db: aiosqlite.Connection, facts: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """Make failed jobs pending, so that they are located again.

    Their cutouts are dropped; but those of a stamp that exists are kept, because they
    tell whether it is of the best product.
    """
    rows = await db.execute_fetchall(
        f"""
        UPDATE job
        SET state = 'pending', attempts = 0, due = 0, reason = ''
        WHERE (survey, target) IN (
            SELECT survey, target
            FROM job INDEXED BY job_failed
            WHERE state = 'failed' AND reason GLOB :reason
                AND {OF_CHOSEN}
            ORDER BY survey, target
            LIMIT :most
        )
        RETURNING survey, target
        """,  # noqa: S608 - a constant
        facts,
    )
    jobs = [(row[0], row[1]) for row in rows]
    await db.executemany(
        """
        DELETE FROM cutout AS c
        WHERE survey = ? AND target = ? AND NOT EXISTS (
            SELECT 1
            FROM cutout
            WHERE survey = c.survey AND target = c.target
                AND file_loc = c.file_loc AND state = 'done'
        )
        """,
        jobs,
    )
    return jobs


async def _take_up_substitutes(
    db: aiosqlite.Connection, facts: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """Ask again for the best product where a stamp is of another."""
    jobs = await want_better(db, facts)
    for survey, target in jobs:
        await settle_job(db, survey, target, may_relocate=False)
    return jobs
