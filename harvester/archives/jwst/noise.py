"""The inverse variance of stamps of a JWST mosaic, from its plane ERR.

The pipeline drizzles the errors of the exposures as if they were an image, so that ERR
is the error of independent pixels. Neighbours were averaged, and scatter less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..mast.drizzle import Drizzle
    from ..reading import PixelStack

__all__ = ["ErrorNoise"]


@dataclass(frozen=True, slots=True)
class ErrorNoise:
    """The noise of a mosaic with ERR."""

    drizzle: Drizzle | None

    @property
    def source(self) -> str:
        """How the inverse variance is made."""
        known = self.drizzle
        if known is None:
            return "ERR"
        return f"ERR / {self._divisor:.4g}: drops of {known.pixfrac:g} pixels"

    @property
    def _divisor(self) -> float:
        """By which factor single pixels scatter less than ERR says.

        Narrower pixels have the same ERR, as surface brightness has, but collect fewer
        electrons.
        """
        known = self.drizzle
        return 1.0 if known is None else known.noise_ratio * known.scale

    def ivar(self, stack: PixelStack) -> NDArray[np.float32]:
        """Give the inverse variance of each pixel, ``(n, ny, nx)``; 0: unknown."""
        if stack.error is None:
            return np.zeros_like(stack.flux)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            inverse = (self._divisor / stack.error.astype(np.float64)) ** 2
            ivar = inverse.astype(np.float32)
        ivar[~np.isfinite(ivar)] = 0.0
        return ivar
