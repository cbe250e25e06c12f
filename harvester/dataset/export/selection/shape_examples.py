"""The shapes that the stamps of a survey have, with some galaxies of each."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from ....errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

__all__ = ["Examples"]

#: Galaxies of each shape that a message names.
_NAMED = 3


class Examples:
    """Counts shapes, and keeps the names of a few galaxies of each."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int]] = Counter()
        self._names: dict[tuple[int, int], list[str]] = {}

    def add(self, shapes: NDArray[np.int64], ids: pa.ChunkedArray) -> None:
        """Add stamps: their shapes ``(n, 2)`` as ``(ny, nx)``, and their galaxies."""
        if not len(shapes):
            return
        distinct, number, counts = np.unique(
            shapes, axis=0, return_inverse=True, return_counts=True
        )
        for place, (ny, nx) in enumerate(distinct.tolist()):
            self._counts[ny, nx] += int(counts[place])
            rows = np.flatnonzero(number.ravel() == place)[:_NAMED]
            names = self._names.setdefault((ny, nx), [])
            names += [ids[int(row)].as_py() for row in rows]

    def one_shape(self, survey: str) -> tuple[int, int]:
        """Give the one shape ``(ny, nx)``.

        Raises
        ------
        InputError
            There are several shapes; the message names galaxies of each.
        """
        if len(self._counts) == 1:
            return next(iter(self._counts))
        lines = "".join(
            f"\n  {shape[0]} x {shape[1]} pixels: {count:,}, such as "
            + ", ".join(list(dict.fromkeys(self._names[shape]))[:_NAMED])
            for shape, count in self._counts.most_common()
        )
        msg = (
            f"a data set has stamps of one shape, but {survey} has several:{lines}\n"
            "Harvest them with one size in pixels and --mode partial, or leave small "
            "ones out with --min-coverage."
        )
        raise InputError(msg)
