"""SkyServer: the results page, the search tools and the previews.

The results page forwards a request to an inner service. Errors of that service
become an HTML page with status 200, as on the real server. Asked directly, the inner
service answers the same error with its own status and JSON.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING

from aiohttp import web

from .crossid import CrossIdError, CrossIdRequest, UploadLimits
from .imgcutout import preview
from .skyserver_columns import relation
from .skyserver_sql import SqlError, Table, parse_select, run
from .tables import to_csv, to_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .photo import PhotoCatalogue

__all__ = ["routes"]

#: Characters of path and query that the server reads.
URL_LIMIT = 8192

_RESULTS = r"/{path:(?i:dr\d+/en/tools/search/x_results\.aspx)}"
_TOOLS = r"/{path:(?i:dr\d+/SkyServerWS/SearchTools/%s)}"
_IMAGE = r"/{path:(?i:dr\d+/SkyServerWS/ImgCutout/getjpeg)}"


@dataclass(frozen=True, slots=True)
class _Request:
    """What was asked: parameters by lower-case name, and the uploaded list."""

    parameters: dict[str, str]
    upload: str


def routes(photo: PhotoCatalogue, limits: UploadLimits) -> list[web.RouteDef]:
    """Make the routes of the service; paths ignore case."""
    service = _SkyServer(photo, limits)
    search, crossid = _TOOLS % "SqlSearch", _TOOLS % "CrossIdSearch"
    return [
        web.get(_RESULTS, _checked(service.results)),
        web.post(_RESULTS, _checked(service.results)),
        web.get(search, _checked(service.sql_search)),
        web.get(crossid, _checked(service.crossid_search)),
        web.post(crossid, _checked(service.crossid_search)),
        web.get(_IMAGE, _checked(service.image)),
    ]


def _checked(
    answer: Callable[[web.Request], Awaitable[web.Response]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def checked(request: web.Request) -> web.Response:
        if len(request.raw_path) > URL_LIMIT:
            text = "<h1>400 Bad request</h1>\nYour browser sent an invalid request.\n"
            return _html(f"<html><body>{text}</body></html>\n", status=400)
        return await answer(request)

    return checked


class _SkyServer:
    def __init__(self, photo: PhotoCatalogue, limits: UploadLimits) -> None:
        self._photo = photo
        self._limits = limits

    async def results(self, request: web.Request) -> web.Response:
        """Answer the page X_Results.aspx."""
        asked = await _read(request)
        tool = asked.parameters.get("searchtool", "")
        if tool.lower() not in {"sql", "crossid"}:
            page = "<html><head><title>Runtime Error</title></head></html>\n"
            return _html(page, status=500)
        work = self._sql if tool.lower() == "sql" else self._crossid
        try:
            answer = await asyncio.to_thread(work, asked)
        except CrossIdError as error:
            return _html(_ERROR_PAGE.format(escape(str(error), quote=False)))
        return _as_attachment(answer, tool)

    async def sql_search(self, request: web.Request) -> web.Response:
        """Answer the inner service SqlSearch."""
        return await self._directly(self._sql, await _read(request))

    async def crossid_search(self, request: web.Request) -> web.Response:
        """Answer the inner service CrossIdSearch; the list is the raw body."""
        query = {key.lower(): value for key, value in request.query.items()}
        asked = _Request(query, await request.text())
        return await self._directly(self._crossid, asked)

    async def _directly(
        self, work: Callable[[_Request], web.Response], asked: _Request
    ) -> web.Response:
        try:
            return await asyncio.to_thread(work, asked)
        except CrossIdError as error:
            return _bad_request(str(error))

    def _sql(self, asked: _Request) -> web.Response:
        statement = asked.parameters.get("cmd", "")
        if not statement.strip():
            msg = "The parameter cmd is missing or empty."
            raise CrossIdError(msg)
        try:
            select = parse_select(statement)
            table = run(select, relation(select, self._photo))
        except SqlError as error:
            table = _refusal(error)
        return _table(table, statement, asked)

    def _crossid(self, asked: _Request) -> web.Response:
        if not asked.upload.strip():
            msg = "Not able to parse file or list."
            raise CrossIdError(msg)
        request = CrossIdRequest.of(asked.parameters, asked.upload, self._limits)
        try:
            table = request.answer(self._photo)
        except SqlError as error:
            table = _refusal(error)
        return _table(table, request.query, asked)

    async def image(self, request: web.Request) -> web.Response:
        """Answer ImgCutout: a small colour preview without scientific value."""
        try:
            return await asyncio.to_thread(
                preview, self._photo, {k.lower(): v for k, v in request.query.items()}
            )
        except ValueError as error:
            return _bad_request(str(error))


async def _read(request: web.Request) -> _Request:
    """Take the form if there is one, else the query string."""
    parameters: dict[str, str] = {}
    upload = ""
    form = await request.post()
    for name, value in form.items():
        if isinstance(value, web.FileField):
            with value.file:
                upload = value.file.read().decode()
        elif isinstance(value, str):
            parameters[name.lower()] = value
    if not form:
        parameters = {name.lower(): value for name, value in request.query.items()}
    # A part named upload must be a file; a typed list is in a part named paste.
    return _Request(parameters, upload or parameters.get("paste", ""))


_ERROR_PAGE = (
    "<html><head>\n<title>Skyserver Error</title>\n</head><body bgcolor=white>\n"
    "<h2>An error occured</h2><H3 BGCOLOR=pink><font color=red><br>{}</font></H3>"
    "</BODY></HTML>\n"
)


def _html(page: str, *, status: int = 200) -> web.Response:
    return web.Response(text=page, status=status, content_type="text/html")


def _bad_request(message: str) -> web.Response:
    body = {
        "ErrorCode": 400,
        "ErrorType": "BadRequest",
        "ErrorMessage": message,
        "LogMessageID": None,
        "LogTime": None,
    }
    return web.json_response(body, status=400)


def _refusal(error: SqlError) -> Table:
    return Table(("error_message",), ("varchar",), [(str(error),)])


def _table(table: Table, statement: str, asked: _Request) -> web.Response:
    if asked.parameters.get("format", "csv").lower() == "json":
        text = to_json(table, statement)
        return web.Response(text=text, content_type="application/json")
    return web.Response(text=to_csv(table), content_type="text/plain")


def _as_attachment(answer: web.Response, tool: str) -> web.Response:
    now = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    answer.headers["Access-Control-Allow-Origin"] = "*"
    suffix = "json" if answer.content_type == "application/json" else "csv"
    name = f'attachment;filename="Skyserver_{tool}{now}.{suffix}"'
    answer.headers["Content-Disposition"] = name
    return answer
