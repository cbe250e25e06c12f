"""SkyServer of the sandbox, tested with the real astroquery and plain requests."""

from __future__ import annotations

import json

import astroquery
import numpy as np
import pytest
import requests
from astropy import units as u
from astropy.coordinates import SkyCoord
from astroquery.exceptions import NoResultsWarning, RemoteServiceError
from astroquery.sdss import SDSS, conf

from harvester.sandbox.server import SandboxOptions, run_in_thread

ERROR_PAGE = "<title>Skyserver Error</title>"
UQUERY = (
    "SELECT\r\np.run, p.rerun, p.camcol, p.field, dbo.fPhotoTypeN(p.type) AS type "
    "FROM #upload u JOIN #x x ON x.up_id = u.up_id JOIN PhotoObjAll AS p "
    "ON p.objID = x.objID ORDER BY x.up_id"
)


@pytest.fixture(scope="module")
def sandbox():
    """Serve a sky of forty galaxies."""
    with run_in_thread(SandboxOptions(targets=40)) as running:
        yield running


@pytest.fixture
def sdss(sandbox, monkeypatch, tmp_path):
    """Make the real astroquery ask the sandbox, without any cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with (
        conf.set_temp("skyserver_baseurl", sandbox.urls["sdss-sky"]),
        conf.set_temp("sas_baseurl", sandbox.urls["sdss-sas"]),
        astroquery.cache_conf.set_temp("cache_active", False),
    ):
        yield SDSS


@pytest.fixture
def results(sandbox):
    """Return the address of the results page."""
    return sandbox.urls["sdss-sky"] + "/dr17/en/tools/search/X_Results.aspx"


@pytest.fixture
def tools(sandbox):
    """Return the address of the inner services."""
    return sandbox.urls["sdss-sky"] + "/dr18/SkyServerWS/SearchTools"


def place(*galaxies) -> SkyCoord:
    """Return the position of one galaxy, or of several."""
    ra, dec = [g.ra for g in galaxies], [g.dec for g in galaxies]
    return (
        SkyCoord(ra, dec, unit="deg")
        if len(ra) > 1
        else SkyCoord(*ra, *dec, unit="deg")
    )


def shared_galaxy(sandbox):
    """Find a galaxy that is also in a second field; return it and that field."""
    for galaxy in sandbox.sky.galaxies:
        key = galaxy.field
        for step in (-1, 1):
            other = sandbox.sky.fields.get(key._replace(field=key.field + step))
            if other is not None:
                x, y = other.tangent().to_pixel(galaxy.ra, galaxy.dec)
                if 1 < x < 2046 and 1 < y < 1487:
                    return galaxy, other.key
    pytest.fail("no galaxy of the sky lies in two fields")


def crossid(upload: str, **changes: str) -> dict:
    """Make the arguments of `requests.post` for a CrossID request."""
    form = {
        "format": "csv",
        "uquery": UQUERY,
        "searchtool": "CrossID",
        "radius": "0.05",
        "firstcol": "1",
        "photoScope": "nearPrim",
        "photoUpType": "ra-dec",
        "searchType": "photo",
    }
    return {"data": form | changes, "files": {"upload": ("list", upload)}}


# --- astroquery


def test_get_images(sdss, sandbox):
    """The tutorial's call returns the galaxy's frame, in which it is bright."""
    galaxy = sandbox.sky.galaxies[0]
    ((frame, *others),) = sdss.get_images(
        coordinates=place(galaxy), band="r", cache=False
    )
    assert frame.data.shape == (1489, 2048)
    assert len(others) == 3
    run, camcol, field = galaxy.field
    assert (frame.header["RUN"], frame.header["CAMCOL"]) == (run, camcol)
    assert frame.header["FRAME"] == field
    x, y = sandbox.sky.fields[galaxy.field].tangent("r").to_pixel(galaxy.ra, galaxy.dec)
    around = frame.data[int(y) - 3 : int(y) + 5, int(x) - 3 : int(x) + 5]
    noise = 1.4826 * np.median(np.abs(frame.data))
    assert around.max() > 10 * noise


def test_query_region_radius(sdss, sandbox):
    """A cone search finds primary objects and their second detections."""
    galaxy, other = shared_galaxy(sandbox)
    found = sdss.query_region(place(galaxy), radius=1 * u.arcsec, cache=False)
    keys = set(zip(found["run"], found["camcol"], found["field"], strict=True))
    assert {tuple(galaxy.field), tuple(other)} <= keys
    assert galaxy.dr8_objid in found["objid"]
    assert found["objid"].dtype == np.uint64


def test_query_region_width(sdss, sandbox):
    """A box search finds only objects inside the box."""
    galaxy = sandbox.sky.galaxies[3]
    found = sdss.query_region(place(galaxy), width=20 * u.arcsec, cache=False)
    assert galaxy.dr8_objid in found["objid"]
    assert np.all(np.abs(found["dec"] - galaxy.dec) < 0.003)
    assert len(found) < 10


def test_query_region_nothing(sdss):
    """Outside the survey a cone search returns None."""
    nowhere = SkyCoord(10, 89, unit="deg")
    assert sdss.query_region(nowhere, radius=3 * u.arcsec, cache=False) is None


def test_get_images_nothing(sdss):
    """Outside the survey astroquery warns and returns no image."""
    nowhere = SkyCoord(10, 89, unit="deg")
    with pytest.warns(NoResultsWarning):
        assert sdss.get_images(coordinates=nowhere, band="r", cache=False) is None


def test_query_crossid(sdss, sandbox):
    """Each position is matched to its galaxy; one without a match has no row."""
    galaxies = sandbox.sky.galaxies[:5]
    positions = SkyCoord(
        [*(g.ra for g in galaxies), 10.0],
        [*(g.dec for g in galaxies), 89.0],
        unit="deg",
    )
    found = sdss.query_crossid(positions, cache=False)
    assert list(found["name"]) == [f"obj_{n}" for n in range(5)]
    assert list(found["objID"]) == [g.dr8_objid for g in galaxies]
    assert set(found["type"]) == {"GALAXY"}
    assert found["psfMag_r"] == pytest.approx([g.mag_r for g in galaxies])


def test_query_sql(sdss, sandbox):
    """A SQL statement on the Field table is answered."""
    run, camcol, _ = sandbox.sky.galaxies[0].field
    found = sdss.query_sql(
        f"select top 2 run,rerun,camcol,field from Field where run={run}", cache=False
    )
    assert found.colnames == ["run", "rerun", "camcol", "field"]
    assert len(found) == 2
    assert set(found["camcol"]) == {camcol}


def test_field_noise_and_seeing(sdss, sandbox):
    """Field has the gain, the noise and the fit of the PSF of each band."""
    run, camcol, field = sandbox.sky.galaxies[0].field
    profile = ("Width", "Sigma1", "Sigma2", "B", "P0", "Beta", "SigmaP")
    found = sdss.query_sql(
        "select gain_r, darkVariance_r, saturationLevel_r, "
        + ", ".join(f"psf{name}_{band}" for band in "ri" for name in profile)
        + f" from Field where run={run} and camcol={camcol} and field={field}",
        cache=False,
    )[0]
    assert 4.5 < found["gain_r"] < 5
    assert 0.8 < found["darkVariance_r"] < 1.9
    assert found["saturationLevel_r"] == 50631
    assert 1.1 <= found["psfWidth_r"] <= 1.5
    assert found["psfWidth_r"] != found["psfWidth_i"]
    # Pixels of 0.396 arcsec, as in photoField: 2.355 of them are the FWHM of the core.
    assert 0.75 < 2.355 * 0.396 * found["psfSigma1_r"] / found["psfWidth_r"] < 1
    assert found["psfSigma2_r"] > 2 * found["psfSigma1_r"]


def test_query_sql_refused(sdss):
    """A refused SQL statement raises astroquery's RemoteServiceError."""
    with pytest.raises(RemoteServiceError, match="Invalid column name 'nonsense'"):
        sdss.query_sql("select nonsense from PhotoObjAll", cache=False)


