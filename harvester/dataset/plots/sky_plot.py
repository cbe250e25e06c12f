"""A map of the sky for each survey: where the galaxies are, and what came of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .figure_style import STATES, new_figure, say_below

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.projections.geo import MollweideAxes
    from numpy.typing import NDArray

    from ..opened.galaxies import Galaxies

__all__ = ["draw_sky"]

#: The state of a galaxy that has several bands is the first of these that occurs.
_ORDER = ("done", "failed", "located", "pending", "no_coverage")

#: From this many galaxies on the marks are small.
_MANY = 5000


def draw_sky(data: Galaxies) -> Figure | str:
    """Draw a Mollweide map for each survey; right ascension grows to the left."""
    if not len(data):
        return "the catalogue has no galaxies"
    surveys = list(dict.fromkeys(survey for survey, _ in data.bands))
    figure = new_figure(8, 4.6 * len(surveys))
    for place, survey in enumerate(surveys, 1):
        axes = figure.add_subplot(len(surveys), 1, place, projection="mollweide")
        _draw_map(axes, data.where(survey=survey), survey)
    say_below(
        figure,
        "Mollweide projection of right ascension and declination, ICRS degrees. "
        "East is left.",
    )
    return figure


def _draw_map(axes: MollweideAxes, data: Galaxies, survey: str) -> None:
    states = _states(data)
    ra, dec = (_of_galaxies(data, name) for name in ("ra", "dec"))
    # Mollweide axes take -180 to 180 degrees; 180 is in the middle.
    across, up = np.radians(180 - ra), np.radians(dec)
    # Galaxies of one field cover each other: the largest marks are drawn first.
    for place in reversed(range(len(_ORDER))):
        here = states == place
        if not here.any():
            continue
        look = STATES[_ORDER[place]]
        axes.scatter(
            across[here],
            up[here],
            s=look.area if len(states) < _MANY else look.area / 6,
            facecolors="none" if look.is_hollow else look.colour,
            edgecolors=look.colour,
            linewidths=1.2 if look.is_hollow else 0,
            marker=look.marker,
            rasterized=True,
            clip_on=False,
            label=f"{_ORDER[place].replace('_', ' ')}: {int(here.sum()):,}",
        )
    axes.set_title(f"{survey}: {len(states):,} galaxies", pad=14)
    axes.grid(visible=True, color="#D5D8DD", linewidth=0.6)
    axes.set_xticks(np.radians([-120, -60, 0, 60, 120]))
    axes.set_xticklabels(["300°", "240°", "180°", "120°", "60°"], color="#555B66")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.03), ncols=5)


def _states(data: Galaxies) -> NDArray[np.int64]:
    """Give for each galaxy the place of its state in `_ORDER`."""
    status = np.asarray(data.table["status"].to_pylist())
    places = np.full(len(status), len(_ORDER), np.int64)
    for place, state in enumerate(_ORDER):
        places[status == state] = place
    return np.minimum.reduceat(places, data.starts[:-1])


def _of_galaxies(data: Galaxies, name: str) -> NDArray[np.float64]:
    values: NDArray[np.float64] = data.table[name].to_numpy()[data.starts[:-1]]
    return values
