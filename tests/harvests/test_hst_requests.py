"""HST at one galaxy an image: images in hand, requests and bytes of an image."""

from __future__ import annotations

import asyncio
import re
from collections import defaultdict
from contextlib import asynccontextmanager

import pytest
from hurried import Run
from service import Sandbox

from harvester.archives.registry import kind_of
from harvester.run.lane_plan import lane_workers
from harvester.sandbox import mast, server

pytestmark = [pytest.mark.harvest, pytest.mark.long]

SURVEY = "hst:WFC3/IR:F160W"
IMAGES = 36

#: Files in flight that the bucket bears.
IN_FLIGHT = 16

#: Seconds after which requests that do not come are given up.
PATIENCE_S = 120


class Bucket:
    """Notes the ranges that are asked of the bucket, and holds the first ones back."""

    def __init__(self):
        #: First and last byte of each range, by image, in the order of the requests.
        self.ranges = defaultdict(list)
        self.are_many = asyncio.Event()

    async def hold(self, request):
        """Wait until as many images are asked for as may be in flight."""
        first, last = map(int, re.findall(r"\d+", request.headers["Range"]))
        self.ranges[request.path].append((first, last))
        if len(self.ranges) == IN_FLIGHT:
            self.are_many.set()
        await asyncio.wait_for(self.are_many.wait(), PATIENCE_S)


@asynccontextmanager
async def sky(folder, monkeypatch):
    """Serve images with one galaxy each; give the archives and the bucket's notes."""
    listed, bucket, send = folder / "catalogue.fits", Bucket(), mast._Downloads.mirrored
    options = server.SandboxOptions(
        seed=5, targets=IMAGES, per_field=1, per_image=1, catalogue=listed
    )

    async def hold_and_send(archive, request):
        await bucket.hold(request)
        return await send(archive, request)

    monkeypatch.setattr(mast._Downloads, "mirrored", hold_and_send)
    async with server.Sandbox(options) as running:
        yield Sandbox(running.urls, listed), bucket


async def test_images_in_hand(tmp_path, monkeypatch):
    """The bucket has 16 requests in flight, and an image takes four of few bytes.

    No request is answered before 16 images have been asked for. The first images come
    with a first request of the usual size; later ones with one that ends where their
    headers end, and their weights' header comes with the pixels.
    """
    async with sky(tmp_path, monkeypatch) as (archives, bucket):
        run = Run(archives, tmp_path / "run", SURVEY)
        await asyncio.to_thread(run.begin)
        await run.work()
    assert run.troubles == []
    states = {row["status"] for row in await asyncio.to_thread(run.rows)}
    assert states <= {"done", "no_coverage"}
    ranges = list(bucket.ranges.values())
    assert len(ranges) > IMAGES / 2
    assert max(map(len, ranges)) <= 4
    in_hand = lane_workers(kind_of("hst").costs, {"mast": 4, "s3": IN_FLIGHT}.get)
    layout = kind_of("hst").costs.layout
    later = [[last + 1 - first for first, last in one] for one in ranges[in_hand:]]
    assert len(later) > IMAGES / 10
    for first, *others in later:
        assert first == layout.first_headers
        # The header is a request of its own, unless it is close to the rows.
        header, *planes = sorted(others) if len(others) > 2 else (0, *others)
        assert header in {0, layout.next_header}
        assert max(planes) - min(planes) in {0, layout.next_header}
