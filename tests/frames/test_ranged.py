"""Frames by ranges: which bytes are fetched, and that the stamps are the same."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from astropy.io import fits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from make_frames import hst_frame, job, noise, sky_of, tan_header

from harvester.archives.registry import kind_of
from harvester.cutouts.cutouts import cut_frame, find_pixels
from harvester.errors import (
    NotFoundError,
    TransientError,
)
from harvester.frames import header_sizes, ranged
from harvester.frames.pieces import Pieces, UnheldError
from harvester.frames.range_plan import plan
from harvester.frames.sparse_file import make_sparse, write_at
from harvester.frames.store import FrameStore
from harvester.models import CutoutSpec, FrameJob, Product, StampSize, Wanted
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.settings.settings import SERVICES
from harvester.transport.throttle import Manners
from harvester.transport.transport import ByteRange, Limits, Service, Transport

MANNERS = Manners(1000, {"file": 4})
BUCKET = f"{SERVICES['s3']}/stpubdata/hst/public"


def by_parts(content, path, wanted_job):
    """Make a local file as `PixelFetch` does, from bytes instead of a server."""
    find = partial(
        find_pixels, archive="hst", wanted=wanted_job.wanted, spec=wanted_job.spec
    )
    first = header_sizes.FIRST
    pieces = Pieces(ByteRange(content[:first], len(content), "v"))
    planned = None
    while planned is None:
        try:
            planned = plan(pieces, find, kind_of("hst").reading)
        except UnheldError as lacking:
            stop = lacking.start + ranged.HEADER
            pieces.held[lacking.start] = content[lacking.start : stop]
    make_sparse(path, planned.length, pieces.held)
    for start, stop in planned.spans:
        write_at(path, start, content[start:stop])
    return planned


def stamps_of(frame_job):
    """Cut; give for each receipt its problem or the bytes of its stamp."""
    return [
        receipt.problem or (frame_job.root / receipt.file_loc).read_bytes()
        for receipt in cut_frame(frame_job)
    ]


@pytest.fixture(scope="module")
def mosaic(tmp_path_factory):
    """Give a small drizzled frame: weights with holes, and further planes."""
    path = tmp_path_factory.mktemp("mosaic") / "one_drz.fits"
    shape = (61, 300)
    weights = (np.abs(noise(shape, 2)) > 0.3).astype(np.float32)
    hst_frame(path, noise(shape), weights=weights)
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.ones(shape, np.int32), name="CTX"))
    return path


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    pixels=st.lists(
        st.tuples(st.floats(-8, 308), st.floats(-8, 69)), min_size=1, max_size=4
    ),
    side=st.integers(1, 90),
    mode=st.sampled_from(["partial", "trim"]),
    closeness=st.sampled_from([0, 40, 1300, 2**15]),
    header=st.sampled_from([2880, 8640]),
)
def test_stamps_are_the_same(
    mosaic, tmp_path_factory, pixels, side, mode, closeness, header
):
    """Stamps from ranges equal those from the whole frame, also at edges."""
    folder = tmp_path_factory.mktemp("stamps")
    for name in ("whole", "parts"):
        (folder / name).mkdir()
    places = [sky_of(tan_header((61, 300), scale=0.128 / 3600), *p) for p in pixels]
    asked = partial(job, places=places, size=f"{side}px", mode=mode, archive="hst")
    whole, parts = (
        asked(mosaic, folder / "whole"),
        asked(folder / "parts.pixels", folder / "parts", name=mosaic.name),
    )
    with (
        mock.patch("harvester.frames.spans.REQUEST", closeness),
        mock.patch.object(header_sizes, "FIRST", header),
        mock.patch.object(ranged, "HEADER", header),
        mock.patch("harvester.frames.spans.LONGEST", 5000),
    ):
        by_parts(mosaic.read_bytes(), folder / "parts.pixels", parts)
    stamps = [
        stamps_of(FrameJob(j.product, j.path, folder / name, j.wanted, j.spec))
        for name, j in (("whole", whole), ("parts", parts))
    ]
    assert stamps[0] == stamps[1]


def test_header_of_750_cards(tmp_path):
    """A header longer than the first request is read to its end."""
    path = tmp_path / "long_drz.fits"
    header = tan_header((40, 40), scale=0.128 / 3600)
    for number in range(740):
        header[f"KEY{number}"] = (number, "one of the many cards of a drizzled image")
    hst_frame(path, noise((40, 40)), weights=np.ones((40, 40), "f4"), header=header)
    asked = job(path, tmp_path, [(150.0, 2.0)], archive="hst")
    with mock.patch.object(header_sizes, "FIRST", 5760):
        by_parts(path.read_bytes(), tmp_path / "parts", asked)
    parts = FrameJob(
        asked.product, str(tmp_path / "parts"), tmp_path, asked.wanted, asked.spec
    )
    assert stamps_of(parts) == stamps_of(
        FrameJob(asked.product, str(path), tmp_path, asked.wanted, asked.spec)
    )


# -- over the wire ----------------------------------------------------------------


class Traffic:
    """Requests and bytes by host."""

    def __init__(self):
        self.requests, self.bytes = Counter(), Counter()

    def count(self, host, requests, size):
        """Add what the transport reports."""
        self.requests[host] += requests
        self.bytes[host] += size


@asynccontextmanager
async def store(folder, urls, traffic=None, **limits):
    """Give a frame store with services at these addresses."""
    services = [Service(name, SERVICES[name], url, MANNERS) for name, url in urls]
    async with Transport(
        services,
        version="test",
        limits=Limits(**{"tries": 2, "patience_s": 5} | limits),
        on_traffic=(traffic or Traffic()).count,
        random=lambda: 0.0,
    ) as transport:
        yield await FrameStore.open(folder, transport, budget=10**9)


def product_of(obs):
    """Give the product of an observation of the sandbox."""
    uri = f"mast:HST/product/{obs.filename}"
    mirror = f"{BUCKET}/{obs.obs_id[:4]}/{obs.obs_id}/{obs.filename}"
    url = f"{SERVICES['mast']}/api/v0.1/Download/file?uri={uri}"
    return Product("hst", obs.filename, obs.filters, url, (mirror,))


def ask_for(galaxies):
    """Ask for one stamp of each galaxy."""
    return tuple(
        Wanted(n, f"g{n}", one.ra, one.dec, f"s/{n}.fits")
        for n, one in enumerate(galaxies)
    )


class Fetched(NamedTuple):
    """Stamps, the kind of file they were cut from, and its cost at S3."""

    stamps: list
    suffix: str
    requests: int
    size: int


class Sky:
    """A sandbox, and one of its observations that is in the bucket."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        observations = [o for o in sandbox.sky.observations if o.mirrored]
        self.obs = max(observations, key=lambda o: len(self.galaxies(o)))
        self.product = product_of(self.obs)
        self.urls = [(name, sandbox.urls[name]) for name in ("s3", "mast")]

    def galaxies(self, obs=None):
        """Give the galaxies in the observation."""
        return self.sandbox.sky.galaxies_in_observation(obs or self.obs)

    async def stamps(self, folder, *, size="40px", is_whole=False, **limits):
        """Fetch and cut; give the result."""
        folder.mkdir(exist_ok=True)
        wanted, spec = ask_for(self.galaxies()[:1]), _spec(size)
        traffic = Traffic()
        async with store(folder / "frames", self.urls, traffic, **limits) as frames:
            given = () if is_whole else (wanted, spec)
            async with frames.frame(self.product, *given) as frame:
                suffix, path = frame.path.suffix, str(frame.path)
                frame_job = FrameJob(self.product, path, folder, wanted, spec)
                stamps = stamps_of(frame_job)
        host = dict(self.urls)["s3"].removeprefix("http://")
        return Fetched(stamps, suffix, traffic.requests[host], traffic.bytes[host])


