"""Frames of an archive that serves ranges itself, which are not fetched whole."""

from __future__ import annotations

import io
import re
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from astropy.io import fits
from make_frames import noise, sky_of, tan_header, write_fits

from harvester.archives.mast.services import MAST, S3
from harvester.archives.registry import kind_of
from harvester.cutouts.cutouts import cut_frame
from harvester.cutouts.frame_file import CorruptFrameError
from harvester.errors import OutageError, PermanentError, TransientError
from harvester.frames.store import FrameStore
from harvester.models import CutoutSpec, FrameJob, Plane, Product, StampSize, Wanted
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport

SHAPE = (300, 400)
HEADER = tan_header(SHAPE, scale=0.03 / 3600)
NAME = "mosaic_i2d.fits"
SPEC = CutoutSpec(StampSize.parse("10px"))
PLACE = sky_of(HEADER, 222, 111)
WANTED = (Wanted(0, "g", *PLACE, "s/g.fits"),)

#: The first range of a file, if no other file has come before.
FIRST = f"bytes=0-{kind_of('hst').costs.layout.first_headers - 1}"

#: Most bytes in one reply: a part of the file.
LARGEST = 400_000


@pytest.fixture(autouse=True)
def archive_gives_ranges(monkeypatch):
    """Let the archive of these frames serve ranges, and skip pauses."""
    monkeypatch.setattr(kind_of("hst"), "archive_gives_ranges", True)
    monkeypatch.setattr("harvester.frames.sources._LOOK_S", 0)


def write_mosaic(path, seed):
    """Write a file with planes between the image and its weights, and after them."""
    hdus = fits.HDUList([fits.PrimaryHDU()])
    hdus.append(fits.ImageHDU(noise(SHAPE, seed), HEADER, name="SCI"))
    hdus.append(fits.ImageHDU(noise(SHAPE, 2), HEADER, name="ERR"))
    hdus.append(fits.ImageHDU(np.ones((2, *SHAPE), np.int32), name="CON"))
    weights = (np.abs(noise(SHAPE, seed + 1)) > 0.3).astype(np.float32)
    hdus.append(fits.ImageHDU(weights, HEADER, name="WHT"))
    hdus.append(fits.ImageHDU(noise(SHAPE, 3), HEADER, name="VAR_POISSON"))
    return write_fits(path, hdus)


@pytest.fixture(scope="module")
def versions(tmp_path_factory):
    """Give two versions of a mosaic on disk."""
    folder = tmp_path_factory.mktemp("versions")
    return [write_mosaic(folder / f"v{seed}.fits", seed) for seed in (1, 5)]


class Server:
    """Serves one file by ranges, and stores the requested ranges.

    Parameters
    ----------
    answers
        Called with the number of the request, from 0: what it does in place of
        answering with a range of the version that it is at.
    states
        How versions are told apart: ``etag``; ``date``, the same for all of them, as
        if they were of one second; or ``nothing``.
    """

    def __init__(self, *versions, answers=lambda _number: None, states="etag"):
        self.versions = [path.read_bytes() for path in versions]
        self.answers = answers
        self.states = states
        self.asked = []

    async def answer(self, request):
        """Give the requested range of the current version."""
        number = len(self.asked)
        self.asked.append(request.headers.get("Range"))
        version = self.answers(number)
        if self.states != "etag" and not isinstance(version, str):
            return self.range_of(version or 0)
        if version in {"404", "503"}:
            return web.Response(status=int(version))
        if version == "whole":
            return web.Response(body=self.versions[0], headers={"ETag": '"0"'})
        etag, body = f'"{version or 0}"', self.versions[(version or 0) % 2]
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", self.asked[-1] or "")
        if not match or request.headers.get("If-Range", etag) != etag:
            return web.Response(body=body, headers={"ETag": etag})
        start, stop = int(match[1]), min(int(match[2]) + 1, len(body))
        told = f"bytes {start}-{stop - 1}/{len(body)}"
        headers = {"ETag": etag, "Content-Range": told}
        return web.Response(status=206, body=body[start:stop], headers=headers)

    def range_of(self, version):
        """Give the range asked for last, of a version that no ETag identifies."""
        body = self.versions[version % len(self.versions)]
        start, stop = map(int, re.findall(r"\d+", self.asked[-1]))
        stop = min(stop + 1, len(body))
        headers = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        if self.states == "date":
            headers["Last-Modified"] = "Thu, 01 Jan 2026 00:00:00 GMT"
        return web.Response(status=206, body=body[start:stop], headers=headers)


