"""The token for MAST: which hosts receive it, and that no others do."""

from __future__ import annotations

import pytest
from scripted import MANNERS, mast, opened, reply
from yarl import URL

from harvester.errors import InputError
from harvester.transport.headers import ApiToken
from harvester.transport.transport import Service

_URL = "https://mast.stsci.edu/api"
_CANARY = "CANARY0123456789"


def _token(home):
    return ApiToken(_CANARY, home, "MAST_API_TOKEN")


def _s3(actual):
    return Service("s3", "https://s3.amazonaws.com", actual, MANNERS)


async def test_sent_home(server, tmp_path):
    """Queries and downloads from MAST's host send the token, in MAST's format."""
    async with opened(server, tokens=[_token(server.url)]) as transport:
        await transport.query("GET", _URL)
        await transport.download(f"{_URL}/file", tmp_path / "file")
    sent = [asked.headers["authorization"] for asked in server.asked]
    assert sent == [f"token {_CANARY}"] * 2


async def test_not_sent_elsewhere(server, other):
    """Other services do not receive the token, neither directly nor by redirect."""
    server.script["/api"] = reply(
        status=302, reason="Moved", Location=f"{other.url}/there"
    )
    token = _token(server.url)
    async with opened(mast(server.url), _s3(other.url), tokens=[token]) as transport:
        await transport.query("GET", _URL)
        await transport.query("GET", "https://s3.amazonaws.com/stpubdata/file")
    assert len(other.asked) == 2
    assert all("authorization" not in asked.headers for asked in other.asked)
    assert not [asked for asked in other.asked if _CANARY in repr(asked)]


def test_not_sent_to_a_neighbour():
    """The token is not sent to another port, scheme or host name."""
    token = _token("https://mast.stsci.edu")
    for address in (
        "http://mast.stsci.edu/api",
        "https://mast.stsci.edu:8443/api",
        "https://mast.stsci.edu.example.org/api",
        "https://archive.stsci.edu/api",
    ):
        assert token.headers_for(URL(address)) == {}
    assert token.headers_for(URL(_URL)) == {"Authorization": f"token {_CANARY}"}


async def test_refused(server):
    """A 401 with a token raises InputError without a retry or the token itself."""
    server.script["*"] = reply(status=401, reason="Unauthorized")
    async with opened(server, tokens=[_token(server.url)]) as transport:
        with pytest.raises(InputError, match="MAST_API_TOKEN") as caught:
            await transport.query("GET", _URL)
    assert _CANARY not in repr(caught.value)
    assert len(server.asked) == 1


def test_does_not_show():
    """The token is hidden in its str and repr."""
    token = _token("https://mast.stsci.edu")
    assert _CANARY not in f"{token} {token!r}"


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("", "https://mast.stsci.edu"),
        ("two words", "https://mast.stsci.edu"),
        ("line\r\nX: y", "https://mast.stsci.edu"),
        (_CANARY, "http://mast.stsci.edu"),
        (_CANARY, "http://192.0.2.1:8080"),
    ],
)
def test_unfit(text, home):
    """An invalid token, or one for http, is refused; the message omits it."""
    with pytest.raises(InputError) as caught:
        ApiToken(text, home, "MAST_API_TOKEN")
    assert _CANARY not in str(caught.value)
    assert "words" not in str(caught.value)
