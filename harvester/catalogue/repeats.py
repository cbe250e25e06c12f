"""Rows of a catalogue that repeat others, wholly or in part.

The same id in the same place is the same galaxy and is taken once. The same id in
another place, or another id in the same place, is the user's to judge: both are kept.
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

#: Rows closer than this are in the same place, radian.
_SAME_PLACE = float(np.radians(0.5 / 3600))
#: Rows that are compared at a time, and how far beyond them in declination, degrees:
#: a little more than that.
_BAND = 65_536
_BEYOND_DEG = 0.6 / 3600
#: Rows of about the same declination up to which each is compared with all.
_MOST_STEPS = 50
#: Steps to a cell and its neighbours.
_AROUND = tuple(itertools.product((-1, 0, 1), repeat=3))
#: Lines that a sentence names.
_NAMED_LINES = 5


@dataclass(frozen=True, slots=True)
class Repeats:
    """Rows, from 0, that are not alone with their id or in their place."""

    #: Each row that repeats an id in the same place, and the row that it repeats.
    firsts: dict[int, int]
    #: Other rows that share their id.
    again: NDArray[np.int64]
    #: Other rows that share their place.
    crowded: NDArray[np.int64]


def find_repeats(
    codes: NDArray[np.int64], ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> Repeats:
    """Compare all rows.

    Parameters
    ----------
    codes
        A number for each row, the same where the identifiers are the same.
    ra, dec
        Degrees, finite.
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
    """Map each row to the first one of its code in its place, if that is another."""
    # Cells as wide as the distance: what is near is in this cell or beside it.
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
    """Tell which rows have another one in their place."""
    near = np.zeros(len(ra), bool)
    order = np.argsort(dec)
    ordered = dec[order]
    # Band by band of the sky, each with the first rows of the next one: the search
    # takes many times the memory of what it searches.
    for start in range(0, len(ra), _BAND):
        last = ordered[start : start + _BAND][-1]
        end = int(np.searchsorted(ordered, last + _BEYOND_DEG, "right"))
        rows = order[start:end]
        near[rows] |= _near_in_band(ra[rows], dec[rows])
    return near


def _near_in_band(
    ra: NDArray[np.float64], dec: NDArray[np.float64]
) -> NDArray[np.bool_]:
    # Many rows in exactly one place would make the tree slow: ask each place once.
    # Complex numbers are sorted as pairs, much faster than the rows of an array.
    places, place, counts = np.unique(
        dec + 1j * ra, return_inverse=True, return_counts=True
    )
    near: NDArray[np.bool_] = (counts > 1) | _near_next(places.imag, places.real)
    return near[place]


def _near_next(ra: NDArray[np.float64], dec: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Compare places, in order of declination, with those that follow."""
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
        from scipy.spatial import KDTree  # noqa: PLC0415 - slow, and seldom needed
    distances, _ = KDTree(vectors).query(vectors, k=2, distance_upper_bound=_SAME_PLACE)
    return np.asarray(np.isfinite(distances[:, 1]))


def tell_repeats(repeats: Repeats, lines: NDArray[np.int64]) -> Iterable[str]:
    """Say which rows repeat others; ``lines`` are those of all rows in the file."""
    if repeats.firsts:
        yield _told(
            "Rows that repeat the identifier and position of an earlier row were left "
            "out",
            lines[sorted(repeats.firsts)],
        )
    if len(repeats.again):
        yield _told(
            "Rows that share their identifier with a row at another position are kept",
            lines[repeats.again],
        )
    if len(repeats.crowded):
        yield _told(
            "Rows within 0.5 arcsec of a row with another identifier are kept",
            lines[repeats.crowded],
        )


def _told(what: str, lines: NDArray[np.int64]) -> str:
    return f"{what}: {len(lines)} ({first_lines(lines)})."


def first_lines(lines: NDArray[np.int64]) -> str:
    """Name some lines of the file, for a sentence."""
    shown = ", ".join(str(line) for line in lines[:_NAMED_LINES])
    more = ", ..." if len(lines) > _NAMED_LINES else ""
    return f"{'line' if len(lines) == 1 else 'lines'} {shown}{more}"
