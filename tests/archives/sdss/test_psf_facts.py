"""What the locator of SDSS tells of the PSF of frames."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from aiohttp import web
from recorded import reaching, serving
from sky_server import ERROR_PAGE, table

from harvester.archives.sdss.archive import Sdss
from harvester.archives.sdss.field_cache import FieldCache
from harvester.archives.sdss.kind import KIND
from harvester.archives.sdss.names import Field, field_of, frame
from harvester.archives.sdss.psf import COLUMNS
from harvester.models import Survey
from harvester.sandbox.camera import seeing_of
from harvester.sandbox.scans import FieldKey
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.settings.settings import SERVICES

GI = Survey.parse("sdss:g,i")


def sdss(transport, notes, *, has_psf=True):
    """Give the locator, with the notes that it makes."""
    return Sdss(
        transport,
        base=SERVICES["sdss-sas"],
        release=17,
        cache=FieldCache([], release=17, source=""),
        listener=lambda note: notes.append(note.text),
        has_psf=has_psf,
    )


def frames(*fields):
    """Give the frames of fields in the bands g and i."""
    return [frame("https://sas", 17, band, field) for field in fields for band in "gi"]


async def test_psf_of_each_frame():
    """Every frame has the fit of its field and band, asked once for each field."""
    options = SandboxOptions(seed=3, targets=300, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        notes = []
        locator = sdss(transport, notes)
        products = frames(*(Field(*key) for key in sandbox.sky.fields))
        told = await locator.describe(GI, products)
        assert sandbox.stats["sdss-sky"].requests == 1
        assert await locator.describe(GI, products) == told
        assert sandbox.stats["sdss-sky"].requests == 1
    assert set(told) == {product.name for product in products}
    assert not notes
    for product in products:
        known = replace(product, facts=told[product.name])
        spread = KIND.reading.point_spread(known, str)
        key = FieldKey(*field_of(product.name)[:3])
        assert spread.fwhm_arcsec == pytest.approx(seeing_of(key, product.band).width)
        assert spread.image.sum() == pytest.approx(1)


async def test_not_asked_for():
    """Without the plane psf SkyServer is not asked."""
    options = SandboxOptions(seed=3, targets=30, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        locator = sdss(transport, [], has_psf=False)
        products = frames(*(Field(*key) for key in sandbox.sky.fields))
        assert await locator.describe(GI, products) == {}
        assert sandbox.stats["sdss-sky"].requests == 0


class Fields:
    """Answers queries for the PSF; ``reply`` may be set to something else."""

    def __init__(self):
        self.asked = []
        self.reply = None

    async def __call__(self, request):
        """Give a row for each field of the run 94."""
        query = request.query["cmd"]
        self.asked.append(query)
        if self.reply is not None:
            return self.reply()
        names = query.split("SELECT ")[1].split(" FROM")[0].split(",")
        ids = query.split("(")[1].rstrip(") ").split(",")
        rows = [
            ",".join(
                ["94", "6", str(int(one) >> 16 & 0xFFF), *["1.2"] * (len(names) - 3)]
            )
            for one in ids
        ]
        return table(*rows, header=",".join(names))


HERE, THERE = Field(94, 6, 100), Field(94, 6, 101)


def down():
    """Answer as SkyServer does when its database is down."""
    raise web.HTTPOk(body=ERROR_PAGE % b"down", content_type="text/html")


def refused():
    """Refuse the statement."""
    return table("Invalid column name", header="error_message")


async def test_facts_in_json():
    """The facts are the columns of one band, without its letter."""
    server = Fields()
    async with serving(server) as transport:
        told = await sdss(transport, []).describe(GI, frames(HERE))
    assert [json.loads(facts) for facts in told.values()] == [
        dict.fromkeys(COLUMNS, 1.2)
    ] * 2
    assert "psfWidth_g" in server.asked[0]
    assert "psfWidth_r" not in server.asked[0]


async def test_outage():
    """In an outage nothing is known of the PSF; it is said once."""
    server, notes = Fields(), []
    server.reply = down
    async with serving(server) as transport:
        locator = sdss(transport, notes)
        for _ in range(2):
            assert await locator.describe(GI, frames(HERE, THERE)) == {}
    assert len(notes) == 1
    assert "the PSF of 2 fields is not known" in notes[0]


async def test_damaged_answer():
    """After a damaged answer the fields are asked for again in the next call."""
    server, notes = Fields(), []
    server.reply = lambda: table("94", header="run")
    async with serving(server) as transport:
        locator = sdss(transport, notes)
        assert await locator.describe(GI, frames(HERE)) == {}
        server.reply = None
        assert len(await locator.describe(GI, frames(HERE))) == 2
    assert len(notes) == 1


async def test_refusal():
    """A query that is refused is not repeated for other fields."""
    server, notes = Fields(), []
    server.reply = refused
    async with serving(server) as transport:
        locator = sdss(transport, notes)
        await locator.describe(GI, frames(HERE))
        asked = len(server.asked)
        assert await locator.describe(GI, frames(THERE)) == {}
    assert len(server.asked) == asked
    assert len(notes) == 1


async def test_unknown_field():
    """A field that SkyServer does not know has no PSF, and is asked for once."""
    server = Fields()
    names = ["run", "camcol", "field"]
    names += [f"{name}_{band}" for band in "gi" for name in COLUMNS]
    server.reply = lambda: table(header=",".join(names))
    async with serving(server) as transport:
        locator = sdss(transport, [])
        for _ in range(2):
            told = await locator.describe(GI, frames(HERE))
            assert list(told.values()) == ["{}", "{}"]
    assert len(server.asked) == 1
