"""Parts of files: exactly what was asked for, or a refusal that is not repeated."""

from __future__ import annotations

import pytest
from scripted import hang_up, opened, reply, serving

from harvester.errors import NotFoundError, TransientError
from harvester.transport.transport import ByteRange, RangeRefusedError

BODY = bytes(range(200))
URL = "https://mast.stsci.edu/file"
TAG = '"one"'


def part(start, stop, *, told=None, body=None, status=206, tag=TAG, **headers):
    """Write a reply that holds some bytes; ``told`` is what it says they are."""
    content = BODY[start:stop] if body is None else body
    span = told or f"bytes {start}-{start + len(content) - 1}/{len(BODY)}"
    facts = {"Content_Range": span} | ({"ETag": tag} if tag else {})
    return reply(content, status, **facts | headers)


async def fetch(*steps, start=10, stop=30, **options):
    """Ask for a part of a file; give it, or the error, and what the server was asked.

    The last step is repeated if it is asked again.
    """
    async with serving({"/file": list(steps)}) as server, opened(server) as transport:
        try:
            found = await transport.fetch_range(URL, start, stop, **options)
        except (TransientError, RangeRefusedError, NotFoundError) as error:
            found = error
        return found, server.asked


async def test_part():
    """A part is what was asked for, and says which version of the file it is of."""
    found, asked = await fetch(part(10, 30))
    assert found == ByteRange(BODY[10:30], len(BODY), TAG)
    assert asked[0].headers["range"] == "bytes=10-29"
    assert asked[0].headers["accept-encoding"] == "identity"
    assert "if-range" not in asked[0].headers


async def test_next_part():
    """A further part is only wanted of the same version."""
    found, asked = await fetch(part(10, 30), validator=TAG)
    assert found.body == BODY[10:30]
    assert asked[0].headers["if-range"] == TAG


async def test_end_of_the_file():
    """A file that ends before gives what it has."""
    found, _ = await fetch(part(190, 200), start=190, stop=900)
    assert found.body == BODY[190:]


async def test_date_for_a_tag():
    """A file without a tag is known by its date."""
    date = "Thu, 01 Jan 2026 00:00:00 GMT"
    found, _ = await fetch(part(10, 30, tag="", Last_Modified=date), validator=date)
    assert found.validator == date


async def test_no_version():
    """A part of a file without tag and date says so: the caller has to compare."""
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
    """Anything but that part of that version is refused, and not asked for again."""
    found, asked = await fetch(answer, validator=TAG)
    assert isinstance(found, RangeRefusedError)
    assert len(asked) == 1


async def test_more_than_the_part():
    """A reply without a length that goes on after the part is refused."""
    head = part(10, 30, body=BODY, told="bytes 10-29/200").replace(
        b"Content-Length: 200\r\n", b""
    )
    found, asked = await fetch(hang_up(head))
    assert isinstance(found, RangeRefusedError)
    assert len(asked) == 1


@pytest.mark.parametrize("length", [20, False])
async def test_broken(length):
    """A part that breaks off is asked for again."""
    head = part(10, 30, body=b"").replace(b"Content-Length: 0\r\n", b"")
    stated = head.replace(b"bytes 10-9/", b"bytes 10-29/")
    if length:
        stated = stated.replace(b"\r\n\r\n", b"\r\nContent-Length: 20\r\n\r\n")
    found, asked = await fetch(hang_up(stated, BODY[10:20]), part(10, 30))
    assert found.body == BODY[10:30]
    assert len(asked) == 2


async def test_not_there():
    """A file that a mirror lacks is not found, at once: others may have it."""
    found, asked = await fetch(reply(status=404, reason="Not Found"), is_mirror=True)
    assert isinstance(found, NotFoundError)
    assert len(asked) == 1
