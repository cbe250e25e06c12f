"""The sandbox's start, its ready file, its options and its end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from urllib.parse import urlsplit

import aiohttp
import pytest

from harvester.sandbox.faults import SERVICES, FaultError
from harvester.sandbox.server import Sandbox, SandboxOptions, run_in_thread, serve

SMALL = {"targets": 3, "hst_images": False}


@pytest.fixture
async def client():
    """Open an HTTP client."""
    async with aiohttp.ClientSession() as session:
        yield session


async def test_four_hosts(client):
    """Each of four services has its own port and a 404 page for unknown paths."""
    async with Sandbox(SandboxOptions(**SMALL)) as sandbox:
        assert tuple(sandbox.urls) == SERVICES
        assert len({urlsplit(url).port for url in sandbox.urls.values()}) == 4
        assert sandbox.urls["sdss-sas"].endswith("/sas")
        for url in sandbox.urls.values():
            async with client.get(f"{url}/no/such/thing") as reply:
                assert reply.status == 404
                assert reply.content_type == "text/html"
                assert "Server" not in reply.headers


async def test_closed_after(client):
    """After the block no port listens any more."""
    async with Sandbox(SandboxOptions(**SMALL)) as sandbox:
        urls = dict(sandbox.urls)
    for url in urls.values():
        with pytest.raises(aiohttp.ClientConnectorError):
            await client.get(f"{url}/_stats")


async def test_chosen_ports():
    """With ``port`` the services listen on that port and the next three."""
    port = _four_free_ports()
    async with Sandbox(SandboxOptions(port=port, **SMALL)) as sandbox:
        ports = [urlsplit(url).port for url in sandbox.urls.values()]
    assert ports == [port, port + 1, port + 2, port + 3]


def _four_free_ports() -> int:
    for first in range(20_000 + os.getpid() % 1000 * 10, 32_000, 4):
        sockets = [socket.socket() for _ in range(4)]
        try:
            for place, sock in enumerate(sockets):
                sock.bind(("127.0.0.1", first + place))
        except OSError:
            continue
        else:
            return first
        finally:
            for sock in sockets:
                sock.close()
    pytest.fail("no four ports in a row are free")


async def test_busy_port():
    """A port that is in use raises OSError with that reason."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="address already in use"):
            async with Sandbox(SandboxOptions(port=port, **SMALL)):
                pass


async def test_ready_file(tmp_path):
    """The ready file has the addresses and is removed at the end of the sandbox."""
    options = SandboxOptions(
        ready_file=tmp_path / "ready.json",
        catalogue=tmp_path / "galaxies.fits",
        **SMALL,
    )
    async with Sandbox(options) as sandbox:
        assert json.loads(options.ready_file.read_text()) == sandbox.urls
        assert options.catalogue.stat().st_size > 0
    assert [path.name for path in tmp_path.iterdir()] == ["galaxies.fits"]


async def test_same_seed_same_sky():
    """The same seed makes the same galaxies; another seed makes others."""
    skies = []
    for seed in (1, 1, 2):
        async with Sandbox(SandboxOptions(seed=seed, **SMALL)) as sandbox:
            skies.append(sandbox.sky.galaxies)
    assert skies[0] == skies[1]
    assert skies[0] != skies[2]


async def test_latency(client):
    """Queries have the given latency; a latency of one service takes precedence."""
    latency = {"query": 0.2, "file": 5.0, "sdss-sas": 0.0}
    async with Sandbox(SandboxOptions(latency=latency, **SMALL)) as sandbox:
        loop = asyncio.get_running_loop()
        for service, least, most in (("sdss-sky", 0.2, 2.0), ("sdss-sas", 0.0, 2.0)):
            start = loop.time()
            async with client.get(f"{sandbox.urls[service]}/x"):
                assert least <= loop.time() - start < most


async def test_stats_of_all(client):
    """Any port shows the counters of all services."""
    async with Sandbox(SandboxOptions(**SMALL)) as sandbox:
        async with client.get(f"{sandbox.urls['s3']}/x"):
            pass
        root = sandbox.urls["mast"]
        async with client.get(f"{root}/_stats") as reply:
            shown = await reply.json()
    assert {name: counts["requests"] for name, counts in shown.items()} == {
        "mast": 0,
        "sdss-sky": 0,
        "sdss-sas": 0,
        "s3": 1,
    }


def test_wrong_fault():
    """An invalid fault in the options raises FaultError."""
    with pytest.raises(FaultError, match="explode"):
        Sandbox(SandboxOptions(faults=("explode@mast",)))


def test_wrong_latency():
    """A latency for an unknown service raises ValueError."""
    with pytest.raises(ValueError, match="latency of nasa"):
        Sandbox(SandboxOptions(latency={"nasa": 1.0}))


async def test_no_frames(tmp_path):
    """A folder without any frame raises ValueError that names the folder."""
    with pytest.raises(ValueError, match=str(tmp_path)):
        async with Sandbox(SandboxOptions(frames=tmp_path, **SMALL)):
            pass


def test_thread_ends():
    """The sandbox's thread ends after the block, also when the block raises."""

    def fail() -> None:
        with run_in_thread(SandboxOptions(**SMALL)):
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "sandbox" not in [thread.name for thread in threading.enumerate()]


def test_thread_error(tmp_path):
    """An error at the start is raised in the caller's thread."""
    options = SandboxOptions(catalogue=tmp_path / "none" / "galaxies.fits", **SMALL)
    with pytest.raises(FileNotFoundError), run_in_thread(options):
        pass


PROGRAM = """
import asyncio, sys
from pathlib import Path
from harvester.sandbox.server import SandboxOptions, serve
options = SandboxOptions(
    targets=3, hst_images=False, ready_file=Path(sys.argv[1]), faults=("hang@s3",)
)
asyncio.run(serve(options, tell=lambda sandbox: print(sandbox.urls["s3"], flush=True)))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signal(tmp_path, number):
    """SIGTERM and SIGINT end the service with code 0, even while a client waits."""
    ready = tmp_path / "ready.json"
    command = [sys.executable, "-c", PROGRAM, str(ready)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        url = process.stdout.readline().strip()
        assert json.loads(ready.read_text())["s3"] == url
        with socket.create_connection(("127.0.0.1", urlsplit(url).port)) as waiting:
            waiting.sendall(b"GET /x HTTP/1.1\r\nHost: x\r\n\r\n")
            process.send_signal(number)
            assert process.wait(timeout=20) == 0
    assert not list(tmp_path.iterdir())


async def test_cancel():
    """Cancelling the task of the service raises CancelledError."""
    ready = asyncio.Event()
    task = asyncio.create_task(
        serve(SandboxOptions(**SMALL), tell=lambda _: ready.set())
    )
    await ready.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
