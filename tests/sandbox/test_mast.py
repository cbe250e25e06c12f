"""MAST's protocol, tested with the real astroquery and with plain requests."""

from __future__ import annotations

import io
import json

import aiohttp
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astroquery.exceptions import (
    InvalidQueryError,
    NoResultsWarning,
    RemoteServiceError,
)
from astroquery.mast.discovery_portal import PortalAPI
from served import ask, redirected, serving

from harvester.sandbox import mast
from harvester.sandbox.hst_listed import HstListed
from harvester.sandbox.paint_hst import drz
from harvester.sandbox.sky import Sky
from harvester.sandbox.store import SandboxFrameStore

#: The tutorial's criteria, besides the position.
TUTORIAL = {
    "project": "HST",
    "filters": "F160W",
    "instrument_name": "WFC3/IR",
    "dataproduct_type": "image",
}


@pytest.fixture(scope="module")
def sky() -> Sky:
    """Make one sky for all tests; no test changes it."""
    return Sky.make(9, targets=150)


@pytest.fixture(scope="module")
def archive(sky):
    """Serve MAST and the bucket; yield the address."""
    with SandboxFrameStore() as store:
        routes = [*mast.routes(sky, store), *mast.s3_routes(sky, store)]
        with serving(routes) as url:
            yield url


@pytest.fixture
def client(archive):
    """Yield the real astroquery client, redirected to this archive."""
    with redirected(archive) as observations:
        # Since 0.4.12 it would otherwise contact the real bucket.
        observations.disable_cloud_dataset()
        yield observations


@pytest.fixture
async def http(archive):
    """Open a plain HTTP client for the same archive."""
    async with aiohttp.ClientSession(archive) as session:
        yield session


def mine(sky, **wanted):
    """Return the observations that have these attributes."""
    return [
        obs
        for obs in sky.observations
        if all(getattr(obs, name) == value for name, value in wanted.items())
    ]


# --- the real astroquery -----------------------------------------------------


def test_tutorial_query(client, sky):
    """The tutorial's query finds only F160W images around a position."""
    obs = mine(sky, filters="F160W")[0]
    place = SkyCoord(obs.ra, obs.dec, unit="deg")
    table = client.query_criteria(coordinates=place, **TUTORIAL)
    assert obs.obs_id in table["obs_id"]
    assert set(table["filters"]) == {"F160W"}
    assert table["obsid"].dtype.kind == "U"
    assert table["t_exptime"].dtype.kind == "f"
    row = table[table["obs_id"] == obs.obs_id][0]
    assert row["dataURL"] == f"mast:HST/product/{obs.filename}"
    assert row["distance"] == 0
    assert row["sequence_number"] is np.ma.masked


def test_whole_sky_query(client, sky):
    """A query without a position returns all matching observations."""
    table = client.query_criteria(
        obs_collection="HST", instrument_name="WFC3/IR", filters=["F160W", "F140W"]
    )
    expected = {o.obs_id for o in sky.observations if o.filters in {"F160W", "F140W"}}
    assert set(table["obs_id"]) == expected
    everything = client.query_criteria(obs_collection="HST", calib_level=3)
    assert len(everything) == len(sky.observations)
    assert everything["s_region"].mask.sum() >= 1


def test_count(client, sky):
    """A count query supports ranges and wildcards and gives the number of matches."""
    assert client.query_criteria_count(**TUTORIAL) == len(mine(sky, filters="F160W"))
    deep = client.query_criteria_count(
        filters="F160W", t_exptime=[1500, 1e5], target_name="SAND*"
    )
    assert deep == sum(o.t_exptime >= 1500 for o in mine(sky, filters="F160W"))
    assert 0 < deep < len(mine(sky, filters="F160W"))


def test_paging(client, sky, monkeypatch):
    """Several pages together equal the answer in one page, in the same order."""
    whole = client.query_criteria(obs_collection="HST")
    monkeypatch.setattr(PortalAPI, "PAGESIZE", 7)
    paged = client.query_criteria(obs_collection="HST")
    assert len(sky.observations) > 14
    assert list(paged["obs_id"]) == list(whole["obs_id"])


@pytest.mark.filterwarnings("ignore:.*returned no results")
def test_footprint_decides(client, sky):
    """With radius 0 a position matches if the footprint contains it."""
    obs = next(o for o in mine(sky, filters="F160W") if len(o.footprint) == 1)
    inside = obs.wcs().pixel_to_world(obs.nx / 2, obs.ny / 2)
    outside = obs.wcs().pixel_to_world(-500, -500)
    found = client.query_criteria(coordinates=inside, radius="0 deg", **TUTORIAL)
    assert obs.obs_id in found["obs_id"]
    found = client.query_criteria(coordinates=outside, radius="0 deg", **TUTORIAL)
    assert len(found) == 0
    found = client.query_criteria(coordinates=outside, radius="200 arcsec", **TUTORIAL)
    row = found[found["obs_id"] == obs.obs_id][0]
    assert 60 < row["distance"] < 110


