"""The cost of byte ranges: spans, and when the whole file is cheaper."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.frames.spans import StoredPlane, is_worth_it, merge, spans_of
from harvester.transport.body import LARGEST_FILE

BOXES = st.builds(
    lambda row, column, height, width: (
        slice(row, min(40, row + height)),
        slice(column, min(300, column + width)),
    ),
    st.integers(0, 39),
    st.integers(0, 299),
    st.integers(0, 40),
    st.integers(0, 300),
)


@pytest.mark.parametrize(
    ("runs", "merged"),
    [
        ([], []),
        ([(5, 9)], [(5, 9)]),
        ([(50, 60), (0, 10), (8, 20)], [(0, 20), (50, 60)]),
        ([(0, 10), (20, 30), (41, 50)], [(0, 30), (41, 50)]),
        ([(0, 100), (10, 20), (105, 110)], [(0, 110)]),
    ],
)
def test_merging(runs, merged):
    """Runs that overlap, or are closer than the cost of a request, are joined."""
    with mock.patch("harvester.frames.spans.REQUEST", 10):
        assert list(merge(runs)) == merged


@given(
    boxes=st.lists(BOXES, max_size=5),
    closeness=st.sampled_from([0, 40, 1150, 2**15]),
    longest=st.sampled_from([1000, 2**22]),
    most=st.sampled_from([1, 7, 512]),
)
def test_all_pixels_are_in_spans(boxes, closeness, longest, most):
    """Spans cover every box, are disjoint, ascend, and stay in the planes."""
    planes = [StoredPlane(2880, 300, 4), StoredPlane(54_720, 300, 4)]
    with (
        mock.patch("harvester.frames.spans.REQUEST", closeness),
        mock.patch("harvester.frames.spans.LONGEST", longest),
        mock.patch("harvester.frames.spans.MOST_SPANS", most),
    ):
        spans = spans_of(planes, boxes)
    got = [place for start, stop in spans for place in range(start, stop)]
    needed = {
        plane.start + 4 * (300 * row + column)
        for plane in planes
        for rows, columns in boxes
        for row in range(rows.start, rows.stop)
        for column in range(columns.start, columns.stop)
    }
    assert needed <= set(got)
    assert all(here < there for here, there in pairwise(got))
    assert not got or (got[0] >= 2880 and got[-1] < 54_720 + 40 * 300 * 4)
    assert all(stop - start <= longest for start, stop in spans)
    assert bool(spans) == bool(needed)
    assert len(spans) <= most + 54_720 * 2 // longest


def test_smallest_gaps_are_closed():
    """With too many spans only the closest are joined."""
    runs = [(0, 1), (10, 11), (15, 16), (30, 31), (37, 38)]
    boxes = [(slice(0, 1), slice(*run)) for run in runs]
    with (
        mock.patch("harvester.frames.spans.REQUEST", 0),
        mock.patch("harvester.frames.spans.MOST_SPANS", 3),
    ):
        assert spans_of([StoredPlane(0, 100, 1)], boxes) == ((0, 1), (10, 16), (30, 38))


def mosaic(stamps):
    """Give the planes of a mosaic of a gigabyte, and boxes of 124 px all over it."""
    side, rows = 11_300, 11_000 // stamps
    planes = [StoredPlane(2880, side, 4), StoredPlane(4 * side**2 + 8640, side, 4)]
    firsts = [(n * rows, n * 7919 % (side - 124)) for n in range(stamps)]
    boxes = [(slice(y, y + 124), slice(x, x + 124)) for y, x in firsts]
    return planes, boxes, 2 * 4 * side**2


@pytest.mark.parametrize(("stamps", "megabytes"), [(1, 0.2), (2, 0.4), (60, 700)])
def test_requests_of_a_mosaic(stamps, megabytes):
    """The spans of many stamps stay few; those of one stamp stay small."""
    planes, boxes, total = mosaic(stamps)
    spans = spans_of(planes, boxes)
    size = sum(stop - start for start, stop in spans)
    assert len(spans) <= 512 + size / 2**22
    assert size < megabytes * 1e6
    assert is_worth_it(spans, total, LARGEST_FILE)


def test_never_whole_if_too_large():
    """A file over the limit is never fetched whole."""
    assert is_worth_it([(0, 900_000)], 900_001, 900_000)
    assert not is_worth_it([(0, 900_000)], 900_000, 900_000)


def test_worth():
    """With spans over half of the file, requests counted, it is fetched whole."""
    assert is_worth_it([(0, 100_000)], 300_000, LARGEST_FILE)
    assert not is_worth_it([(0, 100_000)], 260_000, LARGEST_FILE)
    assert not is_worth_it([(0, 50_000), (90_000, 140_000)], 300_000, LARGEST_FILE)
