"""Several addresses for one service: tried in order, each with its own throttle."""

from __future__ import annotations

import pytest
from scripted import MANNERS, hang_up, opened, reply
from yarl import URL

from harvester.errors import PermanentError
from harvester.transport.services import Directory, Service

_BASE = "https://data.sdss.org/sas"
_URL = f"{_BASE}/dr17/x"


def _service(*addresses):
    *mirrors, actual = addresses
    return Service("sdss-sas", _BASE, actual, MANNERS, mirrors=tuple(mirrors))


async def test_first_is_asked(server, other):
    """While the first address answers, the second gets no request."""
    async with opened(_service(server.url, other.url)) as transport:
        assert (await transport.query("GET", _URL)).body == b"fine"
    assert (server.count("/dr17/x"), other.count("/dr17/x")) == (1, 0)


@pytest.mark.parametrize(
    "trouble",
    [reply(status=404), reply(status=500), reply(status=503), hang_up()],
    ids=["missing", "broken", "down", "mute"],
)
async def test_next_one_is_asked(server, other, trouble):
    """If the first address fails or lacks the file, the next address is asked."""
    server.script["*"] = trouble
    async with opened(_service(server.url, other.url)) as transport:
        assert (await transport.query("GET", _URL)).body == b"fine"
    assert other.count("/dr17/x") == 1


async def test_down_address_is_left_alone(server, other):
    """Queries skip an address that is down, except for probes; the next one answers."""
    server.script["*"] = hang_up()
    async with opened(_service(server.url, other.url)) as transport:
        for number in range(20):
            await transport.query("GET", f"{_BASE}/dr17/{number}")
    assert len(server.asked) < 20 == len(other.asked)


async def test_last_address_decides(server, other):
    """If every address fails, the error of the last address is raised."""
    server.script["*"] = reply(status=503)
    other.script["*"] = reply(status=400)
    async with opened(_service(server.url, other.url)) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "http_400"


async def test_own_throttles(server, other):
    """The transport reports the state of each address separately."""
    async with opened(_service(server.url, other.url)) as transport:
        await transport.query("GET", _URL)
        hosts = {state.host for state in transport.states()}
    assert {server.host, other.host} <= {host.split("/")[0] for host in hosts}


def test_addresses_of_mirrors():
    """An official address is mapped to each mirror; other addresses have none."""
    directory = Directory([_service("http://m/one", "http://n/", _BASE)])
    mirrors = [str(one) for one in directory.mirrors(URL(_URL))]
    assert mirrors == ["http://m/one/dr17/x", "http://n/dr17/x"]
    assert directory.mirrors(URL("https://example.org/x")) == []
