"""JWST at MAST and in the bucket, tested with astroquery and Range requests."""

from __future__ import annotations

import json
import re
from urllib.parse import urlencode

import aiohttp
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from astroquery.mast import utils
from served import ask, counted, redirected

from harvester.sandbox.jwst.mosaic import CAMERAS, Size
from harvester.sandbox.paint_hst import drz
from harvester.sandbox.server import Sandbox, SandboxOptions, run_in_thread
from harvester.sandbox.sky import Sky

pytestmark = [
    # Real mosaics, too, have MJD-BEG without DATE-BEG; astropy warns about each.
    pytest.mark.filterwarnings("ignore:.*datfix"),
]
DOWNLOAD = "/api/v0.1/Download/file"
#: The criteria of a client's JWST query.
F200W = {
    "obs_collection": "JWST",
    "filters": "F200W",
    "instrument_name": ["NIRCAM/IMAGE", "NIRCAM"],
    "dataproduct_type": "image",
}


@pytest.fixture(scope="module")
def sandbox():
    """Serve one sandbox for all tests that do not reprocess files."""
    options = SandboxOptions(seed=1, targets=120, hst_images=False, jwst="small")
    with run_in_thread(options) as running:
        yield running


@pytest.fixture(scope="module")
def sky(sandbox) -> Sky:
    """Return the sandbox's sky."""
    return sandbox.sky


@pytest.fixture
def client(sandbox):
    """Yield the real astroquery client, redirected to this sandbox."""
    with redirected(sandbox.urls["mast"]) as observations:
        # Since 0.4.12 it would otherwise contact the real bucket.
        observations.disable_cloud_dataset()
        yield observations


@pytest.fixture
async def http():
    """Open a plain HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


def mosaics(sky, **wanted):
    """Return the mosaics that have these attributes."""
    return [
        obs
        for obs in sky.jwst
        if obs.mosaic
        and all(getattr(obs, name) == value for name, value in wanted.items())
    ]


def uri_of(obs):
    """Return the path and query of a mosaic's download at MAST."""
    return f"{DOWNLOAD}?{urlencode({'uri': f'mast:JWST/product/{obs.filename}'})}"


def key_of(obs):
    """Return the path of a mosaic in the bucket, by the archive's rule."""
    folder = f"jw{obs.program:05d}/L3/t/{obs.candidate}"
    return f"/stpubdata/jwst/public/{folder}/{obs.filename}"


# --- the real astroquery -----------------------------------------------------


def test_observations(client, sky):
    """Rows of both NIRCam spellings are found, and their columns are consistent."""
    table = client.query_criteria(**F200W)
    assert set(table["instrument_name"]) == {"NIRCAM/IMAGE", "NIRCAM"}
    assert set(table["calib_level"]) == {3, 2, -1}
    assert set(table["dataRights"]) == {"PUBLIC", "EXCLUSIVE_ACCESS"}
    combined = client.query_criteria(calib_level=3, **F200W)
    expected = [
        obs
        for obs in mosaics(sky)
        if obs.passband.filters == "F200W" and obs.passband.camera == "SHORT"
    ]
    assert list(combined["obs_id"]) == [obs.obs_id for obs in expected]
    assert all(re.fullmatch(r"\d{9}", obsid) for obsid in table["obsid"])
    for row, obs in zip(combined, expected, strict=True):
        assert row["dataURL"] == f"mast:JWST/product/{obs.obs_id}_i2d.fits"
        assert row["proposal_id"] == str(obs.program)
        assert row["s_region"] == obs.s_region
        public = row["dataRights"] == "PUBLIC"
        assert (row["t_obs_release"] < 70_000) == public


def test_names(sky):
    """Mosaic names follow the archive's pattern; each f150w one has an f150w2 twin."""
    pattern = r"jw\d{5}-(o\d{3}|c1\d{3})_t001_(nircam|miri|niriss)_[a-z0-9-]+"
    names = [obs.obs_id for obs in mosaics(sky)]
    assert all(re.fullmatch(pattern, name) for name in names)
    assert len(set(names)) == len(names)
    shorter = [name for name in names if name.endswith("_clear-f150w")]
    assert shorter
    assert all(f"{name}2" in names for name in shorter)
    for obs in mosaics(sky, candidate="c1001"):
        same = [o for o in mosaics(sky, program=obs.program) if o.candidate == "o001"]
        galaxies = [g for g in sky.galaxies if same[0].covers(g.ra, g.dec)]
        assert any(obs.covers(g.ra, g.dec) for g in galaxies)


