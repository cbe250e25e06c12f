"""Every kind of fault, observed over a plain socket."""

from __future__ import annotations

import asyncio
import bz2
import io
import json
import zlib
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from astropy.io import fits
from served import serving_file

from harvester.sandbox.breakages import KINDS
from harvester.sandbox.damage import bomb_for, remade, rewrite_cards
from harvester.sandbox.faults import Fault, FaultError, Faults
from harvester.sandbox.front import Front
from harvester.sandbox.stats import Stats

BODY = bytes(range(256)) * 1024


class Reply(NamedTuple):
    """A reply, and whether the connection was reset."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_reset: bool


class Site:
    """A running service that serves BODY at any path."""

    def __init__(self, port: int, faults: Faults, stats: Stats) -> None:
        self.port = port
        self.faults = faults
        self.stats = stats

    async def get(self, path="/file", *, method="GET", until=None, **headers) -> Reply:
        """Send a request; close the connection after ``until`` received bytes."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        lines = [f"{method} {path} HTTP/1.1", "Host: x"]
        lines += [f"{n.replace('_', '-')}: {v}" for n, v in headers.items()]
        if until is None:
            lines.append("Connection: close")
        writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
        try:
            received, is_reset = await _read(reader, until)
        finally:
            writer.close()
        head, _, body = received.partition(b"\r\n\r\n")
        status, *pairs = head.decode().split("\r\n")
        fields = (pair.split(": ", 1) for pair in pairs)
        number = int(status.split()[1]) if status else 0
        return Reply(number, {n.lower(): v for n, v in fields}, body, is_reset)


async def _read(reader, until) -> tuple[bytes, bool]:
    received = b""
    try:
        while until is None or len(received) < until:
            piece = await reader.read(1 << 16)
            if not piece:
                break
            received += piece
    except ConnectionResetError:
        return received, True
    return received, False


@pytest.fixture
async def site():
    """Serve one file through a front that has no faults yet."""
    faults = Faults(1, KINDS)
    stats = Stats({"s3": None})
    front = Front("s3", stats, faults, latency={}, is_strict=False)
    async with serving_file(front, BODY) as port:
        yield Site(port, faults, stats)


def unchunk(body: bytes) -> tuple[bytes, bool]:
    """Decode a chunked body; the second value is whether the last chunk came."""
    whole = b""
    while body:
        size, _, rest = body.partition(b"\r\n")
        length = int(size, 16)
        if length == 0:
            return whole, True
        whole += rest[:length]
        body = rest[length + 2 :]
    return whole, False


def test_all_kinds_are_explained():
    """docs/operations.md lists every kind of fault with the same description."""
    page = Path(__file__).resolve().parents[2] / "docs/operations.md"
    text = page.read_text(encoding="utf-8")
    for kind, words in KINDS.items():
        assert f"| `{kind}` | {words} |" in text


async def test_no_fault(site):
    """Without a fault the file arrives unchanged."""
    reply = await site.get()
    assert (reply.status, reply.body, reply.is_reset) == (200, BODY, False)
    assert reply.headers["content-length"] == str(len(BODY))


async def test_status_retry_after(site):
    """A 429 has the given Retry-After and a page that says "busy"."""
    site.faults.switch_on(["status=429@s3:retry_after=4"])
    reply = await site.get()
    assert (reply.status, reply.headers["retry-after"]) == (429, "4")
    assert b"busy" in reply.body


async def test_status_retry_after_date(site):
    """``date30`` makes Retry-After an HTTP date 30 s after the reply's Date."""
    site.faults.switch_on(["status=503@s3:retry_after=date30"])
    reply = await site.get()
    dates = [parsedate_to_datetime(reply.headers[n]) for n in ("date", "retry-after")]
    assert 29 <= (dates[1] - dates[0]).total_seconds() <= 31


async def test_status_retry_after_garbage(site):
    """A Retry-After that is neither number nor date is sent as it is written."""
    site.faults.switch_on(["status@s3:retry_after=soon"])
    reply = await site.get()
    assert (reply.status, reply.headers["retry-after"]) == (503, "soon")


async def test_html(site):
    """``html`` answers with a maintenance page and status 200."""
    site.faults.switch_on(["html@s3"])
    reply = await site.get()
    assert reply.status == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert b"maintenance" in reply.body


async def test_notfound(site):
    """``notfound`` answers 404."""
    site.faults.switch_on(["notfound@s3"])
    assert (await site.get()).status == 404


