"""CrossID: lost, multiple and unusable rows, and refused uploads."""

from __future__ import annotations

import pytest
from astroquery.sdss import field_names
from field_rows import scan, sky
from recorded import serving
from sky_server import ERROR_PAGE, HEADER, SkyServer, row, table

from harvester.archives.sdss.archive import Sdss
from harvester.archives.sdss.crossid import UPLOAD, CrossId
from harvester.archives.sdss.field_cache import FieldCache
from harvester.archives.sdss.names import Field
from harvester.archives.sdss.skyserver import SkyServer as Asker
from harvester.errors import OutageError, QueryRefusedError
from harvester.models import Ask, Survey, Target
from harvester.settings.settings import SERVICES

FIELD = Field(94, 6, 100)
R = Survey.parse("sdss:r")


def targets(count, ra=10.0, dec=0.0):
    """Give targets, one arcsec apart."""
    return [Target(n, f"g{n}", ra + n / 3600, dec, f"g{n}") for n in range(count)]


async def found(server, some, canary=None):
    """Look up targets at a server, with a suggested canary; give their fields."""
    async with serving(server.__call__) as transport:
        crossid = CrossId(Asker(transport, release=17))
        if canary:
            crossid.suggest_canary(*canary)
        matched = await crossid.find(some)
    return {number: one.fields for number, one in matched.items()}


class Cut(SkyServer):
    """Sends only the first rows of its tables, for a number of answers."""

    def __init__(self, rows, times=10**9):
        super().__init__()
        self.kept, self.times = rows, times

    def _crossid(self, upload):
        whole = super()._crossid(upload).splitlines(keepends=True)
        self.times -= 1
        return b"".join(whole if self.times < 0 else whole[: self.kept + 2])


async def test_canary():
    """Each upload ends with an object that SkyServer has named, in one query."""
    server = SkyServer()
    some = await found(server, targets(UPLOAD + 5))
    assert some == {n: [FIELD] for n in range(UPLOAD + 5)}
    assert [names[-1] for names in server.names] == ["canary"] * 2
    assert [len(names) for names in server.names] == [1000, 6]


async def test_canary_of_the_catalogue():
    """A galaxy of the catalogue is the canary, and no query asks for an object."""
    server = SkyServer()
    assert await found(server, targets(3), (11.0, 0.5)) == {
        n: [FIELD] for n in range(3)
    }
    assert (server.examples, server.names) == (0, [["t0", "t1", "t2", "canary"]])


async def test_canary_without_an_object():
    """If SkyServer knows no object at a suggested place, it is asked to name one."""
    server = SkyServer()
    server.lines = lambda uploaded: [row(*one) for one in uploaded if one[1] != "11.0"]
    assert await found(server, targets(3), (11.0, 0.5)) == {
        n: [FIELD] for n in range(3)
    }
    assert (server.examples, server.uploads) == (1, [3, 3])


async def test_cut_before_a_suggested_canary():
    """Without the suggested canary an answer is not taken for complete."""
    server = Cut(2, times=1)
    assert await found(server, targets(4), (11.0, 0.5)) == {
        n: [FIELD] for n in range(4)
    }
    assert (server.examples, server.uploads) == (1, [4, 4])


async def test_nothing_there():
    """A target without a row in a complete answer has no object nearby."""
    server = SkyServer()
    server.lines = lambda uploaded: [row(*one) for one in uploaded if one[0] != "t1"]
    assert await found(server, targets(3)) == {0: [FIELD], 1: [], 2: [FIELD]}
    assert len(server.uploads) == 1


async def test_cut_between_rows():
    """A table that is cut between two rows is requested in smaller uploads."""
    server = Cut(3, times=1)
    assert await found(server, targets(8)) == {n: [FIELD] for n in range(8)}
    assert server.uploads == [8, 4, 4]


async def test_always_cut():
    """If all answers are cut, an error is raised after a dozen uploads."""
    server = Cut(0)
    with pytest.raises(OutageError, match="cut short"):
        await found(server, targets(UPLOAD))
    assert len(server.uploads) <= 12


