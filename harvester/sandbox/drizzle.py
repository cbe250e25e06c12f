"""The noise of drizzled exposures: pixels that share a drop share its noise.

Each exposure is rotated a little against the image and lies at its own sub-pixel
position, and has bad pixels of its own. Drops are as large as the pixels of the image,
so an image pixel is the mean of four pixels of an exposure, weighted by the areas that
they share with it: bilinear interpolation. The rotation is made of two shears.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["DrizzledNoise", "drizzle_noise"]

#: Part of an exposure's pixels that are bad or were hit by a cosmic ray.
_BAD_SHARE = 0.004
#: Pixels with less of the exposure than this are taken as not seen.
_LEAST_SHARE = 0.01


class DrizzledNoise(NamedTuple):
    """The noise of an image, before it is scaled."""

    #: ``(ny, nx)``. Its mean over a large area scatters as if pixels were independent,
    #: with a variance of 1 where the whole exposure is good; single pixels less.
    noise: NDArray[np.float32]
    #: ``(ny, nx)``: share of the exposure that is good, 0 to 1.
    share: NDArray[np.float32]


class _Shears(NamedTuple):
    """Where pixels of the image lie in an exposure, whose shape is ``shape``.

    Column ``x`` of row ``r`` of the exposure is ``x + along[r]`` there, and row ``y``
    of column ``x`` is ``y + across[x]``.
    """

    along: NDArray[np.float64]
    across: NDArray[np.float64]
    shape: tuple[int, int]


def drizzle_noise(
    rng: np.random.Generator, shape: tuple[int, int], exposures: int, tilt_deg: float
) -> DrizzledNoise:
    """Combine the noise of some exposures of the same length."""
    noise = np.zeros(shape, np.float32)
    share = np.full(shape, exposures, np.float32)
    for _ in range(exposures):
        shears = _shears(rng, shape, tilt_deg)
        drops = rng.standard_normal(shears.shape, dtype=np.float32)
        bad = rng.integers(0, shears.shape, (int(_BAD_SHARE * drops.size), 2))
        bad = np.unique(bad, axis=0)
        drops[bad[:, 0], bad[:, 1]] = 0.0
        noise += _interpolated(drops, shears)
        _lose(share, bad, shears)
    share /= np.float32(exposures)
    share[share < _LEAST_SHARE] = 0.0
    noise /= np.float32(math.sqrt(exposures))
    noise /= np.where(share > 0, share, np.float32(1.0))
    return DrizzledNoise(noise, share)


def _shears(
    rng: np.random.Generator, shape: tuple[int, int], tilt_deg: float
) -> _Shears:
    slope = math.tan(math.radians(tilt_deg))
    pad = math.ceil(abs(slope) * max(shape) / 2) + 2
    ny, nx = (side + 2 * pad for side in shape)
    shift, lift = rng.uniform(-0.5, 0.5, 2) + pad
    along = shift - slope * (np.arange(ny) - (ny - 1) / 2)
    across = lift + slope * (np.arange(shape[1]) - (shape[1] - 1) / 2)
    return _Shears(along, across, (ny, nx))


def _interpolated(drops: NDArray[np.float32], shears: _Shears) -> NDArray[np.float32]:
    nx = len(shears.across)
    ny = len(shears.along) - (shears.shape[1] - nx)
    rows = _shifted(drops, shears.along, nx)
    columns = _shifted(np.ascontiguousarray(rows.T), shears.across, ny)
    return np.ascontiguousarray(columns.T)


def _shifted(
    lines: NDArray[np.float32], shifts: NDArray[np.float64], length: int
) -> NDArray[np.float32]:
    """Interpolate along each line, from ``shifts`` on; ``(lines, length)``."""
    found = np.empty((len(lines), length), np.float32)
    starts = np.floor(shifts).astype(int)
    shares = (shifts - starts).astype(np.float32)
    for line, start, share, row in zip(
        lines, starts.tolist(), shares, found, strict=True
    ):
        np.multiply(line[start : start + length], np.float32(1) - share, out=row)
        np.add(row, share * line[start + 1 : start + length + 1], out=row)
    return found


def _lose(share: NDArray[np.float32], bad: NDArray[np.int64], shears: _Shears) -> None:
    """Subtract from each pixel of the image what bad pixels take from it."""
    ny, nx = share.shape
    row, at = bad[:, 0], bad[:, 1] - shears.along[bad[:, 0]]
    for right in (0, 1):
        x = np.floor(at).astype(int) + right
        inside = (x >= 0) & (x < nx)
        x, wide = x[inside], 1 - np.abs(x - at)[inside]
        height = row[inside] - shears.across[x]
        for up in (0, 1):
            y = np.floor(height).astype(int) + up
            area = wide * (1 - np.abs(y - height))
            seen = (y >= 0) & (y < ny)
            pixels = y[seen], x[seen]
            np.subtract.at(share, pixels, area[seen].astype(np.float32))
