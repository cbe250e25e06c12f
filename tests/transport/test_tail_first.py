"""The end of a file before its beginning, in one request."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import hang_up, opened, ranged, reply, serving

from harvester.errors import PermanentError
from harvester.transport.multipart import BadPartsError, Parts
from harvester.transport.transport import Ends, RangeRefusedError

_URL = "https://mast.stsci.edu/frame.fits"
#: Long enough to be written in several batches.
_CONTENT = bytes(range(251)) * 4_000
_TOTAL = len(_CONTENT)
_ENDS = Ends(head=400_000, tail=3_000)
_TAG = '"one"'


class _Enough:
    """Wants so many bytes of the beginning."""

    def __init__(self, size):
        self._size = size
        self.restart()

    def restart(self):
        """Forget all."""
        self._came = b""

    def add(self, data):
        """Take the next bytes, which must be those of the beginning."""
        self._came += data
        assert _CONTENT.startswith(self._came)
        return len(self._came) >= self._size


def _parts(*spans, boundary="x7", total=_TOTAL, name="Content-Range"):
    """Write a body of several parts."""
    found = b""
    for start, stop in spans:
        place = f"{name}: bytes {start}-{stop - 1}/{total}"
        head = f"\r\n--{boundary}\r\nContent-Type: a/b\r\n{place}\r\n\r\n"
        found += head.encode() + _CONTENT[start:stop]
    return found + f"\r\n--{boundary}--\r\n".encode()


def _several(body, **options):
    kind = 'multipart/byteranges; boundary="x7"'
    return reply(body, 206, Content_Type=kind, ETag=_TAG, **options)


_TAIL, _HEAD = (_TOTAL - 3_000, _TOTAL), (0, 400_000)
_BOTH = _parts(_TAIL, _HEAD)


async def _download(tmp_path, *steps, enough=300_000, ends=_ENDS):
    """Download both ends; give the result, the bytes on disk and the requests."""
    path = tmp_path / "frame"
    async with serving({"*": list(steps)}) as server, opened(server) as transport:
        got = await transport.download(_URL, path, enough=_Enough(enough), ends=ends)
        return got, path.read_bytes(), server.asked


@pytest.mark.parametrize("name", ["Content-Range", "Content-range"])
async def test_both_ends(tmp_path, name):
    """The end comes into memory, and so much of the beginning as is enough to disk."""
    answer = _several(_parts(_TAIL, _HEAD, name=name))
    got, beginning, asked = await _download(tmp_path, answer)
    assert [one.headers["range"] for one in asked] == ["bytes=-3000,0-399999"]
    assert got.tail == _CONTENT[-3_000:]
    assert (got.is_whole, got.total, got.etag) == (False, _TOTAL, _TAG)
    assert got.gives_several is True
    assert len(beginning) == got.size >= 300_000
    assert beginning == _CONTENT[: got.size]


async def test_short(tmp_path):
    """A beginning that was asked for too short is given as it is, not as a file."""
    got, beginning, asked = await _download(tmp_path, _several(_BOTH), enough=900_000)
    assert (got.is_whole, got.size, len(asked)) == (False, 400_000, 1)
    assert beginning == _CONTENT[:400_000]
    assert got.tail == _CONTENT[-3_000:]


async def test_whole_file(tmp_path):
    """A server that sends no ranges sends the file, which is left early."""
    got, beginning, _ = await _download(tmp_path, reply(_CONTENT, ETag=_TAG))
    assert (got.is_whole, got.tail, got.gives_several) == (False, b"", False)
    assert (got.gives_ranges, _CONTENT.startswith(beginning)) == (True, True)


async def test_no_ranges_at_all(tmp_path):
    """A server may say that it sends no ranges; it is believed."""
    answer = reply(_CONTENT, ETag=_TAG, Accept_Ranges="none")
    got, _, _ = await _download(tmp_path, answer)
    assert (got.gives_several, got.gives_ranges) == (False, False)


@pytest.mark.parametrize("status", [200, 206])
async def test_longer_than_the_file(tmp_path, status):
    """Asked for more than the file, nginx sends all, and Apache all as one range."""
    span = {"Content_Range": f"bytes 0-{_TOTAL - 1}/{_TOTAL}"} if status == 206 else {}
    answer = reply(_CONTENT, status, ETag=_TAG, **span)
    ends = Ends(head=_TOTAL - 10, tail=3_000)
    got, beginning, _ = await _download(tmp_path, answer, enough=2 * _TOTAL, ends=ends)
    assert (got.is_whole, got.tail, got.gives_several) == (True, b"", None)
    assert beginning == _CONTENT


async def test_broken(tmp_path):
    """A reply that breaks in the beginning is resumed there, and keeps the end."""
    broken = hang_up(_several(_BOTH[:100_000], length=len(_BOTH)))
    got, beginning, asked = await _download(
        tmp_path, broken, ranged(_CONTENT, ETag=_TAG)
    )
    assert asked[1].headers["range"].endswith("-")
    assert asked[1].headers["if-range"] == _TAG
    assert got.tail == _CONTENT[-3_000:]
    assert beginning == _CONTENT[: got.size]
    assert got.size >= 300_000


async def test_broken_in_the_end(tmp_path):
    """A reply that breaks before the beginning is asked for again."""
    broken = hang_up(_several(_BOTH[:1_000], length=len(_BOTH)))
    got, beginning, asked = await _download(tmp_path, broken, _several(_BOTH))
    assert [one.headers["range"] for one in asked] == ["bytes=-3000,0-399999"] * 2
    assert got.tail == _CONTENT[-3_000:]
    assert beginning == _CONTENT[: got.size]


@pytest.mark.parametrize(
    "body",
    [
        _parts((5, 3_005), _HEAD),
        _parts(_TAIL, (7, 400_007)),
        _parts(_TAIL, _HEAD, boundary="y"),
        b"no parts at all\r\n\r\n",
        b"\r\n--x7\r\n" + b"a" * 5_000,
    ],
)
async def test_wrong_parts(tmp_path, body):
    """After parts that were not asked for, the file is asked for as usual."""
    answers = _several(body), reply(_CONTENT, ETag=_TAG)
    got, beginning, asked = await _download(tmp_path, *answers)
    assert "range" not in asked[1].headers
    assert (got.tail, got.gives_several) == (b"", False)
    assert beginning == _CONTENT[: got.size]


async def test_one_of_both(tmp_path):
    """A server that sends one range of two is not asked for two again."""
    span = f"bytes {_TAIL[0]}-{_TOTAL - 1}/{_TOTAL}"
    answer = reply(_CONTENT[-3_000:], 206, Content_Range=span)
    got, _, asked = await _download(tmp_path, answer, reply(_CONTENT))
    assert "range" not in asked[1].headers
    assert got.gives_several is False


async def test_too_large(tmp_path):
    """A file over the limit is refused by what its first part says."""
    spans = _parts((9_999_997_000, 10_000_000_000), _HEAD, total=10_000_000_000)
    with pytest.raises(PermanentError, match="over"):
        await _download(tmp_path, _several(spans))


@given(st.data())
def test_any_pieces(data):
    """However the body is divided, its parts come out the same."""
    spans = [(700, 900), (0, 300), (5, 6)]
    body, parts, came = _parts(*spans), Parts("x7"), {}
    cuts = data.draw(st.lists(st.integers(0, len(body)), max_size=12).map(sorted))
    for start, stop in zip([0, *cuts], [*cuts, len(body)], strict=True):
        for piece in parts.feed(body[start:stop]):
            assert piece.total == _TOTAL
            came[piece.part] = came.get(piece.part, b"") + piece.content
    assert came == {span: _CONTENT[slice(*span)] for span in spans}
    assert parts.is_over


@given(st.binary(max_size=300))
def test_any_bytes(body):
    """Bytes that are no parts are refused, or give nothing."""
    with suppress(BadPartsError):
        assert not list(Parts("x7").feed(body))


_SPANS = [(10, 30), (5_000, 9_000)]


async def _ranges(*steps):
    """Fetch several ranges of a version; give them, or the error, and the requests."""
    async with serving({"*": list(steps)}) as server, opened(server) as transport:
        try:
            found = await transport.fetch_ranges(_URL, _SPANS, validator=_TAG)
        except RangeRefusedError as error:
            found = error
        return found, server.asked


async def test_several_ranges():
    """Several ranges come in one reply, in whatever order."""
    found, asked = await _ranges(_several(_parts(*reversed(_SPANS))))
    assert found == {start: _CONTENT[start:stop] for start, stop in _SPANS}
    assert asked[0].headers["range"] == "bytes=10-29,5000-8999"
    assert asked[0].headers["if-range"] == _TAG


@pytest.mark.parametrize(
    "answer",
    [
        reply(_CONTENT, ETag=_TAG),
        reply(_CONTENT[10:30], 206, Content_Range=f"bytes 10-29/{_TOTAL}", ETag=_TAG),
        _several(_parts((11, 31), (5_000, 9_000))),
        _several(_parts((10, 30), (10, 30), (5_000, 9_000), (20_000, 900_000))),
        _several(_parts(*_SPANS)).replace(_TAG.encode(), b'"two"'),
        reply(b"", 416),
    ],
)
async def test_other_ranges(answer):
    """Anything but the ranges of that version is refused, after one request."""
    found, asked = await _ranges(answer)
    assert isinstance(found, RangeRefusedError)
    assert len(asked) == 1


async def test_several_ranges_break():
    """A reply that breaks is asked for again."""
    body = _parts(*_SPANS)
    broken = hang_up(_several(body[:3_000], length=len(body)))
    found, asked = await _ranges(broken, _several(body))
    assert found == {start: _CONTENT[start:stop] for start, stop in _SPANS}
    assert len(asked) == 2
