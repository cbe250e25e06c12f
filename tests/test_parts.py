"""What parts of a frame cost: spans of bytes, and when the whole is cheaper."""

from __future__ import annotations

from itertools import pairwise
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harvester.parts import Plane, is_worth_it, merge, spans_of

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
    """Runs that overlap, or are no farther apart than a request is worth, are one."""
    with mock.patch("harvester.parts.REQUEST", 10):
        assert list(merge(runs)) == merged


@given(
    boxes=st.lists(BOXES, max_size=5),
    closeness=st.sampled_from([0, 40, 1150, 2**15]),
    longest=st.sampled_from([1000, 2**22]),
)
def test_all_pixels_are_in_spans(boxes, closeness, longest):
    """Spans hold each byte of each box, ascend, are apart, and stay in the planes."""
    planes = [Plane(2880, 300, 4), Plane(54_720, 300, 4)]
    with (
        mock.patch("harvester.parts.REQUEST", closeness),
        mock.patch("harvester.parts.LONGEST", longest),
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


def test_worth():
    """Requests weigh as much as bytes: from half of the file on it is fetched whole."""
    assert is_worth_it([(0, 100_000)], 300_000)
    assert not is_worth_it([(0, 100_000)], 260_000)
    assert not is_worth_it([(0, 50_000), (90_000, 140_000)], 300_000)
