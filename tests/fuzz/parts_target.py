"""Replies with several ranges under test: any body, in pieces of any size.

Whatever is written has to be what the parts said, however the body was split on its
way; everything else ends as an error of the transport.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING

from multidict import CIMultiDict
from yarl import URL

from harvester.errors import HarvesterError
from harvester.transport.multipart import BadPartsError, Parts
from harvester.transport.tail_first import Ends, TailFirstFile

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Iterator

__all__ = ["part_seeds", "parts"]

_ENDS = Ends(head=40, tail=8)
_TOTAL = 100
_CONTENT = bytes(range(_TOTAL))


def parts(data: bytes) -> None:
    """Read a body whose first byte gives the size of the pieces it comes in."""
    size, body = 1 + data[0] if data else 1, data[1:]
    assert _read(body, size) == _read(body, max(1, len(body)))
    asyncio.run(_take(body, size))


def _pieces(body: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(body), size):
        yield body[at : at + size]


def _read(body: bytes, size: int) -> tuple[list[tuple[int, int]], bool]:
    """Give the places and values of all bytes, and whether the body is bad."""
    reader, found = Parts("m"), list[tuple[int, int]]()
    try:
        for piece in _pieces(body, size):
            for one in reader.feed(piece):
                start, stop = one.part
                assert start <= one.start < one.start + len(one.content) <= stop
                assert stop <= one.total
                found += enumerate(one.content, one.start)
    except BadPartsError:
        return found, True
    return found, False


async def _take(body: bytes, size: int) -> None:
    """Take the body as the two ends of a file."""

    async def chunks(_cap: int) -> AsyncGenerator[bytes]:
        for piece in _pieces(body, size):
            yield piece

    headers = CIMultiDict(
        {"Content-Type": "multipart/byteranges; boundary=m", "ETag": '"v"'}
    )
    response = SimpleNamespace(
        status=206, headers=headers, content_length=None, url=URL("https://a.example/f")
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        file = TailFirstFile(path, 1000, 3, None, None, _ENDS)
        with suppress(HarvesterError):
            await file.take(response, SimpleNamespace(chunks=chunks))
            got = await file.finish()
            assert got.size == path.stat().st_size
            assert len(got.tail) in {0, min(_ENDS.tail, got.total or 0)}


def part_seeds() -> Iterable[bytes]:
    """Give both ends in any order, once and twice, and parts of wrong files."""
    end, head = (_TOTAL - _ENDS.tail, _TOTAL), (0, _ENDS.head)
    for spans in ((end, head), (head, end), (end,), (end, end, head), (head, head)):
        for size in (0, 6, 255):
            yield bytes([size]) + _body(spans)
    yield b"\x03" + _body((end, head)).replace(b"/100", b"/10", 1)
    yield b"\x03" + _body(((0, 2), (98, 100))).replace(b"\r\n\r\n", b"\r\n" * 50, 1)
    long = b"\r\n" + b"X: y\r\n" * 700
    yield b"\x10" + _body((end, head)).replace(b"m\r\n", b"m" + long, 1)


def _body(spans: Iterable[tuple[int, int]]) -> bytes:
    found = b""
    for start, stop in spans:
        found += f"\r\n--m\r\nContent-Range: bytes {start}-{stop - 1}/{_TOTAL}".encode()
        found += b"\r\n\r\n" + _CONTENT[start:stop]
    return found + b"\r\n--m--\r\n"
