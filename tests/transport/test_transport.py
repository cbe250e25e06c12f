"""The polite transport, against faulty servers on loopback."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from email.utils import formatdate
from pathlib import Path

import pytest
from scripted import (
    LIMITS,
    MANNERS,
    hang_up,
    mast,
    opened,
    reply,
    serving,
    state_of,
    until,
)

from harvester.errors import (
    InputError,
    LocalError,
    OutageError,
    PermanentError,
    TransientError,
)
from harvester.transport.throttle import Manners
from harvester.transport.transport import Service

_HTML = b"<!DOCTYPE html><html><body>Maintenance</body></html>"
_URL = "https://mast.stsci.edu/api"
#: For requests that end well, however busy this machine is.
PATIENT = replace(LIMITS, patience_s=60)


async def test_query(server):
    """A query is sent unchanged, with our User-Agent; the reply is in memory."""
    server.script["*"] = reply(b"{}", Content_Type="application/json")
    async with opened(server, version="1.2", contact="me@example.org") as transport:
        answer = await transport.query(
            "POST",
            f"{_URL}/invoke?a=%7B%22",
            headers={"Content-Type": "text/x", "User-Agent": "other", "Cookie": "a=b"},
            body=b"request=%7B%7D",
        )
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/api/invoke?a=%7B%22")
    assert asked.body == b"request=%7B%7D"
    assert asked.headers["user-agent"] == "harvester/1.2 (+me@example.org)"
    assert asked.headers["content-type"] == "text/x"
    assert "cookie" not in asked.headers
    assert (answer.status, answer.body) == (200, b"{}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.url == f"{server.url}/api/invoke?a=%7B%22"


async def test_no_cookies(server):
    """Cookies set by an archive are not sent back."""
    server.script["*"] = reply(b"fine", Set_Cookie="spy=1; Path=/")
    async with opened(server) as transport:
        for _ in range(2):
            await transport.query("GET", _URL)
    assert ["cookie" in asked.headers for asked in server.asked] == [False, False]


async def test_contact_of_two_lines():
    """A contact with a line break, which would add a header, is refused."""
    with pytest.raises(InputError, match="one line"):
        opened(mast("http://127.0.0.1:9"), contact="me\r\nEvil: 1")


async def test_unknown_host(server):
    """A URL of no known service raises ``unknown_host``; no request is sent."""
    async with opened(server) as transport:
        for url in ["https://example.org/", server.url.replace("1:", "2:"), "/api"]:
            with pytest.raises(PermanentError) as caught:
                await transport.query("GET", url)
            assert caught.value.reason == "unknown_host"
    assert not server.asked


async def test_user_name_in_address(server):
    """A URL with a password is refused; the message omits the password."""
    async with opened(server) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.query("GET", "https://me:secret@mast.stsci.edu/api")
    assert caught.value.reason == "bad_url"
    assert "secret" not in str(caught.value)
    assert not server.asked


async def test_traffic(server):
    """Requests and received bytes are reported per host as they happen."""
    seen = []
    async with opened(server, on_traffic=lambda *what: seen.append(what)) as transport:
        await transport.query("GET", _URL)
    assert seen == [(server.host, 1, 0), (server.host, 0, 4)]


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after(server, other, status):
    """After Retry-After a host gets no request until then; other hosts continue."""
    server.script["*"] = [
        reply(status=status, Retry_After="0.4"),
        *[reply(status=status, Retry_After="0.1")] * 9,
        reply(b"fine"),
    ]
    told = []
    sdss = Service("sdss-sky", "https://skyserver.sdss.org", other.url, MANNERS)
    options = {"on_cool_down": lambda *what: told.append(what), "limits": PATIENT}
    async with (
        opened(mast(server.url), sdss, **options) as transport,
        asyncio.TaskGroup() as group,
    ):
        asking = group.create_task(transport.query("GET", _URL))
        while not asking.done():
            await transport.query("GET", "https://skyserver.sdss.org/")
    assert asking.result().body == b"fine"
    assert any(server.asked[0].at < a.at < server.asked[1].at for a in other.asked)
    assert server.asked[1].at - server.asked[0].at >= 0.4
    assert len(server.asked) == 11
    assert told[0][0] == server.host
    assert told[0][1] == pytest.approx(time.time(), abs=5)


async def test_retry_after_date(server):
    """A Retry-After date counts from the reply's Date header."""
    later, now = formatdate(1000, usegmt=True), formatdate(999, usegmt=True)
    head = f"HTTP/1.1 429 No\r\nDate: {now}\r\nRetry-After: {later}\r\n"
    refusal = f"{head}Content-Length: 0\r\n\r\n".encode()
    server.script["*"] = [refusal, reply(b"fine")]
    async with opened(server, limits=PATIENT) as transport:
        await transport.query("GET", _URL)
    assert 1.0 <= server.asked[1].at - server.asked[0].at < 2.0


