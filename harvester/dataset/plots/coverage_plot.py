"""How many galaxies have a stamp in each band, and how much of each stamp is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .band_order import by_wavelength
from .figure_style import COLOURS, LINES, STATES, new_figure, say_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from ..opened.band_names import Band
    from ..opened.galaxies import Galaxies

__all__ = ["draw_coverage"]

#: Least coverage of a stamp that counts as whole: single pixels without a value are
#: usual in some archives.
_WHOLE = 0.99

#: Percent of a bar that a digit of a number takes up.
_DIGIT = 1.3

#: What came of a galaxy in a band: name, colour, hatching.
_KINDS = (
    ("whole stamp", COLOURS[0], ""),
    ("part of a stamp", COLOURS[5], "//"),
    ("no coverage", "#D5D8DD", ""),
    ("failed", STATES["failed"].colour, "xx"),
    ("still to do", "#F5E6C3", ".."),
)


def draw_coverage(data: Galaxies) -> Figure | str:
    """Draw a bar for each band, and how many stamps have which coverage at least."""
    bands = by_wavelength(data.bands)
    if not len(data):
        return "the catalogue has no galaxies"
    figure = new_figure(10, 2.4 + 0.55 * max(3, len(bands)))
    left, right = figure.subplots(1, 2, width_ratios=[3, 2])
    for place, band in enumerate(bands):
        rows = data.where(survey=band[0], band=band[1]).table
        _draw_bar(left, place, rows, named=place == 0)
        _draw_shares(right, place, rows, band)
    left.set_yticks(range(len(bands)), [":".join(band) for band in bands])
    left.invert_yaxis()
    left.set_xlabel("percent of the galaxies")
    left.set_xlim(0, 100)
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=5)
    right.set_xlabel("coverage: part of the pixels with a value")
    right.set_ylabel("percent of the stamps\nwith at least this")
    right.set_xlim(0, 1.04)
    right.set_ylim(0, 104)
    if right.lines:
        right.legend(loc="lower left")
    say_below(figure, "Whole: at least 99 % of the pixels have a value.")
    return figure


def _draw_bar(axes: Axes, place: int, rows: pa.Table, *, named: bool) -> None:
    counts = _counts(rows)
    start, total = 0.0, max(1, sum(counts))
    for count, (name, colour, hatch) in zip(counts, _KINDS, strict=True):
        share = 100 * count / total
        axes.barh(
            place,
            share,
            left=start,
            color=colour,
            hatch=hatch,
            edgecolor="white",
            label=name if named else None,
        )
        text = f"{count:,}"
        if share > _DIGIT * (len(text) + 0.5):
            is_dark = colour in (COLOURS[0], COLOURS[3])
            axes.text(
                start + share / 2,
                place,
                text,
                ha="center",
                va="center",
                color="white" if is_dark else "black",
                bbox={"facecolor": colour, "edgecolor": "none", "pad": 1.5},
            )
        start += share


def _counts(rows: pa.Table) -> list[int]:
    status = pc.value_counts(rows["status"]).to_pylist()
    states = {one["values"]: one["counts"] for one in status}
    whole = pc.sum(pc.greater_equal(rows["coverage"], _WHOLE)).as_py() or 0
    done = states.pop("done", 0)
    known = states.pop("no_coverage", 0), states.pop("failed", 0)
    return [whole, done - whole, *known, sum(states.values())]


def _draw_shares(axes: Axes, place: int, rows: pa.Table, band: Band) -> None:
    values = np.sort(rows["coverage"].drop_null().to_numpy())
    if not values.size:
        return
    share = 100 * (1 - np.arange(values.size + 1) / values.size)
    axes.step(
        np.concatenate([[0], values, [values[-1]]])[: share.size + 1],
        np.concatenate([[100], share])[: share.size + 1],
        where="pre",
        color=COLOURS[place % len(COLOURS)],
        linestyle=LINES[place % len(LINES)],
        linewidth=2,
        label=f"{':'.join(band)} ({values.size:,})",
    )