def _spec(size):
    return CutoutSpec(StampSize.parse(size))


@asynccontextmanager
async def sky(*faults):
    """Serve a small sky with these faults."""
    options = SandboxOptions(seed=9, targets=40, faults=faults)
    async with Sandbox(options) as sandbox:
        yield Sky(sandbox)


@pytest.mark.parametrize(("size", "part"), [("40px", 1 / 15), ("124px", 1 / 8)])
async def test_few_bytes(tmp_path, size, part):
    """One stamp costs four requests and a small part of a drizzled file."""
    async with sky() as here:
        whole = await here.stamps(tmp_path, size=size, is_whole=True)
        sent_whole = here.sandbox.stats["s3"].sent
        parts = await here.stamps(tmp_path / "parts", size=size)
        sent_parts = here.sandbox.stats["s3"].sent - sent_whole
    assert (whole.suffix, parts.suffix) == (".fits", ".pixels")
    assert parts.stamps == whole.stamps
    assert (whole.size, parts.size) == (sent_whole, sent_parts)
    assert parts.size <= part * whole.size
    assert (whole.requests, parts.requests) == (1, 4)


@pytest.mark.parametrize(
    "fault",
    [
        "ignore-range@s3",
        "bad-range@s3",
        "new-etag@s3",
        # Half-way, when some of the pixels have come.
        "ignore-range@s3:after=3",
    ],
)
async def test_server_without_parts(tmp_path, fault):
    """If a server answers ranges wrongly, the whole file gives equal stamps."""
    async with sky() as here:
        clean = await here.stamps(tmp_path)
    async with sky(fault) as here:
        found = await here.stamps(tmp_path / "fault")
        whole = here.sandbox.stats["s3"].whole
    assert (clean.suffix, found.suffix) == (".pixels", ".fits")
    assert found.stamps == clean.stamps
    assert sum(whole.values()) >= 1
    assert [p.suffix for p in (tmp_path / "fault" / "frames").iterdir()] == [".fits"]


