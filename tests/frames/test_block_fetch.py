"""Frames that are fetched by blocks, from a loopback server."""

from __future__ import annotations

import asyncio
import bz2
import re
from collections import Counter
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from block_frames import LAW, SHAPE, image_of, made_frame
from make_frames import job, sdss_header, sky_of

from harvester.archives.kind import Way
from harvester.cutouts.blocks.unpacked import Unpacked
from harvester.cutouts.cutouts import cut_frame, find_rows
from harvester.cutouts.frame_file import Frame
from harvester.errors import TransientError
from harvester.frames.expected_rows import ExpectedRows, RowForecasts
from harvester.frames.store import FrameStore
from harvester.frames.ways import Ways
from harvester.models import Plane, Product
from harvester.sandbox.byte_ranges import RangeSupport, asked_ranges
from harvester.sandbox.files import file_response
from harvester.settings.settings import SERVICES
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport

NAME = "frame-r-001043-5-0025.fits.bz2"
PRODUCT = Product("sdss", NAME, "r", f"{SERVICES['sdss-sas']}/{NAME}")


@pytest.fixture(scope="module")
def header():
    """Give the header of the frame."""
    return sdss_header(SHAPE)


@pytest.fixture(scope="module")
def packed():
    """Give the compressed frame."""
    return bz2.compress(made_frame())


class Archive:
    """Serves ranges of a frame; a test may change how."""

    def __init__(self, content):
        self.content = content
        self.headers = {"ETag": '"one"'}
        self.gives_ranges = True
        #: Whether it sends several ranges at a time.
        self.gives_several = False
        #: Whether the last byte of the whole file is kept back.
        #: A way that takes all of it would wait for ever.
        self.keeps_last = True
        #: The ranges that were asked for, each with its first byte and the one behind.
        self.asked = []
        #: The headers with the ranges, as they came.
        self.ranges = []
        #: What is called before each answer.
        self.before = lambda: None

    async def answer(self, request):
        """Send a range, or all of the frame."""
        self.before()
        self.ranges.append(request.headers.get("Range", ""))
        several = asked_ranges(self.ranges[-1], len(self.content), 2)
        if self.gives_several and several and len(several) > 1:
            self.asked += several
            tag, support = self.headers["ETag"], RangeSupport.SEVERAL
            return file_response(request, self.content, etag=tag, support=support)
        given = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        is_same = request.headers.get("If-Range", "") in {"", *self.headers.values()}
        self.asked.append((int(given[1]), int(given[2]) + 1) if given else None)
        if not (given and self.gives_ranges and is_same):
            return await self._send_whole(request)
        start, stop = self.asked[-1]
        body = self.content[start:stop]
        told = f"bytes {start}-{start + len(body) - 1}/{len(self.content)}"
        headers = self.headers | {"Content-Range": told}
        return web.Response(status=206, body=body, headers=headers)

    async def _send_whole(self, request):
        """Send all; while ``keeps_last``, the last byte only if the client has left.

        So a client that leaves early never has all by chance.
        """
        reply = web.StreamResponse(headers=self.headers)
        reply.content_length = len(self.content)
        await reply.prepare(request)
        with suppress(ConnectionResetError):  # it has left
            await reply.write(self.content[:-1])
            while self.keeps_last and request.transport is not None:
                await asyncio.sleep(0.005)
            await reply.write(self.content[-1:])
        return reply


@asynccontextmanager
async def store(folder, archive, way=Way.RANGES, **options):
    """Give a frame store with the archive, and what it counted."""
    app = web.Application()
    app.router.add_get("/{path:.*}", archive.answer)
    counted = Counter()
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/")).rstrip("/")
        manners = Manners(1000, {"file": 4})
        service = Service("sdss-sas", SERVICES["sdss-sas"], url, manners)
        limits = Limits(tries=4, patience_s=5)
        given = {"version": "test", "limits": limits, "random": lambda: 0.0}
        async with Transport([service], **given) as transport:
            ways = Ways(
                {"sdss": way},
                speed_of=transport.speed_of,
                counted=lambda _, what: counted.update([what]),
            )
            if way is Way.RANGES and not archive.gives_several:
                ways.speed(PRODUCT).gives_several = False
            yield (
                await FrameStore.open(
                    folder, transport, budget=10**9, ways=ways, **options
                ),
                counted,
            )


def stamps_at(header, *rows, planes=(Plane.FLUX, Plane.MASK)):
    """Ask for stamps at these rows, by the file of the frame and the folder."""
    places = [sky_of(header, 900 + 10 * row % 70, row) for row in rows]

    def asked(path, folder):
        given = job(path, folder, places, size="40px", name=NAME)
        spec = replace(given.spec, planes=planes, complete=False)
        return replace(given, spec=spec, parent='etag:"one"')

    return asked


