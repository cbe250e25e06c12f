"""Whether the galaxies that have stamps differ from those that have none.

If they do, the training set is biased: the archive has looked at some kinds of galaxies
more often than at others.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from scipy.stats import binomtest, ks_2samp

from ...errors import InputError
from .band_order import by_wavelength
from .figure_style import COLOURS, QUIET, new_figure, say_below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..opened.band_names import Band
    from ..opened.galaxies import Galaxies

__all__ = ["check_labels", "draw_labels"]

#: The most classes of a label, and the most labels, that are shown.
_CLASSES, _LABELS = 10, 6

#: Confidence of the intervals.
_CONFIDENCE = 0.95

#: The most bins of a histogram.
_BINS = 20

#: Characters that fit below a panel side by side, in the usual and in small letters.
_LINE, _SMALL_LINE = 36, 44


class _Label(NamedTuple):
    name: str
    values: pa.ChunkedArray
    is_class: bool


def check_labels(known: Sequence[str], names: Sequence[str]) -> None:
    """Refuse labels that the catalogue does not have.

    Raises
    ------
    InputError
        A label does not exist; the message says which there are.
    """
    for name in names:
        if name not in known:
            msg = f"there is no label {name!r}; there are {', '.join(known)}"
            raise InputError(msg)


def draw_labels(data: Galaxies, names: Sequence[str] | None = None) -> Figure | str:
    """Draw a row of panels for each label, with a column for each band.

    Classes: the fraction of each that has a stamp, with its 95 % interval, and a line
    for all galaxies. Numbers: histograms of the galaxies with and without a stamp.

    Raises
    ------
    InputError
        A label does not exist.
    """
    one_each = data.table.take(pa.array(data.starts[:-1]))
    labels = _labels(one_each, data.labels, names)
    bands = [
        band
        for band in by_wavelength(data.bands)
        if 0 < _kept(data, band).sum() < len(data)
    ]
    if not labels:
        return "the catalogue has no label that tells galaxies apart"
    if not bands:
        return "no band has both galaxies with a stamp and galaxies without one"
    shown = labels[:_LABELS]
    figure, panels = _panels(len(shown), len(bands))
    for number, (label, band) in enumerate(itertools.product(shown, bands)):
        draw = _draw_classes if label.is_class else _draw_numbers
        draw(panels[number], label, _kept(data, band))
        if len(bands) > 1 and number < len(bands):
            head = f"{_head(data, band)}\n"
            panels[number].set_title(head + panels[number].get_title())
    if len(bands) == 1:
        figure.suptitle(_head(data, bands[0]))
    _say_what_is_left_out(figure, labels)
    return figure


def _panels(labels: int, bands: int) -> tuple[Figure, list[Axes]]:
    """Give a panel for each label and band; several bands have a column each."""
    columns = bands if bands > 1 else min(2, labels)
    rows = -(-labels * bands // columns)
    figure = new_figure(max(7, 4.8 * columns), 2.9 * rows + 0.9)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for empty in panels[labels * bands :]:
        empty.set_axis_off()
    return figure, panels


def _head(data: Galaxies, band: Band) -> str:
    count = int(_kept(data, band).sum())
    return f"{':'.join(band)}: {count:,} of {len(data):,} galaxies have a stamp"


def _say_what_is_left_out(figure: Figure, labels: Sequence[_Label]) -> None:
    note = (
        "Bars: 95 % intervals (Wilson); dashed: all galaxies; squares: classes that "
        "differ from all. Below a class: its galaxies.\n"
        "p: of the test by Kolmogorov and Smirnov; a small one means that galaxies "
        "with a stamp differ."
    )
    more = [label.name for label in labels[_LABELS:]]
    if more:
        note += f"\nNot shown, see --labels: {', '.join(more)[:90]}"
    say_below(figure, note)


def _kept(data: Galaxies, band: Band) -> NDArray[np.bool_]:
    """Tell for each galaxy whether it has a stamp in a band."""
    is_it = pc.and_(
        pc.equal(data.table["survey"], band[0]), pc.equal(data.table["band"], band[1])
    )
    has = pc.and_(is_it, pc.is_valid(data.table["file_loc"])).to_numpy()
    kept: NDArray[np.bool_] = np.logical_or.reduceat(has, data.starts[:-1])
    return kept


# -- which labels ----------------------------------------------------------------------


def _labels(
    table: pa.Table, known: Sequence[str], names: Sequence[str] | None
) -> list[_Label]:
    """Give the labels to show: classes first, then numbers."""
    check_labels(known, names or ())
    found = [_label(name, table[name]) for name in (known if names is None else names)]
    labels = [label for label in found if label is not None]
    if names is None:
        texts = [label for label in labels if pa.types.is_string(label.values.type)]
        labels = [one for one in labels if not _repeats(one, texts)]
    return sorted(labels, key=lambda label: not label.is_class)


def _label(name: str, values: pa.ChunkedArray) -> _Label | None:
    """Describe a column; None if it cannot tell kinds of galaxies apart."""
    kind = values.type
    if pa.types.is_nested(kind) or pc.count_distinct(values).as_py() < 2:  # noqa: PLR2004 - constant
        return None
    is_number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    few = pc.count_distinct(values).as_py() <= _CLASSES
    if few and not pa.types.is_floating(kind):
        return _Label(name, values, is_class=True)
    return _Label(name, values, is_class=False) if is_number else None


def _repeats(label: _Label, texts: Sequence[_Label]) -> bool:
    """Tell whether a label is the code of another that is text."""
    if not label.is_class or pa.types.is_string(label.values.type):
        return False
    for text in texts:
        pairs = pa.table({"code": label.values, "text": text.values})
        many = pairs.group_by(["code", "text"]).aggregate([]).num_rows
        counts = (pc.count_distinct(one, mode="all").as_py() for one in pairs.columns)
        if set(counts) == {many}:
            return True
    return False


# -- one panel -------------------------------------------------------------------------


def _draw_classes(axes: Axes, label: _Label, kept: NDArray[np.bool_]) -> None:
    texts = np.array([str(value) for value in label.values.to_pylist()])
    names = sorted(set(texts.tolist()))
    axes.axhline(kept.mean(), color=QUIET, linestyle="--", linewidth=1.5)
    for place, name in enumerate(names):
        here = texts == name
        done, count = int(kept[here].sum()), int(here.sum())
        between = binomtest(done, count).proportion_ci(_CONFIDENCE, method="wilson")
        share = done / count
        # An interval without the line: this class is kept more or less than all.
        is_off = not between.low <= kept.mean() <= between.high
        axes.errorbar(
            place,
            share,
            [[max(0, share - between.low)], [max(0, between.high - share)]],
            color=COLOURS[3] if is_off else COLOURS[0],
            marker="s" if is_off else "o",
            markersize=7,
            capsize=4,
            linewidth=2,
        )
    axes.set_xticks(range(len(names)), [_class(n, texts) for n in names])
    # Long names would touch.
    length = sum(len(_class(name, texts).partition("\n")[0]) for name in names)
    is_long = length > _LINE
    axes.tick_params(
        axis="x",
        labelsize=9 if is_long else 11,
        labelrotation=25 if length > _SMALL_LINE else 0,
    )
    axes.set_xlim(-0.6, len(names) - 0.4)
    # Room for the whole mark of a class that has all its stamps.
    axes.set_ylim(0, 1.06 * axes.dataLim.ymax)
    axes.set_ylabel("part with a stamp")
    axes.set_title(label.name)


def _class(name: str, texts: NDArray[np.str_]) -> str:
    shown = name if len(name) <= 14 else f"{name[:13]}…"  # noqa: PLR2004 - fits below a mark
    return f"{shown}\n{int((texts == name).sum()):,}"


def _draw_numbers(axes: Axes, label: _Label, kept: NDArray[np.bool_]) -> None:
    values = np.asarray(label.values.cast(pa.float64()).to_numpy(), float)
    fits = np.isfinite(values)
    with_stamp, without = values[fits & kept], values[fits & ~kept]
    if not with_stamp.size or not without.size:
        axes.text(0.5, 0.5, "too few values", ha="center", transform=axes.transAxes)
        axes.set_title(label.name)
        return
    # Few galaxies in a bin would show their noise only.
    bins = int(np.clip(np.sqrt(min(with_stamp.size, without.size)), 5, _BINS))
    low, high = np.percentile(values[fits], [0.5, 99.5])
    edges = np.linspace(low, high, bins + 1)
    for some, colour, style, name in (
        (with_stamp, COLOURS[0], "-", "with a stamp"),
        (without, COLOURS[1], "--", "without"),
    ):
        weights = np.full(some.size, 1 / some.size)
        axes.hist(
            np.clip(some, edges[0], edges[-1]),
            edges,
            weights=weights,
            histtype="step",
            color=colour,
            linestyle=style,
            linewidth=2,
            label=f"{name} ({some.size:,})",
        )
    chance = ks_2samp(with_stamp, without).pvalue
    axes.set_title(f"{label.name}: {_chance(chance)}")
    axes.set_ylabel("part of the galaxies")
    axes.set_ylim(0, axes.get_ylim()[1] * 1.35)
    axes.legend(loc="upper right", ncols=2, fontsize=9)


def _chance(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.2g}"  # noqa: PLR2004 - as papers write it
