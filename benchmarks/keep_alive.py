"""What closing a connection costs with TLS, and what keeping it costs, on loopback.

``python benchmarks/keep_alive.py`` fetches frames in two ways from a server with a
certificate of its own, which the command ``openssl`` makes. *Closing* reads half of a
reply and closes the connection, as an early stop does. *Keeping* fetches three ranges
and keeps the connection. Printed are the TLS handshakes that the server counted, the
CPU time of the client, and the round trips that the protocols need: one to connect, one
for TLS 1.3, and one for each request.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from multiprocessing.connection import Connection

    Fetch = Callable[[aiohttp.ClientSession, str], Awaitable[int]]

#: Bytes of a frame, of an early stop, and the ranges of one galaxy in the middle.
_FRAME, _EARLY = 3_500_000, 1_780_000
_RANGES = ((0, 292_000), (1_710_000, 2_040_000), (3_200_000, _FRAME))

#: Bytes that are read at a time.
_PIECE = 2**16

#: Round trips of a connection: TCP and TLS 1.3.
_CONNECTING = 2


def certificate(folder: Path) -> Path:
    """Make a certificate for this machine; give the file with it and its key."""
    path = folder / "own.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-nodes", "-days", "1"),
            *("-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


def serve(pem: Path, told: Connection) -> None:
    """Serve frames until the other end closes; send the handshakes when asked."""
    asyncio.run(_serve(pem, told))


async def _serve(pem: Path, told: Connection) -> None:
    handshakes, content = [0], bytes(_FRAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)

    def count(*_: object) -> None:
        handshakes[0] += 1

    context.sni_callback = count

    async def answer(request: web.Request) -> web.Response:
        part = request.http_range
        status = 206 if "Range" in request.headers else 200
        return web.Response(body=content[part], status=status)

    app = web.Application()
    app.router.add_get("/frame", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    told.send(runner.addresses[0][1])
    while await asyncio.to_thread(told.recv):
        told.send(handshakes[0])
    await runner.cleanup()


async def closing(session: aiohttp.ClientSession, url: str) -> int:
    """Read the beginning of a reply and close the connection; give the requests."""
    size = 0
    async with session.get(url) as response:
        while size < _EARLY:
            size += len(await response.content.read(_PIECE))
        response.close()
    return 1


async def keeping(session: aiohttp.ClientSession, url: str) -> int:
    """Read three ranges; give the requests."""
    for start, stop in _RANGES:
        headers = {"Range": f"bytes={start}-{stop - 1}"}
        async with session.get(url, headers=headers) as response:
            assert len(await response.read()) == stop - start
    return len(_RANGES)


async def measure(
    fetch: Fetch, url: str, pem: Path, told: Connection, frames: int
) -> None:
    """Fetch frames in one way, and print what one has cost."""
    context = ssl.create_default_context(cafile=pem.with_suffix(".crt"))
    connector = aiohttp.TCPConnector(ssl=context)
    told.send(True)
    before, requests = told.recv(), 0
    async with aiohttp.ClientSession(connector=connector) as session:
        await fetch(session, url)  # imports, and the first connection
        began, clock = time.process_time(), time.monotonic()
        for _ in range(frames):
            requests += await fetch(session, url)
        cpu_s, wall_s = time.process_time() - began, time.monotonic() - clock
    told.send(True)
    handshakes = (told.recv() - before - 1) / frames
    trips = handshakes * _CONNECTING + requests / frames
    name = fetch.__name__
    print(
        f"| {name} | {requests / frames:.0f} | {handshakes:.2f} | {trips:.1f} "
        f"| {1e3 * cpu_s / frames:.1f} | {1e3 * wall_s / frames:.1f} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=100)
    options = parser.parse_args()
    context = multiprocessing.get_context("spawn")
    mine, other = context.Pipe()
    with tempfile.TemporaryDirectory() as folder:
        pem = certificate(Path(folder))
        server = context.Process(target=serve, args=(pem, other), daemon=True)
        server.start()
        url = f"https://localhost:{mine.recv()}/frame"
        print("| way | requests | handshakes | round trips | CPU ms | ms |")
        print("|---|---|---|---|---|---|")
        for fetch in (closing, keeping, closing, keeping):
            asyncio.run(measure(fetch, url, pem, mine, options.frames))
        mine.send(False)
        server.join()


if __name__ == "__main__":
    main()
