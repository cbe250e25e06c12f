"""SDSS: identifiers, frame names, and recorded replies of SkyServer."""

from __future__ import annotations

from importlib.resources import files

import numpy as np
import pyarrow as pa
import pytest
from field_rows import scan, sky
from hypothesis import given
from hypothesis import strategies as st
from recorded import reaching, serving
from sky_server import ERROR_PAGE, SkyServer, row

from harvester.archives.sdss.archive import Sdss, check_skyserver, choose_route
from harvester.archives.sdss.field_cache import FieldCache
from harvester.archives.sdss.names import Field, count_fields, decode, frame
from harvester.catalogue.identifiers import as_text
from harvester.errors import OutageError, QueryRefusedError, TransientError
from harvester.models import Ask, Survey, Target
from harvester.sandbox.photo import PhotoField
from harvester.sandbox.server import Sandbox, SandboxOptions
from harvester.settings.settings import SERVICES
from harvester.transport.transport import Reply

GRI = Survey.parse("sdss:g,r,i")


def ask(identifier, *, number=0, by_position=False):
    """Give an ask for a target with this identifier."""
    target = Target(number, identifier, 2.02, 14.84, identifier)
    return Ask(target, by_position)


def reply(body):
    """Give a reply of SkyServer."""
    return Reply(200, {}, body, "https://skyserver.sdss.org/x")


@pytest.mark.parametrize(
    ("identifier", "field"),
    [
        ("588290881638760664", Field(1904, 5, 174)),  # DR7, rerun 40
        ("588017703996096547", Field(3836, 4, 84)),  # DR7, rerun 41: M95
        ("1237652943176138868", Field(1739, 3, 315)),  # DR8
    ],
)
def test_identifier_names_the_field(identifier, field):
    """Run, camcol and field are read from identifiers of DR7 and DR8."""
    assert decode(identifier) == field


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "J000411.19+020924.0",
        "12",
        "1.24E+18",
        "-588290881638760664",
        "5882908816387606640000",
        "9" * 19,
        "588290881638760664 ",
        "٥٨٨٢٩٠٨٨١٦٣٨٧٦٠٦٦٤",
        str((2 << 59) | (301 << 48) | (94 << 32) | (1 << 29) | (600 << 16)),  # no field
        str((2 << 59) | (301 << 48) | (95 << 32) | (1 << 29) | (100 << 16)),  # no run
        str((2 << 59) | (301 << 48) | (94 << 32) | (7 << 29) | (100 << 16)),  # camcol
        "8647474690312307154",  # the Stripe 82 coadd
    ],
)
def test_no_identifier(identifier):
    """A number that does not name an observed field is not decoded."""
    assert decode(identifier) is None


@st.composite
def identifiers(draw):
    """Give an observed field, and the identifier of an object in it.

    Written as a row of bits, as SkyServer's page lists them, and not with shifts as
    the decoder reads them.
    """
    table = (
        files("harvester.archives.sdss").joinpath("sdss_runs.csv").read_text("ascii")
    )
    run, first, last = map(int, draw(st.sampled_from(table.split()[1:])).split(",")[:3])
    camcol, number = draw(st.integers(1, 6)), draw(st.integers(first, last))
    sky, rerun = draw(st.sampled_from([(1, 40), (1, 41), (1, 648), (2, 301)]))
    bits = (
        f"0{sky:04b}{rerun:011b}{run:016b}{camcol:03b}{draw(st.integers(0, 1)):b}"
        f"{number:012b}{draw(st.integers(0, 65535)):016b}"
    )
    assert len(bits) == 64
    return Field(run, camcol, number), int(bits, 2)


@given(identifiers(), st.sampled_from(["{}", " {}", "{}  ", "\t{}\n"]))
def test_encoded_identifiers(case, blanks):
    """Identifiers in the published layout are decoded, also above 2**53."""
    field, number = case
    assert number > 2**53
    assert decode(str(number)) == field
    for column in (pa.array([number]), pa.array([blanks.format(number)])):
        (text,) = as_text(column).to_pylist()
        assert decode(text) == field


@given(st.text())
def test_any_text_decodes(text):
    """Decoding any text does not raise an error."""
    assert decode(text) is None or decode(text).camcol <= 6


def test_published_pairs(shared):
    """DR7 and DR8 identifiers of one galaxy never name two fields of one scan."""
    path = shared / "data/catalogues/target_sdss_dr7_dr8.txt"
    rows = [line.split("\t") for line in path.read_text().splitlines()[1:]]
    pairs = [(decode(row[2]), decode(row[3])) for row in rows]
    known = [(old, new) for old, new in pairs if old and new]
    same_scan = [(o, n) for o, n in known if o[:2] == n[:2]]
    assert len(same_scan) > 10
    assert all(old == new for old, new in same_scan)


