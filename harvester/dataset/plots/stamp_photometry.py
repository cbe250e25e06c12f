"""Brightness, background and noise of a stamp, from its pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..opened.stamp import HarvestedStamp

__all__ = ["APERTURE_ARCSEC", "StampPhotometry", "measure"]

#: Radius of the aperture, arcsec; smaller in a stamp that is too small for it.
APERTURE_ARCSEC = 3.0

#: Part of the shorter side that the aperture's radius is at most, and the part from
#: which on pixels count as background.
_INSIDE, _OUTSIDE = 0.25, 0.36

#: Magnitude AB of one nanojansky.
_NANOJANSKY = 31.4

#: Rounds of clipping, and the sigmas above which pixels are clipped.
_ROUNDS, _SIGMAS = 5, 3.0

#: Least pixels that a background is measured from.
_LEAST = 20


@dataclass(frozen=True, slots=True)
class StampPhotometry:
    """What the pixels of a stamp say; None: they do not."""

    #: AB magnitude within the aperture, after the background was taken away; None if
    #: the flux there is not positive, or pixels are missing.
    magnitude: float | None
    #: Background that is left in the stamp, nJy per square arcsec.
    background: float
    #: Scatter of a background pixel, nJy per square arcsec.
    noise: float


def measure(stamp: HarvestedStamp) -> StampPhotometry | None:
    """Measure a stamp.

    Returns
    -------
    StampPhotometry
        None if its zero point, scale or position are not known, or too few pixels show
        background.
    """
    record, flux = stamp.record, stamp.flux
    known = [record.get(name) for name in ("zero_point", "pixel_scale", "x", "y")]
    if any(value is None for value in known):
        return None
    zero_point, scale, x, y = map(float, known)  # type: ignore[arg-type] # None was excluded
    rows, columns = np.indices(flux.shape)
    distance = np.hypot(columns - x, rows - y)
    side = min(flux.shape)
    good = np.isfinite(flux)
    level, scatter = _background(flux[good & (distance > _OUTSIDE * side)])
    if scatter <= 0:
        return None
    within = distance <= min(APERTURE_ARCSEC / scale, _INSIDE * side)
    total = float((flux[within] - level).sum(dtype=float)) if within.any() else 0.0
    to_njy = 10 ** (0.4 * (_NANOJANSKY - zero_point))
    # NaN in the aperture makes the sum NaN, which is not positive either.
    magnitude = zero_point - 2.5 * float(np.log10(total)) if total > 0 else None
    per_area = to_njy / scale**2
    return StampPhotometry(magnitude, level * per_area, scatter * per_area)


def _background(values: NDArray[np.float32]) -> tuple[float, float]:
    """Give the median and the scatter of pixels, without those that stand out.

    The scatter is 0 if there are too few pixels.
    """
    kept = values.astype(float)
    for _ in range(_ROUNDS):
        if kept.size < _LEAST:
            return 0.0, 0.0
        level = float(np.median(kept))
        scatter = 1.4826 * float(np.median(np.abs(kept - level)))
        near = np.abs(kept - level) <= _SIGMAS * scatter
        if near.all():
            break
        kept = kept[near]
    return level, scatter
