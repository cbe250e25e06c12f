from __future__ import annotations

import asyncio
import json

import pytest
from aiohttp import ClientSession
from page_run import change

from harvester.status.page import server
from harvester.status.page.address import ListenAddress
from harvester.status.page.server import serving

_FAILED = [("not_found", 70), ("http_500", 3)]


@pytest.fixture
def places(write_ledger, tmp_path):
    """Return a run with failures."""
    return write_ledger(tmp_path / "zoo", 200, failed=_FAILED)


async def test_headers(page_of, ask, places):
    """Each answer forbids scripts, frames and readers from elsewhere."""
    page = await page_of(places)
    for path in ("", "static/app.js", "api/0/failures?survey=0", "nowhere"):
        reply, _ = await ask(page, path, Origin="http://evil.example")
        policy = reply.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'")
        assert "unsafe" not in policy
        assert reply.headers["X-Frame-Options"] == "DENY"
        assert "Access-Control-Allow-Origin" not in reply.headers


@pytest.mark.parametrize("path", ["", "events", "static/app.js", "api/0/failures"])
async def test_other_host(page_of, ask, places, path):
    """A request that names another host is refused, with the remedy."""
    reply, body = await ask(await page_of(places), path, Host="evil.example")
    assert reply.status == 421
    assert b"IP address" in body


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("static/nothing.js", 404),
        ("static/..%2Fserver.py", 404),
        ("static/%2e%2e/server.py", 404),
        ("api/1/failures", 404),
        ("api/-1/failures", 404),
        ("api/x/failures", 404),
        ("api/0/failures?survey=x", 400),
        ("api/0/failures?survey=99", 200),
    ],
)
async def test_odd_requests(page_of, ask, places, path, status):
    """Odd requests get a short answer, never a traceback."""
    reply, body = await ask(await page_of(places), path)
    assert reply.status == status
    assert b"Traceback" not in body


async def test_post(page_of, places):
    """Nothing can be sent to the page."""
    page = await page_of(places)
    async with ClientSession() as session:
        for path in ("", "events", "api/0/failures"):
            async with session.post(page.url + path, data=b"x") as reply:
                assert reply.status == 405


async def test_failures(page_of, ask, places):
    """The galaxies behind a reason come in parts, each once."""
    page, found, after = await page_of(places), [], -1
    while after is not None:
        path = f"api/0/failures?survey=0&reason=not_found&after={after}"
        _, body = await ask(page, path)
        part = json.loads(body)
        assert len(part["galaxies"]) <= 50
        found += [galaxy["id"] for galaxy in part["galaxies"]]
        after = part["more"]
    assert found == [f"g{n:04d}" for n in range(30, 100)]


async def test_not_modified(page_of, ask, places):
    """A file that the browser has is not sent again."""
    page = await page_of(places)
    reply, body = await ask(page, "static/style.css")
    assert body
    again, nothing = await ask(
        page, "static/style.css", **{"If-None-Match": reply.headers["ETag"]}
    )
    assert (again.status, nothing) == (304, b"")


async def test_stream(page_of, places, write_ledger, tmp_path):
    """The stream tells all runs at once, and again when one of them changes."""
    write_ledger(tmp_path / "other", 5, done=5, no_coverage=0)
    page = await page_of(places)
    async with ClientSession() as session, session.get(page.url + "events") as reply:
        assert reply.content_type == "text/event-stream"
        first = await _event(reply)
        assert [run["name"] for run in first["runs"]] == ["zoo"]
        assert first["runs"][0]["settled"] == 103
        change(places.out, "UPDATE job SET state = 'done' WHERE target = ?", [(150,)])
        second = await _event(reply)
        assert second["runs"][0]["settled"] == 104


async def _event(reply):
    async with asyncio.timeout(60):
        async for line in reply.content:
            if line.startswith(b"data: "):
                return json.loads(line.removeprefix(b"data: "))
    return None


async def test_viewer_leaves(page_of, places, monkeypatch):
    """The server notices that a viewer has left, and reads no more for it."""
    left, is_there = asyncio.Event(), server.StatusPage._is_there

    async def noticed(page, request):
        stays = await is_there(page, request)
        if not stays:
            left.set()
        return stays

    monkeypatch.setattr(server.StatusPage, "_is_there", noticed)
    page = await page_of(places)
    async with ClientSession() as session:
        async with session.get(page.url + "events") as reply:
            await reply.content.readline()
        async with asyncio.timeout(60):
            await left.wait()


async def test_nonsense(page_of, ask, places, caplog):
    """Bytes that are no request, and viewers that break off, are not even logged."""
    page = await page_of(places)
    for sent in (b"\x16\x03\x01 hello", b"GET / HTTP/9\r\n\r\n", b"GET /events HT"):
        _, writer = await asyncio.open_connection(page.host, page.port)
        writer.write(sent)
        await writer.drain()
        writer.transport.abort()
    reply, _ = await ask(page, "")
    assert (reply.status, caplog.records) == (200, [])


async def test_two_pages(places):
    """A port that is taken is an error that says so."""
    from harvester.errors import LocalError

    async with serving([], ListenAddress("127.0.0.1", 0)) as page:
        with pytest.raises(LocalError, match="Choose another --listen"):
            async with serving([], page):
                pass
