"""Blocks that are fetched before the header of their frame is here."""

from __future__ import annotations

import asyncio
import bz2

import numpy as np
import pytest
from block_frames import LAW, made_frame
from make_frames import sdss_header, sky_of
from test_block_fetch import NAME, PRODUCT, SHAPE, Archive, cut, stamps_at, store

from harvester.cutouts.blocks.groups import expected_groups, spans_ahead
from harvester.cutouts.bz2_blocks import find_blocks
from harvester.errors import TransientError
from harvester.frames.block_ahead import BlocksAhead
from harvester.models import Plane, Receipt, StampFacts, Wanted
from harvester.transport.transport import ByteRange, RangeHead, RangeRefusedError

HEADER = sdss_header(SHAPE)


@pytest.fixture(scope="module")
def packed():
    """Give the compressed frame."""
    return bz2.compress(made_frame())


def teach(frames, *, wrong_by=0):
    """Tell a frame store the row of one galaxy of this frame, or a wrong one."""
    ra, dec = map(float, sky_of(HEADER, 700, 500))
    seen = Wanted(1, "g", ra, dec, "g.fits")
    facts = StampFacts(x=20, y=20.0, x0=680, y0=480 + wrong_by, orientation=0.0)
    frames.learn(PRODUCT, [seen], [Receipt(1, facts=facts)])


async def harvest(frames, folder, asked):
    """Fetch and cut; give the stamps."""
    given = asked(folder / NAME, folder)
    async with frames.frame(PRODUCT, given.wanted, given.spec) as frame:
        known = {"is_whole": frame.is_whole, "held": frame.held}
        return cut(asked, frame.path, folder / "one", **known)[0]


@pytest.fixture
def both(packed, tmp_path):
    """Give a function that harvests stamps twice: with an estimate, and whole."""

    async def harvest_both(asked, **wrong):
        archive, path = Archive(packed), tmp_path / "whole.fits.bz2"
        async with store(tmp_path / "frames", archive) as (frames, counted):
            teach(frames, **wrong)
            stamps = await harvest(frames, tmp_path, asked)
        path.write_bytes(packed)
        assert stamps == cut(asked, path, tmp_path / "whole")[0]
        return archive.asked, counted

    return harvest_both


@pytest.mark.parametrize(
    ("rows", "requests"),
    [
        ((20,), 1),  # block 0
        ((160,), 1),  # block 1: one request reaches as far
        ((270,), 1),
        ((745,), 3),
        ((1400,), 2),  # in the last blocks
        ((400, 430, 1000), 4),
    ],
)
async def test_right_estimate(both, rows, requests):
    """With the right rows nothing is lacking when the header is here."""
    asked, counted = await both(stamps_at(HEADER, *rows))
    assert counted == {"way ranges": 1, "ahead enough": 1}
    assert len(asked) == requests
    assert asked[0][0] == 0
    assert sum(stop - start for start, stop in asked) < 2_000_000


async def test_variance(both):
    """For the inverse variance the last block comes, wherever the rows are."""
    planes = (Plane.FLUX, Plane.IVAR)
    asked, counted = await both(stamps_at(HEADER, 20, planes=planes))
    assert counted == {"way ranges": 1, "ahead enough": 1}
    assert len(asked) == 2


async def test_wrong_estimate(both):
    """With wrong rows other blocks are fetched later, and the stamps are the same."""
    asked, counted = await both(stamps_at(HEADER, 745), wrong_by=330)
    assert counted == {"way ranges": 1, "ahead short": 1, "ahead vain": 1}
    assert len(asked) == 4


async def test_replaced(packed, tmp_path):
    """If the file is replaced meanwhile, no part of the new one joins the old."""
    archive = Archive(packed)

    def replace_it():
        if archive.asked:
            archive.headers = {"ETag": '"two"'}

    archive.before = replace_it
    async with store(tmp_path / "frames", archive) as (frames, counted):
        teach(frames)
        assert await harvest(frames, tmp_path, stamps_at(HEADER, 745))
    assert counted == {"doubt replaced": 1, "way early": 1}


class Server:
    """Ends its first reply when three requests have been sent."""

    def __init__(self):
        self.asked = {}
        self.may_end = asyncio.Event()

    async def fetch(self, start, stop, *, validator="", on_head=None):
        """Give a range."""
        self.asked[start] = validator
        if len(self.asked) == 3:
            self.may_end.set()
        if on_head:
            on_head(RangeHead(3_500_000, '"one"'))
            on_head(RangeHead(3_500_000, '"one"'))  # after a reply that broke
            await self.may_end.wait()
        return ByteRange(bytes(stop - start), 3_500_000, '"one"')


async def test_order_of_requests():
    """Blocks are asked for by the length of the file, before the header has come."""
    server = Server()
    ahead = BlocksAhead.of_rows(LAW, [(700, 740)], is_rest_wanted=False)
    async with asyncio.timeout(60):
        start, parts = await ahead.fetch(server.fetch)
    assert len(start.body) == LAW.first_request
    assert list(server.asked.values()) == ["", '"one"', '"one"']
    assert sorted(parts) == sorted(server.asked)


@pytest.mark.parametrize(
    "error", [RangeRefusedError("no"), TransientError("reset", "it broke")]
)
async def test_no_beginning(error):
    """If the beginning cannot be fetched, its error is raised, and nothing hangs."""

    async def refuse(_start, _stop, **_how):
        raise error

    ahead = BlocksAhead.of_rows(LAW, [(700, 740)], is_rest_wanted=False)
    with pytest.raises(type(error)):
        await ahead.fetch(refuse)


def test_places(shared):
    """In real frames nearly all expected blocks are in the bytes fetched for them."""
    found = []
    for path in sorted((shared / "data/sdss").glob("frame-*.fits.bz2")):
        packed = path.read_bytes()
        bits = [*find_blocks(packed), 8 * len(packed)]
        for number in range(3, 14):
            group = [(number, number)]
            spans = spans_ahead(LAW, group, len(packed), is_rest_wanted=False)
            place = bits[number] / 8, bits[number + 1] / 8
            found.append(any(a <= place[0] and place[1] <= b for a, b in spans))
    assert len(found) == 13 * 11
    assert np.mean(found) > 0.97


@pytest.mark.parametrize(
    ("rows", "groups"),
    [
        ([(0, 40)], []),
        ([(-30, 10), (1480, 1520)], [(13, 13)]),
        ([(100, 140)], [(1, 1)]),
        ([(300, 340), (310, 350), (1000, 1040)], [(2, 3), (9, 9)]),
        ([(1490, 1530)], []),
    ],
)
def test_blocks_of_rows(rows, groups):
    """A block has 110 rows; rows outside of the image are in none."""
    assert expected_groups(LAW, rows) == groups
