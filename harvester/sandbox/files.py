"""Answer for a whole file the way a web server does: HEAD, Range, If-Range, ETag."""

from __future__ import annotations

import hashlib
import re
from email.utils import formatdate

from aiohttp import web

__all__ = ["LAST_MODIFIED", "etag_of", "file_response"]

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")
#: All files of a sandbox are as old as this (2026-01-01): the same on every start.
LAST_MODIFIED = formatdate(1_767_225_600, usegmt=True)
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
        The quoted entity tag; with ``None`` the server has none, and a resumed
        download cannot be told from a changed file.
    """
    headers = {"Accept-Ranges": "bytes", "Content-Type": content_type}
    if etag is not None:
        headers |= {"ETag": etag, "Last-Modified": LAST_MODIFIED}
        if etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=_UNCHANGED, headers=headers)
    if request.method == "HEAD":
        # aiohttp leaves the body out and states its length.
        return web.Response(body=body, headers=headers)
    wanted = _wanted(request, len(body), etag)
    if wanted is None:
        return web.Response(body=body, headers=headers)
    start, stop = wanted
    if start >= stop:
        headers["Content-Range"] = f"bytes */{len(body)}"
        return web.Response(status=_UNSATISFIABLE, headers=headers)
    headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(body)}"
    return web.Response(status=_PARTIAL, body=body[start:stop], headers=headers)


def _wanted(
    request: web.Request, length: int, etag: str | None
) -> tuple[int, int] | None:
    """Give the range that is asked for, empty if it is impossible, None for all."""
    match = _RANGE.fullmatch(request.headers.get("Range", "").replace(" ", ""))
    condition = request.headers.get("If-Range")
    if match is None or (condition and condition not in (etag, LAST_MODIFIED)):
        return None
    first, last = match.groups()
    if not first:  # the last so many bytes
        return (max(0, length - int(last)), length) if last else None
    stop = min(length, int(last) + 1) if last else length
    return int(first), stop