@pytest.mark.parametrize(
    ("release", "folder"),
    [
        (12, "dr12/boss"),
        (17, "dr17/eboss"),
        (18, "dr18/prior-surveys/sdss4-dr17-eboss"),
    ],
)
def test_frame_address(release, folder):
    """The address of a frame follows the layout of each release."""
    product = frame("https://data.sdss.org/sas", release, "r", Field(1739, 3, 315))
    assert product.url == (
        f"https://data.sdss.org/sas/{folder}/photoObj/frames/301/1739/3/"
        "frame-r-001739-3-0315.fits.bz2"
    )


@pytest.mark.parametrize("kept", [9, 30, 50])
def test_table_cut_short(kept):
    """A table that does not end with a line feed is a transient error."""
    whole = b"#Table1\nname,run,rerun,camcol,field\nt7,1739,301,3,315\n"
    check_skyserver(reply(whole))
    with pytest.raises(TransientError, match="in the middle of a row"):
        check_skyserver(reply(whole[:kept]))


def test_pages_are_outages():
    """An HTML page with status 200 is an outage, not an answer."""
    with pytest.raises(OutageError, match="page"):
        check_skyserver(reply(b"<html><head>\n<title>Skyserver Error</title>"))
    with pytest.raises(OutageError, match="fewer"):
        check_skyserver(
            reply(
                b"#Table1\nerror_message\nERROR: Maximum 60 queries allowed per minute"
            )
        )
    with pytest.raises(OutageError, match="has an outage"):
        check_skyserver(reply(b"#Table1\nerror_message\nLogin failed for user 'x'"))
    with pytest.raises(QueryRefusedError, match="refused"):
        check_skyserver(reply(b"#Table1\nerror_message\nerror: limit is top 500000"))


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (b"SQL Error, Invalid object name 'Frame'.", QueryRefusedError),
        (b"System.Data.SqlClient.SqlException: Invalid column name", QueryRefusedError),
        (b"Not able to parse file or list.", QueryRefusedError),
        (b"Radius: 'x' is not a number.", QueryRefusedError),
        (b"Execution Timeout Expired. The timeout period elapsed", QueryRefusedError),
        (b"The query exceeds the maximum of 500000 rows", QueryRefusedError),
        (b"The remote server returned an error: (503)", OutageError),
        (b"A network-related error while establishing a connection", OutageError),
        (b"Timeout expired prior to obtaining a connection", OutageError),
        (b"", OutageError),
    ],
)
def test_pages_about_a_query(words, error):
    """The text of a page tells whether the service or the query has failed."""
    with pytest.raises((OutageError, QueryRefusedError)) as caught:
        check_skyserver(reply(ERROR_PAGE % words))
    assert caught.type is error


def sdss(transport, folder=None, listener=print):
    """Give the locator; without a folder it keeps no table."""
    folders = [folder] if folder else []
    cache = FieldCache(folders, release=17, source=SERVICES["sdss-sky"])
    return Sdss(
        transport, base=SERVICES["sdss-sas"], release=17, cache=cache, listener=listener
    )


async def findings(archive, asks):
    """Give all findings of a locator in one list."""
    return [f for batch in [b async for b in archive.locate(GRI, asks)] for f in batch]


async def _located(answer, asks):
    async with serving(answer) as transport:
        return await findings(sdss(transport), asks)


async def test_identifiers_need_no_request():
    """Galaxies with SDSS identifiers are located without a request."""

    async def answer(request):
        raise AssertionError(request.url)

    (finding,) = await _located(answer, [ask("1237652943176138868")])
    assert [p[0].name for p in finding.choices.values()] == [
        f"frame-{band}-001739-3-0315.fits.bz2" for band in "gri"
    ]
    assert finding.route == "identifier"


async def test_recorded_crossid():
    """A recorded CrossID reply is read; a target without a row has no field."""
    recorded = files("astroquery.sdss").joinpath("tests/data/xid_im.txt").read_text()
    header, *rows = recorded.splitlines()[1:]
    values = dict(zip(header.split(","), rows[0].split(","), strict=True))
    server = SkyServer()
    field = ",".join(values[name] for name in ("run", "rerun", "camcol", "field"))
    server.lines = lambda uploaded: [
        row(name, *place, field) for name, *place in uploaded if name != "t8"
    ]
    found, nothing = await _located(
        server,
        [ask("x", number=7), ask("1237652943176138868", number=8, by_position=True)],
    )
    assert values["run"] in found.choices["r"][0].url
    assert nothing.choices == {}
    assert found.route == nothing.route == "crossid"
    assert server.names == [["t7", "t8", "canary"]]


