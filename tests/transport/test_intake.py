"""How replies are stored: files that appear only when complete, and memory."""

from __future__ import annotations

import hashlib
import threading
import zlib
from dataclasses import replace
from pathlib import Path

import pytest
from scripted import LIMITS, hang_up, opened, ranged, reply, serving

from harvester.errors import LocalError, OutageError, PermanentError, TransientError
from harvester.transport.intake import is_html

_URL = "https://mast.stsci.edu/frame.fits"
#: Three megabytes, so that the file is written in several batches.
_CONTENT = bytes(range(256)) * 12_000
_HALF = len(_CONTENT) // 2


@pytest.fixture
async def server():
    """Run a server that serves the file."""
    async with serving({"*": reply(_CONTENT)}) as one:
        yield one


def _broken(**headers):
    """Send half of the file and close the connection."""
    return hang_up(reply(_CONTENT[:_HALF], length=len(_CONTENT), **headers))


def _part(start, total=3_072_000, **headers):
    span = f"bytes {start}-{total - 1}/{total}"
    return reply(_CONTENT[start:], 206, Content_Range=span, **headers)


def _is_whole(folder):
    (only,) = folder.iterdir()
    return only.name == "frame" and only.read_bytes() == _CONTENT


async def test_download(server, tmp_path):
    """A download gives size, SHA-256 and ETag, and leaves no other file."""
    server.script["*"] = reply(_CONTENT, ETag='"one"')
    async with opened(server) as transport:
        got = await transport.download(_URL, tmp_path / "frame")
    assert got.size == len(_CONTENT)
    assert got.sha256 == hashlib.sha256(_CONTENT).hexdigest()
    assert (got.etag, got.url) == ('"one"', f"{server.url}/frame.fits")
    assert server.asked[0].headers["accept-encoding"] == "identity"
    assert _is_whole(tmp_path)


async def test_download_replaces(server, tmp_path):
    """A download replaces an old file and a part file left by a killed process."""
    (tmp_path / "frame").write_bytes(b"old")
    (tmp_path / "frame.part").write_bytes(b"x" * 9_000_000)
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame")
    assert _is_whole(tmp_path)


@pytest.mark.parametrize("body", [b"", b"x"])
async def test_small_files(server, tmp_path, body):
    """Files of zero bytes and of one byte can be downloaded."""
    server.script["*"] = reply(body)
    async with opened(server) as transport:
        got = await transport.download(_URL, tmp_path / "frame")
    assert got.size == len(body)
    assert (tmp_path / "frame").read_bytes() == body


async def test_length_unknown(server, tmp_path):
    """A file without Content-Length ends where its connection is closed."""
    server.script["*"] = hang_up(reply(_CONTENT, length=False))
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame")
    assert _is_whole(tmp_path)


@pytest.mark.parametrize(
    ("headers", "if_range"),
    [
        ({"ETag": '"one"'}, '"one"'),
        ({"ETag": 'W/"weak"', "Last_Modified": "long ago"}, "long ago"),
    ],
)
async def test_resume(server, tmp_path, headers, if_range):
    """A broken download resumes where it stopped, using If-Range."""
    server.script["*"] = [_broken(**headers), ranged(_CONTENT, **headers)]
    async with opened(server) as transport:
        got = await transport.download(_URL, tmp_path / "frame")
    # Bytes that arrive together with the close of the connection may be lost.
    assert 0 < _first_byte(server.asked[1]) <= _HALF
    assert server.asked[1].headers["if-range"] == if_range
    assert got.sha256 == hashlib.sha256(_CONTENT).hexdigest()
    assert _is_whole(tmp_path)


def _first_byte(asked):
    return int(asked.headers["range"].removeprefix("bytes=").rstrip("-"))


async def test_resume_again(server, tmp_path):
    """A body that breaks several times is resumed each time, not restarted."""

    async def step(writer, asked):
        """Send 600 kB more each time, then close the connection."""
        start = _first_byte(asked) if "range" in asked.headers else 0
        whole = _part(start, ETag='"one"') if start else reply(_CONTENT, ETag='"one"')
        writer.write(whole[:600_000])
        writer.close()

    server.script["*"] = step
    async with opened(server, limits=replace(LIMITS, tries=20)) as transport:
        await transport.download(_URL, tmp_path / "frame")
    starts = [_first_byte(asked) for asked in server.asked[1:]]
    assert starts == sorted(set(starts))
    assert len(starts) >= 5
    assert _is_whole(tmp_path)


@pytest.mark.parametrize("headers", [{}, {"ETag": 'W/"weak"'}])
async def test_no_resume(server, tmp_path, headers):
    """Without a strong ETag or a date, a broken download restarts from byte 0."""
    server.script["*"] = [_broken(**headers), reply(_CONTENT)]
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame")
    assert "range" not in server.asked[1].headers
    assert _is_whole(tmp_path)


@pytest.mark.parametrize(
    "second",
    [
        reply(_CONTENT, ETag='"two"'),
        _part(_HALF - 1, ETag='"one"'),
        _part(_HALF, total=len(_CONTENT) + 1, ETag='"one"'),
        _part(_HALF, ETag='"two"'),
        reply(_CONTENT[_HALF:], 206, Content_Range=f"bytes {_HALF}-9/{'9' * 5000}"),
        reply(_CONTENT[_HALF:], 206),
        reply(_CONTENT[_HALF:], 206, Content_Range="bytes */9"),
        reply(status=416),
    ],
    ids=[
        "changed",
        "earlier",
        "longer",
        "other",
        "endless",
        "no-range",
        "bad-range",
        "416",
    ],
)
async def test_resume_mixed_up(server, tmp_path, second):
    """A reply that does not match the requested range is never appended."""
    server.script["*"] = [_broken(ETag='"one"'), second, reply(_CONTENT)]
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame")
    assert "range" in server.asked[1].headers
    assert _is_whole(tmp_path)


