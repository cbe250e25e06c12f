"""Training, validation and test sets that share no frame.

Galaxies whose stamps come from one frame share its noise, its background and its point
spread, and a network could learn those. So galaxies that share a frame, or that are
within one small cell of the sky, form a group, and a group is in one set as a whole. A
hash of its place on the sky decides which: galaxies that are added later move no other
group, unless they join two.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ....errors import InputError
from ..options import Split
from .healpix import parent_cell

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from .axes import Axis

__all__ = ["SETS", "parse_split", "split_galaxies"]

#: Names of the sets, as the common loaders spell them, in order.
SETS = ("train", "validation", "test")

#: Names by the number of fractions.
_NAMES = {2: ("train", "test"), 3: SETS}

#: HEALPix order of the cells within which galaxies stay together: 51 arcsec, more than
#: the side of a usual stamp.
_TOGETHER = 12

#: HEALPix order of the cells whose hash decides: 27 arcmin, more than most frames.
_DECIDES = 7

#: Largest difference of the fractions' sum from 1: three decimals may be rounded.
_ROUNDING = 0.002


def parse_split(text: str, by: str, seed: int) -> Split:
    """Read ``0.8/0.1/0.1`` or ``0.9/0.1``.

    Raises
    ------
    InputError
        It is not two or three fractions that sum to 1.
    """
    try:
        fractions = tuple(float(part) for part in text.split("/"))
    except ValueError:
        fractions = ()
    is_whole = abs(sum(fractions) - 1) <= _ROUNDING
    if len(fractions) not in _NAMES or min(fractions) <= 0 or not is_whole:
        msg = (
            f"--split {text}: write the fractions of training, validation and test "
            "set, such as 0.8/0.1/0.1, or of training and test set, such as 0.9/0.1. "
            "They sum to 1."
        )
        raise InputError(msg)
    return Split(fractions, by, seed)


def split_galaxies(galaxies: pa.Table, axes: Sequence[Axis], split: Split) -> pa.Array:
    """Give the name of the set of each galaxy.

    Raises
    ------
    InputError
        A set would be empty.
    """
    keys = (
        galaxies["object_id"].to_pylist()
        if split.by == "random"
        else _places(galaxies, axes).tolist()
    )
    names = _NAMES[len(split.fractions)]
    ends = np.cumsum(split.fractions)[:-1]
    number = np.searchsorted(ends, _uniform(keys, split.seed), side="right")
    chosen = pa.DictionaryArray.from_arrays(
        pa.array(number, pa.int32()), pa.array(names)
    ).cast(pa.string())
    lacking = [name for place, name in enumerate(names) if not (number == place).any()]
    if lacking:
        msg = (
            f"--split: the set {lacking[0]} would have no galaxy, because galaxies "
            "that share a frame stay together. Give another --seed, larger fractions, "
            "or --by random."
        )
        raise InputError(msg)
    return chosen


def _places(galaxies: pa.Table, axes: Sequence[Axis]) -> NDArray[np.int64]:
    """Give the cell that decides about the group of each galaxy."""
    pixels = np.asarray(galaxies["_healpix_29"])
    groups = [parent_cell(pixels, _TOGETHER)]
    groups += [_codes(galaxies[f"{axis.name}_product"]) for axis in axes]
    group = _joined(len(pixels), groups)
    first = np.full(group.max(initial=0) + 1, np.iinfo(np.int64).max)
    np.minimum.at(first, group, parent_cell(pixels, _DECIDES))
    place: NDArray[np.int64] = first[group]
    return place


def _codes(names: pa.ChunkedArray) -> NDArray[np.int64]:
    """Give each frame a number; -1 for a galaxy without a stamp."""
    numbered = pc.dictionary_encode(names).combine_chunks()
    return np.asarray(pc.fill_null(numbered.indices, -1)).astype(np.int64)


def _joined(count: int, groups: Iterable[NDArray[np.int64]]) -> NDArray[np.int64]:
    """Give each connected group a number: a value in common connects galaxies."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    galaxy, node, known = [], [], count
    for values in groups:
        rows = np.flatnonzero(values >= 0)
        distinct, numbers = np.unique(values[rows], return_inverse=True)
        galaxy.append(rows)
        node.append(numbers + known)
        known += len(distinct)
    ends = np.concatenate(galaxy), np.concatenate(node)
    graph = coo_array((np.ones(len(ends[0]), np.int8), ends), shape=(known, known))
    number: NDArray[np.int64] = connected_components(graph, directed=False)[1]
    return number[:count]


def _uniform(keys: Sequence[object], seed: int) -> NDArray[np.float64]:
    """Give a number from 0 to 1 for each key, the same on every machine."""
    known: dict[object, float] = {}
    for key in keys:
        if key not in known:
            digest = hashlib.blake2b(f"{seed}:{key}".encode(), digest_size=8).digest()
            known[key] = int.from_bytes(digest, "big") / 2**64
    return np.array([known[key] for key in keys], np.float64)