@pytest.mark.parametrize(
    "body", [b"#Table1\n", table(header="name,run"), table(header=f"{HEADER},x")]
)
async def test_another_header(body):
    """A table without the requested columns does not mean that there are no matches."""
    server = SkyServer()
    server.refusal = body
    # Several failed uploads in a row count as an outage of SkyServer.
    with pytest.raises(OutageError, match=r"instead of|in a row \(truncated\)"):
        await found(server, targets(3))


async def test_row_of_another_width():
    """If a row lacks a cell, the upload is repeated in parts."""
    server = SkyServer()
    first = iter([True])
    server.lines = lambda uploaded: [
        row(*one).removesuffix(",GALAXY" if next(first, False) else "")
        for one in uploaded
    ]
    assert await found(server, targets(4)) == {n: [FIELD] for n in range(4)}


async def test_large_uploads_refused():
    """If large uploads are refused, smaller ones are sent."""
    server = SkyServer()
    page = ERROR_PAGE % b"Not able to parse file or list."
    whole = server._crossid
    server._crossid = lambda upload: whole(upload) if upload.count("\n") <= 4 else page
    assert await found(server, targets(8)) == {n: [FIELD] for n in range(8)}


async def test_one_bad_target():
    """If one target spoils an upload, all others still get answers."""
    server = SkyServer()
    whole = server._crossid
    server._crossid = lambda upload: (
        ERROR_PAGE % b"Not able to parse the line" if "t3 " in upload else whole(upload)
    )
    some = await found(server, targets(8))
    assert some == {n: [FIELD] for n in range(8) if n != 3}


async def test_all_uploads_refused():
    """If every upload is refused, the error is raised after a dozen."""
    server = SkyServer()
    server.refusal = ERROR_PAGE % b"SQL Error, Invalid object name '#x'."
    with pytest.raises(QueryRefusedError, match="Invalid object name"):
        await found(server, targets(UPLOAD))


async def test_nearest_first():
    """The nearest of several objects names the field; others are next choices."""
    server = SkyServer()

    def lines(uploaded):
        for name, ra, dec in uploaded:
            yield row(name, float(ra) + 20 / 3600, dec, "94,301,6,102")
            yield row(name, float(ra) + 1 / 3600, dec, "94,301,6,100")
            yield row(name, float(ra) + 10 / 3600, dec, "94,301,6,101")
            yield row(name, float(ra) + 12 / 3600, dec, "94,301,6,101")
            yield row(name, float(ra) + 90 / 3600, dec, "94,301,6,103")

    server.lines = lines
    (fields,) = (await found(server, targets(1))).values()
    assert [field.field for field in fields] == [100, 101, 102]


@pytest.mark.parametrize("rerun", ["157", "0", "", "x"])
async def test_rerun_is_always_the_same(rerun):
    """The path has the rerun with frames, not that of the row."""
    server = SkyServer()
    server.lines = lambda uploaded: [row(*one, f"94,{rerun},6,100") for one in uploaded]
    assert await found(server, targets(1)) == {0: [FIELD]}


@pytest.mark.parametrize(
    "strange",
    [
        lambda _, ra, dec: row("t1", ra, dec, "x,301,6,100"),
        lambda _, ra, dec: row("t1", ra, dec, ",301,6,100"),
        lambda _, ra, dec: row("t1", ra, dec, "94,301,6,5000"),
        lambda _, ra, dec: row("t1", ra, dec, "95,301,6,100"),
        lambda _, ra, dec: row("t1", ra, dec, "94,301,9,100"),
        lambda _, ra, dec: row("t77", ra, dec),
        lambda _, ra, __: row("t1", ra, 45.0),
    ],
)
async def test_strange_row(strange):
    """A target with an unusable row is uploaded again, without affecting others."""
    server, times = SkyServer(), iter([True])
    server.lines = lambda uploaded: [
        strange(*one) if one[0] == "t1" and next(times, False) else row(*one)
        for one in uploaded
    ]
    assert await found(server, targets(3)) == {n: [FIELD] for n in range(3)}
    assert server.names[1:] == [["t1", "canary"]]
    server.lines = lambda uploaded: [
        strange(*one) if one[0] == "t1" else row(*one) for one in uploaded
    ]
    assert await found(server, targets(3)) == {0: [FIELD], 2: [FIELD]}


