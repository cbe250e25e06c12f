"""Answers as HTTP has them: files of the page, tags, compression, numbers asked for."""

from __future__ import annotations

from contextlib import suppress
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from aiohttp import web

from .shared import PageAnswer

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["answered", "file_of_page", "number_of", "run_of"]

_Run = TypeVar("_Run")

#: The files of the page, in the folder ``static``, by their endings.
_KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
_KINDS |= {".svg": "image/svg+xml"}


def number_of(request: web.Request, name: str) -> int:
    """Read a whole number of the query; -1 if it is not there."""
    text = request.query.get(name, "-1")
    try:
        return int(text)
    except ValueError:
        raise web.HTTPBadRequest(text=f"{name} is no whole number.") from None


def run_of(request: web.Request, runs: Sequence[_Run]) -> _Run:
    """Give the run that the address names by its number."""
    with suppress(ValueError, IndexError):
        number = int(request.match_info["run"])
        if number >= 0:
            return runs[number]
    raise web.HTTPNotFound(text="There is no such run on this page.")


def file_of_page(name: str) -> PageAnswer:
    """Give a file of the folder ``static``, and no other."""
    folder = files(__package__).joinpath("static")
    if name not in {one.name for one in folder.iterdir()}:
        raise web.HTTPNotFound(text="There is no such file.")
    kind = _KINDS[Path(name).suffix]
    return PageAnswer(folder.joinpath(name).read_bytes(), kind)


def answered(request: web.Request, answer: PageAnswer) -> web.Response:
    """Send an answer, unless the browser has it already."""
    tag = f'"{answer.tag}"'
    is_good = answer.status == web.HTTPOk.status_code
    if is_good and request.headers.get("If-None-Match") == tag:
        return web.Response(status=304, headers={"ETag": tag})
    response = web.Response(status=answer.status, headers={"ETag": tag})
    response.content_type = answer.kind
    if answer.packed and "gzip" in request.headers.get("Accept-Encoding", ""):
        response.body = answer.packed
        response.headers["Content-Encoding"] = "gzip"
    else:
        response.body = answer.body
    if answer.kind.startswith("text/"):
        response.charset = "utf-8"
    return response