def test_query_sql_by_identifier(sdss, sandbox):
    """Most DR7 identifiers are found in PhotoObjDR7, with position and dr8objid."""
    galaxies = sandbox.sky.galaxies
    asked = ",".join(str(galaxy.objid) for galaxy in galaxies)
    found = sdss.query_sql(
        "SELECT dr7objid, dr8objid, ra, dec FROM PhotoObjDR7 "
        f"WHERE dr7objid IN ({asked})",
        cache=False,
    )
    places = {row["dr7objid"]: (row["ra"], row["dec"]) for row in found}
    matched = [g for g in galaxies if g.objid in places]
    assert len(galaxies) > len(matched) > len(galaxies) * 0.8
    assert all(places[g.objid] == pytest.approx((g.ra, g.dec)) for g in matched)
    assert {g.dr8_objid for g in matched} == set(found["dr8objid"].tolist())


def test_query_sql_any_object(sdss, sandbox):
    """``SELECT TOP 1`` from PhotoPrimary returns the position of a galaxy."""
    found = sdss.query_sql("SELECT TOP 1 ra, dec FROM PhotoPrimary", cache=False)
    (place_of_it,) = [tuple(row) for row in found]
    assert any(
        place_of_it == pytest.approx((g.ra, g.dec)) for g in sandbox.sky.galaxies
    )


