"""Faults of the connection, and the error that each of them becomes."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from dataclasses import replace

import aiohttp
import psutil
import pytest
from scripted import (
    LIMITS,
    TRIPPING,
    drip,
    hang_up,
    mast,
    opened,
    reply,
    serving,
    stall,
    until,
)
from yarl import URL

from harvester.errors import LocalError, OutageError, PermanentError, TransientError
from harvester.transport.manners import Manners
from harvester.transport.wire import to_ours

_HTML = b"<!DOCTYPE html><html><body>Maintenance</body></html>"
_URL = "https://mast.stsci.edu/api"


async def test_no_hidden_retry(server):
    """The HTTP client does not retry a broken keep-alive connection by itself."""
    server.script["*"] = [reply(b"fine"), hang_up(), reply(b"fine")]
    async with opened(server, limits=replace(LIMITS, patience_s=0)) as transport:
        await transport.query("GET", _URL)
        with pytest.raises(OutageError) as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "reset"
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (stall(reply(b"part", length=99)), "stalled"),
        (drip(reply(length=10**6), b"x", 0.05), "too_slow"),
        (hang_up(reply(b"part", length=99)), "truncated"),
        (hang_up(reply(b"part", length=99), reset=True), "reset"),
        (
            hang_up(reply(b"4\r\npart\r\n", length=False, Transfer_Encoding="chunked")),
            "truncated",
        ),
        (b"nonsense\r\n\r\n", "bad_http"),
        (reply(X_Big="x" * 10_000), "bad_http"),
    ],
)
async def test_broken_replies(server, tmp_path, step, reason):
    """A broken, stalled or slow reply raises a typed error in time, without a file."""
    server.script["*"] = step
    async with opened(server, limits=replace(LIMITS, tries=2)) as transport:
        async with asyncio.timeout(5):
            with pytest.raises(TransientError) as caught:
                await transport.download(_URL, tmp_path / "frame")
        assert server.connections <= 1
    assert caught.value.reason == reason
    assert len(server.asked) == 2
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        (stall(), "stalled"),
        (drip(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", 0.05), "stalled"),
        (hang_up(reset=True), "reset"),
        (hang_up(), "reset"),
        (reply(status=502), "http_502"),
        (reply(status=503), "http_503"),
        (reply(status=504), "http_504"),
    ],
)
async def test_no_answer(server, tmp_path, step, reason):
    """No answer, a reset, a 502, 503 or 504 is an outage of the host."""
    server.script["*"] = step
    async with opened(server, limits=replace(LIMITS, tries=1)) as transport:
        with pytest.raises(OutageError, match="gave up after") as caught:
            await transport.download(_URL, tmp_path / "frame")
    assert caught.value.reason in {reason, "outage"}
    assert len(server.asked) > 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("step", [b"nonsense\r\n\r\n", reply(X_Big="x" * 10_000)])
async def test_no_secret_in_messages(server, step):
    """The error for invalid HTTP shows the URL without its signature."""
    server.script["*"] = step
    async with opened(server, limits=replace(LIMITS, tries=1)) as transport:
        with pytest.raises(TransientError, match="invalid HTTP: 400") as caught:
            await transport.query("GET", f"{_URL}?uri=a&X-Amz-Signature=CANARY")
    assert "/api?uri=a" in str(caught.value)
    assert "CANARY" not in str(caught.value)


@pytest.mark.parametrize(
    "kind",
    [aiohttp.InvalidURL, aiohttp.InvalidUrlClientError, aiohttp.NonHttpUrlClientError],
)
def test_no_secret_of_a_bad_address(kind):
    """The error for a URL that aiohttp refuses shows the URL without its token."""
    url = URL("https://mast.stsci.edu/api?token=CANARY")
    ours = to_ours(kind(url), url)
    assert ours.reason == "bad_url"
    assert "mast.stsci.edu/api" in str(ours)
    assert "CANARY" not in str(ours)


async def test_too_slow_in_all(server):
    """A reply that is fast enough but takes longer than ``total_s`` is cut off."""
    server.script["*"] = drip(reply(length=10**7), b"x" * 2000, 0.02)
    limits = replace(LIMITS, tries=1, total_s=1.0)
    async with opened(server, limits=limits) as transport:
        with pytest.raises(TransientError) as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "too_slow"


async def test_stalls_free_their_slots(server):
    """Four stalled files time out and free the four slots of their host."""
    server.script["/stall"] = stall()
    limits = replace(LIMITS, tries=1)
    async with opened(server, limits=limits) as transport:
        asked = [
            transport.query("GET", "https://mast.stsci.edu/stall", kind="file")
            for _ in range(4)
        ]
        async with asyncio.timeout(8):
            stalled = asyncio.gather(*asked, return_exceptions=True)
            answer = await transport.query("GET", _URL, kind="file")
            await stalled
    assert answer.body == b"fine"


async def test_endless_body(server):
    """A body above the cap is cut off and not requested again."""
    server.script["*"] = drip(reply(length=False), b"x" * 100_000, 0)
    async with opened(server) as transport:
        with pytest.raises(PermanentError) as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "too_large"
    assert len(server.asked) == 1


async def test_cancelled(server, tmp_path):
    """Cancelled downloads leave no file, no connection and no slot taken."""
    server.script["*"] = stall(reply(b"x" * 1000, length=10**6))
    async with opened(server) as transport:
        tasks = [
            asyncio.create_task(transport.download(_URL, tmp_path / f"{n}"))
            for n in range(6)
        ]
        await until(lambda: server.connections == 4)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        assert all(task.cancelled() for task in tasks)
        server.script["*"] = reply(b"fine")
        await transport.download(_URL, tmp_path / "frame")
        assert server.connections <= 1
    assert [path.name for path in tmp_path.iterdir()] == ["frame"]


async def test_no_leaks(server, tmp_path):
    """After several faults no socket is left open."""
    steps = [stall(), hang_up(), hang_up(reset=True), reply(_HTML), reply(status=500)]
    server.script["*"] = [*steps, reply(b"fine")]
    process = psutil.Process()
    before = process.num_fds()
    limits = replace(LIMITS, answer_s=0.2, tries=9)
    async with opened(server, limits=limits) as transport:
        await transport.download(_URL, tmp_path / "frame")
        assert process.num_fds() > before
    await until(lambda: process.num_fds() <= before)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Make a self-signed certificate."""
    if shutil.which("openssl") is None:
        pytest.skip("needs the openssl command to make a certificate")
    return _certify(tmp_path_factory.mktemp("tls"))


