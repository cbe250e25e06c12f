"""Queries for the point spread functions of many fields."""

from __future__ import annotations

import pytest
from aiohttp import web
from recorded import reaching, serving
from sky_server import ERROR_PAGE, table

from harvester.archives.sdss.names import Field, field_id
from harvester.archives.sdss.psf import COLUMNS
from harvester.archives.sdss.psf_query import FIELDS_A_QUERY, ask_psf
from harvester.archives.sdss.skyserver import SkyServer
from harvester.errors import OutageError
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.sandbox.skyserver import URL_LIMIT

BANDS = "ugriz"


async def answers(transport, fields, bands=BANDS):
    """Give the rows of all fields, and the number of queries that they took."""
    rows, queries = {}, 0
    async for some in ask_psf(SkyServer(transport, release=17), fields, bands):
        rows |= some
        queries += 1
    return rows, queries


async def test_fields_of_the_sandbox():
    """Each field has the fit of its own run and camera column, in each band."""
    options = SandboxOptions(seed=3, targets=5200, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        fields = [Field(*key) for key in sandbox.sky.fields]
        rows, queries = await answers(transport, fields)
        assert sandbox.stats["sdss-sky"].requests == queries
    assert 1 < queries == -(-len(fields) // FIELDS_A_QUERY)
    assert set(rows) == set(fields)
    widths = {
        (field.run, field.camcol, band): row[f"psfWidth_{band}"]
        for field, row in rows.items()
        for band in BANDS
    }
    assert len(set(widths.values())) > len(widths) / 2


async def test_unknown_fields_are_left_out():
    """A field that the table lacks has no row, and no error."""
    options = SandboxOptions(seed=3, targets=20, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        known = Field(*next(iter(sandbox.sky.fields)))
        rows, _ = await answers(transport, [known, Field(8162, 6, 80)], "r")
    assert list(rows) == [known]
    assert sorted(rows[known]) == sorted(f"{name}_r" for name in COLUMNS)


async def test_longest_query():
    """A full query for the longest numbers and all bands fits into an address."""
    asked = []

    async def answer(request):
        asked.append(request.raw_path)
        names = ["run", "camcol", "field"]
        names += [f"{name}_{band}" for band in BANDS for name in COLUMNS]
        return table(header=",".join(names))

    async with serving(answer) as transport:
        fields = [Field(8162, 6, 1000 + n) for n in range(FIELDS_A_QUERY)]
        rows, queries = await answers(transport, fields)
    assert (rows, queries) == ({}, 1)
    assert len(asked[0]) < URL_LIMIT
    assert all(str(field_id(field)) in asked[0] for field in fields)


async def test_no_answer(monkeypatch):
    """An outage is an error; what came before it was given."""
    calls = []

    async def answer(request):
        calls.append(request.query["cmd"])
        if len(calls) > 1:
            raise web.HTTPOk(body=ERROR_PAGE % b"down", content_type="text/html")
        return table("94,6,100,1.2", header="run,camcol,field,psfWidth_r")

    monkeypatch.setattr("harvester.archives.sdss.psf_query.COLUMNS", ("psfWidth",))
    async with serving(answer) as transport:
        server = SkyServer(transport, release=17)
        fields = [Field(94, 6, n) for n in range(FIELDS_A_QUERY + 1)]
        queries = ask_psf(server, fields, "r")
        assert await anext(queries) == {Field(94, 6, 100): {"psfWidth_r": 1.2}}
        with pytest.raises(OutageError):
            await anext(queries)
