"""Official addresses, and the addresses that are contacted in their place."""

from __future__ import annotations

import pytest
from yarl import URL

from harvester.errors import PermanentError
from harvester.transport.services import Directory, Service
from harvester.transport.throttle import Manners

_MANNERS = Manners(rate=1, slots={})


def _directory(*places):
    return Directory(
        [Service(f"s{n}", *place, _MANNERS) for n, place in enumerate(places)]
    )


_AT_HOME = ("https://mast.stsci.edu", "https://mast.stsci.edu")
_SANDBOX = ("https://mast.stsci.edu", "http://127.0.0.1:8000/mast/")
_SKY = ("https://skyserver.sdss.org/dr17", "http://127.0.0.1:8000/sky")
_SAS = ("https://data.sdss.org/sas", "http://127.0.0.1:8000")


@pytest.mark.parametrize(
    ("asked", "actual"),
    [
        ("https://mast.stsci.edu/api?a=%2F", "http://127.0.0.1:8000/mast/api?a=%2F"),
        ("http://mast.stsci.edu/api", "http://127.0.0.1:8000/mast/api"),
        ("https://mast.stsci.edu", "http://127.0.0.1:8000/mast/"),
        ("https://skyserver.sdss.org/dr17/x", "http://127.0.0.1:8000/sky/x"),
        ("https://skyserver.sdss.org/dr171/x", "http://127.0.0.1:8000/sky/dr171/x"),
        ("https://data.sdss.org/sas/dr17/f", "http://127.0.0.1:8000/dr17/f"),
        ("http://127.0.0.1:8000/sky/x", "http://127.0.0.1:8000/sky/x"),
        ("https://example.org/x", "https://example.org/x"),
    ],
)
def test_to_actual(asked, actual):
    """An official address is replaced by its stand-in; other addresses stay."""
    directory = _directory(_SANDBOX, _SKY, _SAS)
    assert str(directory.to_actual(URL(asked, encoded=True))) == actual


def test_at_home():
    """Without a stand-in an address stays, but http becomes https."""
    directory = _directory(_AT_HOME)
    secure = URL("https://mast.stsci.edu/api?x=1")
    assert directory.to_actual(secure) == secure
    assert directory.to_actual(URL("http://mast.stsci.edu/api?x=1")) == secure


@pytest.mark.parametrize(
    ("path", "name"),
    [("/mast/x", "s0"), ("/sky/x", "s1"), ("/skyline", "s2"), ("/dr17/x", "s2")],
)
def test_shared_stand_in(path, name):
    """Services that share a stand-in host are distinguished by path."""
    directory = _directory(_SANDBOX, _SKY, _SAS)
    found = directory.service_of(URL(f"http://127.0.0.1:8000{path}"))
    assert found.name == name


@pytest.mark.parametrize(
    "url",
    ["https://example.org/", "http://127.0.0.1:8001/", "https://127.0.0.1:8000/", "/"],
)
def test_unknown(url):
    """Another host, port or scheme raises PermanentError ``unknown_host``."""
    with pytest.raises(PermanentError) as caught:
        _directory(_SANDBOX).service_of(URL(url))
    assert caught.value.reason == "unknown_host"


@pytest.mark.parametrize(
    ("place", "elsewhere"),
    [
        (_AT_HOME, False),
        (_SANDBOX, True),
        (("http://127.0.0.1:1", "http://127.0.0.1:1"), True),
    ],
)
def test_elsewhere(place, elsewhere):
    """A service is elsewhere unless it is contacted at its base address by https."""
    assert Service("mast", *place, _MANNERS).is_elsewhere is elsewhere


def test_host():
    """The host of a service is the one that is actually contacted."""
    assert Service("mast", *_AT_HOME, _MANNERS).host == "mast.stsci.edu"
    store = "https://data.sdss.org/sas"
    assert Service("sdss-sas", store, store, _MANNERS).host == "data.sdss.org"
    assert Service("sdss-sas", store, "http://a:1/sas/", _MANNERS).host == "a:1/sas"
