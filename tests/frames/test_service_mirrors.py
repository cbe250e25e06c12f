"""Mirrors that the user has set for a service are used before it."""

from __future__ import annotations

import bz2
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from astropy.io import fits
from make_frames import noise, sdss_header, sky_of

from harvester.errors import NotFoundError, TransientError
from harvester.frames.sources import Sources
from harvester.frames.store import FrameStore
from harvester.models import CutoutSpec, Product, StampSize, Wanted
from harvester.settings.settings import SERVICES
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport

BASE = SERVICES["sdss-sas"]
SHAPE = (2000, 500)
HEADER = sdss_header(SHAPE)


def product(number=0):
    """Give a frame as its archive lists it, without any copy."""
    name = f"frame-{number}.fits.bz2"
    return Product("sdss", name, "r", f"{BASE}/dr17/{name}")


@pytest.fixture(scope="module")
def frame():
    """Give a compressed frame with a tenth of the usual block size: 40 blocks."""
    data = noise(SHAPE)
    pixels = data.astype(">f4").tobytes()
    header = fits.PrimaryHDU(data, HEADER).header.tostring().encode()
    return bz2.compress(header + pixels + bytes(-len(pixels) % 2880), 1)


class Server:
    """Serves the same content under each name, or a set status."""

    def __init__(self, content):
        self.content = content
        self.status = 200
        #: Paths of files that it does not have.
        self.lacks = set()
        self.asked = []

    async def answer(self, request):
        """Give the frame, or only a status."""
        self.asked.append(request.path)
        status = 404 if request.path in self.lacks else self.status
        if status != 200:
            return web.Response(status=status)
        return web.Response(body=self.content)


@asynccontextmanager
async def opened(folder, mirror, archive):
    """Give a frame store, and the running mirror so that it can be closed."""
    async with AsyncExitStack() as stack:
        running = []
        for server in (mirror, archive):
            app = web.Application()
            app.router.add_get("/{path:.*}", server.answer)
            one = TestServer(app, host="127.0.0.1")
            running.append(await stack.enter_async_context(one))
        first, last = (str(one.make_url("/")).rstrip("/") for one in running)
        manners = Manners(1000, {"file": 4})
        service = Service("sdss-sas", BASE, last, manners, mirrors=(first,))
        limits = Limits(tries=2, patience_s=5, doubt_s=0.01)
        transport = await stack.enter_async_context(
            Transport([service], version="test", limits=limits, random=lambda: 0.0)
        )
        frames = await FrameStore.open(folder / "frames", transport, budget=10**9)
        yield frames, running[0]


@pytest.fixture
def servers(frame):
    """Give a mirror and an archive that have every frame."""
    return Server(frame), Server(frame)


async def fetch(frames, number=0):
    """Fetch a whole frame; give its bytes."""
    async with frames.frame(product(number)) as local:
        return local.path.read_bytes()


async def test_mirror_first(tmp_path, servers, frame):
    """For a file from the mirror the archive gets no request."""
    mirror, archive = servers
    async with opened(tmp_path, *servers) as (frames, _):
        assert await fetch(frames) == frame
        assert frames.has_mirrors(product())
    assert mirror.asked == ["/dr17/frame-0.fits.bz2"]
    assert archive.asked == []


async def test_beginning(tmp_path, servers, frame):
    """Of a compressed frame only the beginning is fetched from the mirror."""
    mirror, archive = servers
    wanted = (Wanted(0, "g", *sky_of(HEADER, 250, 30), "s/g.fits"),)
    spec = CutoutSpec(StampSize.parse("20px"))
    async with (
        opened(tmp_path, *servers) as (frames, _),
        frames.frame(product(), wanted, spec) as local,
    ):
        assert not local.is_whole
        assert 0 < local.path.stat().st_size < len(frame) / 2
    assert (len(mirror.asked), len(archive.asked)) == (1, 0)


@pytest.mark.parametrize("status", [404, 403, 500, 503])
async def test_archive_next(tmp_path, servers, frame, status):
    """A file that the mirror lacks or fails to give comes from the archive."""
    mirror, archive = servers
    mirror.status = status
    async with opened(tmp_path, *servers) as (frames, _):
        assert await fetch(frames) == frame
    assert len(archive.asked) == 1
    assert mirror.asked


async def test_mirror_that_is_down(tmp_path, servers, frame):
    """While the mirror is down all files come from the archive at once."""
    mirror, archive = servers
    async with opened(tmp_path, *servers) as (frames, running):
        await running.close()
        for number in range(8):
            assert await fetch(frames, number) == frame
            assert not frames.is_out_of_reach(product(number))
    assert (len(mirror.asked), len(archive.asked)) == (0, 8)


async def test_mirror_that_gives_nothing(tmp_path, servers, frame):
    """After five missing files the mirror is skipped, and probed later."""
    mirror, archive = servers
    mirror.status = 404
    now = [0.0]
    async with opened(tmp_path, *servers) as (frames, _):
        frames._sources.mirrors._clock = lambda: now[0]
        for number in range(9):
            await fetch(frames, number)
        assert (len(mirror.asked), len(archive.asked)) == (5, 9)
        mirror.status, now[0] = 200, 11.0
        for number in range(9, 12):
            assert await fetch(frames, number) == frame
    assert (len(mirror.asked), len(archive.asked)) == (8, 9)


async def test_neither_has_it(tmp_path, servers):
    """A file that neither has is not found: the archive decides."""
    for server in servers:
        server.lacks = {"/dr17/frame-2.fits.bz2"}
    servers[0].lacks.add("/dr17/frame-1.fits.bz2")
    async with opened(tmp_path, *servers) as (frames, _):
        await fetch(frames, 1)  # the archive is well, so its 404 is about the file
        with pytest.raises(NotFoundError):
            await fetch(frames, 2)


async def test_damaged_copy(tmp_path, servers, frame):
    """After a damaged copy the frame is fetched from the archive."""
    mirror, archive = servers
    error = TransientError("corrupt", "a checksum is wrong")
    async with opened(tmp_path, *servers) as (frames, _):
        async with frames.frame(product()) as local:
            frames.discard(product(), local, error)
        assert await fetch(frames) == frame
    assert (len(mirror.asked), len(archive.asked)) == (1, 1)


def test_order():
    """Copies come before the archive, and the mirrors of an address before it."""

    class Directory:
        def mirrors(self, url):
            return [f"https://mirror.{url.removeprefix('https://')}"]

    listed = Product("hst", "a", "F160W", "https://mast/a", ("https://s3/a",))
    assert Sources(Directory()).with_mirrors(listed).mirrors == (
        "https://mirror.s3/a",
        "https://s3/a",
        "https://mirror.mast/a",
    )
