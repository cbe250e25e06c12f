"""MAST for the sandbox: queries, downloads, and the copies in the public bucket."""

from __future__ import annotations

import asyncio
import shlex
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from aiohttp import web
from astropy.io import fits

from . import hdus
from .files import etag_of, file_response, no_such_key
from .hst_listed import HstListed
from .mast_columns import config
from .mast_invoke import Invoke, form_of
from .mast_rows import HLA_URI, PRODUCT_URI, twin_of
from .paint_hst import drz

if TYPE_CHECKING:
    from collections.abc import Callable

    from .jwst.archive import JwstArchive
    from .pointings import Observation
    from .sky import Sky
    from .store import SandboxFrameStore

__all__ = ["routes", "s3_routes"]

#: The real path lookup accepts so many URIs in one request.
_MOST_LOOKUPS = 50
_FITS = "application/fits"
#: A file without Content-Length is sent in pieces of so many bytes.
_PIECE = 1 << 18


def routes(
    sky: Sky,
    store: SandboxFrameStore,
    *,
    executing: int = 0,
    hst: HstListed | None = None,
    jwst: JwstArchive | None = None,
) -> list[web.RouteDef]:
    """Give the routes of mast.stsci.edu.

    Parameters
    ----------
    hst
        The observations of HST; by default all of the sky.
    executing
        How often a new query is answered with ``EXECUTING`` before its result.
    jwst
        The JWST observations and files to serve; by default none.
    """
    hst = hst or HstListed(sky.observations)
    invoke = Invoke(hst, executing, jwst)
    downloads = _Downloads(sky, store, hst, jwst)
    reprocess = [web.post("/_reprocess", jwst.reprocess)] if jwst else []
    return [
        web.post("/portal/Mashup/Mashup.asmx/columnsconfig", _columns_config),
        web.get("/portal/Mashup/Mashup.asmx/columnsconfig", _columns_config),
        web.post("/api/v0/invoke", invoke.reply),
        web.get("/api/v0/invoke", invoke.reply),
        web.get("/api/v0.1/Download/file", downloads.file),
        web.post("/api/v0.1/Download/file", downloads.file),
        web.get("/api/v0.1/Download/bundle.sh", _bundle_script),
        web.post("/api/v0.1/Download/bundle.sh", _bundle_script),
        web.get("/api/v0.1/path_lookup/", downloads.paths),
        web.get("/whoami", _who_am_i),
        web.post("/_observe", hst.observe),
        *reprocess,
    ]


def s3_routes(
    sky: Sky,
    store: SandboxFrameStore,
    *,
    hst: HstListed | None = None,
    jwst: JwstArchive | None = None,
) -> list[web.RouteDef]:
    """Give the routes of the public bucket, in the path style of its addresses."""
    mirrored = _Downloads(sky, store, hst or HstListed(sky.observations)).mirrored
    routes = [web.get("/stpubdata/hst/public/{folder}/{obs_id}/{name}", mirrored)]
    if jwst:
        routes.append(web.get("/stpubdata/{key:jwst/public/.+}", jwst.mirrored))
    return routes


async def _columns_config(request: web.Request) -> web.Response:
    form = await form_of(request)
    return web.json_response(config(form.get("colConfigId", [""])[0]))


async def _who_am_i(_: web.Request) -> web.Response:
    attributes = {"display_name": "Anonymous", "email": None}
    return web.json_response({"anon": True, "attrib": attributes})


async def _bundle_script(request: web.Request) -> web.Response:
    """Answer with a shell script that downloads the files one by one."""
    address = f"{request.scheme}://{request.host}/api/v0.1/Download/file?uri="
    uris = (await form_of(request)).get("uri", [])
    lines = [
        f"curl --globoff --location-trusted -f -C - --create-dirs "
        f"--output {shlex.quote(uri.rpartition('/')[2])} {shlex.quote(address + uri)}"
        for uri in uris
    ]
    text = "\n".join(["#!/bin/sh", *lines, ""])
    return web.Response(text=text, content_type="application/x-sh")


class _File(NamedTuple):
    """A file that can be downloaded."""

    obs: Observation
    name: str
    make: Callable[[], bytes]

    @property
    def key(self) -> str:
        """Its key in the public bucket; empty if the bucket has no copy."""
        obs_id = self.obs.obs_id
        key = f"hst/public/{obs_id[:4]}/{obs_id}/{self.name}"
        return key if self.obs.mirrored else ""


