"""The inverse variance of a stamp of a drizzled HST image, from its weights.

The weights say how the noise differs between pixels. How large it is, is measured in
the stamp. So the result does not depend on other stamps of the same image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..cards import first_number
from .background import measure_background
from .drizzle import drizzle_of, reach_of
from .weight_map import WeightMap, weight_map

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..kind import Lookup
    from .background import Background
    from .drizzle import Drizzle

__all__ = ["StampNoise", "stamp_noise"]

_WORDS = {
    WeightMap.SECONDS: "WHT in seconds (EXP)",
    WeightMap.BACKGROUND: "WHT as inverse variance of the background (IVM)",
    WeightMap.TOTAL: "WHT as inverse variance of background and sources (ERR)",
    WeightMap.UNKNOWN: "WHT of unknown type, without the noise of the light",
}


@dataclass(frozen=True, slots=True)
class StampNoise:
    """The noise of the pixels of one stamp."""

    #: ``(ny, nx)`` float32, 1 / unit^2; 0 where there is no value or no weight.
    ivar: NDArray[np.float32]
    #: How it was found.
    source: str


def stamp_noise(
    science: NDArray[np.float32], weights: NDArray[np.float32], text: Lookup
) -> StampNoise | None:
    """Give the inverse variance of single pixels; None if it cannot be measured.

    Parameters
    ----------
    science, weights
        Flux in electrons per second, and WHT, both ``(ny, nx)``. Flux is NaN where
        there is no value.
    """
    seen = np.isfinite(science) & np.isfinite(weights) & (weights > 0)
    if not seen.any():
        return None
    drizzle = drizzle_of(text)
    found = measure_background(
        np.where(seen, science, np.nan), weights, reach_of(drizzle)
    )
    if found is None:
        return None
    kind = weight_map(text, float(weights[seen].max()))
    seconds = _seconds(kind, np.where(seen, weights, np.nan), text, drizzle)
    variance = found.variance / np.where(seen, weights, np.nan)
    if seconds is not None:
        variance += _light(science, found, drizzle) / seconds
    return StampNoise(_inverse(variance), f"{_WORDS[kind]}, {_measured(found)}")


def _light(
    science: NDArray[np.float32], found: Background, drizzle: Drizzle | None
) -> NDArray[np.float64]:
    """Give the part of the flux whose Poisson noise is not in the background's.

    Single pixels of a drizzled image scatter less than electrons in a bin do.
    """
    above = np.maximum(science.astype(np.float64) - found.level, 0.0)
    return above if drizzle is None else above / drizzle.noise_ratio**2


def _seconds(
    kind: WeightMap,
    weights: NDArray[np.float64],
    text: Lookup,
    drizzle: Drizzle | None,
) -> NDArray[np.float64] | None:
    """Give the exposure of each pixel, or None if the light's noise is not added."""
    if kind is WeightMap.SECONDS:
        # A pixel gets the share of the weight that its area is of an exposure's pixel.
        return weights / (drizzle.scale**2 if drizzle else 1.0)
    exposure = first_number(text, "EXPTIME")
    if kind is WeightMap.BACKGROUND and exposure and exposure > 0:
        # The weight is proportional to the exposure; the largest has all of it.
        return np.asarray(weights * (exposure / np.nanmax(weights)))
    return None


def _measured(found: Background) -> str:
    return (
        f"scale from the stamp's faint half: variance {found.variance:g} / WHT "
        f"at {found.level:g}"
    )


def _inverse(variance: NDArray[np.float64]) -> NDArray[np.float32]:
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        inverse = (1.0 / variance).astype(np.float32)
    inverse[~np.isfinite(inverse)] = 0.0
    return inverse
