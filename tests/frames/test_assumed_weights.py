"""Rows of image and weights come together; what was assumed for this is proved."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager

import numpy as np
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from astropy.io import fits
from make_frames import noise, sky_of, tan_header, write_fits

from harvester.archives.mast.services import MAST, S3
from harvester.cutouts.cutouts import cut_frame
from harvester.frames.store import FrameStore
from harvester.models import CutoutSpec, FrameJob, Product, StampSize, Wanted
from harvester.transport.throttle import Manners
from harvester.transport.transport import Limits, Service, Transport

SHAPE = (700, 300)
CARDS = tan_header(SHAPE, scale=0.128 / 3600)
SPEC = CutoutSpec(StampSize.parse("10px"))

#: Rows of galaxies: in the middle, and also beside the header of the weights.
ROWS = {"middle": [350], "all": [350, 3, 698]}

#: Seconds after which a test that waits for requests has failed.
PATIENCE_S = 60


def weights(shape=SHAPE, kind=np.float32):
    """Return weights of which many are zero."""
    return (np.abs(noise(shape, 2)) > 0.5).astype(kind)


def usual(*, name="WHT", data=None, cards=0, after=(), before=(), primary=0):
    """Return a file with weights behind the image, or with what is given."""
    first = fits.PrimaryHDU(header=_cards(fits.Header(), primary))
    image = fits.ImageHDU(noise(SHAPE), CARDS, name="SCI")
    data = weights() if data is None else data
    beside = fits.ImageHDU(data, _cards(CARDS.copy(), cards), name=name)
    context = fits.ImageHDU(np.ones(SHAPE, np.int32), name="CTX")
    return fits.HDUList([first, image, *before, beside, context, *after])


def _cards(header, count):
    for number in range(count):
        header[f"CARD{number}"] = number
    return header


def _table():
    column = fits.Column("EXPTIME", "D", array=np.zeros(SHAPE[0] * SHAPE[1] // 2))
    return fits.BinTableHDU.from_columns([column], name="WHT")


#: Files that are not as the ones before them.
OTHERS = {
    "a longer header": lambda: usual(cards=40),
    "a much longer header": lambda: usual(cards=600),
    "a name of its own": lambda: usual(name="ERR"),
    "weights further behind": lambda: usual(
        before=[fits.ImageHDU(noise(SHAPE, 3), CARDS, name="ERR")]
    ),
    "integers": lambda: usual(data=weights(kind=np.int16)),
    "double precision": lambda: usual(data=weights(kind=np.float64)),
    "another shape": lambda: usual(data=weights((SHAPE[1], SHAPE[0]))),
    "a cube": lambda: usual(data=weights((1, *SHAPE))),
    "a table": lambda: fits.HDUList([*usual()[:2], _table()]),
    "no weights": lambda: usual()[:2],
    "a short end": lambda: fits.HDUList([*usual()[:2], fits.ImageHDU(name="WHT")]),
}


class Bucket:
    """Serves files by ranges, and keeps the ranges that were asked for, by file.

    Answers to requests beyond the first one of the file ``together`` are held back
    until as many as ``count`` of them wait.
    """

    def __init__(self, files):
        self.files = files
        self.asked = {name: [] for name in files}
        self.together, self.barrier = "", None
        #: The file that is replaced after its first request, and its new bytes.
        self.replaced, self.new = "", b""

    def hold(self, name, count):
        """Answer the further requests for a file only when all of them are here."""
        self.together, self.barrier = name, asyncio.Barrier(count)

    async def answer(self, request):
        """Give the range."""
        name = request.path.rpartition("/")[2]
        body, asked = self.files[name], request.headers.get("Range")
        is_new = name == self.replaced and bool(self.asked[name])
        body, etag = (self.new, '"new"') if is_new else (body, '"old"')
        if asked is None or request.headers.get("If-Range", etag) != etag:
            return web.Response(body=body, headers={"ETag": etag})
        start, last = map(int, re.findall(r"\d+", asked))
        stop = min(last + 1, len(body))
        self.asked[name].append((start, stop))
        if name == self.together and len(self.asked[name]) > 1:
            await asyncio.wait_for(self.barrier.wait(), PATIENCE_S)
        told = f"bytes {start}-{stop - 1}/{len(body)}"
        headers = {"ETag": etag, "Content-Range": told}
        return web.Response(status=206, body=body[start:stop], headers=headers)


@asynccontextmanager
async def store(folder, bucket):
    """Give a frame store with this bucket."""
    app = web.Application()
    app.router.add_get("/{path:.*}", bucket.answer)
    async with TestServer(app, host="127.0.0.1") as server:
        url = str(server.make_url("/")).rstrip("/")
        services = [
            Service(kind.name, kind.base, url, Manners(1000, {"file": 8}))
            for kind in (MAST, S3)
        ]
        async with Transport(
            services,
            version="test",
            limits=Limits(tries=1, patience_s=5),
            random=lambda: 0.0,
        ) as transport:
            yield await FrameStore.open(folder / "frames", transport, budget=10**9)


def product_of(name):
    """Give the product of a file that the bucket has."""
    url = f"{S3.base}/stpubdata/{name}"
    return Product("hst", name, "F160W", f"{MAST.base}/{name}", (url,))


def wanted(rows):
    """Ask for stamps in these rows."""
    return tuple(
        Wanted(n, f"g{n}", *sky_of(CARDS, 150, row), f"s/{n}.fits")
        for n, row in enumerate(rows)
    )


async def stamps(frames, name, folder, rows=ROWS["middle"]):
    """Fetch what stamps need, and cut them; give the kind of file and the stamps."""
    product = product_of(name)
    async with frames.frame(product, wanted(rows), SPEC) as frame:
        return frame.path.suffix, cut(product, frame.path, folder / "s", rows)


def cut(product, path, folder, rows):
    """Cut stamps; give for each its bytes, or its problem."""
    folder.mkdir(exist_ok=True)
    receipts = cut_frame(FrameJob(product, str(path), str(folder), wanted(rows), SPEC))
    return [one.problem or (folder / one.file_loc).read_bytes() for one in receipts]


def files(folder, **hdus):
    """Write files, and give their bytes by name."""
    written = {}
    for name, one in hdus.items():
        path = write_fits(folder / f"{name}_drz.fits", fits.HDUList(one))
        written[path.name] = path.read_bytes()
    return written


def size(ranges):
    """Count the bytes of some ranges."""
    return sum(stop - start for start, stop in ranges)


async def test_together(tmp_path):
    """Once files of the kind are known, a file takes four requests in two rounds.

    No answer of the second round comes before all of its requests have been sent.
    """
    bucket = Bucket(files(tmp_path, **dict.fromkeys("abcd", usual())))
    async with store(tmp_path, bucket) as frames:
        found = [await stamps(frames, f"{name}_drz.fits", tmp_path) for name in "abc"]
        bucket.hold("d_drz.fits", 3)
        found.append(await stamps(frames, "d_drz.fits", tmp_path))
    assert {suffix for suffix, _ in found} == {".pixels"}
    first, *others = bucket.asked["d_drz.fits"]
    image = 2 * 2880
    header = image + -(-4 * SHAPE[0] * SHAPE[1] // 2880) * 2880
    assert first == (0, image)
    assert sorted(others)[1] == (header, header + 2880)
    assert len(others) == 3
    learned, unlearned = (
        size(bucket.asked["d_drz.fits"]),
        size(bucket.asked["a_drz.fits"]),
    )
    assert learned < unlearned / 2


@pytest.mark.parametrize("rows", ROWS)
@pytest.mark.parametrize("what", OTHERS)
async def test_other_file(tmp_path, what, rows):
    """A file that is not as others gives the stamps that its whole file gives."""
    written = files(tmp_path, **dict.fromkeys("abc", usual()), other=OTHERS[what]())
    bucket = Bucket(written)
    async with store(tmp_path, bucket) as frames:
        for name in "abc":
            await stamps(frames, f"{name}_drz.fits", tmp_path)
        suffix, found = await stamps(frames, "other_drz.fits", tmp_path, ROWS[rows])
    whole = tmp_path / "other_drz.fits"
    product = product_of(whole.name)
    assert found == cut(product, whole, tmp_path / "whole", ROWS[rows])
    assert suffix == ".pixels"
    # What has come is not fetched again: the rows of the image are asked for once.
    asked = bucket.asked[whole.name]
    assert len(set(asked)) == len(asked)


async def test_replaced_file(tmp_path):
    """If the file is replaced before the rows are sent, all is of the new version."""
    new = usual(data=1 - weights(), cards=40)
    new[1].data = noise(SHAPE, 7)
    written = files(tmp_path, **dict.fromkeys("abcd", usual()), new=new)
    bucket = Bucket(written)
    bucket.replaced, bucket.new = "d_drz.fits", written["new_drz.fits"]
    async with store(tmp_path, bucket) as frames:
        for name in "abc":
            await stamps(frames, f"{name}_drz.fits", tmp_path)
        suffix, found = await stamps(frames, "d_drz.fits", tmp_path)
    path, rows = tmp_path / "new_drz.fits", ROWS["middle"]
    assert found == cut(product_of("d_drz.fits"), path, tmp_path / "whole", rows)
    assert suffix == ".pixels"


async def test_longer_primary_header(tmp_path):
    """A header longer than usual takes another request, and the stamp is right."""
    written = files(tmp_path, **dict.fromkeys("abc", usual()), other=usual(primary=500))
    bucket = Bucket(written)
    async with store(tmp_path, bucket) as frames:
        for name in "abc":
            await stamps(frames, f"{name}_drz.fits", tmp_path)
        _, found = await stamps(frames, "other_drz.fits", tmp_path)
    whole = tmp_path / "other_drz.fits"
    product, rows = product_of(whole.name), ROWS["middle"]
    assert found == cut(product, whole, tmp_path / "whole", rows)
    asked = bucket.asked[whole.name]
    assert asked[0] == (0, 2 * 2880)
    assert 2 * 2880 in {start for start, _ in asked}