def test_plans(client):
    """A planned observation has no time or file; its footprint names no frame."""
    table = client.query_criteria(obs_collection="JWST", calib_level=-1)
    assert len(table) > 1
    for row in table:
        assert re.fullmatch(r"jw\d{5}001001_xx101_00001_nircam", row["obs_id"])
        assert row["t_min"] is np.ma.masked or np.isnan(row["t_min"])
        assert row["dataURL"] is np.ma.masked
        assert re.match(r"POLYGON -?\d", row["s_region"])
    assert len(client.query_criteria(obs_collection="JWST", t_min=[0, 1e6])) > 0


def test_pairs(client, sky):
    """A pair of filters is found by the name of either filter."""
    pairs = [obs.obs_id for obs in mosaics(sky) if obs.passband.is_paired]
    for name in ("F405N", "F410M"):
        table = client.query_criteria(obs_collection="JWST", filters=name)
        assert list(table["obs_id"]) == pairs
        assert set(table["filters"]) == {"F405N;F410M"}


def test_f150w_is_not_f150w2(client):
    """The filter F150W does not match F150W2."""
    table = client.query_criteria(obs_collection="JWST", filters="F150W", calib_level=3)
    assert set(table["filters"]) == {"F150W"}


def test_regions(sky):
    """New footprints have one polygon for each module, old ones a single polygon."""
    for obs in mosaics(sky):
        assert obs.s_region.count("POLYGON ICRS  ") == len(obs.footprint)
    modules = {len(obs.footprint) for obs in mosaics(sky, is_old=False)}
    assert modules == {1, 2, 4}
    old = mosaics(sky, is_old=True)
    assert {len(obs.footprint) for obs in old} == {1}
    assert {len(obs.footprint[0]) for obs in old} == {4}


@pytest.mark.filterwarnings("ignore:.*returned no results")
def test_position(client, sky):
    """A position matches by footprint, which in old rows includes the module gap."""

    def found(obs, x, y):
        ra, dec = obs.mosaic.tangent.to_sky(x, y)
        assert not obs.covers(ra, dec)
        place = SkyCoord(ra, dec, unit="deg")
        table = client.query_criteria(coordinates=place, radius="0 deg", **F200W)
        return obs.obs_id in table["obs_id"]

    old, new = mosaics(sky, is_old=True)[0], mosaics(sky, candidate="o001")[0]
    middle = new.mosaic.nx / 2, new.mosaic.ny / 2
    assert found(old, *middle)
    assert not found(new, *middle)
    (edge, _), *_ = new.mosaic.outlines[1]
    # The lower right corner of the left module, outside its stepped outline.
    assert not found(new, edge - CAMERAS["SHORT"].sized(Size.SMALL).gap - 3, 1)
    inside = SkyCoord(*new.mosaic.tangent.to_sky(60, 60), unit="deg")
    table = client.query_criteria(coordinates=inside, radius="0 deg", **F200W)
    assert table[table["obs_id"] == new.obs_id]["distance"][0] == 0


def test_products(client, sky):
    """A mosaic has over 1,000 products, 72 of them I2D of single detectors."""
    obs = mosaics(sky, candidate="o001")[0]
    table = client.get_product_list([str(obs.obsid)])
    assert len(table) > 1000
    assert set(table["parent_obsid"]) == {str(obs.obsid)}
    rectified = client.filter_products(table, productSubGroupDescription="I2D")
    assert sorted(set(rectified["calib_level"])) == [2, 3]
    assert (rectified["calib_level"] == 2).sum() == 72
    assert all(re.fullmatch(r"\d{9}", obsid) for obsid in rectified["obsID"])
    best = client.filter_products(rectified, calib_level=[3])
    assert list(best["productFilename"]) == [obs.filename]
    assert best["prvversion"][0] == "2.0.1"
    assert best["productType"][0] == "SCIENCE"
    assert best["project"][0] == "CALJWST"


def test_products_of_a_plan(sandbox, client, sky):
    """A planned observation has no products; an exposure has only its own."""
    plan = next(obs for obs in sky.jwst if obs.calib_level == -1)
    exposure = next(obs for obs in sky.jwst if obs.calib_level == 2)
    table = client.get_product_list([str(plan.obsid), str(exposure.obsid)])
    assert set(table["obs_id"]) == {exposure.obs_id}
    assert set(table["calib_level"]) == {1, 2}
    assert sandbox.stats["mast"].requests > 0


