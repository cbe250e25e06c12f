"""What the tests of the page share: a run, and its page."""

from __future__ import annotations

import pytest
from aiohttp import ClientSession
from page_run import write_ledger

from harvester.status.page.address import ListenAddress
from harvester.status.page.server import serving
from harvester.status.page.shown_run import shown_runs


@pytest.fixture(name="write_ledger")
def _write_ledger():
    """Give the function that makes the ledger of a run."""
    return write_ledger


@pytest.fixture
async def ask():
    """Give a function that asks a page for an address, with headers."""
    async with ClientSession() as session:

        async def get(page, path, **headers):
            async with session.get(page.url + path, headers=headers) as reply:
                return reply, await reply.read()

        yield get


@pytest.fixture
async def page_of():
    """Give a function that serves the page of these runs."""
    opened = []

    async def serve(*all_places):
        page = serving(shown_runs(all_places), ListenAddress("127.0.0.1", 0))
        opened.append(page)
        return await page.__aenter__()

    yield serve
    for page in opened:
        await page.__aexit__(None, None, None)
