"""Rows of a catalogue that repeat the identifier or the position of another row.

Rows with the same identifier and position are one galaxy: only the first becomes a
target. Rows that share only one of the two are kept, and the user is told.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..importing import IMPORTING
from ..sky.sphere import unit_vectors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

__all__ = ["Repeats", "find_repeats", "first_lines", "tell_repeats"]

#: Radian (0.5 arcsec); positions closer than this count as the same.
_SAME_PLACE = float(np.radians(0.5 / 3600))
#: Rows, sorted by declination, that are compared at a time.
_BAND = 65_536
#: Degrees of declination up to which the next rows are compared too: a little more
#: than `_SAME_PLACE`.
_BEYOND_DEG = 0.6 / 3600
#: If more rows than this have about the same declination, a KD tree compares them.
_MOST_STEPS = 50
#: Offsets from a cell to itself and to its neighbours.
_AROUND = tuple(itertools.product((-1, 0, 1), repeat=3))
#: Number of lines that a sentence names.
_NAMED_LINES = 5


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows, from 0, that share their identifier or their position with another row."""

    #: Each row with the identifier and position of an earlier row, and that row.
    firsts: dict[int, int]
    #: Other rows that share their identifier.
    again: NDArray[np.int64]
    #: Other rows that share their position.
    crowded: NDArray[np.int64]


def find_repeats(
    codes: NDArray[np.int64], ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> Repeats:
    """Find the rows that repeat others.

    Parameters
    ----------
    codes
        A number for each row; rows with the same identifier have the same number.
    ra, dec
        ICRS degrees, finite.
    """
    near = np.flatnonzero(_near_another(ra, dec))
    suspects = near[_is_shared(codes[near])]
    firsts = _repeated(codes[suspects], unit_vectors(ra[suspects], dec[suspects]))
    firsts = {int(suspects[row]): int(suspects[of]) for row, of in firsts.items()}
    is_left = np.ones(len(codes), bool)
    is_left[list(firsts)] = False
    left, still = np.flatnonzero(is_left), near[is_left[near]]
    return Repeats(
        firsts,
        left[_is_shared(codes[left])],
        still[_near_another(ra[still], dec[still])],
    )


def _repeated(codes: NDArray[np.int64], vectors: NDArray[np.float64]) -> dict[int, int]:
    """Map each row to the first row with its code and position, if that is another."""
    # A cell is as wide as the distance, so near rows are in this cell or a neighbour.
    cells = np.floor(vectors / _SAME_PLACE).astype(np.int64).tolist()
    firsts: dict[tuple[int, ...], list[int]] = {}
    repeats: dict[int, int] = {}
    for row, (code, (x, y, z)) in enumerate(zip(codes.tolist(), cells, strict=True)):
        around = (
            other
            for i, j, k in _AROUND
            for other in firsts.get((code, x + i, y + j, z + k), ())
        )
        for other in around:
            if np.linalg.norm(vectors[row] - vectors[other]) <= _SAME_PLACE:
                repeats[row] = other
                break
        else:
            firsts.setdefault((code, x, y, z), []).append(row)
    return repeats


def _is_shared(codes: NDArray[np.int64]) -> NDArray[np.bool_]:
    ordered = np.sort(codes)
    again = ordered[1:][ordered[1:] == ordered[:-1]]
    return np.isin(codes, again)


def _near_another(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return a mask of the rows that share their position with another row."""
    near = np.zeros(len(ra), bool)
    order = np.argsort(dec)
    ordered = dec[order]
    # Search one band of declination at a time, with the first rows of the next band:
    # the search needs many times the memory of the rows.
    for start in range(0, len(ra), _BAND):
        last = ordered[start : start + _BAND][-1]
        end = int(np.searchsorted(ordered, last + _BEYOND_DEG, "right"))
        rows = order[start:end]
        near[rows] |= _near_in_band(ra[rows], dec[rows])
    return near


def _near_in_band(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.bool_]:
    # Many rows at exactly one position would make the tree slow: search each position
    # once. `np.unique` sorts complex numbers much faster than rows of an array.
    places, place, counts = np.unique(
        dec + 1j * ra, return_inverse=True, return_counts=True
    )
    near: NDArray[np.bool_] = (counts > 1) | _near_next(places.imag, places.real)
    return near[place]


def _near_next(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return a mask of the positions, sorted by declination, that are near another."""
    near = np.zeros(len(ra), bool)
    vectors = unit_vectors(ra, dec)
    for step in range(1, _MOST_STEPS + 1):
        rows = np.flatnonzero(dec[step:] - dec[:-step] <= _BEYOND_DEG)
        if not len(rows):
            return near
        apart = np.linalg.norm(vectors[rows] - vectors[rows + step], axis=1)
        close = rows[apart <= _SAME_PLACE]
        near[close] = near[close + step] = True
    return _near_in_tree(vectors)


def _near_in_tree(vectors: NDArray[np.float64]) -> NDArray[np.bool_]:
    with IMPORTING:
        from scipy.spatial import KDTree
    distances, _ = KDTree(vectors).query(vectors, k=2, distance_upper_bound=_SAME_PLACE)
    return np.asarray(np.isfinite(distances[:, 1]))


def tell_repeats(repeats: Repeats, lines: NDArray[np.int64]) -> Iterable[str]:
    """Yield sentences about rows that repeat others.

    ``lines`` holds the line of each row in the file.
    """
    if repeats.firsts:
        yield _sentence(
            "Rows that repeat the identifier and position of an earlier row were left "
            "out",
            lines[sorted(repeats.firsts)],
        )
    if len(repeats.again):
        yield _sentence(
            "Rows that share their identifier with a row at another position are kept",
            lines[repeats.again],
        )
    if len(repeats.crowded):
        yield _sentence(
            "Rows within 0.5 arcsec of a row with another identifier are kept",
            lines[repeats.crowded],
        )


def _sentence(what: str, lines: NDArray[np.int64]) -> str:
    return f"{what}: {len(lines)} ({first_lines(lines)})."


def first_lines(lines: NDArray[np.int64]) -> str:
    """Return words that name the first of these lines of the file."""
    shown = ", ".join(str(line) for line in lines[:_NAMED_LINES])
    more = ", ..." if len(lines) > _NAMED_LINES else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}{more}"