async def test_cool_down_after_restart(server):
    """A cool-down from before a restart still applies."""
    until = time.time() + 0.4
    async with opened(server, cool_downs={server.host: until}) as transport:
        assert "cooling down" in state_of(transport)
        await transport.query("GET", _URL)
    assert time.time() >= until


async def test_busy_without_a_time(server):
    """A 429 without Retry-After slows the pace and spends no try."""
    server.script["*"] = [*[reply(status=429)] * 6, reply(b"fine")]
    async with opened(server, limits=PATIENT) as transport:
        await transport.query("GET", _URL)
        assert "pace" in state_of(transport)
    assert len(server.asked) == 7


async def test_busy_for_ever(server):
    """A host that always answers 429 is given up as an outage."""
    server.script["*"] = reply(status=429, Retry_After="0.2")
    async with opened(server) as transport:
        with pytest.raises(OutageError, match="gave up after"):
            await transport.query("GET", _URL)
    assert len(server.asked) <= 9


@pytest.mark.parametrize("status", [500, 408])
async def test_server_errors(server, status):
    """A 500 or 408 is retried; after four tries the request fails."""
    server.script["/api"] = [*[reply(status=status)] * 3, reply(b"fine")]
    server.script["/bad"] = reply(status=status)
    async with opened(server) as transport:
        assert (await transport.query("GET", _URL)).body == b"fine"
        with pytest.raises(TransientError) as caught:
            await transport.query("GET", "https://mast.stsci.edu/bad")
    assert caught.value.reason == f"http_{status}"
    assert not isinstance(caught.value, OutageError)
    assert server.count("/bad") == 4


async def _fine(writer, asked):
    writer.write(reply(length=4) if asked.method == "HEAD" else reply(b"fine"))


@pytest.mark.parametrize(
    "step", [reply(status=503), hang_up(), reply(_HTML), reply(status=502)]
)
async def test_last_file_of_a_sound_host(server, tmp_path, step):
    """A file that fails alone spends its tries if the host has the last good file."""
    server.script = {"*": _fine, "/bad": step}
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "good")
        with pytest.raises(TransientError) as caught:
            await transport.download("https://mast.stsci.edu/bad", tmp_path / "bad")
    assert not isinstance(caught.value, OutageError)
    assert server.count("/bad") == 4
    looks = [(one.method, one.path) for one in server.asked if one.method == "HEAD"]
    assert looks == [("HEAD", "/api")] * 4


async def _page(writer, asked):
    # The last good file is requested with HEAD, whose reply has no body.
    head = reply(length=len(_HTML), Content_Type="text/html")
    writer.write(head if asked.method == "HEAD" else head + _HTML)


@pytest.mark.parametrize("then", [reply(status=503), _page, hang_up()])
async def test_last_file_of_a_host_that_is_down(server, tmp_path, then):
    """If the last good file fails as well, it is an outage of the host."""
    server.script["*"] = [reply(b"fine"), then]
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "good")
        with pytest.raises(OutageError):
            await transport.download("https://mast.stsci.edu/next", tmp_path / "next")
        assert "down: " in state_of(transport)


@pytest.mark.parametrize("status", [400, 413, 414, 416, 304])
async def test_refusals(server, status):
    """A bad query raises PermanentError without a retry; the host stays ready."""
    server.script["*"] = reply(status=status)
    async with opened(server) as transport:
        for _ in range(6):
            with pytest.raises(PermanentError) as caught:
                await transport.query("GET", _URL)
        assert list(transport.describe().values()) == ["ready"]
    assert len(server.asked) == 6
    assert caught.value.reason == f"http_{status}"


async def test_web_page(server, tmp_path):
    """A web page with status 200 is an outage: the wait spends no try."""
    server.script["*"] = [*[reply(_HTML)] * 7, reply(b"fine")]
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame")
        assert (tmp_path / "frame").read_bytes() == b"fine"
        server.script["*"] = reply(_HTML)
        with pytest.raises(OutageError) as caught:
            await transport.query("GET", _URL)
        assert "failures in a row (html)" in state_of(transport)
    assert caught.value.reason == "html"