def cut(asked, path, folder, **frame):
    """Cut; give the bytes of the stamps, and the bytes that they needed."""
    folder.mkdir(exist_ok=True)
    done = cut_frame(replace(asked(path, folder), **frame))
    assert not any(receipt.problem for receipt in done)
    return [(folder / one.file_loc).read_bytes() for one in done], done.needed


async def harvest(frames, folder, asked):
    """Fetch and cut; give the stamps, the bytes needed and fetched, and the frame."""
    given, sizes = asked(folder / NAME, folder), []
    held = frames.frame(PRODUCT, given.wanted, given.spec, sizes.append)
    async with held as frame:
        assert frame.path.exists()
        stamps, needed = cut(
            asked, frame.path, folder, is_whole=frame.is_whole, held=frame.held
        )
    return stamps, needed, sum(sizes), frame


@pytest.fixture
def whole(packed, tmp_path):
    """Give a function that cuts stamps from the whole frame."""

    def cut_whole(asked, content=packed):
        path = tmp_path / "whole.fits.bz2"
        path.write_bytes(content)
        return cut(asked, path, tmp_path / "whole")[0]

    return cut_whole


@pytest.mark.parametrize(
    "rows", [(20,), (112,), (300,), (745,), (1000,), (1470,), (400, 420, 1100)]
)
async def test_by_ranges(packed, header, whole, tmp_path, rows):
    """Stamps from some blocks are those from the whole frame, for fewer bytes."""
    archive, asked = Archive(packed), stamps_at(header, *rows)
    async with store(tmp_path / "frames", archive) as (frames, counted):
        stamps, needed, fetched, frame = await harvest(frames, tmp_path / "one", asked)
        assert list((tmp_path / "frames").iterdir()) == []
    assert stamps == whole(asked)
    assert (frame.is_whole, frame.version) == (False, 'etag:"one"')
    assert counted == {"way ranges": 1}
    assert needed <= fetched <= 0.5 * len(packed)
    assert archive.asked[0] == (0, LAW.first_request)
    assert len(archive.asked) <= 4


async def test_variance(packed, header, whole, tmp_path):
    """The inverse variance is made from the last block, which came anyway."""
    planes = (Plane.FLUX, Plane.IVAR, Plane.MASK)
    asked = stamps_at(header, 50, planes=planes)
    async with store(tmp_path / "frames", Archive(packed)) as (frames, counted):
        stamps, _, fetched, _ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way ranges": 1}
    assert fetched < 0.3 * len(packed)


@pytest.mark.parametrize("rows", [(20,), (300,), (745,), (1200,), (400, 420, 1000)])
async def test_by_stream(packed, header, whole, tmp_path, rows):
    """Stamps from some blocks of a stream are those from the whole frame."""
    archive, asked = Archive(packed), stamps_at(header, *rows)
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, needed, fetched, frame = await harvest(frames, tmp_path / "one", asked)
        assert list((tmp_path / "frames").iterdir()) == []
    assert stamps == whole(asked)
    assert frame.held.needed == needed <= fetched
    assert counted == {"way stream": 1}
    assert archive.asked[0] is None
    assert len(archive.asked) <= 2
    assert not frame.is_whole


@pytest.fixture
def expect(monkeypatch):
    """Give a function that sets in which rows stamps are expected; None: unknown."""

    def expect_rows(row):
        rows = None if row is None else ExpectedRows(((row - 20, row + 20),), 100.0)
        monkeypatch.setattr(RowForecasts, "expect", lambda *_: rows)

    return expect_rows


@pytest.mark.parametrize("planes", [(Plane.FLUX,), (Plane.FLUX, Plane.IVAR)])
@pytest.mark.parametrize("row", [20, 300, 745, 1000])
async def test_by_one_request(packed, header, whole, tmp_path, expect, row, planes):
    """The end and the beginning come in one reply, which is left early."""
    archive, asked = Archive(packed), stamps_at(header, row, planes=planes)
    archive.gives_several = True
    expect(None)
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, needed, fetched, frame = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way stream": 1}
    total = len(packed)
    assert archive.asked == [(total - LAW.tail, total), (0, LAW.head)]
    assert frame.held.needed == needed <= fetched < 0.95 * total


@pytest.mark.parametrize(
    ("row", "wrong"),
    [(20, 0), (300, 60), (500, -90), (500, 0), (1000, 60), (1200, -90), (1470, 0)],
)
async def test_nearer_end(packed, header, whole, tmp_path, expect, row, wrong):
    """If the rows are known roughly, the nearer end is asked for as far as needed."""
    archive, asked = Archive(packed), stamps_at(header, row)
    archive.gives_several = True
    expect(row + wrong)
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, needed, fetched, frame = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way stream": 1}
    assert len(archive.ranges) == 1
    assert frame.held.needed == needed <= fetched < 0.75 * len(packed)


