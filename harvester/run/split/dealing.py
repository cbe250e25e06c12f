"""Cuts a row of groups of galaxies into parts of about equal work.

The groups stand in sky order and stay whole. Arrays only: what a group is, the callers
know.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["deal"]

#: How far a cut may be from where it makes the parts equal, as a share of a part.
_PLAY = 0.1


def deal(
    work: NDArray[np.float64], parts: int, fitness: NDArray[np.int64] | None = None
) -> NDArray[np.int64]:
    """Give the part of each group; parts follow each other, and none is empty.

    Parameters
    ----------
    work
        Of each group, in any unit; not negative.
    parts
        At most as many as there are groups.
    fitness
        How fit the place before each group is for a cut. Near the place where parts
        are equal the fittest one is taken; None: all are alike.
    """
    assert 1 <= parts <= len(work)
    share = max(float(work.sum()), np.finfo(float).tiny) / parts
    # The work before each group.
    before = np.concatenate([[0.0], np.cumsum(work)[:-1]])
    cuts = [0]
    for part in range(1, parts):
        # Each part before this cut and behind it needs a group.
        first, last = cuts[-1] + 1, len(work) - (parts - part)
        equal = part * share
        ends = np.searchsorted(before, [equal - _PLAY * share, equal + _PLAY * share])
        low, high = np.clip(ends, first, last)
        cuts.append(_best(before, equal, fitness, range(low, high + 1)))
    found: NDArray[np.int64] = (
        np.searchsorted(cuts, np.arange(len(work)), side="right") - 1
    )
    return found


def _best(
    before: NDArray[np.float64],
    equal: float,
    fitness: NDArray[np.int64] | None,
    places: range,
) -> int:
    """Give the fittest of some places, of several the one that is nearest to equal."""
    chosen = slice(places.start, places.stop)
    off = np.abs(before[chosen] - equal)
    if fitness is not None:
        fit = fitness[chosen]
        off = np.where(fit == fit.max(), off, np.inf)
    return places.start + int(off.argmin())
