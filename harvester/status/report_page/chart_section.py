"""The section with speed and latency over time, as drawings and as numbers."""

from __future__ import annotations

from statistics import fmean
from typing import TYPE_CHECKING, Any

from ...events import counted
from .drawn_chart import drawn_chart
from .markup import details, tag, wide_table
from .words import moment, with_unit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from xml.etree.ElementTree import Element

    from .facts import RunFacts

    Chart = Mapping[str, Any]
    Points = Sequence[tuple[int, float | None]]

__all__ = ["chart_section"]

#: Rows of the table of a chart.
_ROWS = 24

_NONE = (
    "There are no lines yet: the history has a moment each minute, and a line needs "
    "two of them. Ledgers of earlier versions have no history."
)


def chart_section(facts: RunFacts) -> Element:
    """Make the section."""
    charts = [
        chart
        for chart in facts.charts["charts"]
        if any(line["points"] for line in chart["lines"])
    ]
    since, until = facts.charts.get("since", 0), facts.charts.get("until", 0)
    plots = [_plot(chart, since, until) for chart in charts]
    return tag(
        "section",
        tag("h2", "Over time", id="charts-title"),
        tag("p", "Times are UTC." if plots else _NONE, class_="quiet"),
        tag("div", *plots, id="plots"),
        id="charts",
        aria_labelledby="charts-title",
    )


def _plot(chart: Chart, since: float, until: float) -> Element:
    keys = [_key(place, line, chart["unit"]) for place, line in _numbered(chart)]
    more = counted(chart["more"], "more line is", "more lines are")
    return tag(
        "div",
        tag("h3", chart["title"]),
        drawn_chart(chart, since, until),
        tag("p", *keys, class_="keys"),
        tag("p", f"{more} left out.", class_="quiet") if chart["more"] else None,
        details(["Numbers"], _table(chart, since, until)),
        class_="plot",
    )


def _numbered(chart: Chart) -> Iterator[tuple[int, Mapping[str, Any]]]:
    return enumerate((one for one in chart["lines"] if one["points"]), start=1)


def _key(place: int, line: Mapping[str, Any], unit: str) -> Element:
    values = [value for _, value in line["points"] if value is not None]
    words = f"{line['name']}: at most {with_unit(max(values), unit)}"
    words += f", last {with_unit(values[-1], unit)}"
    return tag("span", tag("i", class_=f"c{place}"), words)


def _table(chart: Chart, since: float, until: float) -> Element:
    step = max(60.0, (until - since) / _ROWS)
    lines = [line for _, line in _numbered(chart)]
    is_rate = "/" in chart["unit"]
    summary: Callable[[Sequence[float]], float] = fmean if is_rate else max
    columns = [_summarised(line["points"], since, step, summary) for line in lines]
    times = sorted({place for column in columns for place in column})
    rows = [
        [
            moment(since + place * step),
            *(_cell(column.get(place), chart["unit"]) for column in columns),
        ]
        for place in times
    ]
    what = "mean" if is_rate else "largest value"
    title = f"{chart['title']}, the {what} of each time"
    return wide_table(title, ["From", *(line["name"] for line in lines)], rows)


def _cell(value: float | None, unit: str) -> str:
    return "-" if value is None else with_unit(value, unit)


def _summarised(
    points: Points,
    since: float,
    step: float,
    summary: Callable[[Sequence[float]], float],
) -> dict[int, float]:
    """Summarise the points of each step, by the number of the step."""
    kept: dict[int, list[float]] = {}
    for at, value in points:
        if value is not None:
            place = min(int((at - since) / step), _ROWS - 1)
            kept.setdefault(place, []).append(value)
    return {place: summary(values) for place, values in kept.items()}
