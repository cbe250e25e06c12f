"""Divides the sky into partitions, each a file of a table.

A partition is a HEALPix cell. One that has too many rows is divided into its four
children, and so on: rows that are dense on the sky get small cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ...selection.healpix import ORDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = [
    "DEEPEST",
    "Cell",
    "Partition",
    "divide",
    "empty_cell",
    "most_rows",
    "own_cells",
]

#: Bytes of pixels in a file before compression. Files stay below 1 GB with any codec,
#: and a data set of a million galaxies has some hundred files.
_BYTES = 256 * 2**20

#: Fewest and most rows that a partition may have before it is divided.
_ROWS = (1_000, 500_000)

#: The highest order of a partition: 51 arcsec, for thousands of galaxies in a cluster.
DEEPEST = 12

#: Cells in one folder, as the format prescribes.
_PER_FOLDER = 10_000

#: Base cells of the sphere.
_BASES = 12


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """A HEALPix cell in the nested numbering."""

    order: int
    pixel: int

    @property
    def stem(self) -> str:
        """The path of its file in a table, without suffix, as the format prescribes."""
        folder = self.pixel // _PER_FOLDER * _PER_FOLDER
        return f"dataset/Norder={self.order}/Dir={folder}/Npix={self.pixel}"

    @property
    def first(self) -> int:
        """The first cell of order 29 in it."""
        return self.pixel << (2 * (ORDER - self.order))

    @property
    def end(self) -> int:
        """The first cell of order 29 after it."""
        return (self.pixel + 1) << (2 * (ORDER - self.order))

    @property
    def parent(self) -> Cell:
        """The cell of the order below that it is in."""
        return Cell(self.order - 1, self.pixel // 4)

    def children(self) -> Iterator[Cell]:
        """Give the four cells of the next order in it."""
        for number in range(4):
            yield Cell(self.order + 1, 4 * self.pixel + number)


@dataclass(frozen=True, slots=True)
class Partition:
    """A cell, and its rows in a table that is sorted by ``_healpix_29``."""

    cell: Cell
    start: int
    stop: int


def most_rows(row_bytes: int) -> int:
    """Give the most rows of a partition whose rows have so many bytes of pixels."""
    return int(np.clip(_BYTES // max(row_bytes, 1), *_ROWS))


def divide(finest: NDArray[np.int64], most: int) -> list[Partition]:
    """Divide rows among cells, in the order of the rows.

    Parameters
    ----------
    finest
        The cell of order 29 of each row, ascending.
    most
        Rows that a cell may have, if it is not of the highest order.
    """
    bases = (Cell(0, number) for number in range(_BASES))
    return [one for base in bases for one in _divided(base, finest, most)]


def _divided(cell: Cell, finest: NDArray[np.int64], most: int) -> Iterator[Partition]:
    start, stop = np.searchsorted(finest, [cell.first, cell.end]).tolist()
    if start == stop:
        return
    if stop - start <= most or cell.order == DEEPEST:
        yield Partition(cell, start, stop)
        return
    for child in cell.children():
        yield from _divided(child, finest, most)


def own_cells(
    finest: NDArray[np.int64], partitions: Sequence[Partition]
) -> NDArray[np.int64]:
    """Give the number of the partition that each cell of order 29 is in; -1: none."""
    starts = np.array([one.cell.first for one in partitions])
    ends = np.array([one.cell.end for one in partitions])
    number = np.searchsorted(starts, finest, side="right") - 1
    return np.where((number >= 0) & (finest < ends[number]), number, -1)


def empty_cell(deepest: int, partitions: Sequence[Partition]) -> Cell:
    """Give the largest cell without partitions around an empty one of `DEEPEST`."""
    cell = Cell(DEEPEST, deepest)
    while cell.order and not _has_any(cell.parent, partitions):
        cell = cell.parent
    return cell


def _has_any(cell: Cell, partitions: Sequence[Partition]) -> bool:
    return any(
        one.cell.first < cell.end and cell.first < one.cell.end for one in partitions
    )
