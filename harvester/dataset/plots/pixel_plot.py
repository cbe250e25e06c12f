"""Magnitudes of the galaxies, and background and noise of the stamps, by band."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...errors import LocalError
from .band_order import by_wavelength
from .figure_style import COLOURS, LINES, new_figure, say_below
from .stamp_photometry import APERTURE_ARCSEC, measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from ..opened.band_names import Band
    from ..opened.galaxies import Galaxies
    from .stamp_photometry import StampPhotometry

__all__ = ["draw_pixels"]

_BINS = 24

#: Percent of a band's values at each end that count with the outermost bins: single
#: stamps with a bright neighbour would squeeze all others.
_CLIPPED = 2

#: Digits that a logarithmic axis has marks at, if the ratio of its ends is below a
#: number: more marks would touch each other.
_MARKS = ((30, (1, 2, 5)), (300, (1, 3)), (float("inf"), (1,)))


def draw_pixels(data: Galaxies, limit: int = 5000) -> Figure | str:
    """Draw histograms of aperture magnitudes, of backgrounds and of noise."""
    found = {
        band: list(_measured(data, band, limit)) for band in by_wavelength(data.bands)
    }
    found = {band: some for band, some in found.items() if some}
    if not found:
        return "no stamp has a known zero point and enough background pixels"
    figure = new_figure(12, 4.4)
    left, middle, right = figure.subplots(1, 3)
    _draw(left, {band: _magnitudes(some) for band, some in found.items()})
    left.set_xlabel(f"AB magnitude within {APERTURE_ARCSEC:g} arcsec")
    _draw(middle, {b: np.array([m.background for m in s]) for b, s in found.items()})
    middle.set_xlabel("background (nJy per square arcsec)")
    middle.locator_params(axis="x", nbins=5)
    middle.xaxis.set_major_formatter("{x:,.0f}")
    middle.axvline(0, color="black", linewidth=0.8)
    _draw(
        right, {b: np.array([m.noise for m in s]) for b, s in found.items()}, log=True
    )
    right.set_xlabel("noise of a pixel (nJy per square arcsec)")
    left.set_ylabel("percent of the stamps")
    figure.legend(*left.get_legend_handles_labels(), loc="outside upper left", ncols=7)
    say_below(
        figure,
        "Measured in the stamps, at most "
        f"{limit:,} of a band. The aperture is smaller where a stamp is small.\n"
        "The background is that of the outer pixels, with the outskirts of galaxies. "
        f"Of a band at most {_CLIPPED} % at each end are in the last bins.",
    )
    return figure


def _measured(data: Galaxies, band: Band, limit: int) -> Iterator[StampPhotometry]:
    chosen = data.where(survey=band[0], band=band[1]).complete()
    step = max(1, -(-len(chosen) // limit))
    for galaxy in chosen[::step]:
        try:
            found = measure(galaxy[band])
        except LocalError:
            continue  # `harvester verify` reports missing files
        if found is not None:
            yield found


def _magnitudes(some: list[StampPhotometry]) -> NDArray[np.float64]:
    return np.array([one.magnitude for one in some if one.magnitude is not None])


def _draw(
    axes: Axes, values: dict[Band, NDArray[np.float64]], *, log: bool = False
) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    known = [some for some in values.values() if some.size]
    if not known:
        return
    edges = _edges([np.log10(some) if log else some for some in known])
    if log:
        edges = 10**edges
        axes.set_xscale("log")
        subs = next(some for most, some in _MARKS if edges[-1] < most * edges[0])
        axes.xaxis.set_major_locator(LogLocator(subs=subs))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    for place, (band, some) in enumerate(values.items()):
        inside = np.clip(some, edges[0], edges[-1])
        share = 100 * np.histogram(inside, edges)[0] / max(1, some.size)
        axes.step(
            edges,
            np.append(share, share[-1]),
            where="post",
            color=COLOURS[place % len(COLOURS)],
            linestyle=LINES[place % len(LINES)],
            linewidth=2,
            label=f"{':'.join(band)} ({some.size:,})",
        )
    axes.set_ylim(0, None)


def _edges(values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Give the edges of bins that show nearly all values of each band."""
    ends = [np.percentile(some, [_CLIPPED, 100 - _CLIPPED]) for some in values]
    low, high = np.min(ends), np.max(ends)
    margin = 0.05 * (high - low) or 0.5
    return np.linspace(low - margin, high + margin, _BINS + 1)
