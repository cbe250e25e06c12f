"""The picture of each galaxy of a survey: which bands, in which unit, and aligned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....archives.registry import kinds
from .pictures import COLOURS, to_pictures

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from ..selection.axes import Axis
    from ..selection.selection import Selection
    from ..selection.survey_stamps import SurveyStamps

__all__ = ["GalaxyPictures"]

#: Flux densities are divided by the wavelength to this power, so that the spectrum of
#: a galaxy of middle age is drawn nearly white.
_REDDENING = 1.5


class GalaxyPictures:
    """Draws the galaxies of a survey: in colour if it has three bands, else in grey.

    Parameters
    ----------
    survey
        Of five bands those of the middle wavelengths are drawn.
    """

    def __init__(self, selection: Selection, survey: SurveyStamps) -> None:
        self._galaxies = selection.galaxies
        self._bands, weights = _drawn_bands(survey.axes)
        self._axes = [survey.axes[band].name for band in self._bands]
        self._factors = self._read("to_njy")
        # Bands of unknown unit are drawn as they are.
        self._factors[~np.isfinite(self._factors).all(axis=1)] = 1
        self._factors *= weights
        positions = np.stack([self._read("y"), self._read("x")], axis=2)
        off = positions - positions.mean(axis=1, keepdims=True)
        self._offsets = np.nan_to_num(off)

    def draw(
        self, flux: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Draw galaxies.

        Parameters
        ----------
        flux
            ``(n, B, ny, nx)``: all bands of the survey.
        rows
            Their rows in the table of galaxies.

        Returns
        -------
        ndarray
            As `to_pictures` gives them.
        """
        factors = self._factors[rows][:, :, np.newaxis, np.newaxis]
        shown = flux[:, list(self._bands)] * factors.astype(np.float32)
        return to_pictures(shown, self._offsets[rows])

    def _read(self, name: str) -> NDArray[np.float64]:
        """Give a fact of the stamps, ``(galaxies, C)``; NaN where it is unknown."""
        columns = [
            self._galaxies[f"{axis}_{name}"].cast(pa.float64()) for axis in self._axes
        ]
        known = [np.asarray(pc.fill_null(column, np.nan)) for column in columns]
        return np.stack(known, axis=1)


def _drawn_bands(axes: Sequence[Axis]) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Give the places of the bands for red, green and blue, and a factor for each.

    Grey has one band. Without wavelengths the bands count as ordered from blue to red.
    """
    known = [_wavelength(axis) for axis in axes]
    lengths = np.array([one or np.nan for one in known])
    if len(axes) < COLOURS:
        return (0,), np.ones(1)
    order = np.argsort(lengths) if np.isfinite(lengths).all() else np.arange(len(axes))
    middle = (len(axes) - COLOURS) // 2
    places = order[middle : middle + COLOURS][::-1]
    factors = (lengths[places[1]] / lengths[places]) ** _REDDENING
    return tuple(places.tolist()), np.nan_to_num(factors, nan=1.0)


def _wavelength(axis: Axis) -> float | None:
    # Archives of other packages may not tell wavelengths.
    tell = getattr(kinds().get(axis.survey), "wavelength_nm", None)
    return tell("", axis.band) if tell else None
