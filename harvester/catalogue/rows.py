"""The rows that become targets, kept as arrays until the targets are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from ..models import Target
from . import identifiers
from .positions import designations
from .stems import Stems

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .positions import Positions

__all__ = ["Names", "Rows"]

#: Rows that exist as Python objects at a time.
_ROWS = 10_000


@dataclass(frozen=True, slots=True)
class Names:
    """The name of every row: its identifier, or a name made of its position."""

    #: The identifiers in the type of the catalogue: numbers need less memory than text.
    column: pa.Array
    positions: Positions

    def of(self, rows: NDArray[np.int64]) -> list[str]:
        """Return the names of the rows with these indices.

        The name of a row without identifier and position is empty.
        """
        texts = identifiers.as_text(self.column.take(pa.array(rows))).to_pylist()
        nameless = [place for place, text in enumerate(texts) if text is None]
        for place, name in zip(nameless, self._by_place(rows[nameless]), strict=True):
            texts[place] = name
        names: list[str] = texts
        return names

    def _by_place(self, rows: NDArray[np.int64]) -> list[str]:
        ra, dec = self.positions.ra[rows], self.positions.dec[rows]
        sound = ~np.isnan(ra)
        names = np.full(len(rows), "", object)
        names[sound] = designations(ra[sound], dec[sound])
        found: list[str] = names.tolist()
        return found

    def codes(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return a number for each row; the same name always has the same number.

        The number is a hash of 64 bits. Two different names share one only by chance:
        among a million names once in 37 million catalogues.
        """
        return np.fromiter(map(hash, self.each(rows)), np.int64, len(rows))

    def each(self, rows: NDArray[np.int64]) -> Iterator[str]:
        """Yield the names one by one."""
        for start in range(0, len(rows), _ROWS):
            yield from self.of(rows[start : start + _ROWS])


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows become targets."""

    names: Names
    positions: Positions
    #: For each row, its line or row in the file, from 1.
    lines: NDArray[np.int64]
    #: Indices, from 0, of the rows that become targets, in catalogue order.
    kept: NDArray[np.int64]

    def targets(self) -> Iterator[Target]:
        """Yield the targets, in catalogue order."""
        stems = Stems(self.names.each(self.kept))
        for start in range(0, len(self.kept), _ROWS):
            rows = self.kept[start : start + _ROWS]
            facts = zip(
                self.names.of(rows),
                self.positions.ra[rows].tolist(),
                self.positions.dec[rows].tolist(),
                self.lines[rows].tolist(),
                strict=True,
            )
            for number, (name, ra, dec, line) in enumerate(facts, start):
                yield Target(number, name, ra, dec, stems.name(name), line)