def test_listed_like_recorded_rows(client, sky, shared):
    """Product rows of a mosaic agree with the recorded rows in names and rights."""
    recorded = json.loads((shared / "data/jwst/abell2744_products.json").read_text())
    obs = mosaics(sky, candidate="o001")[0]
    table = client.get_product_list([str(obs.obsid)])
    for real in recorded["rows"]:
        group = real["productSubGroupDescription"]
        ours = table[
            (table["productSubGroupDescription"] == group) & (table["calib_level"] == 3)
        ]
        assert len(ours) == 1
        stem = real["productFilename"].removeprefix(real["obs_id"])
        assert ours["productFilename"][0] == obs.obs_id + stem
        assert ours["dataURI"][0].startswith("mast:JWST/product/")
        assert ours["dataRights"][0] == real["dataRights"]
        key = real["cloud_uri"].removeprefix("s3://")
        names = dict(
            zip(
                ("program", "candidate"), re.split("[-_]", real["obs_id"]), strict=False
            )
        )
        rule = "stpubdata/jwst/public/{program}/L3/t/{candidate}/".format(**names)
        assert key == rule + real["productFilename"]


def test_cloud_paths(sandbox, sky, monkeypatch):
    """The client's cloud path lookup gets the key, and none for a private file."""
    host = "https://mast.stsci.edu"
    asked = utils._simple_request

    def here(url, *args, **kwargs):
        return asked(url.replace(host, sandbox.urls["mast"]), *args, **kwargs)

    monkeypatch.setattr(utils, "_simple_request", here)
    mirrored = mosaics(sky, mirrored=True)[0]
    private = mosaics(sky, rights="EXCLUSIVE_ACCESS")[0]
    names = [f"mast:JWST/product/{obs.filename}" for obs in (mirrored, private)]
    with pytest.warns(match="Failed to retrieve"):
        paths = utils.mast_relative_path(names)
    assert paths[0] == key_of(mirrored).removeprefix("/stpubdata/")
    assert not paths[1]


def test_private_download(client, sky, tmp_path):
    """Downloads of data that are not public yet are refused with 401."""
    obs = mosaics(sky, rights="EXCLUSIVE_ACCESS")[0]
    status, reason, _ = client.download_file(
        f"mast:JWST/product/{obs.filename}", local_path=tmp_path / "x", verbose=False
    )
    assert status == "ERROR"
    assert "401" in reason


def test_download(client, sky, tmp_path):
    """A downloaded mosaic is a valid FITS file of the listed size."""
    obs = min(mosaics(sky, rights="PUBLIC"), key=lambda obs: obs.mosaic.nx)
    table = client.get_product_list([str(obs.obsid)])
    size = table[table["productFilename"] == obs.filename]["size"][0]
    path = tmp_path / "x.fits"
    client.download_file(
        f"mast:JWST/product/{obs.filename}", local_path=path, verbose=False
    )
    assert path.stat().st_size == size
    with fits.open(path) as hdus:
        hdus.verify("exception")
        assert hdus["SCI"].data.shape == (obs.mosaic.ny, obs.mosaic.nx)


# --- plain requests ----------------------------------------------------------


async def ranged(http, url, start, stop, status=206, **headers):
    """Fetch a byte range; return its bytes and the reply's headers."""
    asked = {"Range": f"bytes={start}-{stop - 1}", **headers}
    async with http.get(url, headers=asked) as response:
        assert response.status == status
        return await response.read(), response.headers


async def cut(http, url, galaxy, half=10):
    """Cut a stamp out of SCI with two Range requests."""
    head, _ = await ranged(http, url, 0, 65_536)
    start = head.index(b"XTENSION= 'IMAGE   '")
    header = fits.Header.fromstring(head[start:])
    data = start + len(header.tostring())
    x, y = WCS(header).world_to_pixel_values(galaxy.ra, galaxy.dec)
    row = header["NAXIS1"] * 4
    low = round(float(y)) - half
    body, _ = await ranged(http, url, data + low * row, data + (low + 2 * half) * row)
    left = round(float(x)) - half
    return np.frombuffer(body, ">f4").reshape(2 * half, -1)[:, left : left + 2 * half]


