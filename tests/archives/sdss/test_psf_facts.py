"""Facts of the PSF that the locator of SDSS adds to products."""

from __future__ import annotations

import json

import numpy as np
import pytest
from aiohttp import web
from recorded import reaching, serving
from sky_server import ERROR_PAGE, table

from harvester.archives.sdss.archive import Sdss
from harvester.archives.sdss.field_cache import FieldCache
from harvester.archives.sdss.kind import KIND
from harvester.archives.sdss.psf import COLUMNS
from harvester.models import Ask, Survey, Target
from harvester.sandbox.camera import seeing_of
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


async def located(locator, asks, *, route="locate"):
    """Give all findings."""
    batches = getattr(locator, route)(GI, asks)
    return [finding async for batch in batches for finding in batch]


def asks_of(galaxies):
    """Give asks with the identifiers of galaxies."""
    return [
        Ask(Target(n, str(g.dr8_objid), g.ra, g.dec, f"g{n}"))
        for n, g in enumerate(galaxies)
    ]


async def test_psf_of_each_frame():
    """Every product has the fit of its field and band, asked once for each field."""
    options = SandboxOptions(seed=3, targets=300, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        locator, notes = sdss(transport, []), []
        asks = asks_of(sandbox.sky.galaxies)
        assert await located(locator, asks, route="recognise") == []
        found = await located(locator, asks)
        asked = sandbox.stats["sdss-sky"].requests
        assert await located(locator, asks) == found
        assert sandbox.stats["sdss-sky"].requests == asked > 0
    assert len(found) == 300
    assert not notes
    for finding, galaxy in zip(found, sandbox.sky.galaxies, strict=True):
        for band in "gi":
            spread = KIND.reading.point_spread(finding.choices[band][0], str)
            width = seeing_of(galaxy.field, band).width
            assert spread.fwhm_arcsec == pytest.approx(width)
            assert spread.image.sum() == pytest.approx(1)


async def test_not_asked_for():
    """Without the plane psf SkyServer is not asked, and products have no facts."""
    options = SandboxOptions(seed=3, targets=30, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        locator = sdss(transport, [], has_psf=False)
        found = await located(locator, asks_of(sandbox.sky.galaxies), route="recognise")
        assert sandbox.stats["sdss-sky"].requests == 0
    assert len(found) == 30
    assert {f.choices["g"][0].facts for f in found} == {""}


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


def targets(*fields):
    """Give asks for objects of fields of run 94, camera column 6."""
    ids = [2 << 59 | 301 << 48 | 94 << 32 | 6 << 29 | field << 16 for field in fields]
    return [Ask(Target(n, str(i), 10.0, 1.0, f"t{n}")) for n, i in enumerate(ids)]


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
        (found,) = await located(sdss(transport, []), targets(100))
    facts = json.loads(found.choices["g"][0].facts)
    assert facts == dict.fromkeys(COLUMNS, 1.2)
    assert "psfWidth_g" in server.asked[0]
    assert "psfWidth_r" not in server.asked[0]


async def test_outage():
    """In an outage galaxies are located all the same, without a PSF; it is said."""
    server, notes = Fields(), []
    server.reply = down
    async with serving(server) as transport:
        locator = sdss(transport, notes)
        found = await located(locator, targets(100, 101))
        assert [f.choices["g"][0].facts for f in found] == ["", ""]
        assert len(notes) == 1
        assert "the PSF of 2 fields is not known" in notes[0]


async def test_damaged_answer():
    """After a damaged answer the fields are asked for again when they are met again."""
    server, notes = Fields(), []
    server.reply = lambda: table("94", header="run")
    async with serving(server) as transport:
        locator = sdss(transport, notes)
        (found,) = await located(locator, targets(101))
        assert found.choices["g"][0].facts == ""
        server.reply = None
        (again,) = await located(locator, targets(101))
    assert json.loads(again.choices["i"][0].facts)["psfWidth"] == 1.2
    assert len(notes) == 1


async def test_refusal():
    """A query that is refused is not repeated for other fields."""
    server, notes = Fields(), []
    server.reply = refused
    async with serving(server) as transport:
        locator = sdss(transport, notes)
        await located(locator, targets(100))
        asked = len(server.asked)
        (found,) = await located(locator, targets(101))
    assert len(server.asked) == asked
    assert found.choices["g"][0].facts == ""
    assert len(notes) == 1


async def test_unknown_field():
    """A field that SkyServer does not know has no PSF, and is asked for once."""
    server = Fields()
    async with serving(server) as transport:
        locator = sdss(transport, [])
        names = ["run", "camcol", "field"]
        names += [f"{name}_{band}" for band in "gi" for name in COLUMNS]
        server.reply = lambda: table(header=",".join(names))
        for _ in range(2):
            (found,) = await located(locator, targets(100))
            assert found.choices["g"][0].facts == ""
    assert len(server.asked) == 1
    assert not np.any([found.choices["i"][0].facts])