def begun(server):
    """Count the requests for the first bytes of the file."""
    return sum((asked or "").startswith("bytes=0-") for asked in server.asked)


@asynccontextmanager
async def store(folder, archive, mirror=None, **limits):
    """Give a frame store with an archive, and with a mirror of it if given."""
    async with AsyncExitStack() as stack:
        services = []
        for kind, server in ((MAST, archive), (S3, mirror)):
            app = web.Application()
            app.router.add_get("/{path:.*}", (server or archive).answer)
            running = TestServer(app, host="127.0.0.1")
            await stack.enter_async_context(running)
            url = str(running.make_url("/")).rstrip("/")
            services.append(
                Service(kind.name, kind.base, url, Manners(1000, {"file": 4}))
            )
        transport = Transport(
            services,
            version="test",
            limits=Limits(**{"tries": 2, "patience_s": 60, "doubt_s": 0.01} | limits),
            random=lambda: 0.0,
        )
        await stack.enter_async_context(transport)
        yield await FrameStore.open(folder / "frames", transport, budget=10**9)


def product(*, has_mirror=False, size=None):
    """Give the mosaic as the archive lists it."""
    mirrors = (f"{S3.base}/stpubdata/{NAME}",) if has_mirror else ()
    return Product("hst", NAME, "F200W", f"{MAST.base}/{NAME}", mirrors, size)


def stamp_of(path, folder, what=None, spec=SPEC):
    """Cut the stamp from a file."""
    folder.mkdir(exist_ok=True)
    asked = FrameJob(what or product(), str(path), folder, WANTED, spec)
    (receipt,) = cut_frame(asked)
    return receipt.problem or (folder / receipt.file_loc).read_bytes()


async def fetch(frames, folder, what=None, **options):
    """Fetch a frame and cut it; give the kind of the local file."""
    async with frames.frame(what or product(), WANTED, SPEC, **options) as frame:
        return frame.path.suffix, stamp_of(frame.path, folder)


async def test_no_mirror(tmp_path, versions):
    """Without a mirror the archive serves ranges, also after unused planes."""
    server = Server(versions[0])
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path)
    assert suffix == ".pixels"
    assert stamp == stamp_of(versions[0], tmp_path / "whole")
    # Headers of SCI, ERR, CON and WHT; pixels of SCI and WHT.
    assert len(server.asked) == 6
    assert None not in server.asked
    assert list((tmp_path / "frames").iterdir()) == []


async def test_errors(tmp_path, versions):
    """Errors are fetched only for inverse variances, which are those of the file."""
    mosaic = replace(product(), archive="jwst")
    noisy = replace(SPEC, planes=(Plane.FLUX, Plane.IVAR))
    asked, stamps = [], []
    for number, spec in enumerate((SPEC, noisy)):
        server, folder = Server(versions[0]), tmp_path / f"{number}"
        folder.mkdir()
        async with (
            store(folder, server) as frames,
            frames.frame(mosaic, WANTED, spec) as frame,
        ):
            stamps.append(stamp_of(frame.path, folder, mosaic, spec))
        asked.append(len(server.asked))
        assert stamps[-1] == stamp_of(versions[0], tmp_path / "whole", mosaic, spec)
    # One span more: the pixels of ERR.
    assert asked == [6, 7]
    with fits.open(io.BytesIO(stamps[1])) as hdus:
        flux, ivar = hdus[0].data, hdus["IVAR"].data
        row, column = hdus[0].header["Y0"], hdus[0].header["X0"]
    every = fits.getdata(versions[0], "ERR")
    errors = every[row : row + 10, column : column + 10]
    known = np.where(np.isfinite(flux), errors.astype(float) ** -2, 0)
    assert ivar == pytest.approx(known, rel=1e-5)


async def test_mirror_first(tmp_path, versions):
    """If a mirror serves ranges, the archive gets no request."""
    archive, mirror = Server(versions[0]), Server(versions[0])
    async with store(tmp_path, archive, mirror) as frames:
        suffix, _ = await fetch(frames, tmp_path, product(has_mirror=True))
    assert suffix == ".pixels"
    assert (len(archive.asked), len(mirror.asked)) == (0, 6)


