"""A loopback server that sends the bytes a test chooses and logs each request."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from email.utils import formatdate

from harvester.transport.address import Official
from harvester.transport.breaker import Tripping
from harvester.transport.transport import Limits, Manners, Service, Transport

#: Small enough for a test, large enough for a busy machine.
LIMITS = Limits(
    connect_s=0.8,
    answer_s=1.0,
    silence_s=0.4,
    total_s=5.0,
    floor_bytes_per_s=10_000,
    floor_window_s=0.6,
    body_cap=4_000_000,
    json_cap=2_000_000,
    patience_s=1.5,
    refusal_patience_s=0.6,
    doubt_s=0.02,
    works_on_s=0.0,
)
TRIPPING = Tripping(first_s=0.02, longest_s=0.1)
MANNERS = Manners(rate=500, slots={"query": 2, "file": 4}, tripping=TRIPPING)


@dataclass(slots=True)
class Asked:
    """A request as the server saw it."""

    method: str
    path: str
    headers: dict
    body: bytes
    at: float


@dataclass(slots=True)
class Server:
    """The scripted reply for each path, and the log of requests."""

    url: str
    #: The reply for each path; "*" is for all other paths. The entries of a list are
    #: used one after the other; the last one is repeated.
    script: dict = field(default_factory=dict)
    asked: list = field(default_factory=list)
    connections: int = 0

    @property
    def host(self):
        """Host and port of this server."""
        return self.url.partition("//")[2]

    def next_step(self, path):
        """Return the reply to the next request for a path."""
        steps = self.script.get(path, self.script.get("*"))
        if not isinstance(steps, list):
            return steps
        return steps.pop(0) if len(steps) > 1 else steps[0]

    def count(self, path):
        """Count the requests for a path."""
        return sum(asked.path == path for asked in self.asked)


def reply(body=b"", status=200, reason="OK", length=None, **headers):
    """Write an HTTP reply; ``length`` may be wrong, and False omits the header."""
    lines = [f"HTTP/1.1 {status} {reason}", f"Date: {formatdate(usegmt=True)}"]
    if length is not False:
        lines.append(f"Content-Length: {len(body) if length is None else length}")
    lines += [f"{key.replace('_', '-')}: {text}" for key, text in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def hang_up(*parts, reset=False):
    """Send these parts, then close the connection cleanly or with a reset."""

    async def step(writer, _asked):
        for part in parts:
            writer.write(part)
            await writer.drain()
        if reset:
            await asyncio.sleep(0.05)  # a reset would discard bytes not yet sent
            now = struct.pack("ii", 1, 0)
            server = writer.get_extra_info("socket")
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
        writer.close()

    return step


def drip(head, piece, every_s):
    """Send the head, then repeat a piece until the client disconnects."""

    async def step(writer, _asked):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(every_s)

    return step


def stall(*parts):
    """Send these parts and then nothing, until the client disconnects."""

    async def step(writer, _asked):
        for part in parts:
            writer.write(part)
        await asyncio.Event().wait()

    return step


def ranged(content, **headers):
    """Serve a file correctly, including Range and If-Range requests."""

    async def step(writer, asked):
        wanted = asked.headers.get("range")
        fits = asked.headers.get("if-range") in {None, headers.get("ETag")}
        if not wanted or not fits:
            writer.write(reply(content, **headers))
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-"))
        span = f"bytes {start}-{len(content) - 1}/{len(content)}"
        writer.write(reply(content[start:], 206, Content_Range=span, **headers))

    return step


async def _read(reader):
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.split(": ", 1) for line in lines)
    headers = {key.lower(): text for key, text in pairs}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Asked(method, path, headers, body, time.monotonic())


async def _while_heard(reader, answering):
    """Answer until the reply is complete or the client has disconnected."""
    step = asyncio.ensure_future(answering)
    left = asyncio.ensure_future(reader.read(1))
    try:
        await asyncio.wait({step, left}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (step, left):
            task.cancel()
        await asyncio.wait({step, left})
    if not step.cancelled():
        step.result()


async def _answer(server, reader, writer):
    server.connections += 1
    try:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while not writer.is_closing():
                asked = await _read(reader)
                server.asked.append(asked)
                step = server.next_step(asked.path)
                if callable(step):
                    await _while_heard(reader, step(writer, asked))
                elif asked.method == "HEAD":
                    writer.write(step.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
                else:
                    writer.write(step)
                await writer.drain()
    finally:
        server.connections -= 1
        writer.close()


async def until(condition):
    """Poll until a condition holds that no event announces."""
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(script=None, host="127.0.0.1", port=0, tls=None, greeting=b""):
    """Run a scripted server on loopback; it sends ``greeting`` on each connect."""
    server = Server("", script or {})
    tasks = set()

    async def connected(reader, writer):
        tasks.add(asyncio.current_task())
        writer.write(greeting)
        with suppress(asyncio.CancelledError):
            await _answer(server, reader, writer)

    listener = await asyncio.start_server(connected, host, port, ssl=tls)
    scheme = "https" if tls else "http"
    server.url = f"{scheme}://{host}:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        await listener.wait_closed()


def mast(actual, manners=MANNERS):
    """Make the MAST service with ``actual`` as the address that is contacted."""
    return Service(
        "mast",
        "https://mast.stsci.edu",
        actual,
        manners,
        official=Official(frozenset({"stsci.edu"})),
        remedies=("a token (MAST_API_TOKEN)",),
    )


def opened(*services, **options):
    """Make a transport for these services; a plain server stands in for MAST."""
    options = {"version": "0", "limits": LIMITS, "random": lambda: 0.0, **options}
    known = [one if isinstance(one, Service) else mast(one.url) for one in services]
    return Transport(known, **options)


def state_of(transport):
    """Return the transport's description of its first host."""
    return next(iter(transport.describe().values()))