@pytest.mark.parametrize(
    "fault",
    [
        "status=416@s3:after=2:times=1",
        "bad-range@s3:after=3:times=1",
        "new-etag@s3:after=2:times=2",
    ],
)
async def test_file_that_changes(tmp_path, fault):
    """If ranges of a version are refused, fetching starts with the new one."""
    async with sky() as here:
        clean = await here.stamps(tmp_path)
    async with sky(fault) as here:
        found = await here.stamps(tmp_path / "fault")
        assert not here.sandbox.stats["s3"].whole
    assert (clean.suffix, found.suffix) == (".pixels", ".pixels")
    assert found.stamps == clean.stamps
    assert list((tmp_path / "fault" / "frames").iterdir()) == []


@pytest.mark.parametrize("fault", ["truncate", "reset", "status=503", "no-length"])
async def test_part_that_breaks(tmp_path, fault):
    """A broken range is requested again, and the stamp is the same."""
    async with sky() as here:
        clean = await here.stamps(tmp_path)
    async with sky(f"{fault}@s3:after=2:times=1") as here:
        found = await here.stamps(tmp_path / "fault")
    assert found.suffix == ".pixels"
    assert found.stamps == clean.stamps


@pytest.mark.parametrize("fault", ["truncate@s3:after=2", "down@s3", "status=500@s3"])
async def test_parts_that_never_come(tmp_path, fault):
    """If a mirror keeps failing, the archive gives the file."""
    async with sky() as here:
        clean = await here.stamps(tmp_path)
    async with sky(fault) as here:
        found = await here.stamps(tmp_path / "fault", patience_s=3600)
    assert found.suffix == ".fits"
    assert found.stamps == clean.stamps


async def test_parts_nowhere(tmp_path):
    """If the archive fails too, the job loses a try, and no file is left."""
    async with sky("truncate@s3:after=2", "truncate@mast") as here:
        with pytest.raises(TransientError):
            await here.stamps(tmp_path)
    assert list((tmp_path / "frames").iterdir()) == []


async def test_many_stamps(tmp_path):
    """A file of which most is needed is fetched whole."""
    async with sky() as here:
        found = await here.stamps(tmp_path, size="900px")
        sent = here.sandbox.stats["s3"].whole
    assert found.suffix == ".fits"
    assert sum(sent.values()) == 1


async def test_file_that_is_too_large(tmp_path):
    """A file over the limit is fetched by ranges, even if most is needed."""
    async with sky() as here:
        whole = await here.stamps(tmp_path, size="900px", is_whole=True)
        found = await here.stamps(
            tmp_path / "parts", size="900px", body_cap=whole.size - 1
        )
    assert found.suffix == ".pixels"
    assert found.stamps == whole.stamps


async def test_heap_of_headers(tmp_path):
    """A file with very many headers before the image is fetched whole."""
    with mock.patch.object(ranged, "_MOST_HEADERS", 1):
        async with sky() as here:
            found = await here.stamps(tmp_path)
            assert here.sandbox.stats["s3"].requests == 3
    assert found.suffix == ".fits"


async def test_not_in_the_bucket(tmp_path):
    """A file that the bucket lacks comes whole from MAST, after one request."""
    async with sky("notfound@s3") as here:
        found = await here.stamps(tmp_path)
        assert here.sandbox.stats["s3"].requests == 1
        assert sum(here.sandbox.stats["mast"].whole.values()) == 1
    assert found.suffix == ".fits"


async def test_nowhere(tmp_path):
    """A file that neither mirror nor archive has is not found."""
    async with sky("notfound@s3", "notfound@mast") as here:
        with pytest.raises(NotFoundError):
            await here.stamps(tmp_path)


async def test_nobody_else_gets_the_pixels(tmp_path):
    """Pixels serve one use: no later use or process finds them."""
    async with sky() as here:
        wanted = ask_for(here.galaxies()[:1])
        async with store(tmp_path, here.urls) as frames:
            async with (
                frames.frame(here.product, wanted, _spec("4px")) as first,
                frames.frame(here.product, wanted, _spec("4px")) as second,
            ):
                assert first.path != second.path
                for frame in (first, second):
                    assert (frame.path.suffix, frame.is_whole) == (".pixels", False)
            assert list(tmp_path.iterdir()) == []
        (tmp_path / "left-over-0.pixels").write_bytes(b"by a crash")
        async with store(tmp_path, here.urls):
            assert list(tmp_path.iterdir()) == []


