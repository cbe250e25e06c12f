"""How the pixels of an SDSS frame were made of counts, and making them again.

A pixel is ``(counts - sky) * calib``, rounded to ten significant binary digits, and its
counts are a whole number. So a pixel, its column and its row tell the counts, and these
tell the pixel again, bit for bit. With the calibration of another column they do not.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Self

import numpy as np

from ...block_law import DoubtError
from ..noise import between
from ..sky_table import read_sky_table
from .header import COLUMNS, ROWS
from .phase import ROUNDED_BITS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ...reading import OpenFrame

    Grid = NDArray[np.float64]

__all__ = ["Making"]

#: Counts above the sky between which a pixel tells its place. Below, rounding hardly
#: matters; above, ten digits do not tell one count from the next.
_LEAST, _MOST = 0.5, 400.0

#: Fewest pixels that tell anything.
_FEWEST = 500

_HALF, _KEPT = np.int32(1 << ROUNDED_BITS - 1), np.int32(-1 << ROUNDED_BITS)


@dataclass(frozen=True, slots=True)
class Making:
    """The calibration and the sky of one frame."""

    #: Nanomaggies a count, of each column: ``(nx,)``.
    calib: Grid
    #: Sky in counts, ``(ny, nx)``, coarser than the frame; and where the columns and
    #: rows of the frame lie in it.
    table: Grid
    across: NDArray[np.float32]
    along: NDArray[np.float32]

    @classmethod
    def of(cls, frame: OpenFrame) -> Self:
        """Read HDU 1 and 2 of a frame.

        Raises
        ------
        DoubtError
            ``calibration``: it lacks one of them, or they are of another image.
        """
        _, *others = islice(frame.hdus(), 3)
        row = None
        if len(others) == 2 and others[1].values.get("XTENSION") == "BINTABLE":  # noqa: PLR2004 - calib and sky
            row = read_sky_table(others[1].values, frame.data(others[1]))
        if row is None or (row[1].size, row[2].size) != (COLUMNS, ROWS):
            raise DoubtError("calibration", "it has no table of the sky")
        calib = others[0]
        if calib.shape != (COLUMNS,) or calib.values.get("BITPIX") != "-32":
            raise DoubtError("calibration", "it has no calibration of its columns")
        values = np.frombuffer(frame.data(calib), ">f4").astype(np.float64)
        return cls(values, row[0].astype(np.float64), row[1], row[2])

    def sky(self, rows: NDArray[np.intp]) -> Grid:
        """Give the sky in counts of whole rows, ``(n, nx)``, by interpolation."""
        before, behind = between(self.along[rows], len(self.table))
        low, high = (self.table[at] for at in (before, _next(before, len(self.table))))
        coarse = low + behind[:, None] * (high - low)
        left, part = between(self.across, self.table.shape[1])
        right = coarse[:, _next(left, self.table.shape[1])]
        found: Grid = coarse[:, left] + part * (right - coarse[:, left])
        return found

    def misfit(self, pixels: NDArray[np.float32], sky: Grid, shift: int) -> float:
        """Give the part of some pixels that are not made again bit for bit.

        Parameters
        ----------
        pixels
            Whole rows of the image, ``(n, nx)``, if ``shift`` is 0.
        sky
            That of these rows.
        shift
            Columns by which the pixels would lie to the right of that.

        Raises
        ------
        DoubtError
            ``few``: too few of the pixels can tell.
        """
        calib = np.roll(self.calib, -shift)
        background = np.roll(sky, -shift, axis=1) if shift else sky
        with np.errstate(all="ignore"):  # damaged values fit nowhere
            counts = np.rint(pixels / calib + background) - background
            made = (counts * calib).astype(np.float32).view(np.int32)
            size = np.abs(counts)
        telling = (size > _LEAST) & (size < _MOST)
        number = int(np.count_nonzero(telling))
        if number < _FEWEST:
            raise DoubtError("few", f"only {number} pixels can tell their place")
        rounded = (made + _HALF) & _KEPT
        wrong = (rounded != pixels.view(np.int32)) & telling
        return int(np.count_nonzero(wrong)) / number


def _next(before: NDArray[np.intp], length: int) -> NDArray[np.intp]:
    return np.minimum(before + 1, length - 1)
