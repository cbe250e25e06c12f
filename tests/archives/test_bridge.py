"""The bridge: all requests of astroquery go through the transport."""

from __future__ import annotations

import asyncio
import threading
from contextlib import asynccontextmanager

import pytest
import requests
from aiohttp import web
from recorded import serving

from harvester.archives.bridge import Bridge, json_of
from harvester.archives.mast.archive import check_mast
from harvester.archives.sdss.archive import check_skyserver
from harvester.errors import HarvesterError, OutageError
from harvester.transport.transport import Reply

_URL = "https://mast.stsci.edu/api"


@asynccontextmanager
async def bridged():
    """Give a bridge, a session mounted on it, and the requests."""
    asked = []

    async def answer(request):
        asked.append(request)
        return b"{}"

    async with serving(answer) as transport:
        bridge = Bridge(transport, lambda *_: None)
        session = requests.Session()
        bridge.mount(session)
        yield bridge, session, asked


async def test_no_password_of_the_users(tmp_path, monkeypatch):
    """Passwords in ~/.netrc are not sent."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine mast.stsci.edu login me password CANARY\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(_URL) == ("me", "CANARY")
    async with bridged() as (bridge, session, asked):
        await bridge.ask(lambda: session.get(_URL))
    assert "Authorization" not in asked[0].headers


async def test_no_password_of_astroquerys():
    """Secrets that astroquery adds are not sent; other headers are."""
    sent = {"Proxy-Authorization": "CANARY", "Accept": "a/b", "User-Agent": "theirs"}
    async with bridged() as (bridge, session, asked):
        await bridge.ask(lambda: session.get(_URL, headers=sent, auth=("me", "CANARY")))
    headers = asked[0].headers
    assert headers["Accept"] == "a/b"
    assert headers["User-Agent"].startswith("harvester/")
    assert not {"Authorization", "Proxy-Authorization"} & set(headers)


async def test_nothing_sent_after_a_stop():
    """A call cancelled between two requests does not send the second."""
    parsing, goes_on, over = asyncio.Event(), threading.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    ends = []
    async with bridged() as (bridge, session, asked):

        def call():
            session.get(_URL)
            loop.call_soon_threadsafe(parsing.set)
            goes_on.wait()
            try:
                session.get(_URL)
            except HarvesterError as error:
                ends.append(error.reason)
            finally:
                loop.call_soon_threadsafe(over.set)

        asking = asyncio.create_task(bridge.ask(call))
        await parsing.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        # The next call neither waits for the stopped one nor lets it go on.
        answer = await bridge.ask(lambda: session.get(f"{_URL}/next"))
        goes_on.set()
        await over.wait()
    assert answer.status_code == 200
    assert ends == ["stopped"]
    assert [request.path for request in asked] == ["/api", "/api/next"]


@pytest.mark.parametrize("check", [json_of, check_mast, check_skyserver])
def test_no_secret_in_messages(check):
    """Error messages show addresses without secrets."""
    url = "https://mast.stsci.edu/api?uri=a&token=CANARY"
    with pytest.raises(HarvesterError, match=r"mast\.stsci\.edu/api\?uri=a") as caught:
        check(Reply(200, {}, b"<html>", url))
    assert "CANARY" not in str(caught.value)


async def test_bound_of_requests():
    """A call that never ends is stopped after a number of requests."""

    def endless():
        while True:
            session.get(_URL)

    async with bridged() as (bridge, session, asked):
        with pytest.raises(HarvesterError, match="over 5 requests"):
            await bridge.ask(endless, most=5)
        # The next call has a limit of its own.
        await bridge.ask(lambda: session.get(_URL), most=1)
    assert len(asked) == 6


async def test_json_read_once():
    """The JSON that the check has parsed is given to astroquery."""
    told = {"status": "COMPLETE"}

    async def answer(_request):
        return b"{}"

    async with serving(answer) as transport:
        bridge = Bridge(transport, lambda *_: told)
        session = requests.Session()
        bridge.mount(session)
        assert (await bridge.ask(lambda: session.get(_URL).json())) is told


async def test_no_second_try_at_once():
    """A failure with another way to ask is raised without a retry."""
    asked = []

    async def answer(request):
        asked.append(request)
        raise web.HTTPGatewayTimeout

    async with serving(answer) as transport:
        bridge = Bridge(transport, lambda *_: None)
        session = requests.Session()
        bridge.mount(session)
        with pytest.raises(OutageError):
            await bridge.ask(lambda: session.get(_URL), at_once={"http_504"})
    assert len(asked) == 1
