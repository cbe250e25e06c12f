"""The history of a run as series for charts; it is read from the ledger alone."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

from ..ledger.bands import band_name
from ..ledger.view import LedgerView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..models import Survey
    from ..places import Places

__all__ = ["HISTORY", "read_history"]

#: Series of a band and of a host, by the name of the column.
_OF_BANDS = ("at", "done", "no_coverage", "failed", "open")
_OF_HOSTS = (
    *("at", "requests", "bytes", "in_flight", "waiting", "rate", "state"),
    *("answers", "p50_s", "p95_s"),
)

#: ``bands`` and ``hosts``: for each name, its columns as lists of the same length.
HISTORY = dict[str, dict[str, dict[str, list[Any]]]]


def read_history(places: Places, *, since: float = 0.0, most: int = 1500) -> HISTORY:
    """Read how a run went, also while it is at work, or after it has ended.

    Parameters
    ----------
    since
        Unix seconds; only later moments are read, to continue a chart.
    most
        Points of a series at most; of more, some between are left out.

    Returns
    -------
    dict
        ``bands``: for each band by its name (``sdss:r``) the series ``at`` (Unix
        seconds), and the targets ``done``, ``no_coverage``, ``failed`` and ``open``;
        ``hosts``: for each host ``at``, ``requests`` and ``bytes`` since the run began,
        ``in_flight`` and ``waiting`` at that moment, the allowed ``rate`` (requests a
        second), the ``state`` (`HostState.kind`), and since the moment before the
        number of ``answers``, with ``p50_s`` and ``p95_s`` (seconds until an answer
        began; None: none came). Differences give speeds. Moments are a minute apart,
        and further apart the older they are; also the first and last of each harvest
        are kept, so that a break is a flat line.
    """
    with LedgerView.open(places.ledger) as view:
        surveys = view.surveys()
        bands = [
            (_name(surveys, *one[:2]), one[2:]) for one in view.band_history(since)
        ]
        hosts = [(one.host, one[1:]) for one in view.host_history(since)]
    return {
        "bands": _series(bands, _OF_BANDS, most),
        "hosts": _series(hosts, _OF_HOSTS, most),
    }


def _name(surveys: dict[int, Survey], number: int, band: str) -> str:
    return band_name(surveys[number], band)


def _series(
    rows: Iterable[tuple[str, Sequence[Any]]], columns: Sequence[str], most: int
) -> dict[str, dict[str, list[Any]]]:
    series = {}
    for name, some in groupby(rows, key=lambda row: row[0]):
        points = _thinned([values for _, values in some], most)
        series[name] = {
            column: [values[place] for values in points]
            for place, column in enumerate(columns)
        }
    return series


def _thinned(points: list[Sequence[Any]], most: int) -> list[Sequence[Any]]:
    """Leave out points evenly, but keep the last one."""
    step = -(-len(points) // most)
    return points[::-1][::step][::-1]
