"""The noise of SDSS frames, from what a frame tells about its own making.

The pixels of a frame are ``(counts - sky) * calib``: HDU 1 has ``calib`` for each
column, HDU 2 the sky. So the counts that the camera recorded can be had back, and with
the gain of the CCD they tell the noise: ``counts / gain + dark variance``, in square
counts (SDSS data model, page ``frame``).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from .sky_table import read_sky_table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..reading import OpenFrame, PixelStack
    from .detectors import Detector

__all__ = ["SdssNoise", "SubtractedSky", "between", "read_noise"]


@dataclass(frozen=True, slots=True)
class SubtractedSky:
    """The sky that was subtracted from a frame, in counts."""

    #: At every row of the coarse table and every column of the frame, ``(ny, nx)``.
    _rows: NDArray[np.float32]
    #: For each row of the frame, the row of the table before it, and the fraction of a
    #: row behind that.
    _before: NDArray[np.intp]
    _behind: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        table: NDArray[np.float32],
        across: NDArray[np.float32],
        along: NDArray[np.float32],
    ) -> Self:
        """Make it from the columns of HDU 2.

        Parameters
        ----------
        table
            ``ALLSKY``: counts, ``(ny, nx)``, coarser than the frame.
        across, along
            ``XINTERP`` and ``YINTERP``: where the columns and the rows of the frame lie
            in it, in its pixels; the centre of the first one is 0. Near the end of a
            run ``table`` has fewer rows than ``along`` asks for: outside of it the sky
            is that of its edge.
        """
        before, behind = between(across, table.shape[1])
        left, right = (
            table[:, before],
            table[:, np.minimum(before + 1, len(table.T) - 1)],
        )
        return cls(left + behind * (right - left), *between(along, len(table)))

    def at(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        """Give the counts of pixels, bilinearly interpolated.

        Parameters
        ----------
        rows, columns
            Of the frame, from 0; broadcast against each other.
        """
        before, behind = self._before[rows], self._behind[rows]
        low = self._rows[before, columns]
        high = self._rows[np.minimum(before + 1, len(self._rows) - 1), columns]
        found: NDArray[np.float32] = low + behind * (high - low)
        return found


def between(
    places: NDArray[np.float32], length: int
) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
    """Give the pixel of a coarse table before each place, and the part behind it.

    Places outside of the ``length`` pixels are moved to its edge.
    """
    inside = np.clip(places, 0, length - 1)
    before = np.floor(inside).astype(np.intp)
    return before, (inside - before).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SdssNoise:
    """How sure the pixels of one frame are."""

    #: Nanomaggies a count, of each column of the frame: ``(nx,)``.
    calib: NDArray[np.float32]
    sky: SubtractedSky
    detector: Detector
    source: str = "calib, sky, gain and dark variance of the frame"

    def ivar(self, stack: PixelStack) -> NDArray[np.float32]:
        """Give the inverse variance of pixels of the frame.

        Returns
        -------
        NDArray
            ``(n, ny, nx)`` in 1 / nanomaggy^2; 0 where the flux has no value.
        """
        flux = stack.flux
        tops, lefts = stack.first.T[:, :, None]
        rows = (tops + np.arange(flux.shape[1]))[:, :, None]
        columns = (lefts + np.arange(flux.shape[2]))[:, None, :]
        calib, gain = self.calib[columns], np.float32(self.detector.gain)
        dark = np.float32(self.detector.dark_variance)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            # Fewer counts than none are noise: darkness is what remains.
            counts = np.maximum(flux / calib + self.sky.at(rows, columns), 0)
            found = 1 / (np.square(calib) * (counts / gain + dark))
        return np.where(np.isfinite(found) & (calib > 0), found, np.float32(0))


def read_noise(frame: OpenFrame, detector: Detector) -> SdssNoise | None:
    """Read what the noise of a frame depends on; None if it has no calib or no sky."""
    image, *others = itertools.islice(frame.hdus(), 3)
    if len(others) != 2 or others[1].values.get("XTENSION") != "BINTABLE":  # noqa: PLR2004 - calib and sky
        return None
    ny, nx = image.shape
    calib, table = others
    if calib.shape != (nx,) or calib.values.get("BITPIX") != "-32":
        return None
    row = read_sky_table(table.values, frame.data(table))
    if row is None or (row[1].size, row[2].size) != (nx, ny):
        return None
    values = np.frombuffer(frame.data(calib), ">f4").astype(np.float32)
    return SdssNoise(values, SubtractedSky.of(*row), detector)