def _certify(folder, days=1, name="DNS:sandbox"):
    asking = (
        "openssl req -newkey rsa:2048 -nodes -subj /CN=sandbox -keyout key -out csr "
        f"-addext subjectAltName={name}"
    )
    signing = (
        f"openssl x509 -req -in csr -signkey key -days {days} -copy_extensions copy "
        "-out certificate"
    )
    for command in (asking, signing):
        subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    pem = folder / "self-signed.pem"
    parts = [folder / "key", folder / "certificate"]
    pem.write_text("".join(part.read_text() for part in parts))
    return pem


@pytest.mark.skipif(not shutil.which("openssl"), reason="needs the openssl command")
@pytest.mark.parametrize(
    ("days", "name", "problem"),
    [
        (1, "IP:127.0.0.1", ""),
        (-1, "IP:127.0.0.1", "expired"),
        (1, "IP:127.0.0.2", "mismatch"),
    ],
    ids=["good", "expired", "another-name"],
)
async def test_certificate_that_is_known(tmp_path, monkeypatch, days, name, problem):
    """A trusted certificate must also be valid today and issued for this host."""
    pem = _certify(tmp_path, days, name)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(pem)
    trusting = ssl.create_default_context(cafile=pem)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)
    async with serving({"*": reply(b"fine")}, tls=context) as server:
        async with opened(server) as transport:
            if not problem:
                assert (await transport.query("GET", _URL)).body == b"fine"
                return
            with pytest.raises(OutageError, match=problem) as caught:
                await transport.query("GET", _URL)
        assert not server.asked
    assert caught.value.reason == "tls"


async def test_certificate_of_a_stranger(certificate):
    """A host with an untrusted certificate gets no request: it is an outage."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    async with serving({"*": reply(b"fine")}, tls=context) as server:
        async with opened(server) as transport:
            with pytest.raises(OutageError) as caught:
                await transport.query("GET", _URL)
        assert not server.asked
    assert caught.value.reason == "tls"
    assert "certificate" in str(caught.value)


async def test_no_tls_at_all():
    """A host that does not speak TLS is an outage."""
    async with serving(greeting=b"hello, this is no TLS\r\n") as rude:
        secure = mast(rude.url.replace("http:", "https:"))
        async with opened(secure) as transport:
            with pytest.raises(OutageError) as caught:
                await transport.query("GET", _URL)
    assert caught.value.reason == "tls"


async def test_silent_handshake(server):
    """A TLS handshake that never ends is an outage, ``connect_timeout``."""
    secure = mast(server.url.replace("http:", "https:"))
    async with opened(secure) as transport:
        with pytest.raises(OutageError) as caught:
            await transport.query("GET", _URL)
    assert caught.value.reason == "connect_timeout"


async def test_out_of_descriptors(server, monkeypatch):
    """Running out of file descriptors raises LocalError that suggests ulimit."""

    def no_socket(*_):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("harvester.transport.address.socket.socket", no_socket)
    async with opened(server) as transport:
        with pytest.raises(LocalError, match="ulimit -n"):
            await transport.query("GET", _URL)
        assert list(transport.describe().values()) == ["ready"]


async def test_query_has_the_time_of_its_service(server):
    """A query may take its service's ``answer_s``, even if other limits are shorter."""

    async def late(writer, _asked):
        await asyncio.sleep(0.6)
        writer.write(reply(b"fine"))

    server.script["*"] = late
    limits = replace(LIMITS, answer_s=0.2, total_s=0.3)
    patient = replace(mast(server.url), answer_s=30.0)
    async with opened(patient, limits=limits) as transport:
        assert (await transport.query("GET", _URL)).body == b"fine"
    assert len(server.asked) == 1


async def test_query_that_was_given_up_keeps_its_place(server):
    """A query that timed out keeps its slot while the server may still work on it."""
    server.script["*"] = [stall(), reply(b"fine")]
    one = Manners(rate=500, slots={"query": 1}, tripping=TRIPPING)
    hasty = replace(mast(server.url, one), answer_s=0.2)
    limits = replace(LIMITS, works_on_s=0.9, patience_s=20)
    async with opened(hasty, limits=limits) as transport:
        await transport.query("GET", _URL)
    first, second = (asked.at for asked in server.asked)
    # A busy server notes the first request late; without the slot it would be 0.2 s.
    assert second - first >= 0.6