async def test_stamp_by_range(http, sandbox, sky):
    """Stamps cut by Range at MAST and in the bucket equal the whole file's pixels."""
    obs = next(o for o in mosaics(sky, mirrored=True, candidate="o001"))
    galaxy = next(g for g in sky.galaxies if obs.covers(g.ra, g.dec))
    at_mast, in_bucket = (
        sandbox.urls["mast"] + uri_of(obs),
        sandbox.urls["s3"] + key_of(obs),
    )
    stamp = await cut(http, at_mast, galaxy)
    async with http.get(in_bucket) as response:
        with fits.open(fits.util.io.BytesIO(await response.read())) as hdus:
            whole, wcs = hdus["SCI"].data, WCS(hdus["SCI"].header)
    x, y = (round(float(v)) for v in wcs.world_to_pixel_values(galaxy.ra, galaxy.dec))
    assert np.array_equal(stamp, whole[y - 10 : y + 10, x - 10 : x + 10])
    assert np.array_equal(stamp, await cut(http, in_bucket, galaxy))
    await counted(sandbox.stats["s3"])
    assert sandbox.stats["s3"].ranges[key_of(obs)] == 2
    assert sandbox.stats["s3"].whole[key_of(obs)] == 1


async def test_no_copy(http, sandbox, sky):
    """Unmirrored and private files, and wrong folders, answer 404 in the bucket."""
    s3 = sandbox.urls["s3"]
    unmirrored = mosaics(sky, mirrored=False, rights="PUBLIC")[0]
    wrong = key_of(mosaics(sky, mirrored=True)[0]).replace("/L3/t/", "/L3/x/")
    private = mosaics(sky, rights="EXCLUSIVE_ACCESS")[0]
    for key in (key_of(unmirrored), wrong, key_of(private)):
        async with http.get(s3 + key) as response:
            assert response.status == 404
            assert "NoSuchKey" in await response.text()
    async with http.head(sandbox.urls["mast"] + uri_of(unmirrored)) as response:
        assert response.status == 200


async def test_heads(http, sandbox, sky):
    """HEAD has the length at MAST and in the bucket; only the bucket has an ETag."""
    obs = mosaics(sky, mirrored=True)[0]
    async with http.head(sandbox.urls["s3"] + key_of(obs)) as response:
        assert re.fullmatch(r'"[0-9a-f]{32}-\d+"', response.headers["ETag"])
        size = response.content_length
    async with http.head(sandbox.urls["mast"] + uri_of(obs)) as response:
        assert response.content_length == size
        assert response.headers["Accept-Ranges"] == "bytes"
        assert "ETag" not in response.headers
    url = sandbox.urls["mast"] + uri_of(obs)
    _, headers = await ranged(http, url, size, size + 1, status=416)
    assert headers["Content-Range"] == f"bytes */{size}"


async def test_query_with_nulls(sandbox, sky):
    """Times and dataURL of plans are null in the JSON reply; obsid is a number."""
    filters = [{"paramName": "calib_level", "values": ["-1"]}]
    params = {"columns": "obsid,t_min,dataURL,t_obs_release", "filters": filters}
    async with aiohttp.ClientSession(sandbox.urls["mast"]) as session:
        reply = await ask(session, "Mast.Caom.Filtered", params)
    plans = [obs.obsid for obs in sky.jwst if obs.calib_level == -1]
    assert [row["obsid"] for row in reply["data"]] == plans
    empty = {"t_min": None, "dataURL": None, "t_obs_release": None}
    assert all(row == row | empty for row in reply["data"])


async def test_reprocessing(http):
    """A reprocessed file has a new ETag, size and version; If-Range gets it whole."""
    options = SandboxOptions(
        targets=30, hst_images=False, jwst="small", mast_etags=True
    )
    async with Sandbox(options) as sandbox:
        obs = mosaics(sandbox.sky, mirrored=True, candidate="o001")[0]
        mast, s3 = sandbox.urls["mast"], sandbox.urls["s3"]
        for url in (s3 + key_of(obs), mast + uri_of(obs)):
            body, old = await ranged(http, url, 0, 2880)
            size = int(old["Content-Range"].rpartition("/")[2])
            tag = {"If-Range": old["ETag"]}
            assert (await ranged(http, url, 0, 2880, **tag))[0] == body
            asked = {"file": obs.filename, "cal_ver": "3.1.0"}
            async with http.post(f"{mast}/_reprocess", json=asked) as response:
                told = await response.json()
            whole, new = await ranged(http, url, 0, 2880, status=200, **tag)
            assert new["ETag"] == told["etag"] != old["ETag"]
            assert new["Last-Modified"] != old["Last-Modified"]
            assert len(whole) == told["size"] > size
            assert fits.Header.fromstring(whole)["CAL_VER"] == "3.1.0"
        async with aiohttp.ClientSession(mast) as session:
            params = {"obsid": str(obs.obsid)}
            reply = await ask(session, "Mast.Caom.Products", params, pagesize=5000)
        row = next(r for r in reply["data"] if r["productFilename"] == obs.filename)
        assert (row["size"], row["prvversion"]) == (told["size"], "3.1.0")


