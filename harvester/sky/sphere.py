"""Positions on the sky as unit vectors: near positions have near coordinates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["unit_vectors"]


def unit_vectors(longitude: ArrayLike, latitude: ArrayLike) -> NDArray[np.float64]:
    """Give the unit vectors of positions, degrees in any frame; shape ``(n, 3)``."""
    along, above = (np.radians(np.asarray(x, float)) for x in (longitude, latitude))
    flat = np.cos(above)
    parts = (flat * np.cos(along), flat * np.sin(along), np.sin(above))
    return np.stack(parts, axis=-1)
