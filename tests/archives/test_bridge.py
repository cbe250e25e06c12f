"""The bridge: what astroquery sends goes through the transport, and nothing else."""

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
    """Give a bridge, a session that is mounted on it, and what was asked."""
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
    """A password for the archive in ~/.netrc is for other programs: it stays here."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine mast.stsci.edu login me password CANARY\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    assert requests.utils.get_netrc_auth(_URL) == ("me", "CANARY")
    async with bridged() as (bridge, session, asked):
        await bridge.ask(lambda: session.get(_URL))
    assert "Authorization" not in asked[0].headers


async def test_no_password_of_astroquerys():
    """Nor does one go that astroquery itself would send along; the rest does."""
    sent = {"Proxy-Authorization": "CANARY", "Accept": "a/b", "User-Agent": "theirs"}
    async with bridged() as (bridge, session, asked):
        await bridge.ask(lambda: session.get(_URL, headers=sent, auth=("me", "CANARY")))
    headers = asked[0].headers
    assert headers["Accept"] == "a/b"
    assert headers["User-Agent"].startswith("harvester/")
    assert not {"Authorization", "Proxy-Authorization"} & set(headers)


async def test_nothing_sent_after_a_stop():
    """A call that was cancelled between two requests does not send the second."""
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
        # Who asks next is not held up by it, and does not set it free.
        answer = await bridge.ask(lambda: session.get(f"{_URL}/next"))
        goes_on.set()
        await over.wait()
    assert answer.status_code == 200
    assert ends == ["stopped"]
    assert [request.path for request in asked] == ["/api", "/api/next"]


@pytest.mark.parametrize("check", [json_of, check_mast, check_skyserver])
def test_no_secret_in_messages(check):
    """What is said of a strange answer shows its address without secrets."""
    url = "https://mast.stsci.edu/api?uri=a&token=CANARY"
    with pytest.raises(HarvesterError, match=r"mast\.stsci\.edu/api\?uri=a") as caught:
        check(Reply(200, {}, b"<html>", url))
    assert "CANARY" not in str(caught.value)


async def test_bound_of_requests():
    """A loop of astroquery that would not end is ended after so many requests."""

    def endless():
        while True:
            session.get(_URL)

    async with bridged() as (bridge, session, asked):
        with pytest.raises(HarvesterError, match="over 5 requests"):
            await bridge.ask(endless, most=5)
        # The next question has a bound of its own.
        await bridge.ask(lambda: session.get(_URL), most=1)
    assert len(asked) == 6


async def test_json_read_once():
    """What the check has read of a reply is what astroquery is given of it."""
    told = {"status": "COMPLETE"}

    async def answer(_request):
        return b"{}"

    async with serving(answer) as transport:
        bridge = Bridge(transport, lambda *_: told)
        session = requests.Session()
        bridge.mount(session)
        assert (await bridge.ask(lambda: session.get(_URL).json())) is told


async def test_no_second_try_at_once():
    """A failure for which there is another way to ask is raised at its first sign."""
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
