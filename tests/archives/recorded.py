"""A loopback server with recorded replies, behind the real transport."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from urllib.parse import unquote

from aiohttp import web
from aiohttp.test_utils import TestServer

from harvester.settings.settings import SERVICES
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport


@asynccontextmanager
async def serving(answer):
    """Serve ``answer(request) -> bytes`` for every path; give the transport to it."""

    async def handle(request):
        return web.Response(body=await answer(request))

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/")).rstrip("/")
        async with reaching(dict.fromkeys(SERVICES, url)) as transport:
            yield transport


@asynccontextmanager
async def reaching(urls):
    """Give a transport without pauses for services at these addresses."""
    services = [
        Service(name, base, urls[name], Manners(1000, {}))
        for name, base in SERVICES.items()
    ]
    async with Transport(
        services, version="test", limits=Limits(tries=1, patience_s=1)
    ) as transport:
        yield transport


async def mast_request(request):
    """Give the JSON of a Mashup request; None for another request."""
    form = (await request.read()).decode()
    if not form.startswith("request="):
        return None
    return json.loads(unquote(form.removeprefix("request=")))
