"""The frame server of the sandbox, with synthetic and with real frames."""

from __future__ import annotations

import bz2
import hashlib
from email import message_from_bytes, policy

import numpy as np
import pytest
import requests
from astropy.io import fits

from harvester.sandbox.real_frames import RealFrames, fit_astrans
from harvester.sandbox.scans import FieldKey
from harvester.sandbox.server import SandboxOptions, run_in_thread

GZ_MERGER = (3.62980, 15.81727)
MERGER_FIELD = FieldKey(1043, 5, 25)


@pytest.fixture(scope="module")
def sandbox():
    """Serve a sky of three galaxies."""
    with run_in_thread(SandboxOptions(targets=3)) as running:
        yield running


@pytest.fixture(scope="module")
def frame(sandbox):
    """Return a frame's path below the release folder, and its bytes."""
    run, camcol, field = sandbox.sky.galaxies[0].field
    path = (
        f"photoObj/frames/301/{run}/{camcol}/"
        f"frame-g-{run:06d}-{camcol}-{field:04d}.fits.bz2"
    )
    reply = requests.get(f"{sandbox.urls['sdss-sas']}/dr17/eboss/{path}", timeout=60)
    assert reply.status_code == 200
    return path, reply.content


@pytest.fixture(scope="module")
def real(shared):
    """Serve a folder of real frames."""
    options = SandboxOptions(targets=3, frames=shared / "data/sdss")
    with run_in_thread(options) as running:
        yield running


def test_frame_is_fits(frame):
    """A frame unpacks to whole FITS blocks with the header of its field."""
    path, body = frame
    raw = bz2.decompress(body)
    header = fits.Header.fromstring(raw[: raw.index(b"END     ") + 2880])
    assert len(raw) % 2880 == 0
    assert (header["NAXIS1"], header["NAXIS2"], header["FILTER"]) == (2048, 1489, "g")
    # The g chip of a camera column sees a field eight frames after the r chip.
    field = header["FRAME"] - 8
    assert f"{header['RUN']:06d}-{header['CAMCOL']}-{field:04d}" in path


@pytest.mark.parametrize(
    ("folder", "status"),
    [
        ("dr9/boss", 200),
        ("dr12/boss", 200),
        ("dr12/eboss", 404),
        ("dr13/eboss", 200),
        ("dr17/boss", 404),
        ("dr18/eboss", 404),
        ("dr18/prior-surveys/sdss4-dr17-eboss", 200),
        ("dr20/prior-surveys/sdss4-dr17-eboss", 200),
        ("dr8/boss", 404),
    ],
)
def test_releases(sandbox, frame, folder, status):
    """Each release has its frames only in the folder used at its time."""
    url = f"{sandbox.urls['sdss-sas']}/{folder}/{frame[0]}"
    assert requests.head(url, timeout=10).status_code == status


def test_missing_frame(sandbox, frame):
    """A missing field, or a path that contradicts its file name, answers 404."""
    root = f"{sandbox.urls['sdss-sas']}/dr17/eboss/"
    run = str(sandbox.sky.galaxies[0].field.run)
    for path in (
        frame[0].replace(".fits", "9.fits"),
        frame[0].replace(f"/{run}/", "/7/"),
    ):
        reply = requests.get(root + path, timeout=10)
        assert reply.status_code == 404
        assert reply.headers["Content-Type"].startswith("text/html")
        assert "Server" not in reply.headers


def test_range(sandbox, frame):
    """If-Range with the right ETag gives the range, with another the whole file."""
    path, body = frame
    url = f"{sandbox.urls['sdss-sas']}/dr17/eboss/{path}"
    tag = requests.head(url, timeout=10).headers["ETag"]
    ask = {"Range": f"bytes={len(body) - 100}-", "If-Range": tag}
    part = requests.get(url, headers=ask, timeout=10)
    assert (part.status_code, part.content) == (206, body[-100:])
    whole = requests.get(url, headers=ask | {"If-Range": '"other"'}, timeout=10)
    assert (whole.status_code, whole.content) == (200, body)
    beyond = requests.get(url, headers={"Range": f"bytes={len(body)}-"}, timeout=10)
    assert beyond.status_code == 416


