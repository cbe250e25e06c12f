"""Mirrors: tried before the archive, without waiting for them."""

from __future__ import annotations

import pytest

from harvester.errors import (
    LocalError,
    NotFoundError,
    OutageError,
    PermanentError,
    TransientError,
)
from harvester.frames.mirrors import Mirrors
from harvester.models import Product

PRODUCT = Product("hst", "a_drz.fits", "F160W", "https://mast/a", ("s3://1", "s3://2"))


class Hosts:
    """The answers of two copies, and which hosts are down."""

    def __init__(self):
        self.answers = {}
        self.down = set()
        self.asked = []

    def is_down(self, url):
        """Whether a host is down."""
        return url in self.down

    def to_actual(self, url):
        """Give the address that is really asked."""
        return url

    async def fetch(self, url):
        """Give the file, or raise an error."""
        self.asked.append(url)
        if url in self.answers:
            raise self.answers[url]
        return f"file of {url}"


@pytest.fixture
def hosts():
    """Give two working copies."""
    return Hosts()


async def test_first_that_serves(hosts):
    """Only the first copy is used."""
    assert await Mirrors(hosts).ask(PRODUCT, hosts.fetch) == "file of s3://1"
    assert hosts.asked == ["s3://1"]


async def test_no_mirrors(hosts):
    """A file without copies is left to the archive."""
    alone = Product("sdss", "f", "r", "https://sas/f")
    assert await Mirrors(hosts).ask(alone, hosts.fetch) is None


@pytest.mark.parametrize(
    "error", [OutageError("outage", "down"), TransientError("truncated", "short")]
)
async def test_not_now(hosts, error):
    """A copy that fails for the moment is skipped, and used again later."""
    mirrors = Mirrors(hosts)
    hosts.answers = {"s3://1": error, "s3://2": error}
    assert await mirrors.ask(PRODUCT, hosts.fetch) is None
    hosts.answers = {}
    assert await mirrors.ask(PRODUCT, hosts.fetch) == "file of s3://1"


async def test_no(hosts):
    """A missing copy is not requested again."""
    mirrors = Mirrors(hosts)
    hosts.answers = {"s3://1": NotFoundError("404")}
    for _ in range(2):
        assert await mirrors.ask(PRODUCT, hosts.fetch) == "file of s3://2"
    assert hosts.asked == ["s3://1", "s3://2", "s3://2"]


async def test_down(hosts):
    """A host that is down gets no request until a probe is due."""
    mirrors = Mirrors(hosts)
    hosts.down = {"s3://1", "s3://2"}
    assert await mirrors.ask(PRODUCT, hosts.fetch) is None
    assert hosts.asked == []
    hosts.down = set()
    assert await mirrors.ask(PRODUCT, hosts.fetch) == "file of s3://1"


def copies(number):
    """Give a file with one copy."""
    return Product("hst", f"{number}_drz.fits", "F160W", "", (f"https://s3/{number}",))


async def fetch_all(mirrors, hosts, numbers):
    """Fetch files one after another; give the number of requests."""
    before = len(hosts.asked)
    for number in numbers:
        await mirrors.ask(copies(number), hosts.fetch)
    return len(hosts.asked) - before


@pytest.mark.parametrize(
    "error", [NotFoundError("404"), PermanentError("http_403", "Forbidden")]
)
async def test_refuses_everything(hosts, error):
    """A mirror that refuses several files in a row is tried less and less often."""
    now = [0.0]
    mirrors = Mirrors(hosts, clock=lambda: now[0])
    hosts.answers = {f"https://s3/{n}": error for n in range(100)}
    assert await fetch_all(mirrors, hosts, range(30)) == 5
    assert not mirrors.can_serve(copies(30))
    for now[0], requests in [(9, 0), (10, 1), (25, 0), (30, 1), (69, 0), (70, 1)]:
        assert await fetch_all(mirrors, hosts, range(30, 40)) == requests


async def test_gives_again(hosts):
    """Once it serves a file, also those that it refused before are requested."""
    now = [0.0]
    mirrors = Mirrors(hosts, clock=lambda: now[0])
    hosts.answers = {f"https://s3/{n}": NotFoundError("404") for n in range(9)}
    assert await fetch_all(mirrors, hosts, range(9)) == 5
    hosts.answers, now[0] = {}, 10.0
    assert await fetch_all(mirrors, hosts, [20, *range(9)]) == 10


async def test_lacks_some(hosts):
    """A mirror that lacks some files but serves others is used normally."""
    mirrors = Mirrors(hosts)
    hosts.answers = {f"https://s3/{n}": NotFoundError("404") for n in range(0, 30, 2)}
    assert await fetch_all(mirrors, hosts, range(30)) == 30
    assert await fetch_all(mirrors, hosts, range(30)) == 15


async def test_own_trouble(hosts):
    """A local error is raised, without trying another host."""
    hosts.answers = {"s3://1": LocalError("the disk is full")}
    with pytest.raises(LocalError):
        await Mirrors(hosts).ask(PRODUCT, hosts.fetch)


async def test_who_can_serve(hosts):
    """A mirror can serve a file that it has not refused, while its host is up."""
    mirrors = Mirrors(hosts)
    assert mirrors.can_serve(PRODUCT)
    hosts.down = {"s3://1"}
    assert mirrors.can_serve(PRODUCT)
    mirrors.refuse(["s3://2"])
    assert not mirrors.can_serve(PRODUCT)