async def test_reprocessing_in_place(http):
    """Reprocessing with ``grow`` 0 changes bytes and ETag, but not the size."""
    options = SandboxOptions(targets=30, hst_images=False, jwst="small")
    async with Sandbox(options) as sandbox:
        obs = mosaics(sandbox.sky, mirrored=True, candidate="o001")[0]
        url = sandbox.urls["s3"] + key_of(obs)
        before, old = await ranged(http, url, 0, 65_536)
        asked = {"file": obs.filename, "grow": 0}
        place = f"{sandbox.urls['mast']}/_reprocess"
        async with http.post(place, json=asked) as response:
            assert response.status == 200
        after, new = await ranged(http, url, 0, 65_536)
    assert old["Content-Range"] == new["Content-Range"]
    assert old["ETag"] != new["ETag"]
    assert before != after


async def test_shrinking(http):
    """After a file shrinks, a range at its old end answers 416."""
    options = SandboxOptions(targets=30, hst_images=False, jwst="small")
    async with Sandbox(options) as sandbox:
        obs = mosaics(sandbox.sky, mirrored=True, candidate="o001")[0]
        place = f"{sandbox.urls['mast']}/_reprocess"
        sizes = []
        for growth in (1, -1):
            asked = {"file": obs.filename, "grow": growth}
            async with http.post(place, json=asked) as response:
                sizes.append((await response.json())["size"])
        larger, smaller = sizes
        url = sandbox.urls["s3"] + key_of(obs)
        _, headers = await ranged(http, url, larger - 100, larger, status=416)
    assert smaller < larger
    assert headers["Content-Range"] == f"bytes */{smaller}"


@pytest.mark.parametrize(
    ("body", "status"), [("[]", 400), ("{", 400), ("{}", 400), ('{"file": "x"}', 404)]
)
async def test_senseless_reprocessing(http, sandbox, body, status):
    """An invalid reprocess request answers 400 or 404 with the problem."""
    async with http.post(f"{sandbox.urls['mast']}/_reprocess", data=body) as response:
        assert response.status == status
        assert (await response.json())["problem"]


async def test_real_sizes(http):
    """Files of gigabytes are served, by range and as a stream."""
    options = SandboxOptions(targets=30, hst_images=False, jwst="real")
    async with Sandbox(options) as sandbox:
        obs = mosaics(sandbox.sky, candidate="o001")[0]
        galaxy = next(g for g in sandbox.sky.galaxies if obs.covers(g.ra, g.dec))
        url = sandbox.urls["mast"] + uri_of(obs)
        async with http.head(url) as response:
            assert response.content_length > 1.7e9
        stamp = await cut(http, url, galaxy, half=20)
        assert (
            np.abs(np.subtract(np.unravel_index(stamp.argmax(), stamp.shape), 20)).max()
            <= 1
        )
        async with http.get(url) as response:
            assert response.content_length > 1.7e9
            begin = await response.content.readexactly(9_000_000)
        same, _ = await ranged(http, url, 8_900_000, 9_000_000)
        assert begin[8_900_000:] == same
    assert sandbox.stats["mast"].broken


def test_hst_is_as_before():
    """JWST does not change the galaxies, the HST observations and the HST files."""
    without, with_jwst = Sky.make(4, 60), Sky.make(4, 60, jwst=Size.SMALL)
    assert without.jwst == ()
    assert with_jwst.galaxies == without.galaxies
    assert with_jwst.observations == without.observations
    obs = without.observations[0]
    assert drz(with_jwst, obs) == drz(without, obs)


async def test_off(http):
    """Without the ``jwst`` option there are no JWST rows, files or reprocessing."""
    async with Sandbox(SandboxOptions(targets=30)) as sandbox:
        mast = sandbox.urls["mast"]
        async with aiohttp.ClientSession(mast) as session:
            params = {"columns": "COUNT_BIG(*)", "filters": []}
            reply = await ask(session, "Mast.Caom.Filtered", params)
        assert reply["data"] == [{"Column1": len(sandbox.sky.observations)}]
        async with http.post(f"{mast}/_reprocess", json={}) as response:
            assert response.status == 404
        async with http.get(sandbox.urls["s3"] + "/stpubdata/jwst/public/x") as reply:
            assert reply.status == 404


def test_unknown_size():
    """An unknown size of mosaics raises ValueError."""
    with (
        pytest.raises(ValueError, match="huge"),
        run_in_thread(SandboxOptions(targets=3, jwst="huge")),
    ):
        pass
