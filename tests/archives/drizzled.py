"""Headers of drizzled images, and noise like theirs, for tests."""

from __future__ import annotations

import numpy as np

#: As the pipeline writes them for WFC3/IR.
SECONDS = {
    "D001WTSC": "1.0",
    "D001DEXP": "500.0",
    "D001KERN": "square",
    "D001PIXF": "1.0",
    "D001SCAL": "0.12825",
    "D001ISCL": "0.12825",
    "EXPTIME": "1000.0",
    "BUNIT": "ELECTRONS/S",
}


def look_up(cards):
    """Give a look-up of these cards."""
    return lambda keyword: str(cards.get(keyword, ""))


def correlated(rng, shape):
    """Make noise of pixels that share drops of their own size.

    Sums over large areas scatter as those of independent pixels of variance 1; single
    pixels have a variance of 4/9.
    """
    drops = rng.standard_normal((shape[0] + 1, shape[1] + 1))
    shift = (1 - np.sqrt(1 / 3)) / 2
    rows = drops[:-1] + shift * (drops[1:] - drops[:-1])
    return rows[:, :-1] + shift * (rows[:, 1:] - rows[:, :-1])
