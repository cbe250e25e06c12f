"""The Science Archive Server: frames at the addresses of each data release."""

from __future__ import annotations

import bz2
import re
from typing import TYPE_CHECKING, Protocol

from aiohttp import web

from .byte_ranges import RangeSupport
from .files import etag_of, file_response
from .paint_sdss import sdss_frame
from .scans import FieldKey

if TYPE_CHECKING:
    from .sky import Sky
    from .store import SandboxFrameStore

__all__ = [
    "FrameSource",
    "SyntheticFrames",
    "frame_name",
    "parse_frame_name",
    "routes",
]

_FRAME = (
    r"/sas/dr{release:\d+}/{folder:[\w/-]+}/photoObj/frames/301/"
    r"{run:\d+}/{camcol:[1-6]}/{name}"
)
_NAME = re.compile(r"frame-([ugriz])-(\d{6})-([1-6])-(\d{4})\.fits\.bz2")
#: Last data release -> folder of its frames, and of the releases before it.
_FOLDERS = (
    (8, ""),  # DR8 is no longer served
    (12, "boss"),
    (17, "eboss"),
    (99, "prior-surveys/sdss4-dr17-eboss"),
)


class FrameSource(Protocol):
    """Where the compressed frames come from."""

    async def frame(self, key: FieldKey, band: str) -> bytes | None:
        """Give the compressed bytes of a frame, or None if there is no such frame."""


class SyntheticFrames:
    """Frames painted from the synthetic sky, each compressed once."""

    def __init__(self, sky: Sky, store: SandboxFrameStore) -> None:
        self._sky = sky
        self._store = store

    async def frame(self, key: FieldKey, band: str) -> bytes | None:
        """Give a frame, painting it if it is asked for the first time."""
        if key not in self._sky.fields:
            return None

        def make() -> bytes:
            return bz2.compress(sdss_frame(self._sky, key, band))

        return await self._store.get(frame_name(key, band), make)


def frame_name(key: FieldKey, band: str) -> str:
    """Give the archive's file name of a frame."""
    return f"frame-{band}-{key.run:06d}-{key.camcol}-{key.field:04d}.fits.bz2"


def parse_frame_name(name: str) -> tuple[FieldKey, str] | None:
    """Parse field and band from the name of a frame; None for other names."""
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    return FieldKey(int(match[2]), int(match[3]), int(match[4])), match[1]


def routes(
    source: FrameSource, support: RangeSupport = RangeSupport.SEVERAL
) -> list[web.RouteDef]:
    """Make the routes of the service."""
    tags: dict[tuple[FieldKey, str], str] = {}

    async def frame(request: web.Request) -> web.Response:
        key, band = _asked(request)
        body = await source.frame(key, band)
        if body is None:
            raise web.HTTPNotFound
        # Computing the tag for each request would cost more than sending the file.
        tag = tags.get((key, band)) or tags.setdefault((key, band), etag_of(body))
        return file_response(
            request,
            body,
            content_type="application/x-bzip2",
            etag=tag,
            support=support,
        )

    return [web.get(_FRAME, frame)]


def _asked(request: web.Request) -> tuple[FieldKey, str]:
    """Parse the address; answer 404 if its parts contradict each other."""
    asked = request.match_info
    found = parse_frame_name(asked["name"])
    folder = next(f for last, f in _FOLDERS if min(int(asked["release"]), 99) <= last)
    if found is None or folder != asked["folder"]:
        raise web.HTTPNotFound
    if (str(found[0].run), str(found[0].camcol)) != (asked["run"], asked["camcol"]):
        raise web.HTTPNotFound
    return found
