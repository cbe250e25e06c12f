"""Rows of a catalogue that repeat others, wholly or in part.

The same id in the same place is the same galaxy and is taken once. The same id in
another place, or another id in the same place, is the user's to judge: both are kept.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from scipy.spatial import KDTree

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["find_repeats", "first_lines", "tell_repeats"]

#: Rows closer than this are in the same place, radian.
_SAME_PLACE = float(np.radians(0.5 / 3600))
#: Steps to a cell and its neighbours.
_AROUND = tuple(itertools.product((-1, 0, 1), repeat=3))
#: Lines that a sentence names.
_NAMED_LINES = 5


def find_repeats(
    ids: Sequence[str], ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> dict[int, int]:
    """Map each row that repeats an id in the same place to the row it repeats.

    Rows count from 0; ``ra`` and ``dec`` are degrees, all finite. Of several equal
    rows the first is the one that is repeated.
    """
    vectors, codes = _unit_vectors(ra, dec), _codes(ids)
    near = np.flatnonzero(_near_another(vectors, _SAME_PLACE))
    suspects = near[_is_shared(codes[near])]
    # Cells as wide as the distance: what is near is in this cell or beside it.
    cells = np.floor(vectors[suspects] / _SAME_PLACE).astype(np.int64)
    firsts: dict[tuple[int, ...], list[int]] = {}
    repeats: dict[int, int] = {}
    for row, cell in zip(suspects.tolist(), cells.tolist(), strict=True):
        code = int(codes[row])
        first = next(
            (
                other
                for step in _AROUND
                for other in firsts.get(
                    (code, *map(sum, zip(cell, step, strict=True))), ()
                )
                if np.linalg.norm(vectors[row] - vectors[other]) <= _SAME_PLACE
            ),
            None,
        )
        if first is None:
            firsts.setdefault((code, *cell), []).append(row)
        else:
            repeats[row] = first
    return repeats


def _codes(ids: Sequence[str]) -> NDArray[np.int64]:
    indices = pa.array(ids, pa.string()).dictionary_encode().indices
    codes: NDArray[np.int64] = indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes


def _is_shared(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    shared: NDArray[np.bool_] = np.bincount(codes, minlength=1)[codes] > 1
    return shared


def tell_repeats(
    ids: Sequence[str],
    ra: NDArray[np.float64],
    dec: NDArray[np.float64],
    lines: NDArray[np.int64],
) -> list[str]:
    """Say which of the rows that are kept share an id, and which a place."""
    again = lines[_is_shared(_codes(ids))]
    crowded = lines[_near_another(_unit_vectors(ra, dec), _SAME_PLACE)]
    notes = []
    if len(again):
        notes.append(
            f"{len(again)} rows share their identifier with a row at another position; "
            f"all are kept ({first_lines(again)})."
        )
    if len(crowded):
        notes.append(
            f"{len(crowded)} rows lie within 0.5 arcsec of a row with another "
            f"identifier; all are kept ({first_lines(crowded)})."
        )
    return notes


def first_lines(lines: NDArray[np.int64]) -> str:
    """Name some lines of the file, for a sentence."""
    shown = ", ".join(str(line) for line in lines[:_NAMED_LINES])
    more = ", ..." if len(lines) > _NAMED_LINES else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}{more}"


def _unit_vectors(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Put positions (degrees) on the unit sphere; shape ``(n, 3)``."""
    alpha, delta = np.radians(ra), np.radians(dec)
    flat = np.cos(delta)
    return np.stack([flat * np.cos(alpha), flat * np.sin(alpha), np.sin(delta)], axis=1)


def _near_another(vectors: NDArray[np.float64], radius: float) -> NDArray[np.bool_]:
    """Tell which unit vectors have another one within ``radius`` (radian, small)."""
    if not len(vectors):
        return np.zeros(0, bool)
    # Many rows in exactly one place would make the tree slow: ask each place once.
    places, place, counts = np.unique(
        vectors, axis=0, return_inverse=True, return_counts=True
    )
    distances, _ = KDTree(places).query(places, k=2, distance_upper_bound=radius)
    near: NDArray[np.bool_] = (counts > 1) | np.isfinite(distances[:, 1])
    return near[place.ravel()]