@pytest.mark.parametrize(
    "place", ["file:///etc/passwd", "http://user@127.0.0.1:1/x?a=b", "//elsewhere/x"]
)
async def test_redirect(site, place):
    """``redirect`` sends any given target as Location, even an unsafe one."""
    site.faults.switch_on([f"redirect={place}@s3"])
    reply = await site.get()
    assert (reply.status, reply.headers["location"]) == (302, place)


async def test_redirect_loop(site):
    """``redirect`` without a target leads to the requested path itself."""
    site.faults.switch_on(["redirect@s3"])
    assert (await site.get("/a?b=c")).headers["location"] == "/a?b=c"


async def test_down(site):
    """``down`` resets the connection without sending a byte."""
    site.faults.switch_on(["down@s3"])
    reply = await site.get()
    assert (reply.status, reply.body, reply.is_reset) == (0, b"", True)


async def test_reset(site):
    """``reset`` resets the connection in the middle of the body."""
    site.faults.switch_on(["reset=0.9@s3"])
    reply = await site.get()
    assert reply.is_reset
    assert len(reply.body) < len(BODY)


async def test_truncate(site):
    """``truncate`` announces the right length, sends half of it and closes."""
    site.faults.switch_on(["truncate@s3"])
    reply = await site.get()
    assert reply.headers["content-length"] == str(len(BODY))
    assert reply.body == BODY[: len(BODY) // 2]
    assert not reply.is_reset


async def test_short(site):
    """``short`` sends a part of the file and announces the part's length."""
    site.faults.switch_on(["short=0.25@s3"])
    reply = await site.get()
    assert reply.headers["content-length"] == str(len(BODY) // 4)
    assert reply.body == BODY[: len(BODY) // 4]


async def test_long(site):
    """``long`` announces half of the length and sends the whole body."""
    site.faults.switch_on(["long@s3"])
    reply = await site.get()
    assert reply.headers["content-length"] == str(len(BODY) // 2)
    assert reply.body == BODY


async def test_words(site):
    """``words`` answers with text or JSON and status 200."""
    site.faults.switch_on(['words={"status": "ERROR"}@s3:times=1', "words@s3"])
    as_json, as_text = await site.get(), await site.get()
    assert (as_json.status, as_json.body) == (200, b'{"status": "ERROR"}')
    assert as_json.headers["content-type"].startswith("application/json")
    assert as_text.status == 200
    assert as_text.headers["content-type"].startswith("text/plain")
    assert len(as_text.body) == 61


def _frame() -> bytes:
    header = fits.Header({"CRVAL1": 1.5, "RUN": 94})
    buffer = io.BytesIO()
    fits.PrimaryHDU(np.zeros((40, 40), ">f4"), header).writeto(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize("pack", [bytes, bz2.compress])
def test_card(pack):
    """``card`` changes existing cards of a plain or packed file, and nothing else."""
    plain = _frame()
    changed = rewrite_cards(pack(plain), "CRVAL1=NaN,NAXIS2=1000000,NONE=1")
    if pack is bz2.compress:
        changed = bz2.decompress(changed)
    header = fits.Header.fromstring(changed)
    assert (header["NAXIS2"], header["RUN"]) == (10**6, 94)
    assert b"CRVAL1  =                  NaN" in changed
    assert changed[2880:] == plain[2880:]
    assert "NONE" not in header


def test_packed_bomb():
    """A packed bomb of a few kilobytes unpacks to a frame and 64 MB more."""
    packed = bomb_for(bz2.compress(_frame()), 64)
    assert len(packed) < 10_000
    unpacked = bz2.decompress(packed)
    assert unpacked.startswith(_frame())
    assert len(unpacked) - len(_frame()) == 64 << 20


async def test_damaged_frame(site):
    """A damaged file is sent with the length of the damaged content."""
    site.faults.switch_on(["card=RUN=1@s3:times=1", "packed-bomb=32@s3"])
    same, bomb = await site.get(), await site.get()
    assert same.body == BODY  # BODY has no cards to change
    assert bomb.headers["content-length"] == str(len(bomb.body))
    assert bz2.decompress(bomb.body).startswith(BODY[:1000])


async def test_no_length(site):
    """``no-length`` sends the whole file in chunks, without Content-Length."""
    site.faults.switch_on(["no-length@s3"])
    reply = await site.get()
    assert "content-length" not in reply.headers
    assert unchunk(reply.body) == (BODY, True)


async def test_no_length_short(site):
    """``no-length=0.5`` sends half of the file in chunks, with a last chunk."""
    site.faults.switch_on(["no-length=0.5@s3"])
    assert unchunk((await site.get()).body) == (BODY[: len(BODY) // 2], True)


async def test_unterminated(site):
    """``unterminated`` sends half of the file in chunks, without a last chunk."""
    site.faults.switch_on(["unterminated@s3"])
    assert unchunk((await site.get()).body) == (BODY[: len(BODY) // 2], False)


async def test_stall(site):
    """``stall`` sends half of the body, and the rest only after a pause."""
    site.faults.switch_on(["stall@s3:times=1", "stall=0.05@s3"])
    half = len(BODY) // 2
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(site.get(), 0.2)
    assert (await site.get(until=half)).body[:half] == BODY[:half]
    assert (await site.get()).body == BODY


async def test_hang(site):
    """``hang`` sends nothing, not even a status line."""
    site.faults.switch_on(["hang@s3"])
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(site.get(until=1), 0.2)


async def test_trickle(site):
    """``trickle`` sends the body at the given rate."""
    site.faults.switch_on([f"trickle={len(BODY) * 5}@s3"])
    loop = asyncio.get_running_loop()
    start = loop.time()
    assert (await site.get()).body == BODY
    assert loop.time() - start > 0.15


async def test_slow(site):
    """``slow`` delays the answer, and also one that has another fault."""
    site.faults.switch_on(["slow=0.2@s3", "status=500@s3:after=1"])
    loop = asyncio.get_running_loop()
    start = loop.time()
    assert (await site.get()).body == BODY
    assert (await site.get()).status == 500
    assert loop.time() - start > 0.39


async def test_bitflip(site):
    """``bitflip`` changes exactly one bit; length and ETag stay right."""
    site.faults.switch_on(["bitflip@s3"])
    reply = await site.get()
    wrong = [a ^ b for a, b in zip(reply.body, BODY, strict=True) if a != b]
    assert len(wrong) == 1
    assert wrong[0].bit_count() == 1
    assert reply.headers["etag"] == '"one"'


async def test_ignore_range(site):
    """``ignore-range`` answers a Range request with the whole file and status 200."""
    part = await site.get(Range="bytes=10-19")
    assert (part.status, part.body) == (206, BODY[10:20])
    site.faults.switch_on(["ignore-range@s3"])
    whole = await site.get(Range="bytes=10-19")
    assert (whole.status, whole.body) == (200, BODY)


async def test_bad_range(site):
    """``bad-range`` answers with a Content-Range other than the requested one."""
    site.faults.switch_on(["bad-range@s3"])
    reply = await site.get(Range="bytes=10-19")
    assert not reply.headers["content-range"].startswith("bytes 10-19/")


async def test_new_etag(site):
    """``new-etag`` gives each reply a different ETag."""
    site.faults.switch_on(["new-etag@s3"])
    tags = [(await site.get()).headers["etag"] for _ in range(2)]
    assert len({*tags, '"one"'}) == 3


async def test_remade(site):
    """``remade`` serves another file, with all that belongs to it, from then on."""
    site.faults.switch_on(["remade@s3:after_each=1"])
    old = await site.get(Range="bytes=0-9")
    new = await site.get(Range="bytes=0-9")
    assert (old.status, old.body) == (206, BODY[:10])
    assert (new.status, new.body) == (206, BODY[::-1][:10])
    assert new.headers["content-range"] == old.headers["content-range"]
    for name in ("etag", "last-modified"):
        assert new.headers[name] != old.headers[name]
    ask = {"Range": "bytes=0-9", "If_Range": old.headers["etag"]}
    assert (await site.get(**ask)).body == BODY[::-1]
    ask["If_Range"] = new.headers["etag"]
    assert (await site.get(**ask)).body == BODY[::-1][:10]
    assert (await site.get(method="HEAD")).headers["etag"] == new.headers["etag"]
    assert (await site.get("/other")).body == BODY


async def test_remade_quietly(site):
    """With ``quiet`` tag and date stay, so that only the bytes tell of the change."""
    site.faults.switch_on(["remade=quiet@s3:after=1"])
    old, new = await site.get(), await site.get(Range="bytes=5-", If_Range='"one"')
    assert new.body == BODY[::-1][5:]
    assert new.headers["etag"] == old.headers["etag"]
    assert new.headers["last-modified"] == old.headers["last-modified"]


@pytest.mark.parametrize("pack", [bytes, bz2.compress])
def test_remade_images(pack):
    """`remade` doubles the images of a FITS file, and changes nothing else."""
    image = np.arange(1600, dtype=">f4").reshape(40, 40)
    buffer = io.BytesIO()
    hdus = [fits.PrimaryHDU(image), fits.ImageHDU(image[0]), fits.ImageHDU(image[:0])]
    fits.HDUList([*hdus, fits.ImageHDU(image.astype(">i4"))]).writeto(buffer)
    changed = remade(pack(buffer.getvalue()))
    if pack is bz2.compress:
        changed = bz2.decompress(changed)
    with fits.open(io.BytesIO(changed)) as new:
        assert (new[0].data == 2 * image).all()
        assert (new[1].data == 2 * image[0]).all()
        assert (new[3].data == image).all()
    assert len(changed) == len(buffer.getvalue())


async def test_cut_off(site):
    """``cut-off`` serves a shorter file, whose ranges and length agree."""
    site.faults.switch_on(["cut-off=0.25@s3"])
    size = len(BODY) // 4
    whole, end = await site.get(), await site.get(Range="bytes=-10")
    assert whole.body == BODY[:size]
    assert end.body == BODY[size - 10 : size]
    assert end.headers["content-range"] == f"bytes {size - 10}-{size - 1}/{size}"
    assert (await site.get(Range=f"bytes={size}-")).status == 416


async def test_files_of_queries_stay(site):
    """A request that is not for a file is answered as without the fault."""
    site.faults.switch_on(["remade@s3"])
    assert (await site.get("/none/such")).status == 404


async def test_swap(site):
    """``swap`` answers with the body of the previous request for another address."""
    site.faults.switch_on(["swap@s3"])
    one = await site.get("/one", Range="bytes=0-9")
    assert one.body == BODY[:10]
    two = await site.get("/two", Range="bytes=10-19")
    assert (two.status, two.body) == (206, BODY[:10])
    assert (await site.get("/one", Range="bytes=0-9")).body == BODY[10:20]


async def test_endless(site):
    """``endless`` keeps sending far beyond the length of the file."""
    site.faults.switch_on(["endless@s3"])
    reply = await site.get(until=8 * len(BODY))
    assert len(reply.body) > 7 * len(BODY)


async def test_bomb(site):
    """``bomb`` sends a compressed body of a few kilobytes that unpacks to 8 MB."""
    site.faults.switch_on(["bomb=8@s3"])
    reply = await site.get()
    assert reply.headers["content-encoding"] == "deflate"
    packed, _ = unchunk(reply.body)
    assert len(packed) < 16_384
    assert len(zlib.decompress(packed)) == 8 << 20


async def test_head_has_no_body(site):
    """Faults of the body do not affect HEAD requests."""
    site.faults.switch_on(["truncate@s3"])
    reply = await site.get(method="HEAD")
    assert reply.body == b""
    assert reply.headers["content-length"] == str(len(BODY))


async def test_modifiers(site):
    """``after``, ``times`` and ``each`` control which requests a fault strikes."""
    site.faults.switch_on(["status@s3/a:after=1:times=2"])
    asked = ["/a", "/a", "/b", "/a", "/a"]
    assert [(await site.get(p)).status for p in asked] == [200, 503, 200, 503, 200]
    site.faults.switch_on(["status@s3:each=1"])
    asked = ["/a", "/b", "/a", "/b"]
    assert [(await site.get(p)).status for p in asked] == [503, 503, 200, 200]


def test_lot_is_repeatable():
    """A fault with ``p`` strikes about that share of requests, always the same ones."""

    def struck() -> list[str]:
        faults = Faults(7, KINDS)
        faults.switch_on(["reset@mast:p=0.25"])
        return [p for p in map(str, range(400)) if faults.choose("mast", "/" + p)]

    first = struck()
    assert first == struck()
    assert 60 < len(first) < 140


def test_other_service():
    """A fault strikes only its own service; ``*`` strikes all services."""
    faults = Faults(1, KINDS)
    faults.switch_on(["down@mast"])
    assert not faults.choose("s3", "/x")
    faults.switch_on(["down@*"])
    assert faults.choose("s3", "/x")


@pytest.mark.parametrize(
    "spec", ["", "explode@s3", "down", "down@nasa", "status@s3:p=x", "html@s3/(", "@s3"]
)
def test_wrong_spec(spec):
    """An invalid fault raises FaultError, whose message quotes it."""
    with pytest.raises(FaultError, match=r"^fault '"):
        Fault.parse(spec, KINDS)


async def test_switch_while_running(site):
    """A POST replaces the faults; an invalid list gives 400 and changes nothing."""
    site.faults.switch_on(["status=500@s3"])
    await site.get()
    wrong = await _post(site.port, "/_faults", ["nonsense"])
    assert wrong[0] == 400
    assert site.faults.as_json() == [{"fault": "status=500@s3", "struck": 1}]
    assert await _post(site.port, "/_faults", []) == (200, [])
    assert (await site.get()).status == 200


async def _post(port: int, path: str, value: object) -> tuple[int, object]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = json.dumps(value)
    writer.write(
        f"POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}".encode()
    )
    head, _, answer = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), json.loads(answer)
