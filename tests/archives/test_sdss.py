"""SDSS: identifiers, frame names, and the recorded replies of SkyServer."""

from __future__ import annotations

from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from recorded import serving

from harvester.archives.sdss import Field, Sdss, check_skyserver, decode, frame
from harvester.errors import OutageError, TransientError
from harvester.models import Ask, Survey, Target
from harvester.settings import SERVICES
from harvester.transport.transport import Reply

GRI = Survey.parse("sdss:g,r,i")


def ask(identifier, *, number=0, by_position=False):
    """Ask for a target of an identifier."""
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
    """Run, camcol and field are read out of identifiers of DR7 and DR8."""
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
    """What names no field that was observed is not decoded."""
    assert decode(identifier) is None


@given(st.text())
def test_any_text_decodes(text):
    """No identifier makes the decoder fall over."""
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
    """Frames lie where each release keeps them."""
    product = frame("https://data.sdss.org/sas", release, "r", Field(1739, 3, 315))
    assert product.url == (
        f"https://data.sdss.org/sas/{folder}/photoObj/frames/301/1739/3/"
        "frame-r-001739-3-0315.fits.bz2"
    )


def test_pages_are_outages():
    """SkyServer's HTML with status 200 is its trouble, not an answer."""
    with pytest.raises(OutageError, match="page"):
        check_skyserver(reply(b"<html><head>\n<title>Skyserver Error</title>"))
    with pytest.raises(OutageError, match="fewer"):
        check_skyserver(
            reply(
                b"#Table1\nerror_message\nERROR: Maximum 60 queries allowed per minute"
            )
        )
    with pytest.raises(TransientError, match="refused"):
        check_skyserver(reply(b"#Table1\nerror_message\nerror: limit is top 500000"))


async def _located(answer, asks):
    async with serving(answer) as transport:
        archive = Sdss(transport, base=SERVICES["sdss-sas"], release=17)
        return [
            f for batch in [b async for b in archive.locate(GRI, asks)] for f in batch
        ]


async def test_identifiers_need_no_request():
    """Galaxies with SDSS identifiers are located without asking anybody."""

    async def answer(request):
        raise AssertionError(request.url)

    (finding,) = await _located(answer, [ask("1237652943176138868")])
    assert [p[0].name for p in finding.choices.values()] == [
        f"frame-{band}-001739-3-0315.fits.bz2" for band in "gri"
    ]


async def test_recorded_crossid():
    """A real CrossID reply, by astroquery; a target without a row has nothing."""
    recorded = files("astroquery.sdss").joinpath("tests/data/xid_im.txt").read_text()
    header, *rows = recorded.splitlines()[1:]
    first = rows[0]
    body = f"#Table1\nname,{header}\nt7,{first}\n"
    uploads = []

    async def answer(request):
        if "fDocColumns" in request.query_string:
            return b'[{"TableName":"Table1","Rows":[{"name":"ra"},{"name":"run"}]}]'
        form = await request.post()
        uploads.append(form["upload"].file.read().decode())
        assert float(form["radius"]) == pytest.approx(0.5)
        return body.encode()

    found, nothing = await _located(
        answer,
        [ask("x", number=7), ask("1237652943176138868", number=8, by_position=True)],
    )
    values = dict(zip(header.split(","), first.split(","), strict=True))
    assert values["run"] in found.choices["r"][0].url
    assert nothing.choices == {}
    assert len(uploads) == 1
    assert "t7 2.02 14.84" in uploads[0]


async def test_html_is_no_table():
    """A page that pretends to be a table never becomes a finding."""

    async def answer(_request):
        return b"<html><body>Down for maintenance</body></html>"

    with pytest.raises(OutageError):
        await _located(answer, [ask("x")])
