"""How many stamps were written when, from the modification times of their files."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from .figure_style import COLOURS, LINES, new_figure, say_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..opened.galaxies import Galaxies

__all__ = ["draw_throughput"]

#: Units of the time axis: from how many seconds on, name, seconds.
_UNITS = ((200_000, "days", 86_400), (7_200, "hours", 3_600), (180, "minutes", 60))

_BINS = 40


def draw_throughput(data: Galaxies) -> Figure | str:
    """Draw the number of stamps over time, and how many came in a unit of time."""
    times = {
        survey: _times(data.where(survey=survey))
        for survey in dict.fromkeys(survey for survey, _ in data.bands)
    }
    times = {survey: some for survey, some in times.items() if some.size}
    if not times:
        return "there is no stamp yet"
    first = min(float(some[0]) for some in times.values())
    last = max(float(some[-1]) for some in times.values())
    name, unit = _unit(last - first)
    figure = new_figure(9, 5.6)
    upper, lower = figure.subplots(2, 1, sharex=True)
    # At least a second, so that there is an axis.
    edges = np.linspace(0, max(1.0, last - first) / unit, _BINS + 1)
    for place, (survey, some) in enumerate(times.items()):
        since = (some - first) / unit
        look = {
            "color": COLOURS[place % len(COLOURS)],
            "linestyle": LINES[place % len(LINES)],
            "linewidth": 2,
        }
        count = np.arange(1, some.size + 1)
        upper.step(
            since, count, where="post", label=f"{survey} ({some.size:,})", **look
        )
        rates = np.histogram(since, edges)[0] / (edges[1] - edges[0])
        lower.stairs(rates, edges, **look)
    upper.set_ylabel("stamps")
    upper.legend(loc="upper left")
    lower.set_ylabel(f"stamps per {name.removesuffix('s')}")
    lower.set_ylim(0, None)
    begun = datetime.fromtimestamp(first, UTC)
    lower.set_xlabel(f"{name} since {begun:%Y-%m-%d %H:%M:%S} UTC")
    say_below(
        figure,
        "From the modification times of the stamps' files: a copy of the run keeps\n"
        "them only if it is made so (cp -p, rsync -t).",
    )
    return figure


def _times(data: Galaxies) -> NDArray[np.float64]:
    """Give the modification times of the stamps, sorted, Unix seconds."""
    root, times = str(data.out), []
    for file_loc in data.table["file_loc"].drop_null().to_pylist():
        # `harvester verify` reports missing files.
        with suppress(OSError):
            times.append(os.stat(f"{root}/{file_loc}").st_mtime)  # noqa: PTH116 - a million files
    return np.sort(np.array(times, float))


def _unit(seconds: float) -> tuple[str, int]:
    for least, name, unit in _UNITS:
        if seconds >= least:
            return name, unit
    return "seconds", 1
