"""Samples: a few requests before the first image, which may fail without harm."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from recorded import reaching

from harvester.archives.registry import kind_of
from harvester.archives.sampling import sample_once
from harvester.dataset.stamps import file_loc
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import Finding, Product, Survey, Target
from harvester.settings.settings import SERVICES

SDSS = Survey.parse("sdss:r")
HST = Survey.parse("hst:WFC3/IR:F160W")
BUCKET = SERVICES["s3"]
FRAMES = 12


def product(survey, number):
    """Give a product with an address at its archive, and for HST a copy."""
    if survey == SDSS:
        name = f"frame-{number}.fits.bz2"
        return Product("sdss", name, "r", f"{SERVICES['sdss-sas']}/frames/{name}")
    name = f"ib{number}_drz.fits"
    url = f"{SERVICES['mast']}/api/v0.1/Download/file?uri=mast:HST/product/{name}"
    return Product("hst", name, "F160W", url, (f"{BUCKET}/stpubdata/guess/{name}",))


class Archive:
    """Answers questions about files, and stores them."""

    #: Questions before the first frame is fetched.
    at_first = 0

    def __init__(self, *, missing=(), status=200):
        self.missing = missing
        self.status = status
        self.asked = []

    async def __call__(self, request):
        """Answer one request."""
        self.asked.append((request.method, request.path_qs))
        if self.status != 200:
            return web.Response(status=self.status)
        if request.path.endswith("path_lookup/"):
            return web.json_response(
                {uri: self._path(uri) for uri in request.query.getall("uri")}
            )
        if any(name in request.path for name in self.missing):
            return web.Response(status=404)
        return web.Response(body=bytes(4_000_000), content_type="application/x-bzip2")

    def _path(self, uri):
        name = uri.rpartition("/")[2]
        if name in self.missing:
            return {"status_code": 404, "path": None}
        return {"status_code": 200, "path": f"/hst/public/ib/ib/{name}"}


@asynccontextmanager
async def sample(
    tmp_path, survey, archive, *, frames=FRAMES, located=True, is_plan=True
):
    """Give a function that samples a run with frames to come, one galaxy each."""
    path = tmp_path / "ledger.sqlite"
    targets = [Target(n, f"g{n}", n, 0.0, f"g{n}", n) for n in range(frames)]
    create_ledger(path, targets=targets, rejects=[], surveys=[survey], facts={})

    async def handle(request):
        return await archive(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server, Ledger.open(path) as ledger:
        if located:
            band = survey.bands[0]
            found = [
                Finding(one, {band: [product(survey, one.number)]}) for one in targets
            ]
            await ledger.record_located(
                survey, found, file_loc=file_loc, keep_all=False
            )
        url = str(server.make_url("/")).rstrip("/")
        async with reaching(dict.fromkeys(SERVICES, url)) as transport:

            async def sound():
                rest = await sample_once(
                    kind_of(survey.archive),
                    path,
                    transport=transport,
                    ledger=ledger,
                    official=SERVICES,
                    is_plan=is_plan,
                )
                archive.at_first = len(getattr(archive, "asked", ()))
                if rest:
                    await rest
                with LedgerView.open(path) as view:
                    told = view.facts().get(f"samples {survey.archive}")
                    return told and json.loads(told), view.frames_to_come()

            yield sound


async def test_lengths(tmp_path):
    """The lengths of three SDSS frames are requested, without their bytes."""
    archive = Archive()
    async with sample(tmp_path, SDSS, archive) as sound:
        told, groups = await sound()
    assert [method for method, _ in archive.asked] == ["HEAD"] * 3
    assert len(set(archive.asked)) == 3
    assert told == {"asked": 3, "missing": 0, "size": 4_000_000}
    assert [(g.frames, g.sized, g.size, g.missing) for g in groups] == [
        (FRAMES, 3, 12_000_000, 0)
    ]


async def test_missing_frame(tmp_path):
    """A missing frame counts as missing, and not in the mean length."""
    archive = Archive(missing=[f"frame-{n}." for n in range(2)])
    async with sample(tmp_path, SDSS, archive, frames=3) as sound:
        told, groups = await sound()
    assert told == {"asked": 3, "missing": 2, "size": 4_000_000}
    assert [(g.frames, g.sized, g.missing) for g in groups] == [(3, 3, 2)]


async def test_copies(tmp_path):
    """One request gives the copies of forty HST images in the bucket.

    Of one that it has not, MAST is asked in the first place.
    """
    archive = Archive(missing=["ib3_drz.fits", "ib41_drz.fits"])
    async with sample(tmp_path, HST, archive, frames=50) as sound:
        told, groups = await sound()
    assert len(archive.asked) == 2
    assert told == {"asked": 50, "missing": 2, "size": None}
    assert {g.mirrored: g.frames for g in groups} == {True: 48, False: 2}
    with LedgerView.open(tmp_path / "ledger.sqlite") as view:
        kept = {p.name: p.mirrors for _, p in view.sample_to_come(0, 50)}
    assert kept["ib3_drz.fits"] == ()
    assert kept["ib4_drz.fits"] == (
        f"{BUCKET}/stpubdata/hst/public/ib/ib/ib4_drz.fits",
    )


@pytest.mark.parametrize(("is_plan", "at_first"), [(True, 3), (False, 1)])
async def test_three_questions(tmp_path, is_plan, at_first):
    """MAST is asked about 120 images at most, in three requests.

    In a harvest the second and the third are sent while images are fetched.
    """
    archive = Archive()
    async with sample(tmp_path, HST, archive, frames=230, is_plan=is_plan) as sound:
        told, _ = await sound()
    assert (archive.at_first, len(archive.asked)) == (at_first, 3)
    assert told["asked"] == 120


@pytest.mark.parametrize(
    ("survey", "frames", "asked"), [(SDSS, 99, 0), (SDSS, 100, 3), (HST, 1, 1)]
)
async def test_worth_asking(tmp_path, survey, frames, asked):
    """A harvest asks SDSS only if there are many frames."""
    archive = Archive()
    async with sample(tmp_path, survey, archive, frames=frames, is_plan=False) as sound:
        await sound()
    assert len(archive.asked) == asked


@pytest.mark.parametrize("survey", [SDSS, HST])
async def test_once(tmp_path, survey):
    """A run samples each archive once."""
    archive = Archive()
    async with sample(tmp_path, survey, archive) as sound:
        first = await sound()
        asked = len(archive.asked)
        assert await sound() == first
    assert len(archive.asked) == asked


@pytest.mark.parametrize("status", [403, 405, 500, 503])
@pytest.mark.parametrize("survey", [SDSS, HST])
async def test_no_answer(tmp_path, survey, status):
    """If the archive does not answer, the figures stay unknown and the run goes on."""
    async with sample(tmp_path, survey, Archive(status=status)) as sound:
        told, (group,) = await sound()
    assert told == {"asked": 0, "missing": 0, "size": None}
    assert (group.sized, group.mirrored) == (0, survey == HST)


async def test_silence(tmp_path, monkeypatch):
    """The run does not wait for an archive that does not answer in time."""
    monkeypatch.setattr("harvester.archives.sampling._PATIENCE_S", 0.0)
    async with sample(tmp_path, SDSS, Archive()) as sound:
        told, _ = await sound()
    assert told["asked"] == 0


async def test_web_page(tmp_path):
    """The length of an HTML page is not taken for the length of a frame."""

    async def page(_):
        return web.Response(text="<html>maintenance</html>", content_type="text/html")

    async with sample(tmp_path, SDSS, page) as sound:
        assert (await sound())[0]["asked"] == 0


@pytest.mark.parametrize(
    "answer",
    [
        [],
        "no JSON object",
        {"ib0": None},
        {"ib0": {"status_code": 200, "path": "//elsewhere"}},
        {"ib0": {"status_code": 200, "path": "/hst/public/../x"}},
        {"other": {"status_code": 404, "path": None}},
    ],
)
async def test_nonsense(tmp_path, answer):
    """An answer without a key in the bucket changes nothing."""
    text = json.dumps(answer).replace("ib0", "mast:HST/product/ib0_drz.fits")

    async def odd(_):
        return web.Response(text=text, content_type="application/json")

    async with sample(tmp_path, HST, odd, frames=1) as sound:
        told, (group,) = await sound()
    assert told["asked"] == 0
    assert group.mirrored


async def test_damaged_answer(tmp_path):
    """Damaged JSON changes nothing, and the run goes on."""

    async def deep(_):
        return web.Response(text="[" * 3000, content_type="application/json")

    async with sample(tmp_path, HST, deep, frames=1) as sound:
        told, (group,) = await sound()
    assert told["asked"] == 0
    assert group.mirrored


async def test_not_located_yet(tmp_path):
    """No sample is taken before all galaxies of the archive are located."""
    archive = Archive()
    async with sample(tmp_path, SDSS, archive, located=False) as sound:
        told, _ = await sound()
    assert (told, archive.asked) == (None, [])