async def test_distance_of_the_match():
    """A finding tells how far the object is that a position was matched with."""
    server = SkyServer()
    server.lines = lambda uploaded: [
        row(name, ra, float(dec) + {"t1": 0.5, "t2": 20.0}[name] / 3600)
        if name in {"t1", "t2"}
        else row(name, ra, dec)
        for name, ra, dec in uploaded
    ]
    near, far = await _located(server, [ask("x", number=1), ask("y", number=2)])
    assert (near.candidates, near.is_ambiguous) == (1, False)
    assert near.separation_arcsec == pytest.approx(0.5, abs=0.01)
    assert (far.candidates, far.is_ambiguous) == (1, True)
    assert far.separation_arcsec == pytest.approx(20, abs=0.01)


async def test_stray_is_looked_up_by_position():
    """A galaxy far from the field of its identifier is looked up by position."""
    server = SkyServer()
    server.lines = lambda uploaded: [row(*one, "3836,301,3,104") for one in uploaded]
    numbers = [100, 101, 102, 103, 164]
    asks = [
        Ask(
            Target(n, str((2 << 59) + (3836 << 32) + (3 << 29) + (field << 16)), *place)
        )
        for n, field, place in zip(
            range(5),
            numbers,
            [(15 + n * 0.15, 0.1, "g") for n in range(5)],
            strict=True,
        )
    ]
    found = await _located(server, asks)
    assert {f.target.number: f.route for f in found} == {
        **dict.fromkeys(range(4), "identifier"), 4: "crossid"
    }  # fmt: skip
    (stray,) = [f for f in found if f.route == "crossid"]
    assert stray.choices["r"][0].name == "frame-r-003836-3-0104.fits.bz2"
    assert (server.examples, server.names) == (0, [["t4", "canary"]])


async def test_html_is_no_table():
    """An HTML page does not become a finding."""

    async def answer(_request):
        return b"<html><body>Down for maintenance</body></html>"

    with pytest.raises(OutageError):
        await _located(answer, [ask("x")])


@pytest.mark.parametrize(
    ("count", "have_table", "route"),
    [
        (1, False, "crossid"),
        (4995, False, "crossid"),
        (4996, False, "geometry"),
        (1_000_000, False, "geometry"),
        (1, True, "geometry"),
    ],
)
def test_route(count, have_table, route):
    """Positions are uploaded if that takes fewer requests than the six queries."""
    assert choose_route(count, have_table=have_table) == route


def nameless(count, ra=0.0, dec=80.0, first=0):
    """Give asks for galaxies without identifiers, all at one position."""
    targets = (
        Target(n, f"g{n}", ra, dec, f"g{n}") for n in range(first, first + count)
    )
    return [Ask(target) for target in targets]


#: A position 80 rows inside the middle one of the three fields of `scan`, and at the
#: end of the first.
OVERLAP = sky(scan(fields=3)[1], 80, 1000)


async def test_table_of_all_fields(tmp_path):
    """Many positions take six queries, and none in the next run."""
    server, notes = SkyServer(), []
    ra, dec = OVERLAP
    async with serving(server) as transport:
        found = await findings(
            sdss(transport, tmp_path, notes.append), nameless(6000, ra, dec)
        )
        again = await findings(sdss(transport, tmp_path), nameless(3, ra, dec))
    assert server.camcols == [1, 2, 3, 4, 5, 6]
    assert server.uploads == []
    names = [product.name for product in found[0].choices["g"]]
    assert names == ["frame-g-000094-1-0012.fits.bz2", "frame-g-000094-1-0011.fits.bz2"]
    assert all(f.choices == found[0].choices for f in [*found, *again])
    assert "6 queries instead of 7 uploads" in notes[0].text


async def test_second_opinion():
    """A galaxy without an identifier whose frame was wrong goes to CrossID."""
    server = SkyServer()
    async with serving(server) as transport:
        asks = nameless(5001, *OVERLAP)
        asks += [Ask(Target(6000, "g", *OVERLAP, "g"), by_position=True)]
        found = await findings(sdss(transport), asks)
    assert server.uploads == [1]
    assert [len(f.choices["r"]) for f in found] == [2] * 5001 + [1]


async def test_misread_table_is_not_used():
    """A table in which known fields lie elsewhere is not used."""
    rows = np.concatenate([scan(fields=3), scan()])
    for name, value in (("run", 1043), ("camcol", 5), ("field", 25)):
        rows[name][-1] = value
    server = SkyServer(rows)
    async with serving(server) as transport:
        found = await findings(sdss(transport), nameless(5001, *OVERLAP))
    assert sum(server.uploads) == len(found) == 5001


async def test_table_that_lacks_fields():
    """A position in no field of an incomplete table goes to CrossID."""
    server = SkyServer()
    async with serving(server) as transport:
        asks = nameless(5001, *OVERLAP) + nameless(7, first=6000)
        found = await findings(sdss(transport), asks)
    assert server.uploads == [7]
    assert [f.target for f in found] == [ask.target for ask in asks]
    assert found[-1].choices["r"][0].name == "frame-r-000094-6-0100.fits.bz2"


