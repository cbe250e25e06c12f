"""What parts of a frame cost: the one model by which frames are fetched and billed.

Spans of bytes, and when the whole file is the better bargain. `ranged` takes the
headers of a real file for it, `forecast` what is known before.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["FIRST", "HEADER", "Box", "Plane", "Span", "is_worth_it", "spans_of"]

#: Bytes of the first request: PRIMARY and SCI of a drizzled file in most cases. With
#: 750 and 80 cards, as those of a file of four exposures, they have 69,000.
FIRST = 80 * 2**10

#: Bytes of each further request for headers. That of WHT has 6,000 as a rule; those
#: of mosaics have had 130,000.
HEADER = 32 * 2**10

#: Bytes that cost as much as one more request: two spans that are closer are one.
#: A request takes 1 ms here on loopback, or 12 kB at 100 Mbit/s, and a turn at the
#: throttle of S3, 20 ms or 250 kB. It is nearer to the first so that rows of mosaics,
#: from 8192 pixels on, are not joined: a stamp of 124 px out of a gigabyte then costs
#: 0.2 MB in 250 requests, and not 11 MB in 6.
REQUEST = 32 * 2**10

#: Spans of a frame above which closer ones are joined: two stamps of 124 px in a
#: mosaic, or 10 s at the throttle of S3. Each further row then costs its 45 kB, which
#: come in 2 ms at 20 MB/s, and no turn of 20 ms.
MOST_SPANS = 512

#: Bytes of the longest span: so much is in memory, and fetched again if it breaks.
LONGEST = 4 * 2**20

#: Part of the file from which on it is fetched whole, its requests counted as bytes.
#: Headers cost two round trips more: with 100 ms each and 12 MB that was even at
#: about 0.85 of the file at 9 MB/s and at 0.75 at 15 MB/s, so it is at 0.5 at 30. And
#: the whole file serves whoever comes later.
WHOLE_FROM = 0.5

#: Where some bytes begin and end in a file.
Span = tuple[int, int]

#: Rows and columns of a stamp, as far as they are in the image.
Box = tuple[slice, slice]


class Plane(NamedTuple):
    """Where an image lies in its file."""

    #: In bytes.
    start: int
    #: Pixels of a row.
    width: int
    #: Bytes of a pixel.
    size: int


def spans_of(planes: Sequence[Plane], boxes: Sequence[Box]) -> tuple[Span, ...]:
    """Give the spans that hold all boxes in every plane: ascending, not overlapping."""
    runs = (run for plane in planes for box in boxes for run in _runs(plane, box))
    return tuple(_split(_join(list(merge(runs)))))


def is_worth_it(spans: Iterable[Span], total: int, largest_file: int) -> bool:
    """Whether these spans cost less than their file of ``total`` bytes.

    A file over ``largest_file`` bytes is not fetched whole: it always comes by spans.
    """
    if total > largest_file:
        return True
    weight = sum(stop - start + REQUEST for start, stop in spans)
    return weight <= WHOLE_FROM * total


def _runs(plane: Plane, box: Box) -> Iterator[Span]:
    """Give the bytes of a box: each row, or all at once if they would be joined."""
    rows, columns = box
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    step = plane.width * plane.size
    begin, end = (plane.start + at * plane.size for at in (columns.start, columns.stop))
    if step - (end - begin) <= REQUEST:
        yield begin + rows.start * step, end + (rows.stop - 1) * step
        return
    for row in range(rows.start, rows.stop):
        yield begin + row * step, end + row * step


def merge(runs: Iterable[Span]) -> Iterator[Span]:
    """Put runs together that overlap, or are closer than a request is worth.

    In a frame of WFC3 these are all rows of a stamp; in a mosaic whose rows are
    longer than that, each row is a span by itself.
    """
    begin = end = -1
    for start, stop in sorted(runs):
        if begin >= 0 and start - end <= REQUEST:
            end = max(end, stop)
            continue
        if begin >= 0:
            yield begin, end
        begin, end = start, stop
    if begin >= 0:
        yield begin, end


def _join(spans: list[Span]) -> Iterator[Span]:
    """Close the smallest gaps, no more than it takes to have few enough spans.

    Of all ways to have so many spans this is the one with the fewest bytes.
    """
    gaps = [after[0] - before[1] for before, after in pairwise(spans)]
    places = sorted(range(len(gaps)), key=gaps.__getitem__)
    closed = set(places[: max(0, len(spans) - MOST_SPANS)])
    begin = 0
    for place, (start, stop) in enumerate(spans):
        if place - 1 not in closed:
            begin = start
        if place not in closed:
            yield begin, stop


def _split(spans: Iterator[Span]) -> Iterator[Span]:
    for start, stop in spans:
        for begin in range(start, stop, LONGEST):
            yield begin, min(stop, begin + LONGEST)
