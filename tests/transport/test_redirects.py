"""Where an archive may lead the transport, by redirect or by name server."""

from __future__ import annotations

import pytest
from scripted import (
    MANNERS,
    mast,
    opened,
    reply,
    state_of,
)

from harvester.errors import OutageError, PermanentError
from harvester.transport.transport import Service

_URL = "https://mast.stsci.edu/api"


async def _fine(writer, asked):
    writer.write(reply(length=4) if asked.method == "HEAD" else reply(b"fine"))


def _follows(target, status=302):
    return reply(status=status, reason="Moved", Location=target)


async def test_redirect(server, other):
    """A redirect to another service is followed without the Authorization header."""
    server.script["/api"] = _follows(f"{other.url}/there")
    s3 = Service("s3", "https://stpubdata.s3.amazonaws.com", other.url, MANNERS)
    async with opened(mast(server.url), s3) as transport:
        answer = await transport.query(
            "GET", _URL, headers={"Authorization": "token x", "Accept": "a/b"}
        )
    assert answer.url == f"{other.url}/there"
    assert server.asked[0].headers["authorization"] == "token x"
    assert "authorization" not in other.asked[0].headers
    assert other.asked[0].headers["accept"] == "a/b"


async def test_redirect_at_home(server):
    """A 307 within a host keeps the method, the body and the token."""
    server.script["/api"] = _follows("/there", 307)
    async with opened(server) as transport:
        await transport.query(
            "POST", _URL, headers={"Authorization": "token x"}, body=b"q"
        )
    there = server.asked[1]
    assert (there.method, there.path, there.body) == ("POST", "/there", b"q")
    assert there.headers["authorization"] == "token x"


async def test_redirect_of_a_form(server):
    """After a 303 the target is fetched with GET, without the body."""
    server.script["/api"] = _follows("/there", 303)
    async with opened(server) as transport:
        await transport.query("POST", _URL, body=b"q")
    assert (server.asked[1].method, server.asked[1].body) == ("GET", b"")


async def test_redirect_to_official_address(server):
    """With a stand-in, a redirect to the official address goes to the stand-in."""
    server.script["/api"] = _follows("https://mast.stsci.edu/there")
    async with opened(server) as transport:
        answer = await transport.query("GET", _URL)
    assert answer.url == f"{server.url}/there"


async def test_redirect_loop(server, tmp_path):
    """A redirect loop ends after five hops, with PermanentError if the host works."""
    server.script["/loop"] = _follows("/loop")
    server.script["/good"] = _fine
    async with opened(server) as transport:
        await transport.download("https://mast.stsci.edu/good", tmp_path / "good")
        with pytest.raises(PermanentError) as caught:
            await transport.download("https://mast.stsci.edu/loop", tmp_path / "loop")
        assert list(transport.describe().values()) == ["ready"]
    assert caught.value.reason == "blocked_redirect"
    assert server.count("/loop") == 6


@pytest.mark.parametrize(
    "target",
    [
        "file:///etc/passwd",
        "ftp://mast.stsci.edu/x",
        "data:text/plain,x",
        "javascript:x",
        "//example.org/x",
        "https://example.org/x",
        "https://stsci.edu.example.org/x",
        "https://notstsci.edu/x",
        "http://archive.stsci.edu/x",
        "https://archive.stsci.edu:8443/x",
        "https://me:pw@mast.stsci.edu/x",
        "http://127.0.0.1:9/x",
        "http://169.254.169.254/latest/meta-data",
        "http://2130706433/x",
        "http://0177.0.0.1/x",
        "http://[::1]/x",
        "https://[::ffff:127.0.0.1]/x",
        "https://mast.stsci.edu\\@example.org/x",
        "http://[",
        "https://mast.stsci.edu:99999/",
    ],
)
async def test_redirect_blocked(server, tmp_path, target):
    """A redirect out of the archives is refused; the message has no password."""
    server.script["/api"] = _follows(target)
    server.script["/good"] = _fine
    async with opened(server) as transport:
        await transport.download("https://mast.stsci.edu/good", tmp_path / "good")
        with pytest.raises(PermanentError) as caught:
            await transport.download(_URL, tmp_path / "bad")
    assert caught.value.reason == "blocked_redirect"
    assert "pw" not in str(caught.value)
    assert server.count("/api") == 1


async def test_queries_redirected_away(server):
    """A query that is redirected out of the archives raises OutageError."""
    server.script["*"] = _follows("https://example.org/x")
    async with opened(server) as transport:
        with pytest.raises(OutageError, match=r"redirects to https://example\.org/x"):
            await transport.query("GET", _URL)


class _Names:
    """A name server with scripted answers."""

    def __init__(self, *answers):
        self.answers = list(answers)

    async def resolve(self, host, port=0, family=0):
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, OSError):
            raise answer
        return [
            {
                "hostname": host,
                "host": answer,
                "port": port,
                "family": family or 2,
                "proto": 0,
                "flags": 0,
            }
        ]

    async def close(self):
        """Nothing to free."""


async def test_private_address_of_an_archive():
    """An archive host that resolves to a private address is not connected to."""
    official = mast("https://mast.stsci.edu")
    async with opened(official, resolver=_Names("127.0.0.1")) as transport:
        with pytest.raises(OutageError) as caught:
            await transport.query("GET", _URL)
        assert "blocked_address" in state_of(transport)
    assert caught.value.reason in {"blocked_address", "outage"}


async def test_redirect_to_private_name(server):
    """A redirect to an archive host with a private address is not followed."""
    server.script["*"] = _follows("https://inside.stsci.edu/x")
    async with opened(server, resolver=_Names("10.0.0.1")) as transport:
        with pytest.raises(OutageError, match="private") as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "refuses"


async def test_name_server_recovers(server):
    """A name that fails to resolve for a while is an outage that is waited for."""
    port = server.url.rpartition(":")[2]
    names = _Names(*[OSError(-3, "try again")] * 6, "127.0.0.1")
    stand_in = mast(f"http://sandbox.test:{port}")
    async with opened(stand_in, resolver=names) as transport:
        assert (await transport.query("GET", _URL)).body == b"fine"