async def test_expected_elsewhere(packed, header, whole, tmp_path, expect):
    """If the rows are elsewhere, their blocks take a further request."""
    archive, asked = Archive(packed), stamps_at(header, 745)
    archive.gives_several = True
    expect(300)
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, *_ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way stream": 1}
    assert len(archive.ranges) == 2


@pytest.mark.parametrize("first", [LAW.first_request, 150_000])
@pytest.mark.parametrize(
    ("rows", "requests"), [((20,), 1), ((745,), 2), ((400, 420, 1100), 2)]
)
async def test_both_ends_first(
    packed, header, whole, tmp_path, monkeypatch, rows, requests, first
):
    """By ranges, the first and the last block come together, then what is needed."""
    monkeypatch.setattr(type(LAW), "first_request", first)
    archive, asked = Archive(packed), stamps_at(header, *rows)
    archive.gives_several = True
    async with store(tmp_path / "frames", archive) as (frames, counted):
        stamps, needed, fetched, frame = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way ranges": 1}
    total = len(packed)
    assert archive.asked[:2] == [(total - LAW.tail, total), (0, first)]
    # With a first request that is too short, the first block takes two further ones.
    assert len(archive.ranges) <= requests + 2 * (first == 150_000)
    assert frame.held.needed == needed <= fetched < 0.52 * total


@pytest.mark.parametrize("row", [1300, 1470])
async def test_rows_behind_the_beginning(packed, header, whole, tmp_path, expect, row):
    """Rows behind the beginning that was asked for come by a further range."""
    expect(None)
    archive, asked = Archive(packed), stamps_at(header, row)
    archive.gives_several = True
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, *_ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way stream": 1}
    assert archive.asked[1] == (0, LAW.head)
    assert len(archive.asked) <= 3


@pytest.mark.parametrize(
    ("way", "row"), [(Way.STREAM, 500), (Way.STREAM, 1470), (Way.RANGES, 500)]
)
async def test_doubt_by_one_request(header, whole, tmp_path, expect, way, row):
    """Of a doubtful frame the rest is fetched, and nothing twice but the end."""
    expect(None)
    image, content = image_of(made_frame())
    image[150:201] = 0
    packed = bz2.compress(bytes(content))
    archive, asked = Archive(packed), stamps_at(header, row)
    archive.gives_several = True
    opened = store(tmp_path / "frames", archive, way)
    async with opened as (frames, counted):
        stamps, *_, frame = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked, packed)
    assert counted == {f"way {way}": 1, "doubt runs": 1}
    assert frame.is_whole == (row == 1470)
    parts = sorted(span for span in archive.asked if span[0] != len(packed) - LAW.tail)
    assert all(one[1] <= other[0] for one, other in pairwise(parts))


async def test_one_range_at_a_time(packed, header, whole, tmp_path, expect):
    """A host that sends all of the file for two ranges is asked once for two."""
    expect(None)
    archive, asked = Archive(packed), stamps_at(header, 600)
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        for _ in range(2):
            stamps, *_ = await harvest(frames, tmp_path / "one", asked)
            assert stamps == whole(asked)
    assert counted == {"way stream": 2}
    assert archive.ranges[0] == f"bytes=-{LAW.tail},0-{LAW.head - 1}"
    assert not any("," in one for one in archive.ranges[1:])
    assert len(archive.ranges) == 4


async def test_variance_by_stream(packed, header, whole, tmp_path):
    """The inverse variance is made from the last block."""
    planes = (Plane.FLUX, Plane.IVAR, Plane.MASK)
    archive, asked = Archive(packed), stamps_at(header, 300, planes=planes)
    archive.keeps_last = False
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, *_ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way stream": 1}


@pytest.mark.parametrize("planes", [(Plane.FLUX,), (Plane.FLUX, Plane.IVAR)])
async def test_doubt_by_stream(header, whole, tmp_path, planes):
    """Of a doubtful frame the beginning is here, and is unpacked."""
    image, content = image_of(made_frame())
    image[150:201] = 0
    packed = bz2.compress(bytes(content))
    archive, asked = Archive(packed), stamps_at(header, 500, planes=planes)
    archive.keeps_last = Plane.IVAR not in planes
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        stamps, *_, frame = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked, packed)
    assert frame.is_whole or counted == {"way stream": 1, "doubt runs": 1}
    assert frame.held is None


