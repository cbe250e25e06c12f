"""Serve files as a web server does: HEAD, Range, If-Range and ETag."""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import contextmanager
from contextvars import ContextVar
from email.utils import formatdate
from html import escape
from typing import TYPE_CHECKING, NamedTuple

from aiohttp import Payload, web

from .byte_ranges import RangeSupport, asked_ranges, content_range, multipart

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from aiohttp.abc import AbstractStreamWriter

    from .byte_ranges import ByteRange
    from .lazy_file import LazyFile

__all__ = [
    "LAST_MODIFIED",
    "LazyBody",
    "Replacement",
    "etag_of",
    "file_response",
    "lazy_response",
    "no_such_key",
]

#: Date of all files of a sandbox (2026-01-01): the same at every start.
LAST_MODIFIED = formatdate(1_767_225_600, usegmt=True)
#: Date of files that a fault replaced: a month later.
_REPLACED_AT = formatdate(1_769_904_000, usegmt=True)
#: Bytes up to which a computed body is held as a whole, as all others are; and bytes
#: of a larger one that are computed at a time.
_HELD, _PIECE = 64 << 20, 4 << 20
_OK, _PARTIAL, _UNSATISFIABLE, _UNCHANGED = 200, 206, 416, 304


def etag_of(body: bytes) -> str:
    """Make the quoted entity tag of a file."""
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


class Replacement(NamedTuple):
    """The file that is served instead of another one."""

    body: bytes
    #: Whether it has the entity tag and the date of the old file.
    is_quiet: bool

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Make `file_response` serve it, in this task, while the block runs."""
        token = _instead.set(self)
        try:
            yield
        finally:
            _instead.reset(token)


#: The file that the request in hand is answered with, if a fault has replaced it.
_instead: ContextVar[Replacement | None] = ContextVar("replacement", default=None)


def file_response(
    request: web.Request,
    body: bytes,
    *,
    content_type: str = "application/octet-stream",
    etag: str | None = None,
    support: RangeSupport = RangeSupport.ONE,
) -> web.Response:
    """Answer a GET or HEAD for a file, or for the parts of it that are asked for.

    Parameters
    ----------
    etag
        The quoted entity tag. With ``None`` no tag is sent, and a client cannot
        detect that the file changed between two requests.
    support
        Whether ranges are sent, and more than one at a time.
    """
    modified = LAST_MODIFIED
    if (other := _instead.get()) is not None:
        body = other.body
        if not other.is_quiet:
            etag, modified = etag and etag_of(body), _REPLACED_AT
    answer = _answer(request, len(body), content_type, (etag, modified), support)
    if answer.is_empty:
        return web.Response(status=answer.status, headers=answer.headers)
    # For HEAD, aiohttp sends the length of the body but not the body.
    part = body[slice(*answer.ranges[0])]
    if len(answer.ranges) > 1:
        part, content_type = multipart(body, answer.ranges, content_type)
        answer.headers["Content-Type"] = content_type
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
    answer = _answer(request, file.size, content_type, (etag, last_modified))
    if answer.is_empty:
        return web.Response(status=answer.status, headers=answer.headers)
    start, stop = answer.ranges[0]
    body: bytes | LazyBody = LazyBody(file, start, stop)
    if stop - start <= _HELD and request.method != "HEAD":
        body = await asyncio.to_thread(file.read, start, stop)
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
    """Status, headers and ranges of the answer for a file."""

    status: int
    headers: dict[str, str]
    #: The parts that are sent; the whole file is one, too.
    ranges: list[ByteRange]

    @property
    def is_empty(self) -> bool:
        """Whether no part of the file is sent."""
        return self.status in {_UNSATISFIABLE, _UNCHANGED}


def _answer(
    request: web.Request,
    length: int,
    content_type: str,
    version: tuple[str | None, str],
    support: RangeSupport = RangeSupport.ONE,
) -> _Answer:
    etag, modified = version
    whole = [(0, length)]
    accepted = "none" if support is RangeSupport.NONE else "bytes"
    headers = {"Accept-Ranges": accepted, "Content-Type": content_type}
    if etag is not None:
        headers |= {"ETag": etag, "Last-Modified": modified}
        if etag in request.headers.get("If-None-Match", ""):
            return _Answer(_UNCHANGED, headers, whole)
    ranges = _ranges(request, length, version, support.most)
    if ranges is None:
        return _Answer(_OK, headers, whole)
    if not ranges:
        headers["Content-Range"] = f"bytes */{length}"
        return _Answer(_UNSATISFIABLE, headers, whole)
    if len(ranges) == 1:
        headers["Content-Range"] = content_range(ranges[0], length)
    return _Answer(_PARTIAL, headers, ranges)


def _ranges(
    request: web.Request, length: int, version: tuple[str | None, str], most: int
) -> list[ByteRange] | None:
    """Give the parts of a file that are asked for; None means the whole file."""
    condition = request.headers.get("If-Range")
    if request.method == "HEAD" or (condition and condition not in version):
        return None
    return asked_ranges(request.headers.get("Range", ""), length, most)


def no_such_key(key: str) -> web.Response:
    """Answer 404 as the bucket does for a key that does not exist."""
    text = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>NoSuchKey</Code>'
        f"<Message>There is no such key.</Message><Key>{escape(key)}</Key></Error>"
    )
    return web.Response(status=404, text=text, content_type="application/xml")
