"""The locator of SDSS: which frames show a galaxy.

The object identifiers of Galaxy Zoo name run, camcol and field, so that most galaxies
need no request. The others, and those whose frame does not show them, are looked up
by position: 999 in one CrossID request, or in the table of all fields if that takes
fewer requests. The table takes six queries and is then kept.

If stamps are to have a PSF, SkyServer is asked for the fits of their fields: see
`psf_facts`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from ...errors import OutageError, PermanentError, TransientError
from ...events import Note, counted
from ...models import Finding
from ..batches import chunks
from .crossid import CHOICES, UPLOAD, CrossId
from .field_query import FIELD_QUERIES, FieldQuery
from .names import Field, count_fields, decode, frame
from .psf_facts import PsfFacts
from .routes import sort_by_route
from .skyserver import SkyServer, is_unreachable
from .skyserver_reply import check_skyserver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from ...events import Listener
    from ...models import Ask, Product, Route, Survey, Target
    from ...transport.transport import Transport
    from .field_cache import FieldCache
    from .fields import FieldTable
    from .routes import Routes

__all__ = [
    "FIELD_QUERIES",
    "UPLOAD",
    "Sdss",
    "check_skyserver",
    "choose_route",
]

#: Findings in one batch.
_BATCH = 2000


def choose_route(count: int, *, have_table: bool) -> Literal["crossid", "geometry"]:
    """Choose how to look up ``count`` positions with the fewest requests.

    CrossID takes 999 positions in a request. The table of all fields takes one query
    for each camera column, or none with ``have_table``.
    """
    uploads = -(-count // UPLOAD)
    queries = 0 if have_table else FIELD_QUERIES
    return "crossid" if uploads < queries else "geometry"


class Sdss:
    """Locates galaxies in the frames of SDSS."""

    name = "sdss"

    def __init__(
        self,
        transport: Transport,
        *,
        base: str,
        release: int,
        cache: FieldCache,
        listener: Listener,
        has_psf: bool = False,
    ) -> None:
        """Take as ``base`` the official address of the SAS, the start of frame URLs.

        With ``has_psf`` the PSF of frames is asked for.
        """
        skyserver = SkyServer(transport, release=release)
        self._psf = PsfFacts(skyserver, self._say) if has_psf else None
        self._crossid = CrossId(skyserver)
        self._query = FieldQuery(skyserver)
        self._base = base
        self._release = release
        self._cache = cache
        self._listener = listener
        self._table: FieldTable | None = None
        #: Whether the cache on disk was not read yet.
        self._may_load = True
        #: The last error of an upload in this call of `locate`.
        self._error: TransientError | PermanentError | None = None
        #: Positions uploaded so far; they count in the choice of the table.
        self._uploaded = 0
        #: Numbers of targets whose identifiers contradict those of their neighbours.
        self._outliers: set[int] = set()

    async def recognise(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings for targets whose identifiers name their fields."""
        # Decoding a batch of identifiers would block the event loop for too long.
        routes = await asyncio.to_thread(sort_by_route, self._doubted(asks))
        self._note(routes)
        for batch in chunks(routes.decoded, _BATCH):
            yield await asyncio.to_thread(self._decoded, survey, batch)

    async def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings as they come: decoded ones first, then request by request.

        Raises
        ------
        OutageError, TransientError, PermanentError
            Some positions have no answer; their targets stay without a finding.
        """
        # Decoding a batch of identifiers would block the event loop for too long.
        routes = await asyncio.to_thread(sort_by_route, self._doubted(asks))
        self._note(routes)
        decoded, by_position, by_crossid, _ = routes
        for batch in chunks(decoded, _BATCH):
            yield await asyncio.to_thread(self._decoded, survey, batch)
        unanswered = 0
        self._error = None
        async for targets, findings in self._by_position(
            survey, by_position, by_crossid
        ):
            unanswered += len(targets) - len(findings)
            yield findings
        if unanswered and self._error:
            raise self._error
        if unanswered:
            msg = (
                f"SkyServer gave unusable rows for {unanswered} position(s), twice. "
                "These galaxies stay pending; run harvester resume later"
            )
            raise OutageError("bad_rows", msg)

    async def describe(
        self, survey: Survey, products: Sequence[Product]
    ) -> Mapping[str, str]:
        """Give the fit of the PSF of each frame, if stamps are to have a PSF."""
        return await self._psf.of(survey.bands, products) if self._psf else {}

    def may_relocate(self, identifier: str) -> bool:
        """Whether the identifier names a field; then that field was wrong."""
        return decode(identifier) is not None

    async def _by_position(
        self,
        survey: Survey,
        by_position: Sequence[Target],
        by_crossid: Sequence[Target],
    ) -> AsyncIterator[tuple[Sequence[Target], list[Finding]]]:
        """Give batches of targets, each with the findings that have an answer."""
        start = 0
        while start < len(by_position):
            table = await self._table_for(len(by_position) - start)
            if table is None:
                targets = by_position[start : start + UPLOAD]
                yield targets, await self._cross_identify(survey, targets)
            else:
                targets = by_position[start : start + _BATCH]
                yield targets, await self._look_up(survey, targets, table)
            start += len(targets)
        for targets in chunks(by_crossid, UPLOAD):
            yield targets, await self._cross_identify(survey, targets)

    def _note(self, routes: Routes) -> None:
        if routes.decoded:
            target, _ = routes.decoded[0]
            self._crossid.suggest_canary(target.ra, target.dec)
        if routes.outliers:
            outliers = routes.by_position[-routes.outliers :]
            self._outliers.update(target.number for target in outliers)
            self._say(
                f"the identifiers of {counted(routes.outliers, 'galaxy', 'galaxies')} "
                "name fields far from their positions: located by position instead"
            )

    def _doubted(self, asks: Sequence[Ask]) -> list[Ask]:
        # Later calls lack the neighbours that an outlier was compared with, because
        # they are located already. So outliers are remembered.
        known = self._outliers
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
        await self._load_cached_table()
        # Count earlier uploads too, because a catalogue comes in parts. So a run sends
        # at most twice as many requests as needed.
        route = choose_route(self._uploaded + count, have_table=self._table is not None)
        if self._table is None and self._query.may_ask and route == "geometry":
            self._say(
                f"{count:,} positions to look up: fetching the table of all fields, "
                f"{FIELD_QUERIES} queries instead of {-(-count // UPLOAD)} uploads"
            )
            try:
                await self._ask_for_table()
            except (TransientError, PermanentError) as error:
                if is_unreachable(error):
                    raise
                self._say(
                    f"the table of all fields cannot be fetched: {error}; positions "
                    "are uploaded to CrossID instead"
                )
        return self._table

    async def _load_cached_table(self) -> None:
        if self._table is None and self._may_load:
            self._may_load = False
            kept = await asyncio.to_thread(self._cache.load)
            if kept is not None:
                self._table, day = kept
                self._say(
                    f"positions are looked up in the table of all fields kept on {day}"
                )

    async def _ask_for_table(self) -> FieldTable:
        table = self._table = await self._query.ask()
        path = await asyncio.to_thread(self._cache.keep, table)
        place = f", kept in {path}" if path else ""
        self._say(f"the table of all fields has {len(table):,} fields{place}")
        return table

    async def _look_up(
        self, survey: Survey, targets: Sequence[Target], table: FieldTable
    ) -> list[Finding]:
        """Give findings for the targets that have an answer."""
        findings = await asyncio.to_thread(self._compute, survey, targets, table)
        missing = [finding.target for finding in findings if not finding.choices]
        if not missing or _is_whole(table):
            return findings
        # An incomplete table does not prove that no field holds a target.
        uploaded = {f.target.number: f for f in await self._try_upload(survey, missing)}
        best = (f if f.choices else uploaded.get(f.target.number) for f in findings)
        return [finding for finding in best if finding is not None]

    async def _try_upload(
        self, survey: Survey, targets: Sequence[Target]
    ) -> list[Finding]:
        # After one failed upload, the next could wait hours for the same outage.
        if self._error:
            return []
        try:
            return await self._upload(survey, targets)
        except (TransientError, PermanentError) as error:
            self._error = error
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
        """Give findings for the targets that have an answer."""
        try:
            return await self._upload(survey, targets)
        except (TransientError, PermanentError) as error:
            table = await self._table_after_failure(error)
            self._error = error
        findings = await asyncio.to_thread(self._compute, survey, targets, table)
        return [f for f in findings if f.choices or _is_whole(table)]

    async def _upload(self, survey: Survey, targets: Sequence[Target]) -> list[Finding]:
        found = await self._crossid.find(targets)
        self._uploaded += len(targets)
        return [
            replace(
                self._finding(survey, target, matched.fields, "crossid"),
                candidates=matched.candidates,
                separation_arcsec=matched.separation_arcsec,
                is_ambiguous=matched.is_ambiguous,
            )
            for target in targets
            if (matched := found.get(target.number)) is not None
        ]

    async def _table_after_failure(
        self, error: TransientError | PermanentError
    ) -> FieldTable:
        """Give the table of all fields in place of an upload that has failed."""
        await self._load_cached_table()
        if self._table is not None:
            return self._table
        if not self._query.may_ask or is_unreachable(error):
            raise error
        self._say(
            f"positions cannot be uploaded: {error}; fetching the table of all fields"
        )
        try:
            return await self._ask_for_table()
        except (TransientError, PermanentError) as other:
            self._say(f"the table of all fields cannot be fetched either: {other}")
            raise error from other

    def _say(self, text: str) -> None:
        self._listener(Note(f"{self.name}: {text}"))


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
