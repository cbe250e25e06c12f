"""SDSS: which field frame holds a galaxy.

The object identifiers of Galaxy Zoo name run, camcol and field, so that most
galaxies need no request at all. The others, and those whose frame turns out not
to hold them, are looked up by position: a thousand to a request, or, where that
takes fewer requests, in the table of all fields, which six queries give for good.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import OutageError, PermanentError, TransientError
from ...events import Note
from ...models import Finding
from ..batches import chunks
from .crossid import CHOICES, UPLOAD, CrossId
from .field_query import FIELD_QUERIES, FieldQuery
from .names import Field, count_fields, decode, frame
from .skyserver import SkyServer, is_unreachable
from .skyserver_reply import check_skyserver
from .ways import sorted_by_way

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from ...events import Listener
    from ...models import Ask, Route, Survey, Target
    from ...transport.transport import Transport
    from .field_cache import FieldCache
    from .fields import FieldTable
    from .ways import Ways

__all__ = [
    "FIELD_QUERIES",
    "UPLOAD",
    "Sdss",
    "check_skyserver",
    "choose_route",
]

#: Findings that are handed on at once.
_BATCH = 2000


def choose_route(count: int, *, have_table: bool) -> Literal["crossid", "geometry"]:
    """Choose how so many positions are looked up: in the fewest requests.

    CrossID takes 999 positions to a request; the table of all fields takes one query
    for each camera column, or none if it is there.
    """
    uploads = -(-count // UPLOAD)
    queries = 0 if have_table else FIELD_QUERIES
    return "crossid" if uploads < queries else "geometry"


class Sdss:
    """Finds the frames of SDSS."""

    name = "sdss"

    def __init__(
        self,
        transport: Transport,
        *,
        base: str,
        release: int,
        cache: FieldCache,
        listener: Listener,
    ) -> None:
        """Take the official address of the SAS, of which frame addresses are made."""
        skyserver = SkyServer(transport, release=release)
        self._crossid = CrossId(skyserver)
        self._query = FieldQuery(skyserver)
        self._base = base
        self._release = release
        self._cache = cache
        self._heard = listener
        self._table: FieldTable | None = None
        #: A table may be kept on disk, which was not looked for yet.
        self._may_be_kept = True
        #: Why some positions could not be uploaded, since locating began.
        self._trouble: TransientError | PermanentError | None = None
        #: Positions that were uploaded so far: they count for the table.
        self._uploaded = 0
        #: Targets whose identifiers cannot be right: their neighbours have told.
        self._strays: set[int] = set()

    async def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings of those whose identifiers name their fields."""
        # A batch of identifiers takes as long to read as the event loop may be held.
        ways = await asyncio.to_thread(sorted_by_way, self._doubted(asks))
        self._note_strays(ways)
        for batch in chunks(ways.decoded, _BATCH):
            yield await asyncio.to_thread(self._decoded, survey, batch)

    async def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings as they come: decoded ones first, then request by request."""
        # A batch of identifiers takes as long to read as the event loop may be held.
        ways = await asyncio.to_thread(sorted_by_way, self._doubted(asks))
        self._note_strays(ways)
        decoded, unknown, again, _ = ways
        for batch in chunks(decoded, _BATCH):
            yield await asyncio.to_thread(self._decoded, survey, batch)
        unanswered = 0
        self._trouble = None
        async for targets, findings in self._by_position(survey, unknown, again):
            unanswered += len(targets) - len(findings)
            yield findings
        if unanswered and self._trouble:
            raise self._trouble
        if unanswered:
            msg = (
                f"what SkyServer says of {unanswered} positions makes no sense, "
                "although they were asked for again: these galaxies wait"
            )
            raise OutageError("bad_rows", msg)

    def may_relocate(self, identifier: str) -> bool:
        """Whether the identifier names a field, which then was the wrong one."""
        return decode(identifier) is not None

    async def _by_position(
        self, survey: Survey, unknown: Sequence[Target], again: Sequence[Target]
    ) -> AsyncIterator[tuple[Sequence[Target], list[Finding]]]:
        """Give some targets at a time, with findings for all that have an answer."""
        start = 0
        while start < len(unknown):
            table = await self._table_for(len(unknown) - start)
            if table is None:
                targets = unknown[start : start + UPLOAD]
                yield targets, await self._cross_identify(survey, targets)
            else:
                targets = unknown[start : start + _BATCH]
                yield targets, await self._look_up(survey, targets, table)
            start += len(targets)
        for targets in chunks(again, UPLOAD):
            yield targets, await self._cross_identify(survey, targets)

    def _note_strays(self, ways: Ways) -> None:
        if ways.strays:
            self._strays.update(one.number for one in ways.unknown[-ways.strays :])
            self._say(
                f"{ways.strays} identifiers name fields far from their galaxies: "
                "these are looked up by position"
            )

    def _doubted(self, asks: Sequence[Ask]) -> list[Ask]:
        # What told them from the others is located by now, and not among these.
        known = self._strays
        return [
            replace(a, by_position=True) if a.target.number in known else a
            for a in asks
        ]

    def _decoded(
        self, survey: Survey, named: Sequence[tuple[Target, Field]]
    ) -> list[Finding]:
        return [
            self._finding(survey, target, [field], "identifier")
            for target, field in named
        ]

    def _finding(
        self, survey: Survey, target: Target, fields: Sequence[Field], route: Route
    ) -> Finding:
        if not fields:
            return Finding(target, {}, route)
        choices = {
            band: [frame(self._base, self._release, band, field) for field in fields]
            for band in survey.bands
        }
        return Finding(target, choices, route)

    # -- by the table of all fields ----------------------------------------------

    async def _table_for(self, count: int) -> FieldTable | None:
        if not count:
            return None
        await self._look_for_kept_table()
        # What was uploaded before counts too: a catalogue comes in parts, and in
        # the end no more than twice the fewest requests have been sent.
        route = choose_route(self._uploaded + count, have_table=self._table is not None)
        if self._table is None and self._query.may_ask and route == "geometry":
            self._say(
                f"{count} positions: the table of all fields is asked for, "
                f"{FIELD_QUERIES} queries instead of {-(-count // UPLOAD)} uploads"
            )
            try:
                await self._ask_for_table()
            except (TransientError, PermanentError) as error:
                if is_unreachable(error):
                    raise
                self._say(f"no table of all fields, positions are uploaded: {error}")
        return self._table

    async def _look_for_kept_table(self) -> None:
        if self._table is None and self._may_be_kept:
            self._may_be_kept = False
            kept = await asyncio.to_thread(self._cache.load)
            if kept is not None:
                self._table, day = kept
                self._say(
                    f"positions are looked up in the table of all fields of {day}"
                )

    async def _ask_for_table(self) -> FieldTable:
        table = self._table = await self._query.ask()
        path = await asyncio.to_thread(self._cache.keep, table)
        self._say(f"{len(table)} fields are known now" + (f": {path}" if path else ""))
        return table

    async def _look_up(
        self, survey: Survey, targets: Sequence[Target], table: FieldTable
    ) -> list[Finding]:
        """Give findings for all targets but those that have no answer."""
        findings = await asyncio.to_thread(self._compute, survey, targets, table)
        missing = [finding.target for finding in findings if not finding.choices]
        if not missing or _is_whole(table):
            return findings
        # A table that lacks fields cannot say that there is none.
        asked = {f.target.number: f for f in await self._ask_again(survey, missing)}
        told = (f if f.choices else asked.get(f.target.number) for f in findings)
        return [finding for finding in told if finding is not None]

    async def _ask_again(
        self, survey: Survey, targets: Sequence[Target]
    ) -> list[Finding]:
        # One failed upload is enough: the next would wait hours for the same outage.
        if self._trouble:
            return []
        try:
            return await self._upload(survey, targets)
        except (TransientError, PermanentError) as error:
            self._trouble = error
            return []

    def _compute(
        self, survey: Survey, targets: Sequence[Target], table: FieldTable
    ) -> list[Finding]:
        return [
            self._finding(survey, target, fields, "geometry")
            for target, fields in zip(
                targets, _best_fields(table, targets), strict=True
            )
        ]

    # -- by CrossID --------------------------------------------------------------

    async def _cross_identify(
        self, survey: Survey, targets: Sequence[Target]
    ) -> list[Finding]:
        """Give findings for all targets but those that have no answer."""
        try:
            return await self._upload(survey, targets)
        except (TransientError, PermanentError) as error:
            table = await self._table_instead(error)
            self._trouble = error
        findings = await asyncio.to_thread(self._compute, survey, targets, table)
        return [f for f in findings if f.choices or _is_whole(table)]

    async def _upload(self, survey: Survey, targets: Sequence[Target]) -> list[Finding]:
        fields = await self._crossid.find(targets)
        self._uploaded += len(targets)
        return [
            self._finding(survey, target, fields[target.number], "crossid")
            for target in targets
            if target.number in fields
        ]

    async def _table_instead(
        self, error: TransientError | PermanentError
    ) -> FieldTable:
        """Give the table of all fields, which serves where no upload is answered."""
        await self._look_for_kept_table()
        if self._table is not None:
            return self._table
        if not self._query.may_ask or is_unreachable(error):
            raise error
        self._say(f"the table of all fields is asked for: {error}")
        try:
            return await self._ask_for_table()
        except (TransientError, PermanentError) as other:
            self._say(f"no table of all fields: {other}")
            raise error from other

    def _say(self, text: str) -> None:
        self._heard(Note(f"{self.name}: {text}"))


def _best_fields(table: FieldTable, targets: Sequence[Target]) -> list[list[Field]]:
    """Give for each target the fields that hold it, best first."""
    spots = table.holding(
        np.array([target.ra for target in targets]),
        np.array([target.dec for target in targets]),
        most=CHOICES,
    )
    found: list[list[Field]] = [[] for _ in targets]
    rows = table.rows[spots["field"]][["run", "camcol", "field"]].tolist()
    for target, row in zip(spots["target"].tolist(), rows, strict=True):
        found[target].append(Field(*row))
    return found


def _is_whole(table: FieldTable) -> bool:
    return len(table) >= count_fields()
