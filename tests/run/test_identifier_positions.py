"""Positions of identifiers, before a run has its ledger."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp.test_utils import TestServer

from harvester.run.identifier_positions import positions_of
from harvester.settings.settings import load_settings

#: An object of DR8, in a field that was observed.
_ID = str((2 << 59) | (301 << 48) | (1739 << 32) | (3 << 29) | (315 << 16))


async def test_asks_the_archive():
    """The archive is asked by its own section: its release, at its address."""
    queries = []

    async def handle(request):
        queries.append((request.path, request.query["cmd"]))
        return web.Response(text=f"#Table1\nobjID,ra,dec\n{_ID},150.5,2.25\n")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        settings = load_settings(
            services={"sdss_sky": {"base_url": str(server.make_url("/sky"))}},
            sdss={"release": 16},
            politeness={"contact": "me@example.org"},
        )
        look_up = positions_of(settings, lambda _: None)
        places = await asyncio.to_thread(look_up, "sdss", [_ID])
    ((path, query),) = queries
    assert places == {_ID: (150.5, 2.25)}
    assert "/dr16/" in path
    assert _ID in query
