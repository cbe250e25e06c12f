"""The JWST files of MAST and the public bucket, in their current versions.

``POST /_reprocess`` on the port of MAST makes a new version of a file under the same
name, as the archive does: another DATE and CAL_VER, another entity tag, other pixels,
and by default an array that is larger by a pixel on every side.
"""

from __future__ import annotations

import asyncio
import hashlib
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, NamedTuple

from aiohttp import web

from ..files import lazy_response, no_such_key
from ..lazy_file import BandCache
from .cards import Edition
from .paint import i2d, i2d_size
from .rows import PRODUCT_URI, exposure_product_rows, listing, product_rows

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..lazy_file import LazyFile
    from ..mast_query import Listing
    from ..sky import Sky
    from .pointings import JwstObservation

__all__ = ["JwstArchive"]

_FITS = "application/fits"
#: Bytes of a part: the entity tag of a file in parts ends with their number.
_PART = 8 << 20
_MOSAIC, _EXPOSURE = 3, 2
#: Default pipeline version of reprocessed files.
_NEXT = "3.0.0"


class _Version(NamedTuple):
    """The current version of a file."""

    edition: Edition
    file: LazyFile
    etag: str
    last_modified: str


class JwstArchive:
    """The observations of a sky, and their files.

    Parameters
    ----------
    mast_etags
        Send entity tags with MAST's own downloads, too. There is no report of them
        from the real service.
    """

    #: Prefix of the URIs of its files.
    uri = PRODUCT_URI

    def __init__(self, sky: Sky, *, mast_etags: bool = False) -> None:
        self._sky, self._mast_etags = sky, mast_etags
        self._observations = {str(obs.obsid): obs for obs in sky.jwst}
        self._mosaics = {obs.filename: obs for obs in sky.jwst if obs.mosaic}
        self._editions = {
            name: Edition(0, obs.cal_ver) for name, obs in self._mosaics.items()
        }
        self._versions: dict[str, _Version] = {}
        self._sizes: dict[tuple[str, int], int] = {}
        self._cache = BandCache()

    def listings(self) -> list[Listing]:
        """List all observations, exposures and plans."""
        return [listing(obs) for obs in self._sky.jwst]

    def products(self, obsid: str) -> Iterable[dict[str, Any]]:
        """List the files of an observation; none for a plan or an unknown one."""
        obs = self._observations.get(obsid)
        if obs is None or obs.calib_level not in {_MOSAIC, _EXPOSURE}:
            return ()
        if obs.mosaic is None:
            return exposure_product_rows(obs, Edition(0, obs.cal_ver))
        edition = self._editions[obs.filename]
        return product_rows(obs, edition, self._size(obs, edition))

    async def download(self, request: web.Request, uri: str) -> web.StreamResponse:
        """Send a file by its URI, as ``Download/file`` does."""
        name = uri.removeprefix(PRODUCT_URI)
        if name not in self._mosaics:
            return web.Response(status=404, text=f"There is no file {uri!r}.")
        if self._mosaics[name].rights != "PUBLIC":
            return web.Response(status=401, text=f"{name} is not public yet.")
        return await self._send(request, name, is_tagged=self._mast_etags)

    async def mirrored(self, request: web.Request) -> web.StreamResponse:
        """Send a file of the public bucket by its key."""
        key = request.match_info["key"]
        name = key.rpartition("/")[2]
        if name not in self._mosaics or _key(self._mosaics[name]) != key:
            return no_such_key(key)
        return await self._send(request, name, is_tagged=True)

    def lookup(self, uri: str) -> dict[str, object]:
        """Give the entry of a file in the reply of the path lookup."""
        obs = self._mosaics.get(uri.removeprefix(PRODUCT_URI))
        key = _key(obs) if obs else ""
        if not key:
            return {"status_code": 404, "path": None}
        return {"status_code": 200, "path": f"/{key}"}

    async def reprocess(self, request: web.Request) -> web.Response:
        """Make a new version of a file; give its size and entity tag.

        The body is an object: ``file``, and if wanted ``cal_ver`` (default 3.0.0) and
        ``grow``, pixels that the array gets on every side (default 1); with 0 the
        size of the file stays, and with -1 a file that has grown shrinks again.
        """
        try:
            asked = await request.json()
            name, growth = str(asked["file"]), int(asked.get("grow", 1))
            cal_ver = str(asked.get("cal_ver", _NEXT))
        except (ValueError, TypeError, KeyError, AttributeError):
            problem = "the body must be an object with the name of a file"
            return web.json_response({"problem": problem}, status=400)
        if name not in self._mosaics:
            return web.json_response({"problem": f"no file {name!r}"}, status=404)
        old = self._editions[name]
        margin = max(0, old.margin + growth)
        self._editions[name] = Edition(old.number + 1, cal_ver, margin)
        version = await asyncio.to_thread(self._version, name)
        return web.json_response(
            {"file": name, "size": version.file.size, "etag": version.etag}
        )

    async def _send(
        self, request: web.Request, name: str, *, is_tagged: bool
    ) -> web.StreamResponse:
        version = await asyncio.to_thread(self._version, name)
        return await lazy_response(
            request,
            version.file,
            content_type=_FITS,
            etag=version.etag if is_tagged else None,
            last_modified=version.last_modified,
        )

    def _version(self, name: str) -> _Version:
        """Give the current version of a file; two threads may make it twice."""
        edition = self._editions[name]
        version = self._versions.get(name)
        if version is None or version.edition != edition:
            obs = self._mosaics[name]
            file = i2d(self._sky, obs, edition, self._cache)
            made = formatdate(edition.made(obs).timestamp(), usegmt=True)
            etag = _etag(self._sky.seed, obs, edition, file.size)
            version = _Version(edition, file, etag, made)
            self._versions[name] = version
        return version

    def _size(self, obs: JwstObservation, edition: Edition) -> int:
        known = obs.filename, edition.number
        if known not in self._sizes:
            self._sizes[known] = i2d_size(obs, edition)
        return self._sizes[known]


def _key(obs: JwstObservation) -> str:
    """Give the key of a mosaic in the bucket; empty if the bucket has no copy.

    The folder of combinations (``c1001``) is an assumption; that of single
    observations is documented.
    """
    if not obs.mirrored:
        return ""
    return f"jwst/public/jw{obs.program:05d}/L3/t/{obs.candidate}/{obs.filename}"


def _etag(seed: int, obs: JwstObservation, edition: Edition, size: int) -> str:
    # The bytes depend on these values only, so the file need not be read.
    text = f"{seed} {obs.obs_id} {edition} {size}".encode()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest()
    return f'"{digest}-{-(-size // _PART)}"'
