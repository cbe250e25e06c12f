"""Looking up positions by SDSS identifiers: batches, and missing rows."""

from __future__ import annotations

import pytest
from recorded import reaching, serving
from sky_server import ERROR_PAGE, table

from harvester.archives.sdss.positions import IDS, look_up_positions
from harvester.errors import OutageError, QueryRefusedError
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.sandbox.skyserver import URL_LIMIT


def identifiers(count, sky=2, rerun=301):
    """Give identifiers of objects in one field."""
    field = (sky << 59) | (rerun << 48) | (1739 << 32) | (3 << 29) | (315 << 16)
    return [str(field + number) for number in range(count)]


class Objects:
    """A SkyServer with all objects but some, which stores the queries."""

    def __init__(self, lacking=()):
        self.lacking = set(lacking)
        self.asked = []
        #: Makes the reply, from the identifiers of a query and its table.
        self.edit = lambda _asked, whole: whole

    async def __call__(self, request):
        """Answer a query."""
        assert len(request.raw_path) <= URL_LIMIT
        words = request.query["cmd"].split()
        if words[1] == "TOP":
            return table("1237652943176138868", header=words[3])
        asked = words[-1].strip("()").split(",")
        self.asked.append((words[words.index("FROM") + 1], asked))
        rows = [f"{one},1.5,-0.25" for one in asked if one not in self.lacking]
        return self.edit(asked, table(*rows, header=f"{words[1]}ra,dec"))


async def looked_up(server, ids):
    """Look up identifiers at a server."""
    async with serving(server) as transport:
        return await look_up_positions(transport, ids, release=17, listener=print)


async def test_batches():
    """As many identifiers as fit go into a query, for each release in its own table."""
    new, old = identifiers(IDS + 1), identifiers(2, sky=1, rerun=40)
    server = Objects()
    places = await looked_up(server, [*new, *old, "NGC 6543", "12", new[0]])
    assert places == dict.fromkeys([*new, *old], (1.5, -0.25))
    assert [(name, len(ids)) for name, ids in server.asked] == [
        ("PhotoObjDR7", 2),
        ("PhotoObjAll", IDS),
        ("PhotoObjAll", 1),
    ]


async def test_unknown_is_asked_for_twice():
    """Missing identifiers are requested again, with a known one."""
    ids = identifiers(5)
    server = Objects(lacking=ids[3:])
    assert sorted(await looked_up(server, ids)) == ids[:3]
    assert [asked for _, asked in server.asked] == [ids, [*ids[3:], ids[0]]]


async def test_all_unknown():
    """If no identifier is known, SkyServer is asked for an object."""
    server = Objects(lacking=identifiers(2))
    assert await looked_up(server, identifiers(2)) == {}
    assert server.asked[1][1] == [*identifiers(2), "1237652943176138868"]


async def test_rows_lost_once():
    """If a table is cut once, all positions are found in the end."""
    cuts = iter([3])
    server = Objects()
    server.edit = lambda _asked, whole: b"".join(
        whole.splitlines(keepends=True)[: next(cuts, None)]
    )
    assert sorted(await looked_up(server, identifiers(4))) == identifiers(4)


async def test_rows_always_lost():
    """If the table is always cut, an outage is raised."""
    server = Objects()
    server.edit = lambda _asked, whole: b"".join(whole.splitlines(keepends=True)[:3])
    with pytest.raises(OutageError, match="cut short"):
        await looked_up(server, identifiers(4))


async def test_refused_query_is_halved():
    """A query that is too large is repeated in halves."""
    server = Objects()
    server.edit = lambda asked, whole: (
        ERROR_PAGE % b"SQL Error, too complex" if len(asked) > 100 else whole
    )
    assert len(await looked_up(server, identifiers(300))) == 300
    assert [len(asked) for _, asked in server.asked] == [300, 150, 75, 75, 150, 75, 75]


async def test_refusal_of_all_ends():
    """If every query is refused, the error is raised after a few."""
    server = Objects()
    server.edit = lambda *_: ERROR_PAGE % b"SQL Error, Invalid object name"
    with pytest.raises(QueryRefusedError, match="Invalid object name"):
        await looked_up(server, identifiers(300))
    assert len(server.asked) <= 12


async def test_sandbox():
    """The sandbox knows both identifiers of its galaxies, except in missing fields."""
    options = SandboxOptions(seed=3, targets=400, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        galaxies = sandbox.sky.galaxies
        new = {str(g.dr8_objid): (g.ra, g.dec) for g in galaxies}
        old = {str(g.objid): (g.ra, g.dec) for g in galaxies}
        places = await look_up_positions(
            transport, [*new, *old], release=17, listener=print
        )
        requests = sandbox.stats["sdss-sky"].requests
    named = {str(g.objid) for g in galaxies if (g.objid ^ g.dr8_objid) >> 32 & 0xFFFF}
    assert places.keys() >= new.keys()
    missing = old.keys() - places.keys()
    assert 0 < len(missing) < len(galaxies) / 10
    assert not named - missing
    for one, place in (new | old).items():
        if one in places:
            assert places[one] == pytest.approx(place, abs=1e-9)
    assert requests == 2 + 2 + 1
