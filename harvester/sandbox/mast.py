"""MAST for the sandbox: queries, downloads, and the public bucket's copy of HST."""

from __future__ import annotations

import asyncio
import shlex
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from aiohttp import web
from astropy.io import fits

from . import hdus
from .files import etag_of, file_response
from .mast_columns import config
from .mast_invoke import Invoke, form_of
from .mast_rows import HLA_URI, PRODUCT_URI, product_rows
from .paint_hst import drz

if TYPE_CHECKING:
    from collections.abc import Callable

    from .pointings import Observation
    from .sky import Sky
    from .store import FrameStore

__all__ = ["routes", "s3_routes"]

#: Names that the real path lookup takes in one request.
_MOST_LOOKUPS = 50
_FITS = "application/fits"
_KEY = "hst/public/{folder}/{obs_id}/{name}"
#: Bytes that a file made on the fly is sent in.
_PIECE = 1 << 18
_URI_TOO_LONG = 414


def routes(sky: Sky, store: FrameStore, *, executing: int = 0) -> list[web.RouteDef]:
    """Give the routes of mast.stsci.edu.

    Parameters
    ----------
    executing
        How often a new query is answered with ``EXECUTING`` before its result.
    """
    invoke, downloads = Invoke(sky, executing), _Downloads(sky, store)
    return [
        web.post("/portal/Mashup/Mashup.asmx/columnsconfig", _columns_config),
        web.get("/portal/Mashup/Mashup.asmx/columnsconfig", _columns_config),
        web.post("/api/v0/invoke", invoke),
        web.get("/api/v0/invoke", invoke),
        web.get("/api/v0.1/Download/file", downloads.file),
        web.post("/api/v0.1/Download/file", downloads.file),
        web.get("/api/v0.1/Download/bundle.sh", _bundle_script),
        web.post("/api/v0.1/Download/bundle.sh", _bundle_script),
        web.get("/api/v0.1/path_lookup/", downloads.paths),
        web.get("/whoami", _who_am_i),
    ]


def s3_routes(sky: Sky, store: FrameStore) -> list[web.RouteDef]:
    """Give the routes of the public bucket, in the path style of its addresses."""
    path = "/stpubdata/" + _KEY
    return [web.get(path, _Downloads(sky, store).mirrored)]


async def _columns_config(request: web.Request) -> web.Response:
    form = await form_of(request)
    return web.json_response(config(form.get("colConfigId", [""])[0]))


async def _who_am_i(_: web.Request) -> web.Response:
    attributes = {"display_name": "Anonymous", "email": None}
    return web.json_response({"anon": True, "attrib": attributes})


async def _bundle_script(request: web.Request) -> web.Response:
    """Answer with a script that downloads files one by one."""
    address = f"{request.scheme}://{request.host}/api/v0.1/Download/file?uri="
    uris = (await form_of(request)).get("uri", [])
    lines = [
        f"curl --globoff --location-trusted -f -C - --create-dirs "
        f"--output {shlex.quote(uri.rpartition('/')[2])} {shlex.quote(address + uri)}"
        for uri in uris
    ]
    text = "\n".join(["#!/bin/sh", *lines, ""])
    return web.Response(text=text, content_type="application/x-sh")


class _Downloads:
    """The files of all observations."""

    def __init__(self, sky: Sky, store: FrameStore) -> None:
        self._store = store
        self._etags: dict[str, str] = {}
        #: File name -> observation, and what makes the file.
        self._files: dict[str, tuple[Observation, Callable[[], bytes]]] = {}
        #: Legacy Archive's name -> name of the same image here.
        self._twins: dict[str, str] = {}
        for obs in sky.observations:
            self._files[obs.filename] = obs, partial(drz, sky, obs)
            self._files[f"{obs.obs_id}_asn.fits"] = obs, partial(_association, obs)
            self._twins |= {
                row["dataURI"]: obs.filename
                for row in product_rows(obs)
                if row["dataURI"].startswith(HLA_URI)
            }
