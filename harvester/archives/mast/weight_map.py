"""What the weights of a drizzled HST image are: seconds, or an inverse variance.

AstroDrizzle's ``final_wht_type`` is not in the header. ``D001WTSC`` is: the factor by
which the weights of an exposure were multiplied, which differs between the types. All
parameter files for the Hubble Advanced Products, and the defaults, say ``EXP``.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

from ..cards import first_number
from .drizzle import drizzle_of

if TYPE_CHECKING:
    from ..reading import Lookup
    from .drizzle import Drizzle

__all__ = ["WeightMap", "are_seconds", "stated_weights"]

#: Largest relative difference of a factor from that of a type. The factors use the
#: exact scale of a chip, and the cards a rounded one: 0.0003 in a real mosaic.
_CLOSE = 0.02
#: Exposure of a pixel in units of the whole exposure: at most 1, and more only because
#: of rounding and distortion. Fewer overlap at an edge: hardly less than the least.
_LEAST_SHARE, _MOST_SHARE = 0.005, 1.15


class WeightMap(StrEnum):
    """A type of weights, by the name of AstroDrizzle's setting."""

    #: Exposure time in seconds.
    SECONDS = "EXP"
    #: Inverse variance of the background alone.
    BACKGROUND = "IVM"
    #: Inverse variance of background and sources.
    TOTAL = "ERR"
    #: None of these could be recognised.
    UNKNOWN = ""


def stated_weights(text: Lookup) -> WeightMap:
    """Find the type that the factor of the first exposure tells.

    For ``EXP`` it is 1 or, in old versions, the exposure; for ``ERR`` it is 1 / s^4
    and for ``IVM`` exposure^2 / s^4, where s is the side of a pixel of the image in
    pixels of the exposure. An ``ERR`` map with s = 1 cannot be told from ``EXP``.
    """
    factor, exposure = (first_number(text, name) for name in ("D001WTSC", "D001DEXP"))
    drizzle = drizzle_of(text)
    if factor is None:
        return WeightMap.UNKNOWN
    if factor == 1 or (exposure and _is_close(factor, exposure)):
        return WeightMap.SECONDS
    if drizzle is None:
        return WeightMap.UNKNOWN
    if exposure and _is_close(factor, exposure * exposure / drizzle.scale**4):
        return WeightMap.BACKGROUND
    is_total = _is_close(factor, 1 / drizzle.scale**4)
    return WeightMap.TOTAL if is_total else WeightMap.UNKNOWN


def _is_close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_CLOSE)


def are_seconds(most: float, exposure: float | None, drizzle: Drizzle | None) -> bool:
    """Whether weights can be exposure times.

    Parameters
    ----------
    most
        The largest weight of a stamp.
    exposure
        Exposure of the whole image in seconds.
    """
    if not exposure or exposure <= 0:
        return False
    # A pixel gets the share of the weight that its area is of an exposure's pixel.
    area = drizzle.scale**2 if drizzle else 1.0
    return _LEAST_SHARE < most / area / exposure < _MOST_SHARE
