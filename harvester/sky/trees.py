"""Trees that find points on the sphere near others."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..importing import IMPORTING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from scipy.spatial import cKDTree

__all__ = ["load_trees", "tree_of"]


def load_trees() -> None:
    """Import scipy, which takes a fifth of a second."""
    with IMPORTING:
        import scipy.spatial  # noqa: F401 - `tree_of` uses it


def tree_of(points: NDArray[np.float64]) -> cKDTree:
    """Make a tree of unit vectors, shape ``(n, 3)``."""
    with IMPORTING:
        from scipy.spatial import cKDTree
    return cKDTree(points)
