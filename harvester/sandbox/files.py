"""Serve files as a web server does: HEAD, Range, If-Range and ETag."""

from __future__ import annotations

import asyncio
import hashlib
import re
from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import Payload, web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.abc import AbstractStreamWriter

    from .lazy_file import LazyFile

__all__ = [
    "LAST_MODIFIED",
    "LazyBody",
    "etag_of",
    "file_response",
    "lazy_response",
    "no_such_key",
]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
#: Date of all files of a sandbox (2026-01-01): the same at every start.
LAST_MODIFIED = formatdate(1_767_225_600, usegmt=True)
#: Bytes up to which a computed body is held as a whole, as all others are; and bytes
#: of a larger one that are computed at a time.
_HELD, _PIECE = 64 << 20, 4 << 20
_OK, _PARTIAL, _UNSATISFIABLE, _UNCHANGED = 200, 206, 416, 304


def etag_of(body: bytes) -> str:
    """Make the quoted entity tag of a file."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def file_response(
    request: web.Request,
    body: bytes,
    *,
    content_type: str = "application/octet-stream",
    etag: str | None = None,
) -> web.Response:
    """Answer a GET or HEAD for a file, or for the part of it that is asked for.

    Parameters
    ----------
    etag
        The quoted entity tag. With ``None`` no tag is sent, and a client cannot
        detect that the file changed between two requests.
    """
    answer = _answer(request, len(body), content_type, etag, LAST_MODIFIED)
    if answer.is_empty:
        return web.Response(status=answer.status, headers=answer.headers)
    # For HEAD, aiohttp sends the length of the body but not the body.
    part = body[answer.start : answer.stop]
    return web.Response(status=answer.status, body=part, headers=answer.headers)


async def lazy_response(
    request: web.Request,
    file: LazyFile,
    *,
    content_type: str = "application/octet-stream",
    etag: str | None = None,
    last_modified: str = LAST_MODIFIED,
) -> web.Response:
    """Answer like `file_response` for a file whose bytes are computed.

    A body of more than 64 MiB is computed piece by piece while it is sent.
    """
    answer = _answer(request, file.size, content_type, etag, last_modified)
    if answer.is_empty:
        return web.Response(status=answer.status, headers=answer.headers)
    body: bytes | LazyBody = LazyBody(file, answer.start, answer.stop)
    if answer.stop - answer.start <= _HELD and request.method != "HEAD":
        body = await asyncio.to_thread(file.read, answer.start, answer.stop)
    return web.Response(status=answer.status, body=body, headers=answer.headers)


class LazyBody(Payload):
    """Part of a lazy file as the body of a response."""

    def __init__(self, file: LazyFile, start: int, stop: int) -> None:
        super().__init__(file)
        self._file, self._start, self._stop = file, start, stop
        self._size = stop - start

    async def pieces(self) -> AsyncIterator[bytes]:
        """Compute the bytes, a few megabytes at a time."""
        for start in range(self._start, self._stop, _PIECE):
            stop = min(start + _PIECE, self._stop)
            yield await asyncio.to_thread(self._file.read, start, stop)

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Send all of it."""
        async for piece in self.pieces():
            await writer.write(piece)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Refuse: the body is binary."""
        raise NotImplementedError


class _Answer(NamedTuple):
    """Status, headers and range of the answer for a file."""

    status: int
    headers: dict[str, str]
    start: int
    stop: int

    @property
    def is_empty(self) -> bool:
        """Whether no part of the file is sent."""
        return self.status in {_UNSATISFIABLE, _UNCHANGED}


def _answer(
    request: web.Request,
    length: int,
    content_type: str,
    etag: str | None,
    last_modified: str,
) -> _Answer:
    headers = {"Accept-Ranges": "bytes", "Content-Type": content_type}
    if etag is not None:
        headers |= {"ETag": etag, "Last-Modified": last_modified}
        if etag in request.headers.get("If-None-Match", ""):
            return _Answer(_UNCHANGED, headers, 0, length)
    wanted = _wanted(request, length, (etag, last_modified))
    if request.method == "HEAD" or wanted is None:
        return _Answer(_OK, headers, 0, length)
    start, stop = wanted
    if start >= stop:
        headers["Content-Range"] = f"bytes */{length}"
        return _Answer(_UNSATISFIABLE, headers, 0, length)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{length}"
    return _Answer(_PARTIAL, headers, start, stop)


def _wanted(
    request: web.Request, length: int, versions: tuple[str | None, str]
) -> tuple[int, int] | None:
    """Parse Range: None means the whole file, an empty range that none can be sent."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    condition = request.headers.get("If-Range")
    if match is None or (condition and condition not in versions):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        return (max(0, length - int(last)), length) if last else None
    stop = min(length, int(last) + 1) if last else length
    return int(first), stop


def no_such_key(key: str) -> web.Response:
    """Answer 404 as the bucket does for a key that does not exist."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>There is no such key.</Message><Key>{escape(key)}</Key></Error>"
    )
    return web.Response(status=404, text=text, content_type="application/xml")