def test_query_photoobj(sdss, sandbox):
    """``query_photoobj`` lists all objects of a field, and no others."""
    run, camcol, field = sandbox.sky.galaxies[0].field
    found = sdss.query_photoobj(run=run, camcol=camcol, field=field, cache=False)
    own = {g.dr8_objid for g in sandbox.sky.galaxies if g.field == (run, camcol, field)}
    assert own <= set(found["objid"])
    assert set(found["field"]) == {field}


def test_other_release(sdss, sandbox):
    """Releases 12, 17 and 18 give the same CrossID answer."""
    galaxy = sandbox.sky.galaxies[1]
    for release in (12, 17, 18):
        found = sdss.query_crossid(
            place(galaxy, sandbox.sky.galaxies[2]), data_release=release, cache=False
        )
        assert found["objID"][0] == galaxy.dr8_objid


# --- the same on the wire


def test_recorded_columns(results, shared):
    """The column list has the format of the recorded one and no unknown names."""
    statement = "select * from dbo.fDocColumns('{}')"
    for table in ("PhotoObjAll", "SpecObjAll"):
        recorded = shared / "fixtures/sdss/skyserver" / f"{table}_dr12.json"
        theirs = json.loads(recorded.read_text())[0]
        query = {"cmd": statement.format(table), "format": "json", "searchtool": "SQL"}
        ours = requests.get(results.lower(), query, timeout=10).json()[0]
        assert ours["TableName"] == theirs["TableName"]
        assert ours["Rows"][0].keys() == theirs["Rows"][0].keys()
        names = {row["name"] for row in theirs["Rows"]}
        assert {row["name"] for row in ours["Rows"]} <= names | {"instrument"}


def test_recorded_csv(results, sandbox, shared):
    """A CSV table has the format of the recorded one: header, digits, line ends."""
    recorded = (shared / "fixtures/sdss/skyserver/xid_im.txt").read_text()
    galaxy = sandbox.sky.galaxies[0]
    columns = "p.ra, p.dec, p.objid, p.run, p.rerun, p.camcol, p.field"
    form = crossid(
        f"ra dec \n{galaxy.ra} {galaxy.dec}",
        uquery=f"SELECT\r\n{columns} FROM #upload u",
        firstcol="0",
        photoScope="allObj",
    )
    reply = requests.post(results, **form, timeout=10)
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert "Skyserver_CrossID" in reply.headers["Content-Disposition"]
    assert reply.text.splitlines()[:2] == recorded.splitlines()[:2]
    assert reply.text.endswith("\n")
    assert reply.text.splitlines()[2].startswith(f"{galaxy.ra:.15g},{galaxy.dec:.15g},")


def test_recorded_request(results, sandbox, shared):
    """A recorded CrossID request of astroquery is answered."""
    file = shared / "fixtures/sdss/captured_requests/07_query_crossid_2coords_POST.http"
    head, _, body = file.read_bytes().partition(b"\r\n\r\n")
    one, two = sandbox.sky.galaxies[:2]
    for old, new in (("2.0 14.8", one), ("3.0 15.0", two)):
        body = body.replace(old.encode(), f"{new.ra} {new.dec}".encode())
    kind = next(h for h in head.decode().splitlines() if h.startswith("Content-Type"))
    headers = {"Content-Type": kind.partition(": ")[2]}
    reply = requests.post(results, body, headers=headers, timeout=10)
    header, *rows = reply.text.splitlines()[1:]
    assert header == "name,objID,run,rerun,camcol,field,type"
    assert [row.split(",")[:2] for row in rows] == [
        ["obj_0", str(one.dr8_objid)],
        ["obj_1", str(two.dr8_objid)],
    ]


def test_crossid_no_match(results):
    """Without a match the reply has only the header."""
    reply = requests.post(results, **crossid("name ra dec\na 10 89"), timeout=10)
    assert reply.text == "#Table1\nname,objID,run,rerun,camcol,field,type\n"


