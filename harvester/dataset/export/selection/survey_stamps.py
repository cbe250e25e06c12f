"""The stamps of one survey: where they are, their one shape, and reading them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from ....errors import InputError, LocalError
from ...stamp_reader import read_stamp
from .read_ahead import read_ahead

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from ...stamp_reader import StampPlanes
    from .axes import Axis

__all__ = ["StampArrays", "SurveyStamps"]

#: Stamps that are read at a time: few enough for any memory.
_BATCH = 256


@dataclass(frozen=True, slots=True)
class StampArrays:
    """Stamps of some galaxies in all bands of a survey; native byte order."""

    #: ``(n, B, ny, nx)``; NaN where there is no value or no stamp.
    flux: NDArray[np.float32]
    #: ``(n, B, ny, nx)``, 1 / unit^2; 0 where there is none. None: not harvested.
    ivar: NDArray[np.float32] | None
    #: ``(n, B, ny, nx)``, bits; 0 where there is no stamp. None: not harvested.
    mask: NDArray[np.uint8] | None
    #: ``(n, B, side, side)``; NaN where there is none. None: not harvested.
    psf: NDArray[np.float32] | None

    def planes(self) -> dict[str, NDArray[np.float32] | NDArray[np.uint8]]:
        """Give the planes that there are, by name."""
        found = {name: getattr(self, name) for name in self.__slots__}
        return {name: plane for name, plane in found.items() if plane is not None}


@dataclass(frozen=True, slots=True)
class SurveyStamps:
    """The stamps of one survey in a selection.

    A galaxy without a stamp in any band of the survey is not in ``rows``.
    """

    name: str
    axes: tuple[Axis, ...]
    #: ``(ny, nx)`` of all its stamps.
    shape: tuple[int, int]
    #: Planes that its stamps have: ``flux`` and some of ``ivar``, ``mask``, ``psf``.
    planes: tuple[str, ...]
    #: Side of the PSF stamps; 0 without.
    psf_side: int
    #: Folder that the files are relative to.
    root: Path
    #: Row in the table of galaxies of each galaxy with a stamp, ascending.
    rows: NDArray[np.int64]
    #: For each band, the file of each of these galaxies; null: no stamp.
    files: tuple[pa.Array, ...]

    @property
    def bands(self) -> tuple[str, ...]:
        """The names of its bands, in the order of the second axis of its arrays."""
        return tuple(axis.band for axis in self.axes)

    def __len__(self) -> int:
        return len(self.rows)

    def read(self, places: Sequence[int] | NDArray[np.int64] | slice) -> StampArrays:
        """Read the stamps of galaxies, given by their places in `rows`.

        Raises
        ------
        LocalError
            A stamp is missing or is not readable.
        """
        chosen = pa.array(np.arange(len(self))[places])
        return self._read([files.take(chosen) for files in self.files])

    def read_rows(self, rows: NDArray[np.int64]) -> StampArrays:
        """Read the stamps of galaxies, given by rows of the table of galaxies.

        A galaxy without a stamp has arrays without values.

        Raises
        ------
        LocalError
            A stamp is missing or is not readable.
        """
        return self._read(self.files_of(rows))

    def files_of(self, rows: NDArray[np.int64]) -> list[pa.Array]:
        """Give the files of galaxies in each band, by rows of the table of galaxies."""
        places = np.searchsorted(self.rows, rows).clip(max=len(self) - 1)
        known = pa.array(places, mask=self.rows[places] != rows)
        return [files.take(known) for files in self.files]

    def _read(self, bands: Sequence[pa.Array]) -> StampArrays:
        arrays = self._empty(len(bands[0]))
        planes = arrays.planes()
        for band, files in enumerate(bands):
            for row, name in enumerate(files.to_pylist()):
                if name is not None:
                    self._fill(planes, row, band, name)
        return arrays

    def batches(
        self, size: int = _BATCH, places: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[slice, StampArrays]]:
        """Read the stamps of many galaxies in order, ``size`` galaxies at a time.

        The next batch is read while the caller writes the one that it has.

        Parameters
        ----------
        places
            Places in `rows`; by default all. The slices that are given are of these.

        Raises
        ------
        LocalError
            A stamp is missing or is not readable.
        """
        chosen = np.arange(len(self)) if places is None else places
        parts = (
            slice(start, min(start + size, len(chosen)))
            for start in range(0, len(chosen), size)
        )
        return read_ahead(parts, lambda part: (part, self.read(chosen[part])))

    def _empty(self, count: int) -> StampArrays:
        shape, side = (count, len(self.axes), *self.shape), self.psf_side
        has = set(self.planes)
        return StampArrays(
            np.full(shape, np.nan, np.float32),
            np.zeros(shape, np.float32) if "ivar" in has else None,
            np.zeros(shape, np.uint8) if "mask" in has else None,
            np.full((*shape[:2], side, side), np.nan, np.float32)
            if "psf" in has
            else None,
        )

    def _fill(
        self, planes: Mapping[str, NDArray[Any]], row: int, band: int, name: str
    ) -> None:
        # A text, since making thousands of paths takes as long as unpacking stamps.
        stamp = _read_or_explain(f"{self.root}/{name}")
        for plane, pixels in planes.items():
            found = getattr(stamp, plane)
            if found is not None:
                _need_shape(found.shape, pixels.shape[2:], name, plane)
                pixels[row, band] = found


def _read_or_explain(path: str) -> StampPlanes:
    try:
        return read_stamp(path)
    except LocalError as error:
        msg = (
            f"{error}. Have such stamps made again: `harvester verify --repair`, then "
            "`harvester resume`."
        )
        raise LocalError(msg) from error


def _need_shape(
    found: tuple[int, ...], wanted: tuple[int, ...], name: str, plane: str
) -> None:
    if found != wanted:
        msg = (
            f"the {plane} in {name} has {found[0]} x {found[1]} pixels, but that of "
            f"other stamps of the survey has {wanted[0]} x {wanted[1]}. A data set has "
            "stamps of one shape: look for altered ones with `harvester verify`."
        )
        raise InputError(msg)
