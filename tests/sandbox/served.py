"""Serve sandbox routes, and make the real astroquery ask there."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager, contextmanager
from urllib.parse import quote

import pytest
from aiohttp import web
from astroquery import cache_conf
from astroquery.mast import Observations
from astroquery.mast.discovery_portal import PortalAPI

from harvester.sandbox.files import file_response

__all__ = ["ask", "counted", "redirected", "serving", "serving_file"]


@contextmanager
def serving(routes):
    """Serve in a separate thread, because astroquery blocks; yield the address."""
    ready, told = threading.Event(), {}

    async def serve():
        app = web.Application()
        app.add_routes(routes)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        told["stop"], told["loop"] = asyncio.Event(), asyncio.get_running_loop()
        told["url"] = "http://{}:{}".format(*runner.addresses[0])
        ready.set()
        await told["stop"].wait()
        await runner.cleanup()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield told["url"]
    finally:
        told["loop"].call_soon_threadsafe(told["stop"].set)
        thread.join()


@asynccontextmanager
async def serving_file(front, body):
    """Serve one file at every path through a front; yield the port."""

    async def answer(request: web.Request) -> web.Response:
        return file_response(request, body, etag='"one"')

    runner = web.AppRunner(
        front.application([web.get("/{name}", answer)]),
        access_log=None,
        handler_cancellation=True,
        shutdown_timeout=0.1,
    )
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield runner.addresses[0][1]
    await runner.cleanup()


@contextmanager
def redirected(url):
    """Yield astroquery's MAST client, redirected to an address, without its cache."""
    addresses = {
        "MAST_REQUEST_URL": f"{url}/api/v0/invoke",
        "COLUMNS_CONFIG_URL": f"{url}/portal/Mashup/Mashup.asmx/columnsconfig",
        "MAST_DOWNLOAD_URL": f"{url}/api/v0.1/Download/file",
        "MAST_BUNDLE_URL": f"{url}/api/v0.1/Download/bundle",
        "_column_configs": {},
    }
    with (
        pytest.MonkeyPatch.context() as patch,
        cache_conf.set_temp("cache_active", False),
    ):
        for name, value in addresses.items():
            patch.setattr(PortalAPI, name, value)
        yield Observations
    Observations._portal_api_connection._session.close()


async def ask(http, service, params, **more):
    """Post one request object and return the answer."""
    query = {"service": service, "params": params, "format": "json", **more}
    body = "request=" + quote(json.dumps(query))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    async with http.post("/api/v0/invoke", data=body, headers=kind) as response:
        assert response.status == 200
        return await response.json()


async def counted(counters):
    """Wait until every request is counted, which can be after its client has it all."""
    async with asyncio.timeout(30):
        while counters._open:
            await asyncio.sleep(0.005)
