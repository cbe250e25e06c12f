"""MAST: the requests of astroquery, and recorded replies."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import asynccontextmanager

import pytest
from recorded import mast_request, serving

from harvester.archives.mast.archive import Mast
from harvester.archives.mast.hst import HST
from harvester.dataset.stamps import file_loc
from harvester.errors import TransientError
from harvester.ledger.file import create_ledger
from harvester.ledger.ledger import Ledger
from harvester.ledger.view import LedgerView
from harvester.models import Ask, Receipt, StampSize, Survey, Target
from harvester.settings.settings import SERVICES
from harvester.states import State

SURVEY = Survey.parse("hst:ACS/WFC:FR656N")
#: The centre of NGC 6543, the target of the recorded observations.
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
    """Give the recorded observations of NGC 6543."""
    path = shared / "fixtures/mast/transcribed_hst_obs_2026-08-03.json"
    return json.loads(path.read_text())


class RecordedMast:
    """Gives recorded replies, and stores the requests."""

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
        filters = {f["paramName"]: f["values"] for f in asked["params"]["filters"]}
        rows = self.observations["data"]
        for limits in filters.get("s_ra", []):
            low, high = limits["min"], limits["max"]
            rows = [
                r for r in rows if r["s_ra"] is not None and low <= r["s_ra"] <= high
            ]
        return _envelope(
            rows, self.observations["fields"], asked["page"], asked["pagesize"]
        )


def _envelope(rows, fields, page=1, size=50000):
    shown = rows[size * (page - 1) : size * page]
    pages = max(1, -(-len(rows) // size))
    paging = {"page": page, "pageSize": size, "pagesFiltered": pages}
    paging |= {"rows": len(shown), "rowsFiltered": len(rows)}
    reply = {"status": "COMPLETE", "msg": "", "data": shown, "fields": fields}
    return json.dumps(reply | {"paging": paging}).encode()


@asynccontextmanager
async def archive(tmp_path, recorded, observations="best"):
    """Give the locator of HST with a recorded server and a ledger."""
    path = tmp_path / "ledger.sqlite"
    if not path.exists():
        create_ledger(path, targets=[], rejects=[], surveys=[SURVEY], facts={})
    async with Ledger.open(path) as ledger, serving(recorded) as transport:
        yield Mast(
            transport,
            ledger,
            HST,
            bases=SERVICES,
            size=StampSize.parse("5arcsec"),
            observations=observations,
        )


async def locate(mast, *targets):
    """Locate two targets: the nebula and an empty position."""
    asks = [Ask(target) for target in targets or (NEBULA, ELSEWHERE)]
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


async def test_imports_while_asked(tmp_path, columns, observations, monkeypatch):
    """What matches the images is imported while MAST is asked for them."""
    recorded, imported = RecordedMast(columns, observations), threading.Event()
    monkeypatch.setattr("harvester.archives.mast.archive.load_trees", imported.set)

    async def answer(request):
        assert await asyncio.to_thread(imported.wait, 60)
        return await recorded(request)

    async with archive(tmp_path, answer) as mast:
        assert len(await locate(mast)) == 2


async def test_asked_once(tmp_path, columns, observations):
    """A count and one list serve all galaxies, also after a restart."""
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
    """While MAST answers EXECUTING, the same request is sent again after a pause."""
    monkeypatch.setattr("harvester.archives.bridge._LONGEST_POLL_S", 0.01)
    recorded = RecordedMast(columns, observations)
    recorded.busy = 2
    async with archive(tmp_path, recorded) as mast:
        await locate(mast)
    assert recorded.asked[0] == recorded.asked[1] == recorded.asked[2]
    assert len(recorded.asked) == 4


async def test_polling_ends(tmp_path, columns, observations, monkeypatch):
    """A query that MAST does not finish is given up after a time limit."""
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
    """A reply that is damaged or not a table is requested again."""

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
    """A URI that is not of a drizzled HST image is not used."""
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
    """Images that are not public are not used, and are given as the reason."""
    rows = [row | {"dataRights": "EXCLUSIVE_ACCESS"} for row in observations["data"]]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        nebula, elsewhere = await locate(mast)
    assert (nebula.choices, nebula.reason) == ({}, "proprietary")
    assert (elsewhere.choices, elsewhere.reason) == ({}, "")


async def test_missing_fields(tmp_path, columns, observations):
    """A row without footprint and exposure counts by its position, and ranks last."""
    gone = {"s_region": None, "t_exptime": None, "dataRights": None, "obs_id": None}
    rows = [row | gone for row in observations["data"]]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        nebula, elsewhere = await locate(mast)
    assert nebula.choices["FR656N"]
    assert elsewhere.choices == {}


#: Four and a half arcmin from the nebula: a field of ACS/WFC holds both, one in a
#: corner and one near the opposite one.
CORNER = Target(2, "corner", 269.6387, 66.6330 + 0.075, "corner")


@pytest.mark.parametrize(
    "region",
    [
        None,
        "",
        "--",
        "null",
        "BOX ICRS 269.6 66.6 0.05 0.05",
        "ELLIPSE 269.6 66.6 0.05 0.03 10",
        "POLYGON 269.6 66.6 269.6 66.6 269.6 66.6",
        "POLYGON 269.6 66.6 269.7 66.6",
        "CIRCLE ICRS 269.6 66.6 0",
    ],
)
async def test_unusable_footprint(tmp_path, columns, observations, region):
    """An image with an unusable footprint is tried wherever its field may be."""
    rows = [
        one(observations, "unknown", 9999.0, s_region=region),
        one(observations, "known", 1.0),
    ]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        nebula, corner, elsewhere = await locate(mast, NEBULA, CORNER, ELSEWHERE)
    assert names(nebula) == ["known_drz.fits", "unknown_drz.fits"]
    assert names(corner) == ["unknown_drz.fits"]
    assert names(elsewhere) == []


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "null"])
async def test_numbers_that_are_none(tmp_path, columns, observations, number):
    """NaN as exposure or position of a row does not stop the locating."""
    broken = json.loads(number)
    rows = [
        one(observations, "nowhere", 1.0, s_region=None, s_ra=broken),
        one(observations, "polar", 1.0, s_region="--", s_dec=broken),
        one(observations, "endless", broken),
    ]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        nebula, _ = await locate(mast)
    assert names(nebula) == ["endless_drz.fits"]


async def test_spares(tmp_path, columns, observations):
    """The next best images are kept without a request, and used if the best is bad."""
    rows = [one(observations, f"exposed{n}", float(n)) for n in range(1, 5)]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        findings = await locate(mast)
    assert names(findings[0]) == [f"exposed{n}_drz.fits" for n in (4, 3, 2)]
    path, tried = tmp_path / "run.sqlite", []
    targets = [NEBULA, ELSEWHERE]
    create_ledger(path, targets=targets, rejects=[], surveys=[SURVEY], facts={})
    async with Ledger.open(path) as ledger:
        await ledger.record_located(SURVEY, findings, file_loc=file_loc, keep_all=False)
        for problem in ("no_data", "not_found", ""):
            with LedgerView.open(path) as view:
                (group,) = view.frames_to_come()
                assert group.frames == len(list(view.targets_to_come(group.survey)))
                assert group.frames == 1
            ((number, product),) = [due async for due in ledger.frames_due(SURVEY)]
            tried.append(product.name)
            receipts = [Receipt(NEBULA.number, problem)]
            moved = await ledger.record_receipts(SURVEY, number, receipts)
    assert tried == names(findings[0])
    assert moved == {State.DONE: 1}


async def test_slices(tmp_path, columns, observations, monkeypatch):
    """A long list is split by right ascension and pages; each image is in it once."""
    monkeypatch.setattr("harvester.archives.mast.listing._PAGE", 4)
    places = [0.0, 0.0, 359.999, 360.0, -90.3, 180.0, 120.0, 90.0, 91.0, 92.0, 93.0]
    rows = [
        one(observations, f"n{n}", 1.0, obsid=n, s_ra=ra) for n, ra in enumerate(places)
    ]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded, "all") as mast:
        (nebula,) = await locate(mast, NEBULA)
    assert sorted(names(nebula)) == sorted(f"n{n}_drz.fits" for n in range(11))
    _, *asked = recorded.asked
    slices = [sliced(one) for one in asked]
    assert [len(asked), len(set(slices))] == [4, 3]
    assert all(one["pagesize"] == 4 for one in asked)
    # Neighbouring slices share their edge, and together they cover all values.
    (first, *_), *_, (_, last) = ends = sorted(set(slices))
    assert [high for _, high in ends[:-1]] == [low for low, _ in ends[1:]]
    assert first <= -360
    assert last >= 360


async def test_no_right_ascension(tmp_path, columns, observations, monkeypatch):
    """An image without a right ascension is found in the list of the whole sky."""
    monkeypatch.setattr("harvester.archives.mast.listing._PAGE", 2)
    rows = [
        one(observations, f"n{n}", 1.0, obsid=n, s_ra=ra)
        for n, ra in enumerate([10.0, None, 200.0])
    ]
    recorded = RecordedMast(columns, observations | {"data": rows})
    async with archive(tmp_path, recorded) as mast:
        (nebula,) = await locate(mast, NEBULA)
    assert names(nebula) == ["n0_drz.fits", "n1_drz.fits", "n2_drz.fits"]
    assert [sliced(one) is None for one in recorded.asked[1:]] == [
        False, False, True, True
    ]  # fmt: skip


def sliced(asked):
    """Give the right ascensions of a query; None for the whole sky."""
    for one in asked["params"]["filters"]:
        if one["paramName"] == "s_ra":
            return tuple(one["values"][0].values())
    return None


def one(observations, name, exposure_s, **row):
    """Give a row of an image of the nebula with this name."""
    (real,) = (r for r in observations["data"] if r["filters"] == "FR656N")
    named = {"dataURL": f"mast:HST/product/{name}_drz.fits", "obsid": name}
    return real | named | {"t_exptime": exposure_s} | row


def names(finding):
    """Give the names of the images of a target, best first."""
    return [product.name for product in finding.choices.get("FR656N", [])]