class _Downloads:
    """The files of all observations."""

    def __init__(
        self,
        sky: Sky,
        store: SandboxFrameStore,
        hst: HstListed,
        jwst: JwstArchive | None = None,
    ) -> None:
        self._store = store
        self._hst = hst
        self._jwst = jwst
        self._etags: dict[str, str] = {}
        self._files: dict[str, _File] = {}
        #: URI of the Legacy Archive's version -> name of the same image here.
        self._twins: dict[str, str] = {}
        for obs in sky.observations:
            asn = f"{obs.obs_id}_asn.fits"
            self._files[obs.filename] = _File(obs, obs.filename, partial(drz, sky, obs))
            self._files[asn] = _File(obs, asn, partial(_association, obs))
            if twin := twin_of(obs):
                self._twins[f"{HLA_URI}{twin}_drz.fits"] = obs.filename

    async def file(self, request: web.Request) -> web.StreamResponse:
        """Send the file whose URI is in the query string or in a form."""
        uri = request.query.get("uri") or (await form_of(request)).get("uri", [""])[0]
        if uri in self._twins and self._file(self._twins[uri]):
            return await self._made_on_the_fly(request, self._twins[uri])
        if self._jwst and uri.startswith(self._jwst.uri):
            return await self._jwst.download(request, uri)
        name = uri.removeprefix(PRODUCT_URI)
        if name == uri or (file := self._file(name)) is None:
            return web.Response(status=404, text=f"There is no file {uri!r}.")
        if file.obs.rights != "PUBLIC":
            return web.Response(status=401, text=f"{name} is not public yet.")
        # No entity tag: there is no report of one from MAST.
        return file_response(request, await self._body(name), content_type=_FITS)

    async def mirrored(self, request: web.Request) -> web.Response:
        """Send a file of the public bucket."""
        name = request.match_info["name"]
        file = self._file(name)
        key = request.path.removeprefix("/stpubdata/")
        if file is None or file.key != key:
            return no_such_key(key)
        body = await self._body(name)
        etag = self._etags.get(name)
        if etag is None:
            etag = self._etags[name] = await asyncio.to_thread(etag_of, body)
        return file_response(request, body, content_type=_FITS, etag=etag)

    async def paths(self, request: web.Request) -> web.Response:
        """Give the paths in the bucket of some URIs."""
        uris = request.query.getall("uri", [])
        if len(uris) > _MOST_LOOKUPS:
            return web.Response(status=414, text="URI Too Long")
        found = {uri: self._lookup(uri) for uri in uris}
        return web.json_response(found)

    def _file(self, name: str) -> _File | None:
        """Give a file that exists by now."""
        file = self._files.get(name)
        return file if file and self._hst.find(str(file.obs.obsid)) else None

    async def _body(self, name: str) -> bytes:
        return await self._store.get(f"hst/{name}", self._files[name].make)

    async def _made_on_the_fly(
        self, request: web.Request, name: str
    ) -> web.StreamResponse:
        """Send a file without Content-Length; such a download cannot be resumed."""
        body = await self._body(name)
        response = web.StreamResponse(headers={"Content-Type": _FITS})
        response.enable_chunked_encoding()
        await response.prepare(request)
        if request.method != "HEAD":
            for start in range(0, len(body), _PIECE):
                await response.write(body[start : start + _PIECE])
        await response.write_eof()
        return response

    def _lookup(self, uri: str) -> dict[str, object]:
        if self._jwst and uri.startswith(self._jwst.uri):
            return self._jwst.lookup(uri)
        file = self._file(uri.removeprefix(PRODUCT_URI))
        if file is None or not file.key or not uri.startswith(PRODUCT_URI):
            return {"status_code": 404, "path": None}
        return {"status_code": 200, "path": f"/{file.key}"}


def _association(obs: Observation) -> bytes:
    """Make the association table: the exposures that make up an observation."""
    names = [member.upper() for member in obs.members] + [obs.filename[:9].upper()]
    roles = ["EXP-DTH"] * len(obs.members) + ["PROD-DTH"]
    columns = [
        fits.Column("MEMNAME", "14A", array=np.array(names)),
        fits.Column("MEMTYPE", "14A", array=np.array(roles)),
        fits.Column("MEMPRSNT", "L", array=np.ones(len(names), bool)),
    ]
    return hdus.primary({}) + hdus.table(columns, {"EXTNAME": "ASN"})
