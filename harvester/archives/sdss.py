"""SDSS: which field frame holds a galaxy.

The object identifiers of Galaxy Zoo name run, camcol and field, so that most
galaxies need no request at all. The others, and those whose frame turns out not
to hold them, are looked up by position: a thousand to a request, or, where that
takes fewer requests, in the table of all fields, which six queries give for good.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np

from ..errors import OutageError, TransientError
from ..events import Note
from ..importing import IMPORTING
from ..models import Finding
from ..transport.address import shown
from .bridge import Bridge
from .fields import FIELD, FieldTable, sound
from .sdss_names import CAMCOLS, RERUN, Field, count_fields, frame, observed
from .sdss_ways import sorted_by_way

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from numpy.typing import NDArray

    from ..events import Heard
    from ..models import Ask, Route, Survey, Target
    from ..transport.transport import Reply, Transport
    from .field_cache import FieldCache
    from .sdss_ways import Ways

__all__ = [
    "FIELD_QUERIES",
    "UPLOAD",
    "Sdss",
    "check_skyserver",
    "choose_route",
]

T = TypeVar("T")

#: Requests for the table of all fields, one for each camera column: it has 156,341,
#: and 500,000 rows is the most that SkyServer gives.
FIELD_QUERIES = len(CAMCOLS)

#: Rows of one CrossID upload, by its documentation.
UPLOAD = 1000

#: Radius in arcsec within which the nearest primary object names the field. It need
#: not be the galaxy itself: its field is the same, and the frame's WCS decides.
_RADIUS_ARCSEC = 30.0

#: Findings that are handed on at once.
_BATCH = 2000

#: Fields that are offered for one position, best first: bands lie some pixels apart,
#: and a frame may be missing.
_CHOICES = 3

#: Columns of Frame that are asked for; zoom 0 is the frame itself.
_ASKED = ("run", "rerun", "camcol", "field", *"abcdef", "node", "incl")


def choose_route(count: int, *, have_table: bool) -> Literal["crossid", "geometry"]:
    """Choose how so many positions are looked up: in the fewest requests.

    CrossID takes a thousand positions to a request; the table of all fields takes
    one query for each camera column, or none if it is there.
    """
    uploads = -(-count // UPLOAD)
    queries = 0 if have_table else FIELD_QUERIES
    return "crossid" if uploads < queries else "geometry"


def check_skyserver(reply: Reply) -> None:
    """Refuse what SkyServer sends with status 200 although it is no table.

    Raises
    ------
    OutageError
        An HTML page: its inner service is down, or it wants fewer queries.
    TransientError
        The database refused the query, or the table was cut short.
    """
    start = reply.body[:4096].lstrip()
    if b"error_message" in start:
        words = start.decode("utf-8", "replace")
        if "queries allowed per minute" in words:
            msg = f"SkyServer wants fewer queries: {words:.200}"
            raise OutageError("too_many_queries", msg)
        msg = f"SkyServer refused the query: {words:.300}"
        raise TransientError("query_refused", msg)
    if not start.startswith((b"#Table1", b"[", b"{")):
        words = start.decode("utf-8", "replace")
        msg = f"{shown(reply.url)} answered with a page, not a table: {words:.200}"
        raise OutageError("html", msg)
    # Every line of a table ends with a line feed, the last one too: without it rows
    # are missing, whose targets would be taken for those without a match.
    if start.startswith(b"#Table1") and not reply.body.endswith(b"\n"):
        msg = f"{shown(reply.url)} sent a table that ends in the middle of a row"
        raise TransientError("truncated", msg)


class Sdss:
    """Finds the frames of SDSS."""

    name = "sdss"
    #: A frame that an identifier named wrongly is looked up by position, once.
    may_relocate = True

    def __init__(
        self,
        transport: Transport,
        *,
        base: str,
        release: int,
        cache: FieldCache,
        heard: Heard,
    ) -> None:
        """Take the official address of the SAS, of which frame addresses are made."""
        self._bridge = Bridge(transport, check_skyserver)
        self._base = base
        self._release = release
        self._cache = cache
        self._heard = heard
        self._table: FieldTable | None = None
        #: A table may be kept on disk; it may be asked for. Both are tried once.
        self._may_be_kept = self._may_ask = True
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
        for batch in _chunks(ways.decoded, _BATCH):
            yield await asyncio.to_thread(self._decoded, survey, batch)

    async def locate(
        self, survey: Survey, asks: Sequence[Ask]
    ) -> AsyncIterator[Sequence[Finding]]:
        """Give findings as they come: decoded ones first, then request by request."""
        # A batch of identifiers takes as long to read as the event loop may be held.
        ways = await asyncio.to_thread(sorted_by_way, self._doubted(asks))
        self._note_strays(ways)
        decoded, unknown, again, _ = ways
        for batch in _chunks(decoded, _BATCH):
            yield await asyncio.to_thread(self._decoded, survey, batch)
        table = await self._table_for(len(unknown))
        for targets in _chunks(unknown, UPLOAD if table is None else _BATCH):
            if table is None:
                yield await self._cross_identify(survey, targets)
            else:
                yield await self._look_up(survey, targets, table)
        for targets in _chunks(again, UPLOAD):
            yield await self._cross_identify(survey, targets)

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
        if self._table is None and self._may_be_kept:
            self._table = await self._kept_table()
            self._may_be_kept = False
        # What was uploaded before counts too: a catalogue comes in parts, and in
        # the end no more than twice the fewest requests have been sent.
        route = choose_route(self._uploaded + count, have_table=self._table is not None)
        if self._table is None and self._may_ask and route == "geometry":
            self._table = await self._asked_table(count)
            self._may_ask = False
        return self._table

    async def _kept_table(self) -> FieldTable | None:
        kept = await asyncio.to_thread(self._cache.load)
        if kept is None:
            return None
        table, day = kept
        self._say(f"positions are looked up in the table of all fields of {day}")
        return table

    async def _asked_table(self, count: int) -> FieldTable | None:
        self._say(
            f"{count} positions: the table of all fields is asked for, "
            f"{len(CAMCOLS)} queries instead of {-(-count // UPLOAD)} uploads"
        )
        try:
            parts = [await self._ask_camcol(camcol) for camcol in CAMCOLS]
        except OutageError:
            raise
        except TransientError as error:
            self._say(f"no table of all fields, positions are uploaded: {error}")
            return None
        table = FieldTable(np.concatenate(parts))
        if not len(table) or not table.agrees():
            self._say("no table of all fields came, positions are uploaded")
            return None
        path = await asyncio.to_thread(self._cache.keep, table)
        self._say(f"{len(table)} fields are known now" + (f": {path}" if path else ""))
        return table

    async def _ask_camcol(self, camcol: int) -> NDArray[np.void]:
        query = f"SELECT {','.join(_ASKED)} FROM Frame WHERE zoom=0 AND camcol={camcol}"  # noqa: S608 - a number of ours
        return await self._bridge.ask(lambda: self._select_fields(query))

    def _select_fields(self, query: str) -> NDArray[np.void]:
        table = self._client().query_sql(query, data_release=self._release, cache=False)
        if table is None:
            return np.empty(0, FIELD)
        rows = np.empty(len(table), FIELD)
        for name in FIELD.names or ():
            rows[name] = np.ma.filled(table[name], 0)
        kept: NDArray[np.void] = rows[
            (np.asarray(table["rerun"]) == RERUN) & observed(rows) & sound(rows)
        ]
        return kept

    async def _look_up(
        self, survey: Survey, targets: Sequence[Target], table: FieldTable
    ) -> list[Finding]:
        findings = await asyncio.to_thread(self._compute, survey, targets, table)
        missing = [finding.target for finding in findings if not finding.choices]
        if missing and len(table) < count_fields():
            # A table that lacks fields cannot say that there is none.
            asked = iter(await self._cross_identify_all(survey, missing))
            return [f if f.choices else next(asked) for f in findings]
        return findings

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

    async def _cross_identify_all(
        self, survey: Survey, targets: Sequence[Target]
    ) -> list[Finding]:
        return [
            finding
            for chunk in _chunks(targets, UPLOAD)
            for finding in await self._cross_identify(survey, chunk)
        ]

    async def _cross_identify(
        self, survey: Survey, targets: Sequence[Target]
    ) -> list[Finding]:
        fields = await self._bridge.ask(lambda: self._upload(targets))
        self._uploaded += len(targets)
        return [
            self._finding(survey, target, fields.get(target.number, []), "crossid")
            for target in targets
        ]

    def _upload(self, targets: Sequence[Target]) -> dict[int, list[Field]]:
        client = self._client()
        from astropy.coordinates import SkyCoord  # noqa: PLC0415 - astroquery has it

        table = client.query_crossid(
            SkyCoord([t.ra for t in targets], [t.dec for t in targets], unit="deg"),
            radius=f"{_RADIUS_ARCSEC} arcsec",
            photoobj_fields=["run", "rerun", "camcol", "field"],
            obj_names=[f"t{target.number}" for target in targets],
            data_release=self._release,
            cache=False,
        )
        # Targets without a match have no row, and rows are in no promised order.
        return {
            int(row["name"][1:]): [
                Field(
                    int(row["run"]),
                    int(row["camcol"]),
                    int(row["field"]),
                    int(row["rerun"]),
                )
            ]
            for row in ([] if table is None else table)
        }

    @cache  # noqa: B019 - one client for the life of its one archive
    def _client(self) -> Any:  # noqa: ANN401 - astroquery has no types
        with IMPORTING:
            from astropy.table import Table  # noqa: PLC0415 - astroquery has it
            from astroquery import cache_conf  # noqa: PLC0415 - a second of import
            from astroquery.sdss import SDSSClass, field_names  # noqa: PLC0415

        # Its cache would keep an error page for good.
        cache_conf.cache_active = False
        client = SDSSClass()
        self._bridge.mount(client._session)  # noqa: SLF001 - its only door
        # It would first ask for the columns of two tables, of which it makes no use
        # where the columns are named.
        url, known = client._get_query_url(self._release), Table({"name": _ASKED})  # noqa: SLF001 - there is no public way
        for table in ("PhotoObjAll", "SpecObjAll"):
            field_names._cached_table_fields[table, url] = known  # noqa: SLF001 - as above
        return client

    def _say(self, text: str) -> None:
        self._heard(Note(f"{self.name}: {text}"))


def _best_fields(table: FieldTable, targets: Sequence[Target]) -> list[list[Field]]:
    """Give for each target the fields that hold it, best first."""
    spots = table.holding(
        np.array([target.ra for target in targets]),
        np.array([target.dec for target in targets]),
        most=_CHOICES,
    )
    found: list[list[Field]] = [[] for _ in targets]
    rows = table.rows[spots["field"]][["run", "camcol", "field"]].tolist()
    for target, row in zip(spots["target"].tolist(), rows, strict=True):
        found[target].append(Field(*row))
    return found


def _chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (items[start : start + size] for start in range(0, len(items), size))