@pytest.mark.parametrize("answer", ["404", "whole", "503"])
async def test_mirror_that_fails(tmp_path, versions, answer):
    """If a mirror lacks the file, refuses ranges or is down, the archive serves it."""
    archive = Server(versions[0])
    mirror = Server(versions[0], answers=lambda _number: answer)
    async with store(tmp_path, archive, mirror, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path, product(has_mirror=True))
    assert suffix == ".pixels"
    assert stamp == stamp_of(versions[0], tmp_path / "whole")
    assert len(archive.asked) == 6


@pytest.mark.parametrize("has_mirror", [False, True])
async def test_outage(tmp_path, versions, has_mirror):
    """An outage between two ranges is waited for, even without a try left."""
    archive = Server(versions[0], answers=lambda n: "503" if 2 <= n < 4 else None)
    mirror = Server(versions[0], answers=lambda _number: "404")
    async with store(tmp_path, archive, mirror, tries=1) as frames:
        suffix, stamp = await fetch(frames, tmp_path, product(has_mirror=has_mirror))
    assert suffix == ".pixels"
    assert stamp == stamp_of(versions[0], tmp_path / "whole")
    assert None not in archive.asked


async def test_outage_that_is_not_waited_for(tmp_path, versions):
    """If other frames can be fetched, an outage is raised; no file is left."""
    archive = Server(versions[0], answers=lambda n: "503" if n >= 2 else None)
    async with store(tmp_path, archive) as frames:
        with pytest.raises(OutageError):
            await fetch(frames, tmp_path, sits_out=False)
        assert None not in archive.asked
    assert list((tmp_path / "frames").iterdir()) == []


@pytest.mark.parametrize("change", range(1, 6))
async def test_file_that_changes(tmp_path, versions, change):
    """If the file is replaced between two ranges, fetching starts again."""
    server = Server(*versions, answers=lambda number: int(number >= change))
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path)
    assert suffix == ".pixels"
    assert stamp == stamp_of(versions[1], tmp_path / "whole")
    assert None not in server.asked


async def test_file_that_never_stays(tmp_path, versions):
    """After three versions the file is fetched whole, if it is not too large."""
    server = Server(*versions, answers=lambda number: number)
    async with store(tmp_path, server) as frames:
        suffix, _ = await fetch(frames, tmp_path)
    assert suffix == ".fits"
    assert begun(server) == 3
    assert server.asked.count(None) == 1


# -- a server that states no version --------------------------------------------


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    """Give two versions of one length, which differ in a card and in their pixels."""
    folder = tmp_path_factory.mktemp("dated")
    paths = [write_mosaic(folder / f"v{seed}.fits", seed) for seed in (1, 5)]
    for path in paths:
        fits.setval(path, "DATE", value=path.name)
    first, second = (path.read_bytes() for path in paths)
    assert len(first) == len(second)
    return paths


@pytest.mark.parametrize("states", ["date", "nothing"])
async def test_no_version(tmp_path, dated, states):
    """Ranges without an ETag are taken once the first one has come twice alike."""
    server = Server(dated[0], states=states)
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path)
    assert suffix == ".pixels"
    assert stamp == stamp_of(dated[0], tmp_path / "whole")
    assert len(server.asked) == 7
    assert server.asked[0] == server.asked[-1] == FIRST


@pytest.mark.parametrize("states", ["date", "nothing"])
@pytest.mark.parametrize("change", range(1, 7))
async def test_unseen_change(tmp_path, dated, change, states):
    """A file that is replaced by one of the same length is begun again."""
    server = Server(*dated, answers=lambda n: int(n >= change), states=states)
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path)
    assert suffix == ".pixels"
    assert stamp == stamp_of(dated[1], tmp_path / "whole")
    assert begun(server) == 4


@pytest.mark.parametrize("change", range(1, 6))
async def test_other_length(tmp_path, dated, change):
    """A file that has grown is begun again at once: no further range is asked of it."""
    longer = tmp_path / "longer.fits"
    longer.write_bytes(dated[1].read_bytes() + bytes(2880))
    versions, answers = (dated[0], longer), (lambda n: int(n >= change))
    server = Server(*versions, answers=answers, states="nothing")
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path)
    assert suffix == ".pixels"
    assert stamp == stamp_of(dated[1], tmp_path / "whole")
    assert begun(server) == 3


