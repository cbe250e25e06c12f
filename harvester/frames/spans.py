"""The cost model of byte ranges: which spans to fetch, and when the whole file.

`harvester.frames.ranged` uses it with the headers of a real file, and
`harvester.plan.forecast` with estimates, so that bill and harvest agree.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = [
    "FIRST",
    "HEADER",
    "REQUEST",
    "Box",
    "Span",
    "StoredPlane",
    "is_worth_it",
    "lacking",
    "spans_of",
    "with_header",
]

#: Bytes of the first request for a file of an unknown layout. In most drizzled files
#: they include the headers PRIMARY and SCI: with 750 and 80 cards, as for four
#: exposures, these have 69,000 bytes.
FIRST = 80 * 2**10

#: Bytes of each further request for headers, if the layout does not tell how long they
#: are. That of WHT usually has 6,000 bytes; in some mosaics it had 130,000.
HEADER = 32 * 2**10

#: Bytes that cost as much as one more request: spans closer than this are joined.
#: A request takes 1 ms on loopback, the time for 12 kB at 100 Mbit/s, and one turn of
#: the throttle for a bucket: 20 ms, the time for 250 kB. The value is nearer to the
#: first, so that rows of mosaics (8192 pixels or more) are not joined: a stamp of
#: 124 px from a file of a gigabyte then costs 0.2 MB in 250 requests, not 11 MB in 6.
REQUEST = 32 * 2**10

#: Most spans of a frame; above it the closest are joined. Reached with two stamps of
#: 124 px in a mosaic, or 10 s at the throttle for a bucket. Each further row then costs
#: its 45 kB, which take 2 ms at 20 MB/s, instead of a turn of 20 ms.
MOST_SPANS = 512

#: Bytes of the longest span. A span is held in memory, and fetched again if it breaks.
LONGEST = 4 * 2**20

#: If the spans (each request counted as bytes) exceed this fraction of the file, it is
#: fetched whole. Headers cost two more round trips. With 100 ms each and 12 MB, both
#: ways took the same time at 0.85 of the file with 9 MB/s and at 0.75 with 15 MB/s, so
#: at 0.5 with 30 MB/s. The whole file can also serve later stamps.
WHOLE_FROM = 0.5

#: First byte of a range in a file, and the byte after its last.
Span = tuple[int, int]

#: Rows and columns of the part of a stamp that is inside the image.
Box = tuple[slice, slice]


class StoredPlane(NamedTuple):
    """The place of an image in its file."""

    #: Offset of its first pixel, in bytes.
    start: int
    #: Pixels in a row.
    width: int
    #: Bytes in a pixel.
    size: int


def spans_of(planes: Sequence[StoredPlane], boxes: Sequence[Box]) -> tuple[Span, ...]:
    """Give the spans that cover all boxes in every plane: ascending, disjoint."""
    runs = (run for plane in planes for box in boxes for run in _runs(plane, box))
    return tuple(_split(_join(list(merge(runs)))))


def with_header(spans: Sequence[Span], header: Span) -> tuple[Span, ...]:
    """Give spans that also cover a header; it joins a span that is close to it."""
    return tuple(_split(merge([*spans, header])))


def lacking(spans: Sequence[Span], fetched: Sequence[Span]) -> tuple[Span, ...]:
    """Give those spans that are not inside one that was fetched."""
    return tuple(
        (start, stop)
        for start, stop in spans
        if not any(begin <= start and stop <= end for begin, end in fetched)
    )


def is_worth_it(spans: Iterable[Span], total: int, largest_file: int) -> bool:
    """Whether these spans cost less than their file of ``total`` bytes.

    A file over ``largest_file`` bytes is not fetched whole: it always comes by spans.
    """
    if total > largest_file:
        return True
    weight = sum(stop - start + REQUEST for start, stop in spans)
    return weight <= WHOLE_FROM * total


def _runs(plane: StoredPlane, box: Box) -> Iterator[Span]:
    """Give the bytes of a box: a span for each row, or one if these would be joined."""
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
    """Join runs that overlap, or are closer than `REQUEST` bytes.

    In a frame with short rows all rows of a stamp are joined. In a mosaic with longer
    rows each row stays a span of its own.
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
    """Close the smallest gaps until there are at most `MOST_SPANS` spans.

    This adds the fewest bytes possible.
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


def _split(spans: Iterable[Span]) -> Iterator[Span]:
    for start, stop in spans:
        for begin in range(start, stop, LONGEST):
            yield begin, min(stop, begin + LONGEST)