def test_crossid_objid_asked(results, sandbox):
    """A query that selects p.objid gets no extra columns."""
    galaxy = sandbox.sky.galaxies[0]
    query = "SELECT p.objid, u.up_id, p.mode FROM #upload u"
    form = crossid(f"ra dec\n{galaxy.ra} {galaxy.dec}", uquery=query, firstcol="0")
    reply = requests.post(results, **form, timeout=10)
    assert reply.text == f"#Table1\nobjid,up_id,mode\n{galaxy.dr8_objid},1,1\n"


@pytest.mark.parametrize(
    ("upload", "changes", "words"),
    [
        ("name ra dec\n" + "a" * 33 + " 1 2", {}, "truncated"),
        ("name ra dec\na 1 2", {"radius": "3.01"}, "Radius"),
        ("name ra dec\na 1 2", {"radius": "0"}, "Radius"),
        ("name ra dec\na 1 2", {"radius": "wide"}, "not a number"),
        ("name ra dec\n" + "a 1 2\n" * 1001, {}, "more than 1000 rows"),
        ("name ra dec\na 1", {}, "parse"),
        ("id alpha delta\na 1 2", {}, "ra and dec"),
        ("", {}, "Not able to parse file or list."),
    ],
)
def test_crossid_error_page(results, upload, changes, words):
    """An invalid CrossID request gets an HTML error page with status 200."""
    reply = requests.post(results, **crossid(upload, **changes), timeout=10)
    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert ERROR_PAGE in reply.text
    assert words in reply.text


def test_crossid_thousand_rows(results, sandbox):
    """A CrossID list of 1,000 rows is accepted."""
    galaxy = sandbox.sky.galaxies[0]
    rows = "".join(f"g{n} {galaxy.ra} {galaxy.dec}\n" for n in range(1000))
    reply = requests.post(results, **crossid(f"name ra dec\n{rows}"), timeout=30)
    assert len(reply.text.splitlines()) == 1002


def test_crossid_part_without_file(results):
    """``upload`` as a plain form field is an error; a ``paste`` field is accepted."""
    form = crossid("")["data"] | {"upload": "name ra dec\na 1 2"}
    assert ERROR_PAGE in requests.post(results, form, timeout=10).text
    form["paste"] = form.pop("upload")
    assert ERROR_PAGE not in requests.post(results, form, timeout=10).text


def test_crossid_nested(results):
    """A nested SELECT is rewritten too and so fails, as at the real server."""
    query = "SELECT (SELECT 1) FROM #upload u"
    form = crossid("name ra dec\na 1 2", uquery=query)
    assert "error_message" in requests.post(results, **form, timeout=10).text


def test_crossid_direct(tools, sandbox):
    """The inner service takes the list as body and answers errors with 400."""
    galaxy = sandbox.sky.galaxies[0]
    query = crossid("")["data"] | {"format": "json"}
    upload = f"name ra dec\na {galaxy.ra} {galaxy.dec}"
    reply = requests.post(f"{tools}/CrossIdSearch", upload, params=query, timeout=10)
    (row,) = reply.json()[0]["Rows"]
    assert (row["name"], row["objID"]) == ("a", galaxy.dr8_objid)
    query["radius"] = "30"
    reply = requests.post(f"{tools}/CrossIdSearch", upload, params=query, timeout=10)
    assert (reply.status_code, reply.json()["ErrorCode"]) == (400, 400)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("delete from Field", "SELECT"),
        ("select top 500001 run from Field", "limit is  top 500000"),
        ("select run from Field; drop table Field", "Incorrect syntax"),
        ("select run from Elsewhere", "Invalid object name"),
        ("select run from Field where run like '9%'", "Incorrect syntax"),
        ("select run from Field where run < 'x'", "Error converting"),
        ("select max(run) from Field", "not a recognized"),
    ],
)
def test_sql_refusal(tools, statement, words):
    """A refused SQL statement answers with a table with the column error_message."""
    query = {"cmd": statement, "format": "csv"}
    reply = requests.get(f"{tools}/SqlSearch", query, timeout=10)
    assert reply.status_code == 200
    assert reply.text.startswith("#Table1\nerror_message\n")
    assert words in reply.text


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("mode = 1", lambda _: True),
        ("psfMag_r < 16 or petroMag_r >= 16", lambda _: True),
        ("not (r.psfMag_r >= 16)", lambda g: g.mag_r < 16),
        ("dec > 0 and (psfMag_r <> 0)", lambda g: g.dec > 0),
        ("run in (1, 2, 3)", lambda _: False),
        ("objid = 1", lambda _: False),
    ],
)
def test_sql_where(tools, sandbox, condition, expected):
    """WHERE conditions select the right rows."""
    cmd = f"select count(*) as n from PhotoPrimary as r where {condition}"
    reply = requests.get(f"{tools}/SqlSearch", {"cmd": cmd}, timeout=10)
    number = sum(map(expected, sandbox.sky.galaxies))
    assert reply.text == f"#Table1\nn\n{number}\n"