def test_nothing_there(client):
    """A position without images gives an empty table and a NoResultsWarning."""
    with pytest.warns(NoResultsWarning):
        table = client.query_criteria(
            coordinates=SkyCoord(10, -80, unit="deg"), radius="1 arcmin", **TUTORIAL
        )
    assert len(table) == 0


def test_unknown_criterion(client):
    """A criterion that is not a column is refused by astroquery itself."""
    with pytest.raises(InvalidQueryError):
        client.query_criteria(colour="red", **TUTORIAL)


def test_all_columns_are_criteria(client, shared):
    """All recorded columns are returned in their order and are valid criteria."""
    recorded = json.loads(
        (shared / "fixtures/mast/transcribed_hst_obs_2026-08-03.json").read_text()
    )
    table = client.query_criteria(provenance_name="CALWF3", proposal_type="GO")
    assert table.colnames == [field["name"] for field in recorded["fields"]]
    metadata = client.get_metadata("observations")
    assert set(recorded["data"][0]) <= set(metadata["Column Name"])


def test_region_query(client, sky):
    """A cone search finds the observation at its centre."""
    obs = sky.observations[0]
    place = SkyCoord(obs.ra, obs.dec, unit="deg")
    table = client.query_region(place, radius="1 arcmin")
    assert obs.obs_id in table["obs_id"]


def test_products(client, sky):
    """Products of several observations have the queried observation as parent."""
    asked = [str(obs.obsid) for obs in sky.observations[:6]]
    table = client.get_product_list(asked)
    assert set(table["parent_obsid"]) == set(asked)
    assert set(table["obs_collection"]) == {"HST", "HLA"}
    assert any(table["obsID"] != table["parent_obsid"])
    assert table["size"].mask.any(), "previews have no size"
    assert len(set(table["dataURI"])) < len(table), "jitter files come repeatedly"


def test_product_columns(client, sky, shared):
    """The product list has the recorded columns in their order."""
    recorded = json.loads(
        (shared / "fixtures/mast/transcribed_hst_products_2026-08-03.json").read_text()
    )
    table = client.get_product_list([str(sky.observations[0].obsid)])
    assert table.colnames == [field["name"] for field in recorded["fields"]]


def test_filter_products(client, sky):
    """The tutorial's product filter finds the DRZ and its HLA twin."""
    twin = next(obs for obs in sky.observations if obs.obsid % 3 == 0)
    table = client.get_product_list([str(twin.obsid)])
    science = client.filter_products(
        table, productType="SCIENCE", productSubGroupDescription="DRZ", extension="fits"
    )
    assert set(science["obs_collection"]) == {"HST", "HLA"}
    best = client.filter_products(
        table, productGroupDescription="Minimum Recommended Products"
    )
    assert list(best["productFilename"]) == [twin.filename]


def test_download(client, sky, tmp_path):
    """Downloaded files have the painted bytes and the listed size."""
    obs = next(o for o in sky.observations if o.rights == "PUBLIC" and o.obsid % 3)
    table = client.get_product_list([str(obs.obsid)])
    wanted = client.filter_products(table, productSubGroupDescription=["DRZ", "ASN"])
    report = client.download_products(wanted, download_dir=str(tmp_path), verbose=False)
    assert list(report["Status"]) == ["COMPLETE", "COMPLETE"]
    path = tmp_path / "mastDownload" / "HST" / obs.obs_id / obs.filename
    assert path.read_bytes() == drz(sky, obs)
    sizes = {row["productFilename"]: row["size"] for row in wanted}
    for file in path.parent.iterdir():
        assert file.stat().st_size == sizes[file.name]


def test_private_download(client, sky, tmp_path):
    """Downloads of data that are not public yet are refused with 401."""
    obs = mine(sky, rights="EXCLUSIVE_ACCESS")[0]
    status, reason, _ = client.download_file(
        f"mast:HST/product/{obs.filename}", local_path=tmp_path / "x", verbose=False
    )
    assert status == "ERROR"
    assert "401" in reason


def test_wrong_identifier(client, sky):
    """An obs_id in place of an obsid raises RemoteServiceError."""
    with pytest.raises(RemoteServiceError, match="bigint"):
        client.get_product_list([sky.observations[0].obs_id])


def test_executing(sky):
    """A query that is still executing is polled until it is complete."""
    with (
        SandboxFrameStore() as store,
        serving(mast.routes(sky, store, executing=2)) as url,
        redirected(url) as client,
    ):
        count = client.query_criteria_count(obs_collection="HST")
    assert count == len(sky.observations)


# --- plain requests ----------------------------------------------------------


