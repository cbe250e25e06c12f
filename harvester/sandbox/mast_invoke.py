"""MAST's query interface: a request object is answered with a page of a table.

Invalid requests are answered with HTTP 200 and ``"status": "ERROR"``, as MAST does.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from aiohttp import web

from .mast_columns import DISTANCE, OBSERVATIONS, PRODUCTS, MastColumn, fields
from .mast_query import ObservationTable, QueryError
from .mast_rows import product_rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .hst_listed import HstListed
    from .jwst.archive import JwstArchive

    Row = Mapping[str, Any]

__all__ = ["Invoke", "form_of"]

#: Defaults: rows of a page, and radius of a cone in degrees.
_PAGE_SIZE = 1000
_CONE_DEG = 0.2
_COUNT = "COUNT_BIG(*)"
#: Largest radius and coordinates that make sense, in degrees.
_MOST_DEG, _RA_LIMIT, _DEC_LIMIT = 180.0, 360.0, 90.0


async def form_of(request: web.Request) -> dict[str, list[str]]:
    """Parse the form of a POST, or the query string of a GET."""
    text = await request.text() if request.method == "POST" else request.query_string
    return parse_qs(text, keep_blank_values=True)


class Invoke:
    """Answers ``/api/v0/invoke``.

    Parameters
    ----------
    hst
        The observations of HST.
    executing
        How often a new query is answered with ``EXECUTING`` before its result.
    """

    def __init__(
        self, hst: HstListed, executing: int, jwst: JwstArchive | None = None
    ) -> None:
        self._hst, self._jwst = hst, jwst
        self._listed = self._make_table()
        self._executing = executing
        self._asked: Counter[str] = Counter()

    def _make_table(self) -> tuple[int, ObservationTable]:
        others = self._jwst.listings() if self._jwst else ()
        return len(self._hst.now), ObservationTable(self._hst.now, others)

    @property
    def _table(self) -> ObservationTable:
        if self._listed[0] != len(self._hst.now):
            self._listed = self._make_table()
        return self._listed[1]

    async def reply(self, request: web.Request) -> web.Response:
        """Answer one request."""
        text = (await form_of(request)).get("request", [""])[0]
        try:
            query = _parsed(text)
            if self._is_running(text, query):
                answer = {"status": "EXECUTING", "msg": "", "data": [], "fields": []}
            else:
                answer = await asyncio.to_thread(self._answer, query)
        except QueryError as error:
            answer = {"status": "ERROR", "msg": str(error), "data": [], "fields": []}
        return web.json_response(answer)

    def _is_running(self, text: str, query: Mapping[str, Any]) -> bool:
        # A poll repeats the request exactly, including its cachebreaker.
        if query.get("clearcache"):
            self._asked.pop(text, None)
        self._asked[text] += 1
        return self._asked[text] <= self._executing

    def _answer(self, query: Mapping[str, Any]) -> dict[str, Any]:
        params = query.get("params") or {}
        match query.get("service"):
            case "Mast.Caom.Filtered":
                rows = self._table.filtered(params.get("filters") or [])
                return _table(query, rows, OBSERVATIONS)
            case "Mast.Caom.Filtered.Position":
                at = _position(str(params.get("position", "")))
                rows = self._table.around(*at, params.get("filters") or [])
                return _table(query, rows, OBSERVATIONS + DISTANCE)
            case "Mast.Caom.Cone":
                names = ("ra", "dec", "radius")
                cone = (
                    params.get(n, _CONE_DEG if n == "radius" else "") for n in names
                )
                at = _position(",".join(map(str, cone)))
                return _table(
                    query, self._table.around(*at, []), OBSERVATIONS + DISTANCE
                )
            case "Mast.Caom.Products":
                return _table(query, self._products(str(params.get("obsid"))), PRODUCTS)
            case name:
                msg = f"The service {name!r} does not exist."
                raise QueryError(msg)

    def _products(self, obsids: str) -> list[Row]:
        wanted = [obsid.strip() for obsid in obsids.split(",") if obsid.strip()]
        for obsid in wanted:
            if not obsid.isdecimal():
                # The words of SQL Server, which MAST passes on.
                msg = "Error converting data type varchar to bigint."
                raise QueryError(msg)
        return [row for obsid in dict.fromkeys(wanted) for row in self._files(obsid)]

    def _files(self, obsid: str) -> Iterable[Row]:
        if obs := self._hst.find(obsid):
            return product_rows(obs)
        return self._jwst.products(obsid) if self._jwst else ()


def _parsed(text: str) -> dict[str, Any]:
    try:
        query = json.loads(text)
    except ValueError as error:
        msg = f"The request is no JSON: {error}"
        raise QueryError(msg) from None
    if not isinstance(query, dict):
        msg = "The request must be an object."
        raise QueryError(msg)
    if query.get("format", "json") not in {"json", "extjs"}:
        msg = f"The sandbox does not write {query['format']!r}, only json."
        raise QueryError(msg)
    return query


def _position(text: str) -> tuple[float, float, float]:
    """Read ``"ra, dec, radius"`` in degrees."""
    try:
        ra, dec, radius = (float(word) for word in text.replace(",", " ").split())
    except ValueError:
        msg = f"A position is 'ra, dec, radius' in degrees, not {text!r}."
        raise QueryError(msg) from None
    if abs(ra) > _RA_LIMIT or abs(dec) > _DEC_LIMIT or not 0 <= radius <= _MOST_DEG:
        msg = f"There is no such place on the sky: {text!r}."
        raise QueryError(msg)
    return ra % 360.0, dec, radius


def _table(
    query: Mapping[str, Any], rows: Sequence[Row], columns: Sequence[MastColumn]
) -> dict[str, Any]:
    """Give the page of the table that the query asks for."""
    asked = str((query.get("params") or {}).get("columns") or "*").strip()
    if asked.upper() == _COUNT:
        rows, columns = [{"Column1": len(rows)}], _COUNT_COLUMNS
    else:
        columns = _chosen(asked, columns)
    size, page = _whole(query, "pagesize", _PAGE_SIZE), _whole(query, "page", 1)
    shown = rows[size * (page - 1) : size * page]
    return {
        "status": "COMPLETE",
        "msg": "",
        "data": [{c.name: row[c.name] for c in columns} for row in shown],
        "fields": fields(columns),
        "paging": {
            "page": page,
            "pageSize": size,
            "pagesFiltered": max(1, math.ceil(len(rows) / size)),
            "rows": len(shown),
            "rowsFiltered": len(rows),
            "rowsTotal": len(rows),
        },
    }


#: The count is in a column without a name of its own.
_COUNT_COLUMNS = (MastColumn("Column1", "string", "", ""),)


def _chosen(asked: str, columns: Sequence[MastColumn]) -> list[MastColumn]:
    if asked == "*":
        return list(columns)
    known = {column.name.lower(): column for column in columns}
    names = [name.strip() for name in asked.split(",")]
    for name in names:
        if name.lower() not in known:
            msg = f"Invalid column name '{name}'."
            raise QueryError(msg)
    return [known[name.lower()] for name in names]


def _whole(query: Mapping[str, Any], name: str, usual: int) -> int:
    value = query.get(name, usual)
    try:
        number = int(value)
    except (TypeError, ValueError):
        number = 0
    if number < 1:
        msg = f"{name} must be a number from 1, not {value!r}."
        raise QueryError(msg)
    return number
