"""The rows of each set, for formats that put every split into files of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ..selection.splits import SETS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["ALL", "by_set"]

#: Name of the one set if the user asked for no splits.
ALL = "all"


def by_set(
    split: NDArray[Any] | None, count: int
) -> Iterator[tuple[str, NDArray[np.int64]]]:
    """Give the name of each set that has members, and their places, ascending.

    Parameters
    ----------
    split
        The set of each of ``count`` rows; None: one set, `ALL`.
    """
    if split is None:
        yield ALL, np.arange(count)
        return
    for name in SETS:
        places = np.flatnonzero(split == name)
        if len(places):
            yield name, places