def test_end_of_file(sandbox, frame):
    """The last bytes are sent to clients that do not know the length, and tell it."""
    path, body = frame
    url = f"{sandbox.urls['sdss-sas']}/dr17/eboss/{path}"
    end = requests.get(url, headers={"Range": "bytes=-1000"}, timeout=10)
    assert (end.status_code, end.content) == (206, body[-1000:])
    place = f"bytes {len(body) - 1000}-{len(body) - 1}/{len(body)}"
    assert end.headers["Content-Range"] == place
    none = requests.get(url, headers={"Range": "bytes=-0"}, timeout=10)
    assert none.status_code == 416
    assert none.headers["Content-Range"] == f"bytes */{len(body)}"


def test_several_ranges(sandbox, frame):
    """Several ranges come as one body of several parts, each with its place."""
    path, body = frame
    url = f"{sandbox.urls['sdss-sas']}/dr17/eboss/{path}"
    reply = requests.get(url, headers={"Range": "bytes=0-99, -50"}, timeout=10)
    assert reply.status_code == 206
    kind = f"Content-Type: {reply.headers['Content-Type']}\r\n\r\n".encode()
    parts = message_from_bytes(kind + reply.content, policy=policy.HTTP).get_payload()
    found = [(p["Content-Range"], p.get_payload(decode=True)) for p in parts]
    size = len(body)
    assert found == [
        (f"bytes 0-99/{size}", body[:100]),
        (f"bytes {size - 50}-{size - 1}/{size}", body[-50:]),
    ]


@pytest.mark.parametrize("support", ["none", "one"])
def test_other_servers(support):
    """A server that sends no range, or one at a time, sends whole files instead."""
    with run_in_thread(SandboxOptions(targets=3, sas_ranges=support)) as running:
        run, camcol, field = running.sky.galaxies[0].field
        url = (
            f"{running.urls['sdss-sas']}/dr17/eboss/photoObj/frames/301/{run}/{camcol}/"
            f"frame-z-{run:06d}-{camcol}-{field:04d}.fits.bz2"
        )
        one = requests.get(url, headers={"Range": "bytes=0-9"}, timeout=60)
        two = requests.get(url, headers={"Range": "bytes=0-9,-9"}, timeout=60)
    expected = {"none": (200, "none"), "one": (206, "bytes")}[support]
    assert (one.status_code, one.headers["Accept-Ranges"]) == expected
    assert (two.status_code, len(two.content)) == (
        200,
        int(two.headers["Content-Length"]),
    )
    assert bz2.decompress(two.content).startswith(b"SIMPLE")


def test_cards_of_a_range(sandbox, frame):
    """A range of a frame with other cards is that of the packed file with them."""
    path, _ = frame
    url = f"{sandbox.urls['sdss-sas']}/dr17/eboss/{path}"
    sandbox.faults.switch_on(["card=NMGY=1@sdss-sas"])
    try:
        whole = requests.get(url, timeout=60).content
        part = requests.get(url, headers={"Range": "bytes=0-299999"}, timeout=60)
    finally:
        sandbox.faults.switch_on([])
    assert (part.status_code, part.content) == (206, whole[:300_000])
    assert fits.Header.fromstring(bz2.decompress(whole)[:8640])["NMGY"] == 1


def test_real_frames_byte_for_byte(real, shared):
    """Real frames are served unchanged at the archive's paths."""
    for band in "gri":
        name = f"frame-{band}-001043-5-0025.fits.bz2"
        url = f"{real.urls['sdss-sas']}/dr17/eboss/photoObj/frames/301/1043/5/{name}"
        reply = requests.get(url, timeout=30)
        own = (shared / "data/sdss" / name).read_bytes()
        assert hashlib.sha256(reply.content).digest() == hashlib.sha256(own).digest()
        assert reply.headers["Content-Length"] == str(len(own))