@pytest.mark.parametrize(
    "nowhere", [ERROR_PAGE % b"SQL Error", table(header="ra,dec"), b"<html>busy</html>"]
)
async def test_no_place_is_named(nowhere):
    """If SkyServer names no object, the first target found is the canary."""
    server = SkyServer()
    server.nowhere = nowhere
    server.lines = lambda uploaded: [row(*one) for one in uploaded if one[0] != "t2"]
    assert await found(server, targets(3)) == {0: [FIELD], 1: [FIELD], 2: []}
    assert server.names == [["t0", "t1", "t2"], ["t2", "canary"]]


async def test_silence_without_a_canary():
    """Without a canary a missing row is not an answer."""
    server = SkyServer()
    server.nowhere = ERROR_PAGE % b"SQL Error"
    server.lines = lambda _: []
    assert await found(server, targets(3)) == {}


# -- the archive ------------------------------------------------------------------


async def located(server, asks):
    """Locate at a server; give the findings and the error."""
    findings = {}
    async with serving(server.__call__) as transport:
        cache = FieldCache([], release=17, source=SERVICES["sdss-sky"])
        sdss = Sdss(
            transport,
            base=SERVICES["sdss-sas"],
            release=17,
            cache=cache,
            listener=print,
        )
        try:
            async for batch in sdss.locate(R, asks):
                findings |= {finding.target.number: finding for finding in batch}
        except (OutageError, QueryRefusedError) as error:
            return findings, error
    return findings, None


async def test_bad_rows_wait():
    """Targets with unusable rows wait, with an error; all others are located."""
    server = SkyServer()
    server.lines = lambda uploaded: [
        row(*one, "x,301,6,100" if one[0] == "t1" else "94,301,6,100")
        for one in uploaded
    ]
    findings, error = await located(server, [Ask(one) for one in targets(3)])
    assert findings.keys() == {0, 2}
    assert "1 position(s)" in str(error)


async def test_table_in_place_of_uploads():
    """If no upload is answered, the table of all fields is used."""
    server = SkyServer()
    server.refusal = ERROR_PAGE % b"SQL Error, Invalid object name '#x'."
    place = sky(scan(fields=3)[1], 700, 1000)
    inside = Target(0, "in", *map(float, place), "in")
    outside = Target(1, "out", 0.0, 80.0, "out")
    findings, error = await located(server, [Ask(inside), Ask(outside)])
    assert server.camcols == [1, 2, 3, 4, 5, 6]
    assert findings[0].route == "geometry"
    # An incomplete table does not prove that no field holds a target.
    assert findings.keys() == {0}
    assert isinstance(error, QueryRefusedError)


async def test_neither_way():
    """If the table is refused too, the error of the uploads is raised."""
    server = SkyServer()
    server.refusal = ERROR_PAGE % b"SQL Error, Invalid object name '#x'."
    server.status = 403
    findings, error = await located(server, [Ask(one) for one in targets(3)])
    assert findings == {}
    assert "#x" in str(error)


async def test_columns_of_others():
    """The column names that astroquery caches are unchanged afterwards."""
    before = dict(field_names._cached_table_fields)
    await found(SkyServer(), targets(1))
    assert field_names._cached_table_fields.keys() == before.keys()


@pytest.mark.parametrize("count", [3, 6000])
async def test_unreachable(count):
    """If SkyServer is unreachable, only one query waits for it."""
    asked = []

    class DownTransport:
        async def query(self, *words, **_):
            asked.append(words)
            raise OutageError("refused", "connection refused")

    cache = FieldCache([], release=17, source=SERVICES["sdss-sky"])
    sdss = Sdss(
        DownTransport(), base="https://sas", release=17, cache=cache, listener=print
    )
    with pytest.raises(OutageError, match="connection refused"):
        async for _ in sdss.locate(R, [Ask(one) for one in targets(count)]):
            pass
    assert len(asked) == 1
