"""Frames of which only the beginning is fetched, from a loopback server."""

from __future__ import annotations

import bz2
import re
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from itertools import cycle

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from astropy.io import fits
from make_frames import job, noise, sdss_header, sky_of

from harvester.archives.kind import Way
from harvester.cutouts.cutouts import cut_frame, find_end
from harvester.cutouts.frame_bytes import CorruptFrameError
from harvester.frames.prefix import Prefix
from harvester.frames.store import FrameStore, LocalFrame
from harvester.frames.ways import Ways
from harvester.models import DEFAULT_PLANES, Plane, Product
from harvester.settings.settings import SERVICES
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport

SHAPE = (2000, 500)
HEADER = sdss_header(SHAPE)
NAME = "frame-r-001043-5-0025.fits.bz2"
PRODUCT = Product("sdss", NAME, "r", f"{SERVICES['sdss-sas']}/{NAME}")

#: A tenth of the usual block size: a frame of 4 MB has 40 blocks.
LEVEL = 1

#: Bytes that may come beyond the needed ones: a block or two, a batch, and the buffers
#: of aiohttp and asyncio, because loopback is faster than the thread that counts.
BEYOND = 2**20


def plain(data):
    """Give a frame as it is before compression."""
    header = fits.PrimaryHDU(data, HEADER).header.tostring().encode()
    pixels = data.astype(">f4").tobytes()
    return header + pixels + bytes(-len(pixels) % 2880)


@pytest.fixture(scope="module")
def frame():
    """Give a compressed frame."""
    return bz2.compress(plain(noise(SHAPE)), LEVEL)


def stamps_at(*rows, size="20px"):
    """Ask for stamps at these rows."""
    places = [sky_of(HEADER, 250, row) for row in rows]
    return partial(job, places=places, size=size, name=NAME)


def cut(path, folder, asked, *, is_whole):
    """Cut; give the bytes of the stamps, and the number of bytes read from the file."""
    folder.mkdir(exist_ok=True)
    done = cut_frame(replace(asked(path, folder), is_whole=is_whole))
    assert not any(receipt.problem for receipt in done)
    return [(folder / one.file_loc).read_bytes() for one in done], done.needed


def watch(content, asked, tmp_path, step=2**16):
    """Feed a frame to a prefix; give the bytes after which it was enough, or None."""
    wanted = asked(tmp_path / NAME, tmp_path)
    find = partial(find_end, archive="sdss", wanted=wanted.wanted, spec=wanted.spec)
    enough = Prefix(find)
    for begin in range(0, len(content), step):
        if enough.add(content[begin : begin + step]):
            return min(len(content), begin + step)
    return None


class Archive:
    """Serves a frame; a test may change what it sends."""

    def __init__(self, content):
        self.content = content
        self.etag = '"one"'
        #: Bytes after which a reply breaks off, one by one.
        self.breaks = []
        self.asked = []

    async def answer(self, request):
        """Send the frame, or the rest of it, in pieces."""
        wanted = re.fullmatch(r"bytes=(\d+)-", request.headers.get("Range", ""))
        start, length = int(wanted[1]) if wanted else 0, len(self.content)
        self.asked.append(start)
        reply = web.StreamResponse(status=206 if wanted else 200)
        if self.etag:
            reply.headers["ETag"] = self.etag
        if wanted:
            reply.headers["Content-Range"] = f"bytes {start}-{length - 1}/{length}"
        reply.content_length = length - start
        await reply.prepare(request)
        stop = start + self.breaks.pop(0) if self.breaks else length
        for begin in range(start, stop, 2**14):
            await reply.write(self.content[begin : min(stop, begin + 2**14)])
        if stop < length:
            request.transport.close()
        return reply


