"""The map of the sky: each galaxy by the state of its job, or counts in a grid.

Few galaxies are sent one by one. Of many the page gets counts, so that the answer stays
small and the map smooth with a million of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from ...ledger.browsing import BrowsingView, SkyBox
from ...states import State

if TYPE_CHECKING:
    from pathlib import Path

    from .shown_run import ShownRun

__all__ = ["parse_box", "sky_map"]

#: Galaxies that are sent one by one at most.
_MOST_POINTS = 2_000

#: Cells of the grid at most.
_MOST_CELLS = 6_000

#: Degrees; boxes are at least so wide, because one galaxy alone has no extent.
_SMALLEST = 1e-4

#: The order in which the states of a cell are sent.
_STATES = tuple(State)


def parse_box(text: str) -> SkyBox | None:
    """Read ``RA,DEC,WIDTH,HEIGHT`` in degrees; None for an empty text.

    Raises
    ------
    ValueError
        It is no box.
    """
    if not text:
        return None
    box = SkyBox(*(float(part) for part in text.split(",", 3)))
    if not all(map(math.isfinite, box)) or box.width <= 0 or box.height <= 0:
        msg = "a box has finite edges and an extent"
        raise ValueError(msg)
    return box


def sky_map(run: ShownRun, survey: int, box: SkyBox | None) -> dict[str, Any]:
    """Give the jobs of a survey in a box, by default around all galaxies.

    Returns
    -------
    dict
        ``box`` of the map and ``all`` of the run, ``[ra, dec, width, height]`` in
        degrees. Then ``points``, each ``[ra, dec, state, id]``; or ``grid``, its
        columns and rows, and ``cells``, each ``[column, row, jobs of each state]``.
        States are places in ``states``.
    """
    with BrowsingView.open(run.places.ledger) as view:
        galaxies = view.count("target")
        if not galaxies:
            return {"all": None}
        whole = _whole(run.places.ledger, galaxies)
        shown = box or whole
        told = {"all": whole, "box": shown, "states": _STATES}
        galaxies = view.count_in(box) if box else galaxies
        if galaxies <= _MOST_POINTS:
            points = view.sky_points(survey, shown, _MOST_POINTS)
            return told | {
                "galaxies": galaxies,
                "points": [
                    (
                        round(p.ra, 5),
                        round(p.dec, 5),
                        _STATES.index(State(p.state)),
                        p.id,
                    )
                    for p in points
                ],
            }
        columns, rows = _grid(shown)
        return told | {
            "galaxies": galaxies,
            "grid": (columns, rows),
            "cells": _cells(view, survey, shown, columns, rows),
        }


# With a million galaxies it takes a second, and only new galaxies change it.
@lru_cache(maxsize=64)
def _whole(ledger: Path, galaxies: int) -> SkyBox:
    """Give a box around all galaxies, with a little space around them."""
    with BrowsingView.open(ledger) as view:
        extent = view.sky_extent()
    assert extent is not None, f"{galaxies} galaxies"
    width = min(360.0, 1.04 * max(extent.width, _SMALLEST))
    height = 1.04 * max(extent.height, _SMALLEST)
    ra = extent.ra + (extent.width - width) / 2
    # A negative right ascension would say that the box reaches over 0.
    ra = ra if extent.ra < 0 else max(0.0, ra)
    return SkyBox(ra, extent.dec + (extent.height - height) / 2, width, height)


def _grid(box: SkyBox) -> tuple[int, int]:
    """Give columns and rows of cells that are about square on the sky."""
    middle = math.radians(max(-89.0, min(89.0, box.dec + box.height / 2)))
    width = box.width * math.cos(middle)
    step = math.sqrt(width * box.height / _MOST_CELLS)
    columns = min(_MOST_CELLS, max(1, int(width / step)))
    return columns, max(1, min(_MOST_CELLS // columns, int(box.height / step)))


def _cells(
    view: BrowsingView, survey: int, box: SkyBox, columns: int, rows: int
) -> list[list[int]]:
    counts: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0] * len(_STATES))
    for cell in view.sky_cells(survey, box, columns, rows):
        counts[cell.column, cell.row][_STATES.index(State(cell.state))] += cell.jobs
    return [[*place, *jobs] for place, jobs in counts.items()]
