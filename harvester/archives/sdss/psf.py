"""The point spread function of an SDSS field, from the fit that the survey made.

The survey fits the mean profile of the stars of a field with two Gaussians and a power
law (data model, pages ``psField`` and ``photoField``; SkyServer's table ``Field`` has
the same numbers)::

    exp(-r^2 / (2 sigma1^2)) + b exp(-r^2 / (2 sigma2^2))
        + p0 (1 + r^2 / (beta sigmap^2)) ** (-beta / 2)

``r`` and the three widths are in pixels of the frame. SkyServer's description of its
columns says arcsec, but the table has the numbers of ``photoField``: only as pixels do
they agree with the effective width ``psfWidth``, which is in arcsec. The two readings
differ by a factor of 2.5, so the width decides between them.
"""

from __future__ import annotations

import json
import math
from dataclasses import astuple, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["COLUMNS", "PsfFit"]

#: Columns of SkyServer's table ``Field`` for one band, without the ``_r`` of the band;
#: in the order of the fields of `PsfFit`.
COLUMNS = (
    "psfWidth",
    "psfSigma1",
    "psfSigma2",
    "psfB",
    "psfP0",
    "psfBeta",
    "psfSigmaP",
)

#: Side of the stamp of a PSF in pixels; it holds 99 % of the light.
_SIDE = 31

_PIXEL_ARCSEC = 0.396

#: The full width at half maximum of a Gaussian with the noise area of one pixel.
_WIDTH_OF_AREA = math.sqrt(2 * math.log(2) / math.pi)

#: Relative tolerance of the width that follows from the fit. In 1,135 fits of run 2583
#: it is at most 0.11 above ``psfWidth``, which leaves out the power law.
_TOLERANCE = 0.3


@dataclass(frozen=True, slots=True)
class PsfFit:
    """The fitted profile of the stars in one band of a field; see the module."""

    #: Full width at half maximum, in arcsec, of a Gaussian with the same noise area.
    width_arcsec: float
    sigma1: float
    sigma2: float
    b: float
    p0: float
    beta: float
    sigma_p: float

    @classmethod
    def read(cls, facts: str) -> Self | None:
        """Read the facts of a product; None if they have no profile of stars."""
        try:
            row = json.loads(facts or "{}")
            return cls.of({name: float(row[name]) for name in COLUMNS})
        except (ValueError, TypeError, KeyError):
            return None

    @classmethod
    def of(cls, row: Mapping[str, float]) -> Self | None:
        """Read the columns of a band; None if they describe no profile."""
        values = [row[name] for name in COLUMNS]
        fit = cls(*values)
        is_profile = min(fit.sigma1, fit.sigma2, fit.beta, fit.sigma_p) > 0
        is_sound = all(map(math.isfinite, values)) and min(fit.b, fit.p0) >= 0
        return fit if is_sound and is_profile and fit.width_arcsec > 0 else None

    def stamp(self) -> NDArray[np.float32] | None:
        """Give its image in pixels of the frame: ``(31, 31)``, centred, with sum 1.

        None if the width that follows from the fit contradicts ``width_arcsec``.
        """
        return _stamp(self)


@lru_cache(maxsize=64)
def _stamp(fit: PsfFit) -> NDArray[np.float32] | None:
    _, sigma1, sigma2, b, p0, beta, sigma_p = astuple(fit)
    for pixels in (1.0, 1 / _PIXEL_ARCSEC):
        square = _square_radii() / pixels**2
        light = np.exp(-square / (2 * sigma1**2))
        light += b * np.exp(-square / (2 * sigma2**2))
        light += p0 * (1 + square / (beta * sigma_p**2)) ** (-beta / 2)
        if abs(_width_arcsec(light) / fit.width_arcsec - 1) < _TOLERANCE:
            found: NDArray[np.float32] = (light / light.sum()).astype(np.float32)
            return found
    return None


def _square_radii() -> NDArray[np.float64]:
    offsets = np.arange(_SIDE) - _SIDE // 2
    return np.asarray(np.add.outer(offsets**2, offsets**2), np.float64)


def _width_arcsec(light: NDArray[np.float64]) -> float:
    area = light.sum() ** 2 / np.square(light).sum()
    return float(_WIDTH_OF_AREA * math.sqrt(area)) * _PIXEL_ARCSEC
