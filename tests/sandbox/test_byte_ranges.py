"""Range headers, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.sandbox.byte_ranges import asked_ranges

BODY = bytes(range(100))


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", [(0, 10)]),
        ("BYTES = 5-", [(5, 100)]),
        ("bytes=-7", [(93, 100)]),
        ("bytes=-700", [(0, 100)]),
        ("bytes=90-400", [(90, 100)]),
        ("bytes=0-1,\t4-5 , -1", [(0, 2), (4, 6), (99, 100)]),
        # What lies behind the file is left out; with nothing else there is no answer.
        ("bytes=0-1,100-", [(0, 2)]),
        ("bytes=100-", []),
        ("bytes=-0", []),
        # Ranges that together are longer than the file are not worth sending.
        ("bytes=-40,0-59", [(60, 100), (0, 60)]),
        ("bytes=-40,0-60", None),
        # Headers that are invalid, or of another unit, are ignored.
        ("bytes=5-2", None),
        ("bytes=-", None),
        ("bytes=", None),
        ("bytes=0-1,x", None),
        ("lines=0-1", None),
        ("", None),
    ],
)
def test_headers(header, expected):
    """A valid header gives ranges within the file, an invalid one the whole file."""
    assert asked_ranges(header, len(BODY), 200) == expected


@pytest.mark.parametrize(("most", "expected"), [(0, None), (1, None), (2, 2)])
def test_too_many(most, expected):
    """A server that is asked for more ranges than it sends ignores the header."""
    found = asked_ranges("bytes=0-1,3-4", len(BODY), most)
    assert (found and len(found)) == expected


@given(st.integers(0, 120), st.integers(0, 120))
def test_first_and_last(first, last):
    """First and last byte are both sent, as far as the file has them."""
    ranges = asked_ranges(f"bytes={first}-{last}", len(BODY), 1)
    if last < first:
        assert ranges is None
        return
    sent = b"".join(BODY[start:stop] for start, stop in ranges)
    assert sent == BODY[first : last + 1]
