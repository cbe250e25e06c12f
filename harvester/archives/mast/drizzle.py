"""How an image was drizzled, and what that does to its noise.

A drop of an exposure falls on several pixels of the image, so that neighbouring pixels
share noise: single pixels scatter less than the sum of many of them says.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..cards import first_number

if TYPE_CHECKING:
    from ..reading import Lookup

__all__ = ["Drizzle", "drizzle", "drizzle_of", "noise_ratio", "reach_of"]

#: Kernels for which the formula of the noise holds.
_SQUARE = frozenset({"square", "turbo"})
#: Sizes of drops and pixels that occur, with a margin; others are mistakes.
_LEAST, _MOST = 0.01, 10.0
#: Distance at which pixels share no noise, if nothing is known: that of drops twice
#: as wide as pixels.
_UNKNOWN_REACH = 4


@dataclass(frozen=True, slots=True)
class Drizzle:
    """The two sizes that matter, in pixels of the exposures."""

    #: Side of a drop.
    pixfrac: float
    #: Side of a pixel of the image.
    scale: float

    @property
    def noise_ratio(self) -> float:
        """Factor by which the noise of large areas exceeds that of single pixels."""
        return noise_ratio(self.pixfrac / self.scale)

    @property
    def reach(self) -> int:
        """Least distance in pixels at which two pixels hardly share a drop.

        A drop touches pixels that are less than ``pixfrac / scale + 1`` apart. A tenth
        of a pixel is neglected: such pixels share less than a hundredth of a drop.
        """
        return math.ceil(self.pixfrac / self.scale + 0.9)


def noise_ratio(drop: float) -> float:
    """Give the noise of large areas in units of what single pixels say.

    Casertano et al. 2000 (AJ 120, 2747, appendix A), for a square kernel and exposures
    at many sub-pixel positions; also in Fruchter & Hook 2002, section 7.

    Parameters
    ----------
    drop
        Side of a drop in pixels of the image: ``pixfrac / scale``.
    """
    return drop / (1 - 1 / (3 * drop)) if drop >= 1 else 1 / (1 - drop / 3)


def drizzle_of(text: Lookup) -> Drizzle | None:
    """Read the cards that drizzlepac writes for the first exposure; None without them.

    All exposures have the same drop size. Pixels of an image are ``D001SCAL`` wide, and
    those of the exposures ``D001ISCL``, both in arcsec.
    """
    names = ("D001PIXF", "D001SCAL", "D001ISCL")
    pixfrac, scale, native = (first_number(text, name) for name in names)
    return drizzle(text("D001KERN"), pixfrac, scale and native and scale / native)


def drizzle(kernel: str, pixfrac: float | None, scale: float | None) -> Drizzle | None:
    """Check what a header says; None if that is not enough to know the noise."""
    if kernel.strip().lower() not in _SQUARE or pixfrac is None or scale is None:
        return None
    if not (_LEAST <= pixfrac <= _MOST and _LEAST <= scale <= _MOST):
        return None
    return Drizzle(pixfrac, scale)


def reach_of(known: Drizzle | None) -> int:
    """Give the distance in pixels from which on no two pixels share noise."""
    return _UNKNOWN_REACH if known is None else known.reach
