"""Stamps a second into an object store: one object each, or packs of several.

``python benchmarks/object_stores.py`` sends stamps to moto's server on loopback, which
takes a while for each write as a store far away does. It is run in the environment of
``make test-loaders``, which has both the server and the library. A pack is an object
with the stamps of one frame (1.1 on average) or of one cell of the sky.

A harvest at the pace that the archives allow makes some ten stamps a second. What keeps
up with that needs no packs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from harvester.dataset.object_store.address import StoreAddress

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harvester.dataset.object_store.objects import Objects

_SERVER = Path(__file__).parents[1] / "tests/loaders/sending/moto_with_bucket.py"

#: Frames a second that the archives allow, and stamps of each.
_FRAMES, _STAMPS_OF_FRAME = 10, 1.1

#: Stamps of a cell of the sky.
_CELL = 64


@contextmanager
def serving(delay_s: float) -> Iterator[str]:
    """Serve an empty bucket that takes so long for each write; give its address."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]
    process = subprocess.Popen([sys.executable, _SERVER, str(port), str(delay_s)])
    try:
        while process.poll() is None and not _listens(port):
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def send(objects: Objects, contents: list[bytes], at_once: int) -> float:
    """Send objects, so many at a time; give the seconds that it took."""
    waiting = iter(enumerate(contents))

    async def some() -> None:
        for number, content in waiting:
            await objects.put_new(f"{at_once}/{number}.fits", content, {"sha256": "0"})

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(some())
    return time.perf_counter() - began


async def measure(url: str, size: int, seconds: float) -> Iterator[tuple[str, ...]]:
    """Give rows of the table for one server."""
    from harvester.dataset.object_store.objects import Objects

    rows = []
    for name, stamps in (("an object each", 1), (f"packs of {_CELL}", _CELL)):
        for at_once in (1, 4, 16, 64):
            address = StoreAddress.parse(f"s3://galaxies/{stamps}")
            objects = await Objects.open(address, endpoint=url)
            content = os.urandom(size * stamps)
            # A few first: they tell how many fill the time.
            first_s = await send(objects, [content] * at_once, at_once)
            count = min(4000 // stamps, max(at_once, int(seconds / first_s * at_once)))
            address = StoreAddress.parse(f"s3://galaxies/{stamps}-again")
            objects = await Objects.open(address, endpoint=url)
            cpu = time.process_time()
            took_s = await send(objects, [content] * count, at_once)
            cpu = time.process_time() - cpu
            rows.append(
                (
                    f"{name:14}",
                    f"{at_once:7}",
                    f"{count / took_s:9.1f}",
                    f"{count * stamps / took_s:9.1f}",
                    f"{cpu / count / stamps * 1e3:9.2f}",
                )
            )
    return iter(rows)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=20_160, help="bytes of a stamp")
    parser.add_argument("--delays", default="0,0.03", help="seconds for each write")
    parser.add_argument("--seconds", type=float, default=4, help="of each measurement")
    options = parser.parse_args()
    os.environ.update(AWS_ACCESS_KEY_ID="own", AWS_SECRET_ACCESS_KEY="own")  # noqa: S106 - the server on loopback checks no keys
    need = _FRAMES * _STAMPS_OF_FRAME
    print(f"stamps of {options.size:,} bytes; a harvest makes {need:.0f} a second")
    print("delay  way            at once  objects/s  stamps/s  CPU ms/stamp")
    for delay_s in map(float, options.delays.split(",")):
        with serving(delay_s) as url:
            rows = asyncio.run(measure(url, options.size, options.seconds))
        for row in rows:
            print(f"{delay_s * 1e3:3.0f}ms  {'  '.join(row)}")


if __name__ == "__main__":
    main()