async def test_parts_of_a_catalogue_add_up():
    """Positions that come in small parts lead to the table in the end."""
    server = SkyServer()
    async with serving(server) as transport:
        archive = sdss(transport)
        for first in range(0, 9000, 1500):
            found = await findings(archive, nameless(1500, *OVERLAP, first=first))
            assert len(found) == 1500
    assert sum(server.uploads) == 4500
    assert len(server.camcols) == 6


@pytest.mark.parametrize(
    "page",
    [
        b"#Table1\nerror_message\nInvalid object name 'Frame'.",
        b"#Table1\nrun,rerun,camcol,field,a\n94,301,1,12,1.0\n",
        b"#Table1\nrun,rerun,camcol,field,a,b,c,d,e,f,node,incl\n",
        (
            b"#Table1\nrun,rerun,camcol,field,a,b,c,d,e,f,node,incl\n"
            b"94,301,1,12,1,,0,0,0,1,95,10\n94,157,1,12,1,1,0,0,0,1,95,10\n"
        ),
    ],
)
async def test_no_table(page, tmp_path):
    """If the table cannot be fetched, positions are uploaded; it is requested once."""
    server = SkyServer()
    server.page = page
    async with serving(server) as transport:
        archive = sdss(transport, tmp_path)
        assert len(await findings(archive, nameless(5001))) == 5001
        asked = len(server.camcols)
        assert len(await findings(archive, nameless(3))) == 3
    assert server.uploads == [999] * 5 + [6, 3]
    assert len(server.camcols) == asked
    assert not list(tmp_path.iterdir())


async def test_outage_of_the_table_only(tmp_path):
    """An outage of the table's query does not stop the uploads."""
    server = SkyServer()
    server.page = b"<html><body>Down for maintenance</body></html>"
    async with serving(server) as transport:
        found = await findings(sdss(transport, tmp_path), nameless(6995))
    assert len(found) == sum(server.uploads) == 6995
    # The table is requested again while it would save uploads, three times at most.
    assert server.camcols == [1, 1, 1]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("status", [400, 401, 403, 404, 500])
async def test_table_refused_by_status(status):
    """If the table is refused with any status, positions are uploaded."""
    server = SkyServer()
    server.status = status
    async with serving(server) as transport:
        assert len(await findings(sdss(transport), nameless(6000))) == 6000
    # If the error may concern the whole service, the table is tried some more times.
    assert set(server.camcols) == {1}
    assert len(server.camcols) <= (1 if status in {400, 500} else 6)


async def test_parts_of_a_table_are_kept():
    """After an outage only the missing parts of the table are requested."""
    server, pages = SkyServer(), iter([b"", b"<html>busy</html>"])
    async with serving(server) as transport:
        archive = sdss(transport)
        answer = server._fields
        server._fields = lambda camcol: next(pages, b"") or answer(camcol)
        assert len(await findings(archive, nameless(9000, *OVERLAP))) == 9000
    assert server.camcols == [1, 2, 2, 3, 4, 5, 6]
    assert server.uploads == [999]


def test_complete_table_says_no_coverage():
    """A complete table has 938,046 fields, the published number."""
    assert count_fields() == 938_046


async def test_same_fields_as_crossid():
    """The table gives the fields that CrossID gives, or a deeper one."""
    galaxies = 5200
    options = SandboxOptions(seed=3, targets=galaxies, hst_images=False, rates={})
    async with Sandbox(options) as sandbox, reaching(sandbox.urls) as transport:
        targets = [
            Target(n, f"g{n}", galaxy.ra, galaxy.dec, f"g{n}")
            for n, galaxy in enumerate(sandbox.sky.galaxies)
        ]
        asks = [Ask(target) for target in targets]
        by_table = await findings(sdss(transport), asks)
        requests = sandbox.stats["sdss-sky"].requests
        by_crossid = [
            finding
            for start in range(0, 2000, 1000)
            for finding in await findings(sdss(transport), asks[start : start + 1000])
        ]
    assert requests == 6
    assert all(f.choices for f in by_table)
    assert {f.route for f in by_table} == {"geometry"}
    chosen = [f.choices["r"][0].name for f in by_table[:2000]]
    named = [f.choices["r"][0].name for f in by_crossid]
    same = sum(a == b for a, b in zip(chosen, named, strict=True))
    assert same >= 0.99 * len(named)
    depths = {
        frame("", 17, "r", Field(*key)).name: PhotoField.of(field).margin
        for key, field in sandbox.sky.fields.items()
    }
    for target, ours, theirs in zip(targets[:2000], chosen, named, strict=True):
        place = (target.ra, target.dec)
        assert depths[ours](*place) >= depths[theirs](*place) - 0.5