def test_real_frames_only(real):
    """With real frames, synthetic fields answer 404."""
    run, camcol, field = real.sky.galaxies[0].field
    url = (
        f"{real.urls['sdss-sas']}/dr17/eboss/photoObj/frames/301/{run}/{camcol}/"
        f"frame-r-{run:06d}-{camcol}-{field:04d}.fits.bz2"
    )
    assert requests.get(url, timeout=10).status_code == 404


def test_real_frames_crossid(real):
    """CrossID finds the position of a merger in the real frame that shows it."""
    url = f"{real.urls['sdss-sky']}/dr17/en/tools/search/X_Results.aspx"
    form = {
        "searchtool": "CrossID",
        "radius": "0.03",
        "firstcol": "1",
        "uquery": "SELECT p.run, p.camcol, p.field, p.mode, p.rerun FROM #upload u",
    }
    upload = "name ra dec\nmerger {} {}\nfar 200 -60".format(*GZ_MERGER)
    reply = requests.post(url, form, files={"upload": ("x", upload)}, timeout=10)
    header, row = reply.text.splitlines()[1:]
    assert header == "name,objID,run,camcol,field,mode,rerun"
    name, objid, *rest = row.split(",")
    assert (name, rest) == ("merger", ["1043", "5", "25", "1", "301"])
    assert (int(objid) >> 59, int(objid) >> 48 & 0x7FF) == (2, 301)
    assert (int(objid) >> 32 & 0xFFFF, int(objid) >> 29 & 7) == (1043, 5)


def test_real_frames_left_out(shared):
    """A file that is not a whole frame is skipped, with a note that names it."""
    frames = RealFrames(shared / "data/sdss")
    assert [note.split(":")[0] for note in frames.notes] == [
        "reprojected_sdss_r.fits.bz2"
    ]
    cut = RealFrames(shared / "fixtures/sdss/frames")
    assert cut.fields == []
    assert "not 2048 x 1489" in cut.notes[0]


def test_real_frames_damaged(tmp_path):
    """Damaged files with the name of a frame are skipped, with a note each."""
    names = [f"frame-{band}-000001-1-0001.fits.bz2" for band in "ugr"]
    for name, body in zip(
        names, [b"", b"BZh9 nothing", bz2.compress(b"SIMPLE  =")], strict=True
    ):
        (tmp_path / name).write_bytes(body)
    assert len(RealFrames(tmp_path).notes) == 3


def test_real_frames_geometry(shared, unpacked):
    """Coefficients fitted to a real frame agree with its last table to 0.2 arcsec."""
    frames = RealFrames(shared / "data/sdss")
    field = next(f for f in frames.fields if f.key == MERGER_FIELD)
    with fits.open(unpacked("frame-r-001043-5-0025.fits")) as hdus:
        row = hdus[3].data[0]
    # The header has rounded values of the scan's great circle, the table exact ones.
    ours = fit_astrans(field.tangent, row["NODE"], row["INCL"])
    theirs = [row[name] for name in "ABCDEF"]
    far = np.array([1.0, 1489.0, 2048.0])
    apart = np.reshape(np.subtract(ours, theirs), (2, 3)) @ far * 3600.0
    # Arcsec at the far corner, in mu and nu; mu may count from the other node.
    assert np.abs((apart + 648_000) % 1_296_000 - 648_000) == pytest.approx(0, abs=0.2)


def test_real_frames_margin(shared):
    """The margin of the merger agrees with its measured pixel."""
    frames = RealFrames(shared / "data/sdss")
    field = next(f for f in frames.fields if f.key == MERGER_FIELD)
    assert float(field.margin(*GZ_MERGER)) == pytest.approx(2047.5 - 1789.03, abs=0.6)


def test_object_in_each_real_frame(shared):
    """Each real frame has one primary object, found at its own position."""
    frames = RealFrames(shared / "data/sdss")
    assert len(frames.objects) == len(frames.fields) > 0
    for found in frames.objects:
        assert found.mode == 1
        assert frames.nearest(found.ra, found.dec, 0.01) == found
