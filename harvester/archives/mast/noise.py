"""The inverse variance of stamps of a drizzled HST image, from its weights.

The weights say how the noise differs between pixels. How large it is, is measured in
each stamp. So a stamp does not depend on other stamps of the same image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

from ..cards import first_number
from ..units import fits_unit
from .background import measure_background
from .drizzle import drizzle_of, reach_of
from .weight_map import WeightMap, are_seconds, stated_weights

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..reading import Lookup, PixelStack
    from .background import Background
    from .drizzle import Drizzle

__all__ = ["WeightNoise"]

_WORDS = {
    WeightMap.SECONDS: "WHT in seconds (EXP)",
    WeightMap.BACKGROUND: "WHT as inverse variance of the background (IVM)",
    WeightMap.TOTAL: "WHT as inverse variance of background and light (ERR)",
    WeightMap.UNKNOWN: "WHT, in seconds if it agrees with EXPTIME, else of unknown "
    "type and without the noise of the light",
}
_SCALE = "scale measured in the stamp's faint half"
_DARK = "without the noise of the light"


@dataclass(frozen=True, slots=True)
class WeightNoise:
    """The noise of an image whose weights are known."""

    #: What the header says of the weights.
    stated: WeightMap
    #: Exposure of the whole image in seconds, if the header has it.
    exposure: float | None
    #: Unit of the pixels in electrons per second; None if that is not known, because
    #: the gain is not.
    electrons: float | None
    drizzle: Drizzle | None

    @classmethod
    def of(cls, text: Lookup) -> Self:
        """Read the header of an image."""
        exposure = first_number(text, "EXPTIME")
        summed = 1 / exposure if exposure and exposure > 0 else None
        rates = {"electron/s": 1.0, "electron": summed}
        electrons = rates.get(fits_unit(text("BUNIT")))
        return cls(stated_weights(text), exposure, electrons, drizzle_of(text))

    @property
    def source(self) -> str:
        """How the inverse variance is made."""
        words = [_WORDS[self.stated], _SCALE]
        if self.electrons is None:
            words.append(_DARK)
        return "; ".join(words)

    def ivar(self, stack: PixelStack) -> NDArray[np.float32]:
        """Give the inverse variance of each pixel, ``(n, ny, nx)``; 0: unknown."""
        if stack.weight is None:
            return np.zeros_like(stack.flux)
        planes = map(self.ivar_of, stack.flux, stack.weight)
        return np.array(list(planes), np.float32)

    def ivar_of(
        self, flux: NDArray[np.float32], weights: NDArray[np.floating]
    ) -> NDArray[np.float32]:
        """Give the inverse variance of single pixels of one stamp; 0: unknown.

        Parameters
        ----------
        flux, weights
            In the unit of the image, and WHT, both ``(ny, nx)``. Flux is NaN where
            there is no value.
        """
        seen = np.isfinite(flux) & np.isfinite(weights) & (weights > 0)
        known = np.where(seen, weights, np.nan).astype(np.float64)
        found = measure_background(flux, known, reach_of(self.drizzle))
        kind = self._kind(float(np.nanmax(known))) if found else None
        if found is None or kind is None:
            return np.zeros_like(flux)
        # Weights of a damaged file may be tiny.
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            variance = found.variance / known
            seconds = self._seconds(kind, known)
            if seconds is not None and self.electrons:
                variance += self._light(flux, found) / (seconds * self.electrons)
            inverse = (1.0 / variance).astype(np.float32)
        return np.where(np.isfinite(inverse), inverse, np.float32(0))

    def _kind(self, most: float) -> WeightMap | None:
        """Give the type of the weights; None if the pixels contradict the header."""
        if self.stated not in {WeightMap.SECONDS, WeightMap.UNKNOWN}:
            return self.stated
        if are_seconds(most, self.exposure, self.drizzle):
            return WeightMap.SECONDS
        return None if self.stated is WeightMap.SECONDS else WeightMap.UNKNOWN

    def _light(
        self, flux: NDArray[np.float32], found: Background
    ) -> NDArray[np.float64]:
        """Give the flux whose Poisson noise is not in that of the background.

        For a flux f in units of e electrons per second the variance is f / (e t).
        Single pixels of a drizzled image scatter less than electrons in a bin do.
        """
        above = np.maximum(flux.astype(np.float64) - found.level, 0.0)
        return above if self.drizzle is None else above / self.drizzle.noise_ratio**2

    def _seconds(
        self, kind: WeightMap, weights: NDArray[np.float64]
    ) -> NDArray[np.float64] | None:
        """Give the exposure of each pixel; None: leave out the noise of the light."""
        if kind is WeightMap.SECONDS:
            # A pixel gets the share of the weight that its area is of an exposure's
            # pixel.
            return weights / (self.drizzle.scale**2 if self.drizzle else 1.0)
        if kind is WeightMap.BACKGROUND and self.exposure and self.exposure > 0:
            # The weight is proportional to the exposure; the largest has all of it.
            return np.asarray(weights * (self.exposure / np.nanmax(weights)))
        return None