async def test_whole_frame_is_used(tmp_path):
    """If the whole frame is on disk, no range is fetched."""
    async with sky() as here, store(tmp_path, here.urls) as frames:
        async with frames.frame(here.product):
            pass
        before = here.sandbox.stats["s3"].requests
        wanted = ask_for(here.galaxies()[:1])
        async with frames.frame(here.product, wanted, _spec("4px")) as frame:
            assert (frame.path.suffix, frame.is_whole) == (".fits", True)
        assert here.sandbox.stats["s3"].requests == before


async def test_bad_pixels(tmp_path):
    """A frame whose pixels could not be cut is fetched whole the next time."""
    async with sky() as here, store(tmp_path, here.urls) as frames:
        suffixes = []
        for _ in range(2):
            wanted = ask_for(here.galaxies()[:1])
            async with frames.frame(here.product, wanted, _spec("4px")) as frame:
                suffixes.append(frame.path.suffix)
                error = TransientError("corrupt", "no FITS")
                frames.discard(here.product, frame, error)
    assert suffixes == [".pixels", ".fits"]


@pytest.mark.parametrize("suffix", [".fits.gz", ".fits.bz2", ".fits.fz"])
def test_compressed(suffix):
    """Only uncompressed FITS files are fetched by ranges, if the kind says so."""
    assert not ranged.has_parts(Product("hst", f"x_drz{suffix}", "F160W", ""))
    assert not ranged.has_parts(Product("sdss", "frame.fits", "r", ""))
    assert ranged.has_parts(Product("hst", "x_drz.fits", "F160W", ""))


# -- a mosaic of a gigabyte ---------------------------------------------------------


def write_mosaic(path, side, galaxy):
    """Write a sparse file of SCI and WHT, zero but for 200 pixels around a galaxy."""
    header = tan_header((side, side), scale=0.06 / 3600)
    patch, first = noise((200, 200)), galaxy - 100
    with path.open("wb") as file:
        file.write(fits.PrimaryHDU().header.tostring().encode())
        for name, pixels in (("SCI", patch), ("WHT", np.abs(patch))):
            cards = fits.ImageHDU(np.zeros((1, 1), "f4"), header, name=name).header
            cards["NAXIS1"] = cards["NAXIS2"] = side
            file.write(cards.tostring().encode())
            start = file.tell()
            for row, values in enumerate(pixels.astype(">f4"), first):
                file.seek(start + 4 * (row * side + first))
                file.write(values.tobytes())
            file.truncate(start + -(-4 * side**2 // 2880) * 2880)
            file.seek(0, 2)
    return header


class FileServer:
    """Serves one file of any length by ranges."""

    def __init__(self, path):
        self.path = path

    async def answer(self, _request):
        """Give aiohttp's file response, which serves single ranges only."""
        return web.FileResponse(self.path, headers={"Accept-Ranges": "bytes"})


@pytest.mark.parametrize("size", ["40px", "124px"])
async def test_gigabyte(tmp_path, size):
    """A stamp of a mosaic of a gigabyte costs less than 4 MB."""
    side, galaxy = 11_300, 7_000
    remote = tmp_path / "remote.fits"
    header = write_mosaic(remote, side, galaxy)
    assert remote.stat().st_size > 1e9
    ra, dec = sky_of(header, galaxy, galaxy)
    wanted, traffic = (Wanted(0, "g", ra, dec, "g.fits"),), Traffic()
    product = Product("hst", "m_drz.fits", "F160W", "", (f"{BUCKET}/m_drz.fits",))
    app = web.Application()
    app.router.add_get("/{path:.*}", FileServer(remote).answer)
    async with TestServer(app, host="127.0.0.1") as server:
        urls = [("s3", str(server.make_url("/")).rstrip("/"))]
        async with (
            store(tmp_path / "frames", urls, traffic) as frames,
            frames.frame(product, wanted, _spec(size)) as frame,
        ):
            (parts,) = stamps_of(
                FrameJob(product, str(frame.path), tmp_path, wanted, _spec(size))
            )
            assert frame.path.stat().st_blocks * 512 < 4e6
    (whole,) = stamps_of(FrameJob(product, str(remote), tmp_path, wanted, _spec(size)))
    assert parts == whole
    assert sum(traffic.bytes.values()) < 4e6