async def test_part_not_asked_for(server, tmp_path):
    """A 206 reply to a request without Range is an error, not the file."""
    server.script["*"] = _part(0)
    async with opened(server, limits=replace(LIMITS, tries=2)) as transport:
        with pytest.raises(TransientError) as caught:
            await transport.download(_URL, tmp_path / "frame")
    assert caught.value.reason == "bad_range"
    assert not list(tmp_path.iterdir())


async def test_too_large(server, tmp_path):
    """A Content-Length above the cap is refused before the body is read."""
    server.script["*"] = reply(b"x", length=10**9)
    async with opened(server) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.download(_URL, tmp_path / "frame")
    assert caught.value.reason == "too_large"
    assert len(server.asked) == 1
    assert not list(tmp_path.iterdir())


async def test_bomb(server):
    """A compressed reply that unpacks to more than the cap is refused."""
    packed = zlib.compress(b"\0" * 50_000_000)
    server.script["*"] = reply(packed, Content_Encoding="deflate")
    async with opened(server) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "too_large"


async def test_packed_reply(server):
    """A compressed reply is unpacked, and its encoding and length headers removed."""
    packed = zlib.compress(b"fine")
    server.script["*"] = reply(packed, Content_Encoding="deflate", X_Other="kept")
    async with opened(server) as transport:
        answer = await transport.query("GET", _URL)
    assert answer.body == b"fine"
    assert set(answer.headers) == {"Date", "X-Other"}


async def test_packed_file(server, tmp_path):
    """A file that arrives compressed is unpacked and accepted as complete."""
    packed = zlib.compress(_CONTENT)
    server.script["*"] = reply(packed, Content_Encoding="deflate", ETag='"one"')
    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame")
    assert _is_whole(tmp_path)


async def test_check(server, tmp_path):
    """The check runs in a thread on the whole part file, before it is renamed."""
    seen = []

    def check(path):
        seen.append((path.name, path.stat().st_size, (tmp_path / "frame").exists()))
        assert threading.current_thread() is not threading.main_thread()

    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame", check=check)
    assert seen == [("frame.part", len(_CONTENT), False)]


def _corrupt(path):
    raise TransientError("corrupt", f"{path.name} is damaged")


async def test_damaged_once(server, tmp_path):
    """A file that the check finds damaged is downloaded again from byte 0."""
    damaged = b"x" + _CONTENT[1:]
    server.script["*"] = [reply(damaged, ETag='"one"'), reply(_CONTENT, ETag='"one"')]

    def check(path):
        if path.read_bytes() != _CONTENT:
            _corrupt(path)

    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame", check=check)
    assert "range" not in server.asked[1].headers
    assert _is_whole(tmp_path)


async def test_damaged_at_source(server, tmp_path):
    """Three identical damaged downloads end with ``corrupt_at_source``."""
    async with opened(server, limits=replace(LIMITS, tries=9)) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.download(_URL, tmp_path / "frame", check=_corrupt)
    assert caught.value.reason == "corrupt_at_source"
    assert len(server.asked) == 3
    assert not list(tmp_path.iterdir())


async def test_damaged_differently(server, tmp_path):
    """A file damaged differently each time fails as ``corrupt`` after four tries."""
    server.script["*"] = [reply(bytes([n]) * 99) for n in range(9)]
    async with opened(server) as transport:
        with pytest.raises(TransientError) as caught:
            await transport.download(_URL, tmp_path / "frame", check=_corrupt)
    assert caught.value.reason == "corrupt"
    assert len(server.asked) == 4


async def test_check_calls_an_outage(server, tmp_path):
    """An OutageError raised by the check spends no try."""
    server.script["*"] = [*[reply(b"limit exceeded")] * 6, reply(_CONTENT)]

    def check(path):
        if path.stat().st_size < 100:
            raise OutageError("excuse", "the archive is busy")

    async with opened(server) as transport:
        await transport.download(_URL, tmp_path / "frame", check=check)
    assert len(server.asked) == 7
    assert _is_whole(tmp_path)


async def test_disk_full(server, tmp_path, monkeypatch):
    """A full disk raises LocalError without a retry and leaves no part file."""
    full = Path("/dev/full")
    monkeypatch.setattr("harvester.transport.intake._open", lambda _: full.open("wb"))
    async with opened(server) as transport:
        with pytest.raises(LocalError, match=r"No space left.*Make room") as caught:
            await transport.download(_URL, tmp_path / "frame")
    assert str(tmp_path / "frame.part") in str(caught.value)
    assert len(server.asked) == 1
    assert not list(tmp_path.iterdir())


async def test_link_in_the_way(server, tmp_path):
    """A symbolic link at the part file's path is not followed when writing."""
    (tmp_path / "victim").write_bytes(b"precious")
    (tmp_path / "frame.part").symlink_to(tmp_path / "victim")
    async with opened(server) as transport:
        with pytest.raises(LocalError):
            await transport.download(_URL, tmp_path / "frame")
    assert (tmp_path / "victim").read_bytes() == b"precious"


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (b"<!DOCTYPE html>", True),
        (b"\xef\xbb\xbf\r\n  <HTML>", True),
        (b"<!-- sorry --><html>", True),
        (b"SIMPLE  =                    T", False),
        (b"BZh91AY", False),
        (b"<?xml version='1.0'?><VOTABLE>", False),
        (b"", False),
    ],
)
def test_is_html(start, expected):
    """A web page is recognised by its first bytes."""
    assert is_html(start) is expected
