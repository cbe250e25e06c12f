"""At which byte of unpacked pixels a pixel begins, modulo four.

Pixels are 32-bit floats, rounded to ten significant binary digits: the last 14 bits of
each are zero. So the last byte of each pixel is zero, and six bits of the one before.
That is so at one of four places only, unless the pixels are too alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ...block_law import DoubtError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ROUNDED_BITS", "first_pixel"]

#: Bits of a pixel that are zero, at its end.
ROUNDED_BITS = 14

#: Those of them in its last byte but one.
_ZEROS = 2 ** (ROUNDED_BITS - 8) - 1

_PIXEL = 4


def first_pixel(unpacked: bytes) -> int:
    """Find the first byte of the first whole pixel: 0 to 3.

    Raises
    ------
    DoubtError
        ``phase``: it may be none of them, or several.
    """
    stored = np.frombuffer(unpacked, np.uint8)
    found = [place for place in range(_PIXEL) if _may_begin(stored[place:])]
    if len(found) != 1:
        raise DoubtError("phase", f"{len(found)} places in four may begin a pixel")
    return found[0]


def _may_begin(stored: NDArray[np.uint8]) -> bool:
    whole = len(stored) // _PIXEL * _PIXEL
    last, before = stored[3:whole:_PIXEL], stored[2:whole:_PIXEL]
    return not (last.any() or (before & _ZEROS).any())