@asynccontextmanager
async def store(folder, archive):
    """Give a frame store with the archive."""
    app = web.Application()
    app.router.add_get("/{path:.*}", archive.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/")).rstrip("/")
        manners = Manners(1000, {"file": 4})
        service = Service("sdss-sas", SERVICES["sdss-sas"], url, manners)
        limits = Limits(tries=4, patience_s=5)
        options = {"version": "test", "limits": limits, "random": lambda: 0.0}
        async with Transport([service], **options) as transport:
            yield await FrameStore.open(folder, transport, budget=10**9)


class Got:
    """What a store gave for some stamps."""

    def __init__(self, frame, stamps, needed, sizes):
        self.name, self.is_whole = frame.path.name, frame.is_whole
        self.stamps, self.needed = stamps, needed
        self.fetched = sum(sizes)


async def harvest(frames, folder, asked):
    """Fetch and cut."""
    given, sizes = asked(folder / NAME, folder), []
    held = frames.frame(PRODUCT, given.wanted, given.spec, sizes.append)
    async with held as frame:
        stamps = cut(frame.path, folder, asked, is_whole=frame.is_whole)
    return Got(frame, *stamps, sizes)


@pytest.fixture
def whole(frame, tmp_path):
    """Cut stamps from the whole frame."""
    path = tmp_path / "whole.fits.bz2"
    path.write_bytes(frame)
    return lambda asked: cut(path, tmp_path / "whole", asked, is_whole=True)


@pytest.mark.parametrize("row", [5, 300, 1000])
async def test_beginning(frame, whole, tmp_path, row):
    """One request, closed once the rows are here, gives the stamps of the whole."""
    archive, asked = Archive(frame), stamps_at(row)
    async with store(tmp_path / "frames", archive) as frames:
        got = await harvest(frames, tmp_path / "one", asked)
        assert list((tmp_path / "frames").iterdir()) == []
    assert archive.asked == [0]
    assert (got.stamps, got.needed) == whole(asked)
    assert not got.is_whole
    assert got.name.endswith(".pixels")
    assert got.needed <= got.fetched <= got.needed + BEYOND
    assert got.needed <= len(frame) * (row + 10) / SHAPE[0] + 100_000


async def test_all_of_it(frame, whole, tmp_path):
    """A frame that came whole is kept, and used again."""
    archive, asked = Archive(frame), stamps_at(1990)
    async with store(tmp_path / "frames", archive) as frames:
        for _ in range(2):
            got = await harvest(frames, tmp_path / "one", asked)
            assert got.is_whole
            assert got.stamps == whole(asked)[0]
    assert archive.asked == [0]
    assert [p.suffix for p in (tmp_path / "frames").iterdir()] == [".bz2"]


async def test_many_galaxies(frame, tmp_path):
    """A frame with four galaxies is fetched whole."""
    archive = Archive(frame)
    async with store(tmp_path / "frames", archive) as frames:
        for rows, is_whole in [((5, 9, 15), False), ((5, 9, 15, 19), True)]:
            got = await harvest(frames, tmp_path / "one", stamps_at(*rows))
            assert got.is_whole == is_whole
    assert got.fetched == len(frame)


@pytest.mark.parametrize("etag", ['"one"', ""])
async def test_broken_transfer(frame, whole, tmp_path, etag):
    """A broken transfer is resumed, or started again with a new count."""
    archive, asked = Archive(frame), stamps_at(1000)
    archive.etag, archive.breaks = etag, [900_000, 40_000, 300_000]
    async with store(tmp_path / "frames", archive) as frames:
        got = await harvest(frames, tmp_path / "one", asked)
    assert (got.stamps, got.is_whole) == (whole(asked)[0], False)
    assert len(archive.asked) == 4
    assert (archive.asked[1:] == [0, 0, 0]) == (not etag)
    assert archive.asked == sorted(archive.asked)


def flipped(frame, part):
    """Flip a bit in the frame."""
    damaged = bytearray(frame)
    damaged[int(len(frame) * part)] ^= 0x10
    return bytes(damaged)


@pytest.mark.parametrize("part", [0.01, 0.25, 0.45])
async def test_flipped_bit_before(frame, whole, tmp_path, part):
    """Damage before the last row is found, and the whole frame is fetched."""
    archive, asked = Archive(flipped(frame, part)), stamps_at(1000)
    async with store(tmp_path / "frames", archive) as frames:
        with pytest.raises(CorruptFrameError) as caught:
            await harvest(frames, tmp_path / "one", asked)
        assert not list((tmp_path / "one").rglob("*.fits"))
        # With damage in the first block the whole frame is fetched.
        is_whole = any((tmp_path / "frames").iterdir())
        frames.discard(PRODUCT, LocalFrame(tmp_path, is_whole), caught.value)
        archive.content = frame
        got = await harvest(frames, tmp_path / "one", asked)
    assert got.is_whole
    assert got.stamps == whole(asked)[0]


async def test_flipped_bit_behind(frame, whole, tmp_path):
    """Damage after the last needed row does no harm."""
    asked = stamps_at(1000)
    async with store(tmp_path / "frames", Archive(flipped(frame, 0.8))) as frames:
        got = await harvest(frames, tmp_path / "one", asked)
    assert (got.stamps, got.is_whole) == (whole(asked)[0], False)


def test_left_too_early(tmp_path):
    """If blocks hold fewer bytes than expected, the worker asks for the whole."""
    # Runs of four equal bytes take five bytes in a block, so blocks unpack to less.
    numbers = np.random.default_rng(2).integers(1, 64, SHAPE).astype(np.uint32)
    content = bz2.compress(plain((numbers * 0x01010101).view(np.float32)), LEVEL)
    asked, part = stamps_at(900), tmp_path / "part"
    part.write_bytes(content[: watch(content, asked, tmp_path, 1000)])
    with pytest.raises(CorruptFrameError, match="but needs at least"):
        cut(part, tmp_path / "one", asked, is_whole=False)
    assert not list((tmp_path / "one").rglob("*.fits"))


def test_several_streams(frame, tmp_path):
    """A file with several bz2 streams is fetched whole."""
    content = bz2.decompress(frame)
    first, second = content[:500_000], content[500_000:]
    streams = bz2.compress(first, LEVEL) + bz2.compress(second, LEVEL)
    assert watch(streams, stamps_at(100), tmp_path) < 500_000
    assert watch(streams, stamps_at(1000), tmp_path) is None


@pytest.mark.parametrize(
    "content", [plain(noise((200, 200))), bz2.compress(b"no FITS" * 10**6, 1)]
)
def test_no_frame(content, tmp_path):
    """Data that are not a compressed frame are never enough."""
    assert watch(content, stamps_at(10), tmp_path) is None


@pytest.mark.parametrize("step", [1000, 2**16, 10**6])
def test_small_pieces(frame, tmp_path, step):
    """The size of the pieces does not change after which block it is enough."""
    ends = watch(frame, stamps_at(700), tmp_path, 100)
    assert 0 <= watch(frame, stamps_at(700), tmp_path, step) - ends < step


@pytest.mark.parametrize(
    ("archive", "name", "galaxies", "planes", "way"),
    [
        ("sdss", NAME, 1, DEFAULT_PLANES, Way.EARLY),
        ("sdss", NAME, 1, (Plane.FLUX, Plane.PSF), Way.EARLY),
        ("sdss", NAME, 1, (Plane.FLUX, Plane.IVAR), Way.WHOLE),
        ("sdss", NAME, 4, DEFAULT_PLANES, Way.WHOLE),
        ("sdss", NAME.removesuffix(".bz2"), 1, DEFAULT_PLANES, Way.WHOLE),
        ("hst", NAME, 1, DEFAULT_PLANES, Way.WHOLE),
    ],
)
def test_which_frames(archive, name, galaxies, planes, way):
    """Only compressed frames with few galaxies are closed early, if that is enough."""
    assert Ways().choose(Product(archive, name, "r", "u"), galaxies, planes) is way


@pytest.mark.long
def test_real_frames(shared, tmp_path):
    """Of real frames little more is fetched than needed, with the same stamps."""
    paths = sorted(shared.glob("data/sdss/frame-*.bz2"))
    assert len(paths) >= 7
    for row, path in zip(cycle(range(40, 1300, 190)), paths, strict=False):
        content = path.read_bytes()
        start = bz2.BZ2Decompressor().decompress(content[:600_000], 2880 * 20)
        header = fits.Header.fromstring(start)
        places = [sky_of(header, 1000, row)]
        asked = partial(job, places=places, size="40px", name=path.name)
        end = watch(content, asked, tmp_path)
        part = tmp_path / "part"
        part.write_bytes(content[:end])
        stamps, needed = cut(part, tmp_path / "one", asked, is_whole=False)
        assert (stamps, needed) == cut(path, tmp_path / "two", asked, is_whole=True)
        assert needed <= end <= needed + 2**16
        assert end <= len(content) * ((row + 20) / 1489 + 0.11)
