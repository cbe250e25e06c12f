"""The noise of drizzled exposures: pixels that share a drop share its noise.

Each exposure is rotated a little against the image and lies at its own sub-pixel
position, and has bad pixels of its own. Drops are as large as the pixels of the image,
so an image pixel is the mean of four pixels of an exposure, weighted by the areas that
they share with it: bilinear interpolation.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import ndimage

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


class _Turn(NamedTuple):
    """From pixels (y, x) of the image to those of an exposure: turned, then shifted."""

    matrix: NDArray[np.float64]
    offset: NDArray[np.float64]
    #: Shape of the exposure.
    shape: tuple[int, int]


def drizzle_noise(
    rng: np.random.Generator, shape: tuple[int, int], exposures: int, tilt_deg: float
) -> DrizzledNoise:
    """Combine the noise of some exposures of the same length."""
    noise = np.zeros(shape, np.float32)
    share = np.zeros(shape, np.float32)
    for _ in range(exposures):
        turn = _turn(rng, shape, tilt_deg)
        drops = rng.standard_normal(turn.shape, dtype=np.float32)
        bad = rng.integers(0, turn.shape, (int(_BAD_SHARE * drops.size), 2))
        bad = np.unique(bad, axis=0)
        drops[bad[:, 0], bad[:, 1]] = 0.0
        noise += _interpolated(drops, turn, shape)
        share += np.float32(1.0) - _lost(bad, turn, shape)
    share /= np.float32(exposures)
    share[share < _LEAST_SHARE] = 0.0
    noise /= np.float32(math.sqrt(exposures))
    noise /= np.where(share > 0, share, np.float32(1.0))
    return DrizzledNoise(noise, share)


def _turn(rng: np.random.Generator, shape: tuple[int, int], tilt_deg: float) -> _Turn:
    cos, sin = math.cos(math.radians(tilt_deg)), math.sin(math.radians(tilt_deg))
    matrix = np.array([[cos, -sin], [sin, cos]])
    pad = math.ceil(abs(sin) * max(shape) / 2) + 2
    middle = (np.array(shape) - 1) / 2
    offset = middle + pad - matrix @ middle + rng.uniform(-0.5, 0.5, 2)
    return _Turn(matrix, offset, (shape[0] + 2 * pad, shape[1] + 2 * pad))


def _interpolated(
    drops: NDArray[np.float32], turn: _Turn, shape: tuple[int, int]
) -> NDArray[np.float32]:
    found: NDArray[np.float32] = ndimage.affine_transform(
        drops,
        turn.matrix,
        offset=turn.offset,
        output_shape=shape,
        order=1,
        output=np.float32,
        prefilter=False,
    )
    return found


def _lost(
    bad: NDArray[np.int64], turn: _Turn, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Give the share of an exposure that its bad pixels take from each image pixel."""
    lost = np.zeros(shape, np.float32)
    # The inverse of a rotation is its transpose.
    near = np.rint((bad - turn.offset) @ turn.matrix).astype(np.int64)
    for step in np.ndindex(3, 3):
        at = near + np.array(step) - 1
        inside = ((at >= 0) & (at < shape)).all(axis=1)
        at = at[inside]
        apart = np.abs(at @ turn.matrix.T + turn.offset - bad[inside])
        area = np.maximum(0.0, 1.0 - apart).prod(axis=1)
        np.add.at(lost, (at[:, 0], at[:, 1]), area.astype(np.float32))
    return lost