def test_sql_exact_ids(tools, sandbox):
    """Identifiers of 19 digits are compared exactly."""
    objid = sandbox.sky.galaxies[0].dr8_objid
    for number, rows in ((objid, 1), (objid + 1, 0)):
        cmd = f"select objID from PhotoObjAll where objID={number}"
        reply = requests.get(f"{tools}/SqlSearch", {"cmd": cmd}, timeout=10)
        assert len(reply.text.splitlines()) == 2 + rows


def test_frame_geometry(tools, sandbox):
    """The coefficients in the Frame table give positions right to 0.2 pixels."""
    terms = "run,rerun,camcol,field,a,b,c,d,e,f,node,incl"
    camcol = sandbox.sky.galaxies[0].field.camcol
    cmd = f"SELECT {terms} FROM Frame WHERE zoom=0 AND camcol={camcol}"
    query = {"cmd": cmd, "format": "json"}
    rows = requests.get(f"{tools}/SqlSearch", query, timeout=10).json()[0]["Rows"]
    by_key = {(r["run"], r["camcol"], r["field"]): r for r in rows}
    for galaxy in sandbox.sky.galaxies:
        if galaxy.field.camcol == camcol:
            x, y = (
                sandbox.sky.fields[galaxy.field]
                .tangent()
                .to_pixel(galaxy.ra, galaxy.dec)
            )
            assert scan_pixel(by_key[galaxy.field], galaxy) == pytest.approx(
                (float(x), float(y)), abs=0.2
            )


def scan_pixel(row: dict, galaxy) -> tuple[float, float]:
    """Convert a position to a pixel as the survey's documents describe."""
    ra, dec = np.radians([galaxy.ra - row["node"], galaxy.dec])
    tilt = np.radians(row["incl"])
    x, y, z = np.cos(ra) * np.cos(dec), np.sin(ra) * np.cos(dec), np.sin(dec)
    along = y * np.cos(tilt) + z * np.sin(tilt)
    mu = (np.degrees(np.arctan2(along, x)) + row["node"] - row["a"] + 180) % 360 - 180
    nu = np.degrees(np.arcsin(z * np.cos(tilt) - y * np.sin(tilt))) - row["d"]
    terms = [[row["b"], row["c"]], [row["e"], row["f"]]]
    rows, cols = np.linalg.solve(terms, [mu, nu])
    return cols - 0.5, rows - 0.5


def test_bad_request(tools, results):
    """A long URL and a missing statement get 400, an unknown tool gets 500."""
    reply = requests.get(f"{tools}/SqlSearch", {"cmd": "x" * 8200}, timeout=10)
    assert (reply.status_code, "invalid request" in reply.text) == (400, True)
    assert requests.get(results, {"searchtool": "Magic"}, timeout=10).status_code == 500
    reply = requests.get(f"{tools}/SqlSearch", timeout=10)
    assert (reply.status_code, reply.json()["ErrorCode"]) == (400, 400)


def test_missing_statement(results):
    """An empty statement gets the error page with status 200."""
    reply = requests.get(results, {"searchtool": "SQL", "cmd": ""}, timeout=10)
    assert (reply.status_code, ERROR_PAGE in reply.text) == (200, True)


def test_image(sandbox):
    """The preview is a JPEG, outside the survey with 404; bad parameters get 400."""
    url = sandbox.urls["sdss-sky"] + "/dr17/SkyServerWS/ImgCutout/getjpeg"
    galaxy = sandbox.sky.galaxies[0]
    inside = {"ra": galaxy.ra, "dec": galaxy.dec, "width": 64, "height": 64}
    reply = requests.get(url, inside, timeout=10)
    assert (reply.status_code, reply.content[:3]) == (200, b"\xff\xd8\xff")
    outside = requests.get(url, {"ra": 10, "dec": 89}, timeout=10)
    assert (outside.status_code, outside.content[:3]) == (404, b"\xff\xd8\xff")
    assert outside.reason.startswith("NOT FOUND")
    assert requests.get(url, inside | {"width": 9}, timeout=10).status_code == 400
    assert requests.get(url, {"dec": 1}, timeout=10).status_code == 400
