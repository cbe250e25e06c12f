"""HEALPix indices in the nested scheme, as HATS catalogues use them.

Written with numpy alone, so that every export can sort by them. Górski et al. 2005
(ApJ 622, 759) define the projection; the nested index interleaves the bits of the two
coordinates in a base pixel.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ORDER", "healpix_29", "parent_cell"]

#: The finest order whose indices fit into 64 bits; its pixels are 0.4 mas wide.
ORDER = 29

_SIDE = 1 << ORDER

#: |sin(dec)| above which the projection is that of the polar caps.
_EQUATORIAL = 2 / 3


def healpix_29(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give the nested index of order 29 of positions in ICRS degrees.

    Another program may give the neighbouring pixel to a position within about 0.1 mas
    of an edge, because it rounds differently.
    """
    quarter = np.mod(ra, 360.0) / 90.0
    height = np.sin(np.radians(dec))
    base, x, y = np.where(
        np.abs(height) <= _EQUATORIAL,
        _equatorial(quarter, height),
        _polar(quarter, dec),
    )
    index: NDArray[np.int64] = (base << (2 * ORDER)) | _spread(x) | (_spread(y) << 1)
    return index


def parent_cell(index: NDArray[np.int64], order: int) -> NDArray[np.int64]:
    """Give the cell of a coarser order that holds each pixel of order 29."""
    return index >> (2 * (ORDER - order))


def _equatorial(
    quarter: NDArray[np.float64], height: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Give base pixel, x and y of positions between the polar caps."""
    across, up = _SIDE * (0.5 + quarter), _SIDE * 0.75 * height
    # Numbers of the edges that rise and that fall to the east, over the whole sphere.
    rising, falling = _floor(across - up), _floor(across + up)
    one, other = rising >> ORDER, falling >> ORDER
    base = np.where(one == other, one | 4, np.where(one < other, one, other + 8))
    return np.stack([base, falling & (_SIDE - 1), _SIDE - 1 - (rising & (_SIDE - 1))])


def _polar(quarter: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.int64]:
    """Give base pixel, x and y of positions in the polar caps."""
    face = np.minimum(quarter.astype(np.int64), 3)
    along = quarter - face
    # sqrt(3 (1 - |sin dec|)), without the difference of two nearly equal numbers.
    width = _SIDE * np.sqrt(6.0) * np.sin(np.radians(90.0 - np.abs(dec)) / 2)
    rising = np.minimum(_floor(along * width), _SIDE - 1)
    falling = np.minimum(_floor((1 - along) * width), _SIDE - 1)
    north = np.stack([face, _SIDE - 1 - falling, _SIDE - 1 - rising])
    south = np.stack([face + 8, rising, falling])
    caps: NDArray[np.int64] = np.where(dec >= 0, north, south)
    return caps


def _floor(values: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.floor(values).astype(np.int64)


def _spread(bits: NDArray[np.int64]) -> NDArray[np.int64]:
    """Put a zero between every two bits of a number of 29 bits."""
    for shift, mask in (
        (16, 0x0000FFFF0000FFFF),
        (8, 0x00FF00FF00FF00FF),
        (4, 0x0F0F0F0F0F0F0F0F),
        (2, 0x3333333333333333),
        (1, 0x5555555555555555),
    ):
        bits = (bits | (bits << shift)) & mask
    return bits
