"""Speed and latency over time, from the history that the ledger keeps."""

from __future__ import annotations

import time
from itertools import groupby, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from ...ledger.bands import band_name
from ...ledger.browsing import BrowsingView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from ...ledger.history import BandMoment, HostMoment
    from .shown_run import ShownRun

__all__ = ["SPANS", "over_time"]

#: The times that can be shown, in seconds; 0: since the beginning.
SPANS = {"hour": 3_600, "day": 86_400, "week": 7 * 86_400, "all": 0}

#: Points of a line at most; a wide window has about as many pixels for it.
_POINTS = 240

#: Lines of a chart at most: more colours cannot be told apart.
_LINES = 6


class _Line(NamedTuple):
    """One line of a chart: Unix seconds and value; None breaks the line."""

    name: str
    points: list[tuple[int, float | None]]

    @property
    def weight(self) -> float:
        return sum(value or 0 for _, value in self.points)


def over_time(run: ShownRun, span: str) -> dict[str, Any]:
    """Give the charts of a run for one of `SPANS`.

    Raises
    ------
    HarvesterError
        The ledger cannot be read.
    """
    now = time.time()
    with BrowsingView.open(run.places.ledger) as view:
        surveys = view.surveys()
        since = now - SPANS[span] if SPANS[span] else 0.0
        bands, hosts = view.band_history(since), view.host_history(since)
    if not bands:
        return {"charts": []}
    first, last = min(one.at for one in bands), max(one.at for one in bands)
    step = max(1, (last - first) // _POINTS)
    by_band = [
        (band_name(surveys[number], band), _thinned(rows, step))
        for (number, band), rows in groupby(bands, attrgetter("survey", "band"))
    ]
    by_host = [
        (name, _thinned(rows, step))
        for name, rows in groupby(hosts, attrgetter("host"))
    ]
    return {
        "since": since or first,
        "until": last,
        "charts": [
            _chart("Galaxies settled a minute", "/min", _rates(by_band, _settled, 60)),
            _chart("Bytes a second", "B/s", _rates(by_host, attrgetter("bytes"), 1)),
            _chart(
                "Requests a minute", "/min", _rates(by_host, attrgetter("requests"), 60)
            ),
            _chart("Latency: 19 in 20 answers begin within", "s", _latencies(by_host)),
        ],
    }


def _settled(moment: BandMoment) -> int:
    return moment.done + moment.no_coverage + moment.failed


def _thinned(rows: Iterable[Any], step: int) -> list[Any]:
    """Keep the last row of each step; the numbers are sums, so nothing is lost."""
    return [list(some)[-1] for _, some in groupby(rows, lambda row: row.at // step)]


def _rates(
    groups: Sequence[tuple[str, list[Any]]],
    total: Callable[[Any], float],
    per_s: float,
) -> Iterator[_Line]:
    for name, rows in groups:
        points = [
            (
                after.at,
                max(
                    0.0, per_s * (total(after) - total(before)) / (after.at - before.at)
                ),
            )
            for before, after in pairwise(rows)
        ]
        yield _Line(name, points)


def _latencies(groups: Sequence[tuple[str, list[HostMoment]]]) -> Iterator[_Line]:
    for name, rows in groups:
        yield _Line(name, [(row.at, row.p95_s) for row in rows])


def _chart(title: str, unit: str, lines: Iterable[_Line]) -> dict[str, Any]:
    heaviest = sorted((one for one in lines if one.weight), key=lambda one: -one.weight)
    shown = sorted(heaviest[:_LINES])
    return {
        "title": title,
        "unit": unit,
        "more": len(heaviest) - len(shown),
        "lines": [
            {
                "name": line.name,
                "points": [
                    (at, None if value is None else float(f"{value:.4g}"))
                    for at, value in line.points
                ],
            }
            for line in shown
        ],
    }