async def test_stream_without_ranges(packed, header, whole, tmp_path):
    """A host that gives no ranges is asked once for one; stamps are the same."""
    archive, asked = Archive(packed), stamps_at(header, 600)
    archive.gives_ranges = False
    opened = store(tmp_path / "frames", archive, Way.STREAM)
    async with opened as (frames, counted):
        for _ in range(2):
            stamps, *_ = await harvest(frames, tmp_path / "one", asked)
            assert stamps == whole(asked)
    assert counted == {"way stream": 1, "doubt no_range": 1, "way early": 1}
    assert [one is None for one in archive.asked] == [True, False, True]


async def test_doubt(header, whole, tmp_path):
    """A doubtful frame is fetched from its beginning, and no byte twice."""
    image, content = image_of(made_frame())
    image[150:201] = 0
    packed = bz2.compress(bytes(content))
    archive, asked = Archive(packed), stamps_at(header, 745)
    async with store(tmp_path / "frames", archive) as (frames, counted):
        stamps, _, fetched, frame = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked, packed)
    assert counted == {"way ranges": 1, "doubt runs": 1}
    assert (frame.is_whole, frame.held) == (False, None)
    assert fetched <= len(packed)
    spans = sorted(archive.asked)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))


async def test_doubt_about_all(header, whole, tmp_path):
    """A doubtful frame with blocks of unusual sizes is fetched whole, and kept."""
    unpacked = made_frame()
    packed = b"".join(
        bz2.compress(unpacked[at : at + 900_000])
        for at in range(0, len(unpacked), 900_000)
    )
    archive, asked = Archive(packed), stamps_at(header, 745)
    async with store(tmp_path / "frames", archive) as (frames, counted):
        for _ in range(2):
            got = await harvest(frames, tmp_path / "one", asked)
            assert got[0] == whole(asked, packed)
            assert got[3].is_whole
    assert counted["way ranges"] == sum(counted.values()) / 2 == 1
    assert sum(stop - start for start, stop in archive.asked) == len(packed)


async def test_no_ranges(packed, header, whole, tmp_path):
    """A host that gives no ranges is asked once for them; its frames come as before."""
    archive, asked = Archive(packed), stamps_at(header, 745)
    archive.gives_ranges = False
    async with store(tmp_path / "frames", archive) as (frames, counted):
        for _ in range(2):
            stamps, *_ = await harvest(frames, tmp_path / "one", asked)
            assert stamps == whole(asked)
    assert archive.asked == [(0, LAW.first_request), None, None]
    assert counted == {"way early": 2}


async def test_replaced(packed, header, whole, tmp_path):
    """If the file is replaced meanwhile, no part of the old one is used."""
    archive, asked = Archive(packed), stamps_at(header, 745)
    image, content = image_of(made_frame())
    image *= 2
    other = bz2.compress(bytes(content))

    def replace_it():
        if archive.asked:
            archive.content, archive.headers = other, {"ETag": '"two"'}

    archive.before = replace_it
    async with store(tmp_path / "frames", archive) as (frames, counted):
        stamps, *_ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked, other)
    assert counted == {"doubt replaced": 1, "way early": 1}


async def test_worker_dies(packed, header, whole, tmp_path):
    """If the worker ends, the frame is fetched from its beginning."""

    async def die(_function, _job):
        raise TransientError("worker_died", "it ended")

    asked = stamps_at(header, 745)
    opened = store(tmp_path / "frames", Archive(packed), run=die)
    async with opened as (frames, counted):
        stamps, *_ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert counted == {"way ranges": 1, "doubt worker": 1}


@pytest.mark.parametrize(
    ("way", "rows", "counted"),
    [
        (Way.AUTO, (745,), {"way early": 1}),
        (Way.AUTO, (100, 300, 500, 700), {"way whole": 1}),
        (Way.EARLY, (100, 300, 500, 700), {"way early": 1}),
        (Way.WHOLE, (745,), {"way whole": 1}),
    ],
)
async def test_other_ways(packed, header, whole, tmp_path, way, rows, counted):
    """A way that is set is used, whatever is wanted; stamps are the same."""
    archive, asked = Archive(packed), stamps_at(header, *rows)
    archive.keeps_last = False
    opened = store(tmp_path / "frames", archive, way)
    async with opened as (frames, count):
        stamps, *_ = await harvest(frames, tmp_path / "one", asked)
    assert stamps == whole(asked)
    assert count == counted


@pytest.mark.parametrize(
    ("row", "spans"), [(3, [(0, 128)]), (1485, [(0, 1), (1297, 1489)])]
)
def test_rows_of_both_frames(header, row, spans):
    """For a stamp over an edge the rows come that the neighbour has too."""
    given = stamps_at(header, row)(Path("f"), Path())
    spec = replace(given.spec, complete=True)
    frame = Frame(Unpacked({0: made_frame()}))
    image = next(frame.hdus())
    found = find_rows(frame, "sdss", given.wanted, spec)
    rows = [tuple((at - image.start) // 8192 for at in span) for span in found]
    assert rows == spans