async def test_change_that_breaks_it(tmp_path, dated):
    """Headers that no longer fit together are those of two versions, not a damage."""
    moved = tmp_path / "moved.fits"
    with fits.open(dated[1]) as hdus:
        hdus.insert(1, fits.ImageHDU(noise((300, 399), 9), name="OTHER"))
        hdus.writeto(moved)
    # Both are cut to the same length, which only removes data after the weights.
    size = dated[0].stat().st_size
    moved.write_bytes(moved.read_bytes()[:size])
    server = Server(dated[0], moved, answers=lambda n: int(n >= 1), states="nothing")
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        suffix, stamp = await fetch(frames, tmp_path)
    assert suffix == ".pixels"
    assert stamp == stamp_of(dated[1], tmp_path / "whole")


async def test_never_the_same(tmp_path, dated):
    """After three versions in a row the galaxies fail with the reason."""
    server = Server(*dated, answers=lambda n: int(n % 7 == 6), states="nothing")
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        with pytest.raises(PermanentError, match="first bytes have changed") as failure:
            await fetch(frames, tmp_path)
    assert begun(server) == 6
    assert failure.value.reason == "too_large"
    assert list((tmp_path / "frames").iterdir()) == []


async def test_only_where_the_archive_gives_ranges(tmp_path, dated, monkeypatch):
    """Of an archive that gives none, a copy without a version is fetched whole."""
    monkeypatch.setattr(kind_of("hst"), "archive_gives_ranges", False)
    answers = lambda n: None if n == 0 else "whole"  # noqa: E731 - shorter so
    mirror = Server(dated[0], answers=answers, states="nothing")
    async with store(tmp_path, Server(dated[0]), mirror) as frames:
        suffix, stamp = await fetch(frames, tmp_path, product(has_mirror=True))
    assert suffix == ".fits"
    assert stamp == stamp_of(dated[0], tmp_path / "whole")
    assert mirror.asked == [FIRST, None]


@pytest.mark.parametrize(
    ("size", "refused_from"), [(5_000_000, 0), (None, 1), (None, 5)]
)
async def test_too_large_without_ranges(tmp_path, versions, size, refused_from):
    """A file that is too large fails with the reason if ranges are refused."""
    server = Server(
        versions[0], answers=lambda n: "whole" if n >= refused_from else None
    )
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        with pytest.raises(PermanentError, match="gives no ranges of it") as failure:
            await fetch(frames, tmp_path, product(size=size))
    assert failure.value.reason == "too_large"
    assert None not in server.asked
    assert list((tmp_path / "frames").iterdir()) == []


async def test_too_large_by_its_length(tmp_path, versions):
    """A file of unknown size is refused if the server states a large length."""
    server = Server(versions[0], answers=lambda _number: "whole")
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        with pytest.raises(PermanentError) as failure:
            await fetch(frames, tmp_path)
    assert failure.value.reason == "too_large"
    assert list((tmp_path / "frames").iterdir()) == []


async def test_damage_of_a_large_file(tmp_path, versions):
    """The error for a damaged large file names the damage."""
    server = Server(versions[0])
    error = CorruptFrameError("its header is of another file")
    async with store(tmp_path, server, body_cap=LARGEST) as frames:
        for _ in range(2):
            async with frames.frame(product(), WANTED, SPEC) as frame:
                with pytest.raises(CorruptFrameError, match="of another file"):
                    frames.discard(product(), frame, error)
    assert len(server.asked) == 12
    assert None not in server.asked


@pytest.mark.parametrize("cap", [LARGEST, 10**9])
async def test_broken_header(tmp_path, cap):
    """A broken header costs a try; a small file is fetched whole first."""
    path = tmp_path / "broken.fits"
    path.write_bytes(b"\0" * 2 * LARGEST)
    server = Server(path)
    async with store(tmp_path, server, body_cap=cap) as frames:
        with pytest.raises((TransientError, PermanentError)) as failure:
            await fetch(frames, tmp_path)
    assert failure.value.reason == "corrupt"
    assert (None in server.asked) == (cap > LARGEST)
