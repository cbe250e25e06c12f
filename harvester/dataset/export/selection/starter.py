"""The galaxies of a small edition: always the same, and as mixed as the whole.

A hash of its identifier gives each galaxy a rank, and the first ranks are taken. So an
edition of 1,000 galaxies is a part of the edition of 10,000, and galaxies that are
added to a catalogue later hardly change it.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["starter_rows"]


def starter_rows(
    ids: Sequence[str], count: int, strata: Sequence[object] | None = None
) -> NDArray[np.int64]:
    """Choose the galaxies of a small edition.

    Parameters
    ----------
    ids
        Distinct identifiers.
    count
        Galaxies to choose; all are chosen if there are fewer.
    strata
        A label of each galaxy: each value keeps its share of the whole, and has at
        least one galaxy if there is room.

    Returns
    -------
    ndarray
        Places in ``ids``, ascending, shape ``(min(count, len(ids)),)``.
    """
    ranks = np.array([_rank(one) for one in ids], np.uint64)
    order = np.argsort(ranks, kind="stable")
    if strata is None or count >= len(ids):
        return np.sort(order[:count])
    number = _numbers(strata)[order]
    room = _shares(np.bincount(number), count)
    return np.sort(order[_place_in_group(number) < room[number]])


def _rank(text: str) -> int:
    digest = hashlib.blake2b(text.encode(), digest_size=8, person=b"starter").digest()
    return int.from_bytes(digest, "big")


def _numbers(strata: Sequence[object]) -> NDArray[np.int64]:
    names = {name: place for place, name in enumerate(sorted(set(map(str, strata))))}
    return np.array([names[str(one)] for one in strata], np.int64)


def _shares(sizes: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Divide ``count`` by the sizes of the groups; the largest remainders round up."""
    exact = sizes * (count / sizes.sum())
    shares: NDArray[np.int64] = np.floor(exact).astype(np.int64)
    if count >= len(sizes):
        shares = np.maximum(shares, 1)
    # The rounding, and the groups that got their one galaxy, change the sum.
    while (excess := int(shares.sum()) - count) != 0:
        step = 1 if excess < 0 else -1
        may_change = shares > 1 if excess > 0 else shares < sizes
        need = np.where(may_change, step * (exact - shares), -np.inf)
        shares[np.argmax(need)] += step
    return shares


def _place_in_group(number: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count, for each entry, the earlier entries with the same number."""
    order = np.argsort(number, kind="stable")
    grouped = number[order]
    first = np.searchsorted(grouped, grouped)
    place = np.empty(len(number), np.int64)
    place[order] = np.arange(len(number)) - first
    return place
