"""The webhook: what is posted, how often it is tried, and what the log says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from harvester.transport.webhook import Webhook

_SECRET = "CANARY"


@asynccontextmanager
async def receiving(*statuses, wait_s=0.0):
    """Take posts and answer with these statuses, then 200; give address and posts."""
    posts, left = [], list(statuses)

    async def take(request: web.Request) -> web.Response:
        posts.append(await request.json())
        await asyncio.sleep(wait_s)
        headers = {"Location": "/elsewhere"}
        return web.Response(status=left.pop(0) if left else 200, headers=headers)

    application = web.Application()
    application.add_routes([web.post(f"/{_SECRET}", take)])
    runner = web.AppRunner(application, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield "http://{}:{}/{}".format(*runner.addresses[0], _SECRET), posts
    await runner.cleanup()


async def test_message():
    """A message is posted once as JSON."""
    async with receiving() as (url, posts):
        assert await Webhook(url).post({"text": "é"})
    assert posts == [{"text": "é"}]


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_trouble_that_passes(status):
    """A message is tried again after trouble that may pass."""
    async with receiving(status, status) as (url, posts):
        assert await Webhook(url, pauses_s=(0, 0)).post({"text": "a"})
    assert len(posts) == 3


@pytest.mark.parametrize("status", [400, 404, 302])
async def test_wrong_address(status, caplog):
    """A message that is refused is not sent again, and no redirect is followed."""
    async with receiving(status) as (url, posts):
        assert not await Webhook(url, pauses_s=(0, 0)).post({"text": "a"})
    assert len(posts) == 1
    assert f"answered {status}" in caplog.text
    assert _SECRET not in caplog.text


async def test_few_tries(caplog):
    """A message is lost after three tries."""
    async with receiving(*[500] * 9) as (url, posts):
        assert not await Webhook(url, pauses_s=(0, 0)).post({"text": "a"})
    assert len(posts) == 3
    assert "is lost" in caplog.text


async def test_silent_receiver(caplog):
    """A receiver that does not answer is not waited for long."""
    async with receiving(wait_s=600) as (url, _):
        assert not await Webhook(url, try_s=0.05, pauses_s=()).post({"text": "a"})
    assert "no answer within 0.05 s" in caplog.text


async def test_nobody_listens(caplog):
    """An address at which nothing listens raises nothing."""
    webhook = Webhook(f"http://127.0.0.1:9/{_SECRET}", pauses_s=(0,))
    assert not await webhook.post({"text": "a"})
    assert "127.0.0.1" in caplog.text
    assert _SECRET not in caplog.text
