"""A chart over time as SVG; its labels are text beside it, so that they stay readable.

The drawing is stretched to the width of the window; lines keep their width.
"""

from __future__ import annotations

import math
from itertools import groupby
from typing import TYPE_CHECKING, Any

from .markup import tag
from .words import amount, moment, with_unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from xml.etree.ElementTree import Element

__all__ = ["drawn_chart"]

#: Units of the drawing.
_WIDTH, _HEIGHT = 1000, 100

#: The scale ends at one of these, times a power of ten.
_ENDS = (1, 2, 5, 10)


def drawn_chart(chart: Mapping[str, Any], since: float, until: float) -> Element:
    """Draw the lines of a chart that `over_time` gives, with its scales."""
    lines = [one for one in chart["lines"] if one["points"]]
    top = _round_up(max(map(_largest, lines)))
    # A single moment is drawn in a minute.
    until = max(until, since + 60)
    drawn = tag(
        "svg",
        *(_grid(share) for share in (0.0, 0.5, 1.0)),
        *(
            _line(place, line["points"], (since, until), top)
            for place, line in enumerate(lines, start=1)
        ),
        viewBox=f"0 0 {_WIDTH} {_HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=_label(chart, lines, since, until),
    )
    scale = (tag("span", amount(share * top)) for share in (1, 0.5, 0))
    ends = (tag("span", moment(at)) for at in (since, until))
    return tag(
        "div",
        tag("div", *scale, class_="scale", aria_hidden="true"),
        drawn,
        tag("p", *ends, class_="ends"),
        class_="drawn",
    )


def _label(
    chart: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], *ends: float
) -> str:
    most = (
        f"{one['name']} at most {with_unit(_largest(one), chart['unit'])}"
        for one in lines
    )
    return f"{chart['title']}, from {' to '.join(map(moment, ends))}: {', '.join(most)}"


def _largest(line: Mapping[str, Any]) -> float:
    return max(value or 0.0 for _, value in line["points"])


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(end * power for end in _ENDS if end * power >= 0.999 * value)


def _grid(share: float) -> Element:
    y = _HEIGHT * share
    return tag("line", class_="grid", x1=0, x2=_WIDTH, y1=y, y2=y)


def _line(
    place: int,
    points: Sequence[tuple[int, float | None]],
    ends: tuple[float, float],
    top: float,
) -> Element:
    since, until = ends
    strokes: list[str] = []
    for is_gap, some in groupby(points, lambda point: point[1] is None):
        if not is_gap:
            at = [
                f"{_WIDTH * (at - since) / (until - since):.1f} "
                f"{_HEIGHT * (1 - (value or 0) / top):.1f}"
                for at, value in some
            ]
            # A line of no length is a dot.
            strokes.append(f"M{'L'.join(at)}{'h0' if len(at) == 1 else ''}")
    kind = "dot" if all(one.endswith("h0") for one in strokes) else "run"
    return tag("path", class_=f"{kind} c{place}", d="".join(strokes))