async def test_words_of_an_outage(server, tmp_path):
    """Every request that gives up in an outage quotes the host's last answer."""
    server.script["*"] = reply(_HTML)
    async with opened(server) as transport:
        fetching = (
            transport.download(f"{_URL}{number}", tmp_path / str(number))
            for number in range(8)
        )
        found = await asyncio.gather(*fetching, return_exceptions=True)
    assert all(isinstance(one, OutageError) for one in found), found
    assert all("web page" in str(one) for one in found), found


async def test_check_of_replies(server):
    """The check of a reply runs in a thread, and its errors decide on retries."""
    server.script["*"] = [reply(b"odd"), reply(b"odd"), reply(b"fine")]
    seen = []

    def check(answer):
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        seen.append(answer.body)
        if answer.body == b"odd":
            raise OutageError("odd", "no answer")

    async with opened(server) as transport:
        answer = await transport.query("GET", _URL, check=check)
    assert seen == [b"odd", b"odd", b"fine"]
    assert answer.body == b"fine"


async def test_bug_in_check(server):
    """An unexpected exception in a check is raised unchanged and frees the slot."""
    async with opened(server) as transport:
        for _ in range(5):
            with pytest.raises(ZeroDivisionError):
                await transport.query("GET", _URL, check=lambda _: 1 / 0)
        assert list(transport.describe().values()) == ["ready"]


async def test_refused_connection():
    """A host that refuses connections is waited for until it accepts them again."""
    async with serving() as gone:
        port = int(gone.url.rpartition(":")[2])
    async with opened(gone, limits=replace(LIMITS, patience_s=20)) as transport:
        async with asyncio.TaskGroup() as group:
            asking = group.create_task(transport.query("GET", _URL))
            await until(lambda: "(refused)" in state_of(transport))
            async with serving({"*": reply(b"back")}, port=port):
                assert (await asking).body == b"back"
        assert "down: " not in state_of(transport)


async def test_given_up():
    """A host that stays unreachable raises OutageError when the patience ends."""
    async with serving() as gone:
        pass
    async with opened(gone) as transport:
        since = time.monotonic()
        async with asyncio.timeout(60):
            answers = await asyncio.gather(
                *(transport.query("GET", _URL) for _ in range(10)),
                return_exceptions=True,
            )
    assert time.monotonic() - since >= 1.4
    assert all(isinstance(answer, OutageError) for answer in answers)


async def test_outage_spares_requests(server):
    """Ten requests wait out an outage of 503s: all succeed, and few are sent."""
    down = asyncio.Event()

    async def step(writer, _asked):
        writer.write(reply(b"fine") if down.is_set() else reply(status=503))

    server.script["*"] = step
    async with opened(server) as transport, asyncio.TaskGroup() as group:
        tasks = [
            group.create_task(transport.query("GET", f"{_URL}/{n}")) for n in range(10)
        ]
        await until(lambda: "down: " in state_of(transport))
        before = len(server.asked)
        await asyncio.sleep(0.5)
        assert 0 < len(server.asked) - before <= 10
        down.set()
    assert {task.result().body for task in tasks} == {b"fine"}


async def test_concurrency(server):
    """The requests of a kind in flight never exceed its slots."""
    most = []

    async def step(writer, _asked):
        most.append(server.connections)
        await asyncio.sleep(0.05)
        writer.write(reply(b"fine", Connection="close"))
        writer.close()

    server.script["*"] = step
    manners = Manners(rate=1000, slots={"query": 3})
    async with (
        opened(mast(server.url, manners)) as transport,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(12):
            group.create_task(transport.query("GET", _URL))
    assert max(most) == 3


async def test_pace_at_the_server(server):
    """The server receives no more requests per second than the rate allows."""
    manners = Manners(rate=20, slots={"query": 4})
    async with (
        opened(mast(server.url, manners)) as transport,
        asyncio.TaskGroup() as group,
    ):
        for _ in range(30):
            group.create_task(transport.query("GET", _URL))
    times = [asked.at for asked in server.asked]
    assert len(times) == 30
    assert max(map(len, _windows(times, 1.0))) <= 20


def _windows(times, width):
    return [[t for t in times if at <= t < at + width] for at in times]


async def test_not_open():
    """A query on a transport that is not open raises AssertionError."""
    with pytest.raises(AssertionError, match="not open"):
        await opened(mast("http://127.0.0.1:9")).query("GET", _URL)


async def test_disk_trouble(server, tmp_path):
    """A missing target folder raises LocalError with the path; the host is ready."""
    where = tmp_path / "gone" / "frame"
    async with opened(server) as transport:
        with pytest.raises(LocalError, match=str(where)):
            await transport.download(_URL, Path(where))
        assert list(transport.describe().values()) == ["ready"]
    assert len(server.asked) == 1