async def test_unknown_service(http):
    """An unknown service answers ERROR with HTTP 200."""
    reply = await ask(http, "Mast.Caom.Nothing", {})
    assert reply["status"] == "ERROR"
    assert "Mast.Caom.Nothing" in reply["msg"]


@pytest.mark.parametrize(
    "body",
    ["request=%7B", "", "request=%5B1%5D", "request=%7B%22format%22:%22csv%22%7D"],
)
async def test_malformed_request(http, body):
    """A malformed request answers ERROR with HTTP 200."""
    async with http.post("/api/v0/invoke", data=body) as response:
        assert response.status == 200
        assert (await response.json())["status"] == "ERROR"


@pytest.mark.parametrize(
    "params",
    [
        {"columns": "obsid,colour", "filters": []},
        {"columns": "*", "filters": [{"paramName": "colour", "values": ["red"]}]},
        {"columns": "*", "filters": [{"paramName": "t_min", "values": [{"min": 1}]}]},
        {"columns": "*", "filters": "F160W"},
    ],
)
async def test_senseless_params(http, params):
    """Unknown columns and invalid filters answer ERROR."""
    reply = await ask(http, "Mast.Caom.Filtered", params)
    assert reply["status"] == "ERROR"


async def test_chosen_columns(http, sky):
    """Only the requested columns are returned, in that order; obsid is a number."""
    params = {"columns": "s_region, obsid", "filters": []}
    reply = await ask(http, "Mast.Caom.Filtered", params, pagesize=5, page=2)
    assert [field["name"] for field in reply["fields"]] == ["s_region", "obsid"]
    assert reply["fields"][1]["type"] == "string"
    assert reply["data"][0]["obsid"] == sky.observations[5].obsid
    total = len(sky.observations)
    assert reply["paging"] == {
        "page": 2,
        "pageSize": 5,
        "pagesFiltered": -(-total // 5),
        "rows": 5,
        "rowsFiltered": total,
        "rowsTotal": total,
    }


async def test_separator(http, sky):
    """A value is compared with each part of a cell only if a separator is given."""
    entry = {"paramName": "target_classification", "values": ["GALAXY"]}
    params = {"columns": "COUNT_BIG(*)", "filters": [entry]}
    whole = await ask(http, "Mast.Caom.Filtered", params)
    entry["separator"] = ";"
    parts = await ask(http, "Mast.Caom.Filtered", params)
    assert whole["data"] == [{"Column1": 0}]
    assert parts["data"] == [{"Column1": len(sky.observations)}]


async def test_get_request(http, sky):
    """A query may be sent by GET as well."""
    query = {
        "service": "Mast.Caom.Filtered",
        "params": {"columns": "COUNT_BIG(*)", "filters": []},
    }
    address = "/api/v0/invoke"
    async with http.get(address, params={"request": json.dumps(query)}) as response:
        assert (await response.json())["data"] == [{"Column1": len(sky.observations)}]


async def test_bucket_file(http, sky):
    """The bucket serves the same bytes with an ETag, whole or by range."""
    obs = next(o for o in sky.observations if o.mirrored)
    path = f"/stpubdata/hst/public/{obs.obs_id[:4]}/{obs.obs_id}/{obs.filename}"
    async with http.get(path) as response:
        body, etag = await response.read(), response.headers["ETag"]
    assert body == drz(sky, obs)
    assert fits.open(io.BytesIO(body))["SCI"].data.shape == (obs.ny, obs.nx)
    part = {"Range": "bytes=2880-5759", "If-Range": etag}
    async with http.get(path, headers=part) as response:
        assert response.status == 206
        assert await response.read() == body[2880:5760]
    async with http.get(path, headers=part | {"If-Range": '"old"'}) as response:
        assert response.status == 200
        assert response.content_length == len(body)


async def test_bucket_gaps(http, sky):
    """About one observation in ten is not in the bucket: its key answers 404."""
    missing = [o for o in mine(sky, mirrored=False) if o.rights == "PUBLIC"]
    assert 0.03 < len(missing) / len(sky.observations) < 0.2
    obs = missing[0]
    path = f"/stpubdata/hst/public/{obs.obs_id[:4]}/{obs.obs_id}/{obs.filename}"
    async with http.get(path) as response:
        assert response.status == 404
        assert "NoSuchKey" in await response.text()
    uri = {"uri": f"mast:HST/product/{obs.filename}"}
    async with http.head("/api/v0.1/Download/file", params=uri) as response:
        assert response.status == 200


async def test_bucket_folder(http, sky):
    """A key with a folder other than the obs_id answers 404."""
    obs = next(o for o in sky.observations if o.mirrored)
    path = f"/stpubdata/hst/public/{obs.obs_id[:4]}/ib0000000/{obs.filename}"
    async with http.get(path) as response:
        assert response.status == 404


async def test_file_head(http, sky):
    """At MAST, HEAD has Content-Length and Accept-Ranges but no ETag."""
    obs = mine(sky, rights="PUBLIC")[0]
    uri = {"uri": f"mast:HST/product/{obs.filename}"}
    async with http.head("/api/v0.1/Download/file", params=uri) as response:
        assert response.content_length == len(drz(sky, obs))
        assert response.headers["Accept-Ranges"] == "bytes"
        assert "ETag" not in response.headers


async def test_impossible_range(http, sky):
    """A range beyond the end answers 416 with the file's length."""
    obs = mine(sky, rights="PUBLIC")[0]
    uri = {"uri": f"mast:HST/product/{obs.filename}"}
    size = len(drz(sky, obs))
    async with http.get(
        "/api/v0.1/Download/file", params=uri, headers={"Range": f"bytes={size}-"}
    ) as response:
        assert response.status == 416
        assert response.headers["Content-Range"] == f"bytes */{size}"


@pytest.mark.parametrize("uri", ["mast:HST/product/none.fits", "none.fits", ""])
async def test_missing_file(http, uri):
    """A URI of an unknown file answers 404."""
    async with http.get("/api/v0.1/Download/file", params={"uri": uri}) as response:
        assert response.status == 404


async def test_legacy_file(http, sky):
    """A Hubble Legacy Archive file has neither Content-Length nor Accept-Ranges."""
    twin = next(o for o in sky.observations if o.obsid % 3 == 0)
    reply = await ask(http, "Mast.Caom.Products", {"obsid": str(twin.obsid)})
    uris = [
        row["dataURI"]
        for row in reply["data"]
        if row["obs_collection"] == "HLA" and row["productType"] == "SCIENCE"
    ]
    async with http.get("/api/v0.1/Download/file", params={"uri": uris[0]}) as response:
        assert response.content_length is None
        assert "Accept-Ranges" not in response.headers
        assert await response.read() == drz(sky, twin)


async def test_path_lookup(http, sky):
    """The path lookup gives the key of a file in the bucket, and null for others."""
    obs = next(o for o in sky.observations if o.mirrored)
    uri, other = f"mast:HST/product/{obs.filename}", "mast:HST/product/none.fits"
    query = [("uri", uri), ("uri", other)]
    async with http.get("/api/v0.1/path_lookup/", params=query) as response:
        reply = await response.json()
    folder = f"/hst/public/{obs.obs_id[:4]}/{obs.obs_id}"
    assert reply == {
        uri: {"status_code": 200, "path": f"{folder}/{obs.filename}"},
        other: {"status_code": 404, "path": None},
    }
    async with http.get("/api/v0.1/path_lookup/", params=[("uri", uri)] * 51) as many:
        assert many.status == 414


async def test_who_am_i(http):
    """``/whoami`` answers that the user is anonymous."""
    async with http.get("/whoami") as response:
        assert (await response.json())["anon"] is True


async def test_bundle_script(http, sky):
    """A bundle is a shell script that downloads each file."""
    uris = [f"mast:HST/product/{obs.filename}" for obs in sky.observations[:2]]
    form = aiohttp.FormData([("uri", uri) for uri in uris])
    async with http.post("/api/v0.1/Download/bundle.sh", data=form) as response:
        script = await response.text()
    assert script.startswith("#!/bin/sh\n")
    assert all(f"Download/file?uri={uri}" in script for uri in uris)


async def test_new_observation(sky):
    """An image that comes later is neither listed nor served before."""
    hst, late = HstListed(sky.observations, later=1), sky.observations[-1]
    with SandboxFrameStore() as store, serving(mast.routes(sky, store, hst=hst)) as url:
        async with aiohttp.ClientSession(url) as http:
            before = len(sky.observations) - 1
            assert await _seen(http, late) == (before, [], 404)
            async with http.post("/_observe") as reply:
                told = await reply.json()
            assert told == {"obsid": late.obsid, "file": late.filename}
            seen, products, status = await _seen(http, late)
            assert (seen, status) == (before + 1, 200)
            assert late.filename in {one["productFilename"] for one in products}
            async with http.post("/_observe") as reply:
                assert reply.status == 409
    with pytest.raises(ValueError, match="fewer than"):
        HstListed(sky.observations, later=len(sky.observations) + 1)


async def _seen(http, obs):
    """Count the observations; give the products of one, and the status of its file."""
    all_rows = {"columns": "obsid", "filters": []}
    listed = await ask(http, "Mast.Caom.Filtered", all_rows, pagesize=1)
    products = await ask(http, "Mast.Caom.Products", {"obsid": str(obs.obsid)})
    uri = {"uri": f"mast:HST/product/{obs.filename}"}
    async with http.get("/api/v0.1/Download/file", params=uri) as file:
        return listed["paging"]["rowsTotal"], products["data"], file.status
