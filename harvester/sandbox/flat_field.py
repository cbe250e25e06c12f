"""The calibration of a frame: nanomaggies a count in each column.

The survey divides by the flat field of the CCD, a vector of whole 2048ths, and later
corrects its large waves. So the vector is smooth but for steps of one 2048th.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .scans import BANDS, COLUMNS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scans import FieldKey

__all__ = ["calibration_of"]

#: Stream of random numbers.
_STREAM = 5
#: The flat field is stored in steps of this. Its error is larger where light is scarce.
_STEP = 1 / 2048
_ERRORS = {"u": 2e-4, "g": 4e-5, "r": 3e-5, "i": 2e-5, "z": 4e-5}
#: Heights of the waves of the flat field, and of those that the survey left in the
#: calibration; waves over a row of pixels.
_FLAT, _LEFT, _WAVES = 0.008, 0.0011, 9


def calibration_of(
    seed: int, key: FieldKey, band: str, nmgy: float
) -> NDArray[np.float32]:
    """Give the nanomaggies a count in each column: the same along the whole run."""
    rng = np.random.default_rng([seed, _STREAM, key.run, key.camcol, BANDS.index(band)])
    flat = 1.0 + _FLAT * _waves(rng)
    measured = flat + rng.normal(0.0, _ERRORS[band], COLUMNS)
    stored = np.rint(measured / _STEP) * _STEP
    return (nmgy * (1.0 + _LEFT * _waves(rng)) * flat / stored).astype(np.float32)


def _waves(rng: np.random.Generator) -> NDArray[np.float64]:
    """Add up waves of random phases, short ones lower: ``(COLUMNS,)``, variance 1."""
    numbers = np.arange(1, _WAVES + 1)
    phases = rng.uniform(0.0, 2 * np.pi, _WAVES)
    turns = np.linspace(0.0, 2 * np.pi, COLUMNS)
    heights = np.sqrt(2 / (numbers**-2.0).sum()) / numbers
    waves: NDArray[np.float64] = heights @ np.cos(
        np.outer(numbers, turns) + phases[:, None]
    )
    return waves
