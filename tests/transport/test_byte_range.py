"""Byte ranges: exactly the range asked for, or an error without a retry."""

from __future__ import annotations

import pytest
from scripted import hang_up, opened, reply, serving

from harvester.errors import NotFoundError, TransientError
from harvester.transport.transport import ByteRange, RangeRefusedError

BODY = bytes(range(200))
URL = "https://mast.stsci.edu/file"
TAG = '"one"'


def part(start, stop, *, told=None, body=None, status=206, tag=TAG, **headers):
    """Write a 206 reply with some bytes; ``told`` overrides its Content-Range."""
    content = BODY[start:stop] if body is None else body
    span = told or f"bytes {start}-{start + len(content) - 1}/{len(BODY)}"
    facts = {"Content_Range": span} | ({"ETag": tag} if tag else {})
    return reply(content, status, **facts | headers)


async def fetch(*steps, start=10, stop=30, **options):
    """Fetch a byte range; return it, or the error, and the server's requests.

    The last step is repeated for further requests.
    """
    async with serving({"/file": list(steps)}) as server, opened(server) as transport:
        try:
            found = await transport.fetch_range(URL, start, stop, **options)
        except (TransientError, RangeRefusedError, NotFoundError) as error:
            found = error
        return found, server.asked


async def test_part():
    """A range has the bytes asked for, the file's length and its version."""
    found, asked = await fetch(part(10, 30))
    assert found == ByteRange(BODY[10:30], len(BODY), TAG)
    assert asked[0].headers["range"] == "bytes=10-29"
    assert asked[0].headers["accept-encoding"] == "identity"
    assert "if-range" not in asked[0].headers


async def test_next_part():
    """A further range is requested with If-Range, so only of the same version."""
    found, asked = await fetch(part(10, 30), validator=TAG)
    assert found.body == BODY[10:30]
    assert asked[0].headers["if-range"] == TAG


async def test_end_of_the_file():
    """A range that reaches beyond the file's end returns the bytes up to the end."""
    found, _ = await fetch(part(190, 200), start=190, stop=900)
    assert found.body == BODY[190:]


async def test_date_for_a_tag():
    """Without an ETag, Last-Modified identifies the version."""
    date = "Thu, 01 Jan 2026 00:00:00 GMT"
    found, _ = await fetch(part(10, 30, tag="", Last_Modified=date), validator=date)
    assert found.validator == date


async def test_no_version():
    """Without ETag and Last-Modified, the range has an empty validator."""
    found, _ = await fetch(part(10, 30, tag=""))
    assert (found.body, found.validator) == (BODY[10:30], "")


@pytest.mark.parametrize(
    "answer",
    [
        reply(BODY, ETag=TAG),
        reply(BODY, 206, ETag=TAG),
        part(10, 30, status=200),
        part(10, 30, told="bytes 11-30/200"),
        part(10, 30, told="bytes 10-30/200"),
        part(10, 30, told="bytes 10-29/*"),
        part(10, 30, told="bytes 10-29/25"),
        part(10, 30, told=f"bytes 10-29/{'9' * 5000}"),
        part(10, 30, tag='"two"'),
        part(10, 30, tag=""),
        part(10, 30, tag='W/"one"'),
        part(10, 30, Content_Encoding="gzip"),
        part(10, 30, told="bytes 10-29/200", body=BODY[10:40]),
        reply(status=416, reason="Range Not Satisfiable", Content_Range="bytes */5"),
    ],
)
async def test_refused(answer):
    """A reply that is not that range of that version is refused without a retry."""
    found, asked = await fetch(answer, validator=TAG)
    assert isinstance(found, RangeRefusedError)
    assert len(asked) == 1


async def test_more_than_the_part():
    """A reply without Content-Length that exceeds the range is refused."""
    head = part(10, 30, body=BODY, told="bytes 10-29/200").replace(
        b"Content-Length: 200\r\n", b""
    )
    found, asked = await fetch(hang_up(head))
    assert isinstance(found, RangeRefusedError)
    assert len(asked) == 1


@pytest.mark.parametrize("length", [20, False])
async def test_broken(length):
    """A range whose body is truncated is requested again."""
    head = part(10, 30, body=b"").replace(b"Content-Length: 0\r\n", b"")
    stated = head.replace(b"bytes 10-9/", b"bytes 10-29/")
    if length:
        stated = stated.replace(b"\r\n\r\n", b"\r\nContent-Length: 20\r\n\r\n")
    found, asked = await fetch(hang_up(stated, BODY[10:20]), part(10, 30))
    assert found.body == BODY[10:30]
    assert len(asked) == 2


async def test_not_there():
    """A 404 of a mirror raises NotFoundError at once, without a retry."""
    found, asked = await fetch(reply(status=404, reason="Not Found"), is_mirror=True)
    assert isinstance(found, NotFoundError)
    assert len(asked) == 1
