"""MAST: what astroquery asks, and real replies read."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest
from recorded import mast_request, serving

from harvester.archives.mast import Mast, check_mast
from harvester.errors import OutageError, TransientError
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.models import Ask, StampSize, Survey, Target
from harvester.settings import SERVICES
from harvester.transport.transport import Reply

SURVEY = Survey.parse("hst:ACS/WFC:FR656N")
#: The centre of NGC 6543, which the recorded observations were made of.
NEBULA = Target(0, "NGC 6543", 269.6387, 66.6330, "NGC_6543")
ELSEWHERE = Target(1, "elsewhere", 10.0, -10.0, "elsewhere")


@pytest.fixture
def columns(shared):
    """Give the recorded description of the columns."""
    text = (shared / "fixtures/mast/astroquery__columnsconfig.json").read_text()
    known = json.loads(text)
    known.update({"provenance_name": {"vot.datatype": "char"}})
    known.setdefault("intentType", {"vot.datatype": "char"})
    return json.dumps(known).encode()


@pytest.fixture
def observations(shared):
    """Give the observations of NGC 6543, as MAST sent them."""
    path = shared / "fixtures/mast/transcribed_hst_obs_2026-08-03.json"
    return json.loads(path.read_text())


class RecordedMast:
    """Answers with what was recorded, and keeps what was asked."""

    def __init__(self, columns, observations):
        self.columns = columns
        self.observations = observations
        self.asked = []
        self.busy = 0

    async def __call__(self, request):
        """Answer one request."""
        asked = await mast_request(request)
        if asked is None:
            return self.columns
        self.asked.append(asked)
        if self.busy:
            self.busy -= 1
            return b'{"status": "EXECUTING", "msg": ""}'
        if asked["params"]["columns"] == "COUNT_BIG(*)":
            rows = [{"Column1": len(self.observations["data"])}]
            fields = [{"name": "Column1", "type": "string"}]
            return _envelope(rows, fields)
        return _envelope(self.observations["data"], self.observations["fields"])


def _envelope(rows, fields):
    paging = {"page": 1, "pageSize": 50000, "pagesFiltered": 1, "rows": len(rows)}
    reply = {"status": "COMPLETE", "msg": "", "data": rows, "fields": fields}
    return json.dumps(reply | {"paging": paging}).encode()


@asynccontextmanager
async def archive(tmp_path, recorded):
    """Give MAST behind a recorded server, with a ledger to keep its listing."""
    path = tmp_path / "ledger.sqlite"
    if not path.exists():
        create_ledger(path, targets=[], rejects=[], surveys=[SURVEY], facts={})
    async with Ledger.open(path) as ledger, serving(recorded) as transport:
        yield Mast(
            transport,
            ledger,
            bases=SERVICES,
            size=StampSize.parse("5arcsec"),
            observations="best",
        )


async def locate(mast):
    """Locate the nebula and an empty place."""
    asks = [Ask(NEBULA), Ask(ELSEWHERE)]
    batches = [batch async for batch in mast.locate(SURVEY, asks)]
    return [finding for batch in batches for finding in batch]


async def test_real_observations(tmp_path, columns, observations, shared):
    """Real rows become products: the DRZ file, with its address in the bucket."""
    recorded = RecordedMast(columns, observations)
    async with archive(tmp_path, recorded) as mast:
        nebula, elsewhere = await locate(mast)
    assert elsewhere.choices == {}
    product = nebula.choices["FR656N"][0]
    uri = f"mast:HST/product/{product.name}"
    known = json.loads(
        (shared / "fixtures/mast/transcribed_cloud_uri_map_2026-08-03.json").read_text()
    )
    assert product.mirrors == (
        known[uri].replace("s3://", "https://s3.amazonaws.com/"),
    )
    assert product.url.endswith(f"/api/v0.1/Download/file?uri={uri}")


async def test_asked_once(tmp_path, columns, observations):
    """A count and one query answer for every galaxy, and for every restart."""
    recorded = RecordedMast(columns, observations)
    for _ in range(2):
        async with archive(tmp_path, recorded) as mast:
            await locate(mast)
            await locate(mast)
    assert [one["params"]["columns"] for one in recorded.asked] == ["COUNT_BIG(*)", "*"]
    filters = {
        f["paramName"]: f["values"] for f in recorded.asked[1]["params"]["filters"]
    }
    assert filters["instrument_name"] == ["ACS/WFC"]
    assert filters["filters"] == ["FR656N"]
    assert "position" not in recorded.asked[1]["params"]


async def test_polling(tmp_path, columns, observations, monkeypatch):
    """While MAST says EXECUTING it is asked again, the same, after a pause."""
    monkeypatch.setattr("harvester.archives.bridge._LONGEST_POLL_S", 0.01)
    recorded = RecordedMast(columns, observations)
    recorded.busy = 2
    async with archive(tmp_path, recorded) as mast:
        await locate(mast)
    assert recorded.asked[0] == recorded.asked[1] == recorded.asked[2]
    assert len(recorded.asked) == 4


async def test_polling_ends(tmp_path, columns, observations, monkeypatch):
    """A query that MAST never finishes is given up when its time is over."""
    monkeypatch.setattr("harvester.archives.bridge._LONGEST_WORK_S", 0.0)
    recorded = RecordedMast(columns, observations)
    recorded.busy = 10**9
    async with archive(tmp_path, recorded) as mast:
        with pytest.raises(TransientError) as caught:
            await locate(mast)
    assert caught.value.reason == "never_ready"
    assert len(recorded.asked) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b'{"status": "COMPLETE", "data": [{"obsid',
        b'{"status": "EXECUTING", "data": [',
        b'{"status": "ERROR", "msg"',
        b'["ERROR"]',
        b"{}",
        b'{"status": "COMPLETE", "data": null, "fields": null, "paging": null}',
    ],
)
async def test_nonsense(tmp_path, columns, answer):
    """An answer that is broken, or no table, is asked for again: it is no bug."""

    async def broken(request):
        return columns if await mast_request(request) is None else answer

    async with archive(tmp_path, broken) as mast:
        with pytest.raises(TransientError):
            await locate(mast)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///etc/passwd",
        "http://evil.example/x_drz.fits",
        "mast:../../x_drz.fits",
        "mast:HST/product/../x_drz.fits",
        "mast:HST/product/%2e%2e/x_drz.fits",
        "mast:HST/product/x_drz.fits&uri=y",
        "mast:HST/product/x_drz.fits\n",
        "mast:HST/product/x\0_drz.fits",
    ],
)
async def test_hostile_uri(tmp_path, columns, observations, uri):
    """An address that is none of a drizzled image of HST names no product."""
    rows = [row | {"dataURL": uri} for row in observations["data"]]
    recorded = RecordedMast(columns, observations | {"data": rows})
    products = [
        {"parent_obsid": str(row["obsid"]), "obs_collection": "HST", "dataURI": uri}
        for row in rows
    ]
    fields = [{"name": name, "type": "string"} for name in products[0]]

    async def answer(request):
        asked = await mast_request(request)
        if asked and asked["service"] == "Mast.Caom.Products":
            return _envelope(products, fields)
        return await recorded(request)

    async with archive(tmp_path, answer) as mast:
        nebula, _ = await locate(mast)
    assert nebula.choices == {}


async def test_private_images(tmp_path, columns, observations):
    """Images that are not public are not offered."""
    rows = [row | {"dataRights": "EXCLUSIVE_ACCESS"} for row in observations["data"]]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        nebula, _ = await locate(mast)
    assert nebula.choices == {}


async def test_missing_fields(tmp_path, columns, observations):
    """A row without footprint and exposure counts by its position, as the last."""
    gone = {"s_region": None, "t_exptime": None, "dataRights": None}
    rows = [row | gone for row in observations["data"]]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        nebula, elsewhere = await locate(mast)
    assert nebula.choices["FR656N"]
    assert elsewhere.choices == {}


def _reply(body):
    return Reply(200, {}, body, "https://mast.stsci.edu/api/v0/invoke")


def test_page_is_an_outage():
    """A maintenance page is the archive's trouble."""
    with pytest.raises(OutageError, match="page"):
        check_mast(_reply(b"<html>We are back on Thursday</html>"))


def test_status_error():
    """Status ERROR with HTTP 200 is tried again, in MAST's own words."""
    with pytest.raises(TransientError, match="Timeout expired"):
        check_mast(_reply(b'{"status": "ERROR", "msg": "Timeout expired."}'))


@pytest.mark.parametrize(
    "rest",
    [b"", b"[" * 3000, b"9" * 5000, b'"\xff"}'],
    ids=["cut", "deep", "long", "no text"],
)
def test_damaged_error(rest):
    """An error that came damaged is tried again like any other damage."""
    with pytest.raises(TransientError, match="damaged JSON"):
        check_mast(_reply(b'{"status": "ERROR", "msg": ' + rest))


def test_list_that_names_an_error():
    """A list has no status, whatever words are in it."""
    check_mast(_reply(b'["ERROR"]'))
