"""Fetching a frame while its mirrors or its archive are down."""

from __future__ import annotations

import pytest

from harvester.errors import NotFoundError, OutageError, TransientError
from harvester.frames.sources import Sources
from harvester.models import Product
from harvester.transport.transport import Waits

PRODUCT = Product("hst", "a_drz.fits", "F160W", "https://mast/a", ("https://s3/a",))
ALONE = Product("hst", "b_drz.fits", "F160W", "https://mast/b")
OUTAGE, REFUSES = OutageError("http_503", "down"), OutageError("refuses", "banned")


class Hosts:
    """A list of answers for each address; the last one repeats."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []
        self.now = 0.0

    def is_down(self, _url):
        """Never report a host as down."""
        return False

    def awake_s(self, _url):
        """Give a clock that moves on a minute with each call."""
        self.now += 60
        return self.now

    async def fetch(self, _url, *, is_mirror=False, waits=Waits.LONG):
        """Give the file, or raise an error."""
        name = "s3" if is_mirror else "mast"
        self.asked.append(name if is_mirror else waits)
        answers = self.answers[name]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    """Skip the pauses."""
    monkeypatch.setattr("harvester.frames.sources._LOOK_S", 0)


async def test_mirror_that_heals():
    """If the mirror recovers before the archive, it gives the file."""
    hosts = Hosts(s3=[OUTAGE, OUTAGE, "file"], mast=[OUTAGE])
    assert await Sources(hosts).fetch(PRODUCT, hosts.fetch) == "file"
    assert hosts.asked == ["s3", Waits.WHILE_UP, "s3", Waits.WHILE_UP, "s3"]


async def test_archive_that_heals():
    """If the archive recovers before the mirror, it gives the file."""
    hosts = Hosts(s3=[OUTAGE], mast=[OUTAGE, "file"])
    assert await Sources(hosts).fetch(PRODUCT, hosts.fetch) == "file"


async def test_patience_ends():
    """After a long outage of both the frame is given up; later ones do not wait."""
    hosts = Hosts(s3=[OUTAGE], mast=[OUTAGE])
    sources = Sources(hosts, patience_s=150)
    for waits in (Waits.WHILE_UP, Waits.NEVER):
        hosts.asked.clear()
        with pytest.raises(OutageError):
            await sources.fetch(PRODUCT, hosts.fetch)
        assert hosts.asked[1] == waits
    assert hosts.asked == ["s3", Waits.NEVER]


async def test_archive_that_refuses():
    """If the archive refuses everything, there is no further waiting."""
    hosts = Hosts(s3=[NotFoundError("404")], mast=[REFUSES])
    with pytest.raises(OutageError, match="banned"):
        await Sources(hosts).fetch(PRODUCT, hosts.fetch)
    assert hosts.asked == ["s3", Waits.WHILE_UP]


@pytest.mark.parametrize("sits_out", [True, False])
async def test_no_mirror(sits_out):
    """A frame without copies is requested once; the caller decides about waiting."""
    hosts = Hosts(mast=[OUTAGE])
    with pytest.raises(OutageError):
        await Sources(hosts).fetch(ALONE, hosts.fetch, sits_out=sits_out)
    assert hosts.asked == [Waits.LONG if sits_out else Waits.WHILE_UP]


async def test_given_up_and_still_ill():
    """An error of a host that was given up costs no galaxy a try."""
    hosts = Hosts(mast=[OUTAGE, TransientError("http_500", "ill"), "file"])
    sources = Sources(hosts)
    for _ in range(2):
        with pytest.raises(OutageError):
            await sources.fetch(ALONE, hosts.fetch)
    assert await sources.fetch(ALONE, hosts.fetch) == "file"
    assert await sources.fetch(ALONE, hosts.fetch) == "file"
    assert hosts.asked == [Waits.LONG, Waits.NEVER, Waits.NEVER, Waits.LONG]
