"""Groups of galaxies that share frames: no frame is needed by two groups.

Galaxies that need a common frame, of any survey and band, are in one group, and so are
all that are connected through others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ...archives.registry import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from ...ledger.frame_needs import FrameNeeds, NeededFrame
    from ...models import CutoutSpec

    #: Archive and name of a file.
    Name = tuple[str, str]

__all__ = ["FrameGroups", "FramePairs", "group_by_frames"]

#: Work of a stamp, and of a galaxy that needs nothing, in frames.
_STAMP, _GALAXY = 0.02, 1e-6


class FramePairs(NamedTuple):
    """Galaxies with the files that they need, by the places of both."""

    galaxy: NDArray[np.int64]
    file: NDArray[np.int64]


class FrameGroups(NamedTuple):
    """Groups, numbered from 0."""

    #: The group of each galaxy.
    group: NDArray[np.int64]
    #: Of each group, in frames to be fetched.
    work: NDArray[np.float64]
    #: A pair for each stamp that is wanted, and for each product that is asked for if a
    #: better one cannot be had.
    wanted: FramePairs
    spare: FramePairs


def group_by_frames(
    number: NDArray[np.int64], needs: FrameNeeds, specs: Mapping[str, CutoutSpec]
) -> FrameGroups:
    """Group galaxies by the frames that they need.

    Parameters
    ----------
    number
        Of all galaxies, ascending.
    specs
        How stamps are cut, by archive: large ones may need neighbours of their frames.
    """
    files: dict[Name, int] = {}
    file_of = np.zeros(max((f.number for f in needs.frames), default=-1) + 1, np.int64)
    for frame in needs.frames:
        file_of[frame.number] = _place(files, frame.product.archive, frame.product.name)
    beside = list(_neighbours(needs.frames, files, specs))
    needed, wanted, spare = (
        FramePairs(np.searchsorted(number, some["target"]), file_of[some["product"]])
        for some in (needs.needed, needs.wanted, needs.spare)
    )
    group = _connected(len(number), len(files), needed, beside)
    return FrameGroups(group, _work(group, wanted), wanted, spare)


def _place(files: dict[Name, int], archive: str, name: str) -> int:
    return files.setdefault((archive, name), len(files))


def _neighbours(
    frames: Sequence[NeededFrame],
    files: dict[Name, int],
    specs: Mapping[str, CutoutSpec],
) -> Iterator[tuple[int, int]]:
    """Give pairs of files of which one may complete stamps of the other.

    Which stamps lack rows is known only when their frame is here. So both neighbours
    of a frame are taken for needed, if stamps are so large that one may be.
    """
    for frame in frames:
        product, kind = frame.product, kind_of(frame.survey.archive)
        spec, costs = specs[product.archive], kind.costs
        side = spec.size.pixels(costs.pixel_arcsec(frame.survey.instrument))
        if not (kind.has_neighbours and spec.complete and costs.neighbours(side, 1)):
            continue
        own = _place(files, product.archive, product.name)
        for step in (-1, 1):
            neighbour = kind.neighbour(product, step)
            if neighbour is not None:
                yield own, _place(files, neighbour.archive, neighbour.name)


def _connected(
    galaxies: int, files: int, pairs: FramePairs, beside: list[tuple[int, int]]
) -> NDArray[np.int64]:
    """Give the group of each galaxy; in the graph the files follow the galaxies."""
    one, other = np.array(beside, np.int64).reshape(-1, 2).T + galaxies
    ends = (
        np.concatenate([pairs.galaxy, one]),
        np.concatenate([pairs.file + galaxies, other]),
    )
    nodes = galaxies + files
    graph = coo_array((np.ones(len(ends[0]), np.bool_), ends), shape=(nodes, nodes))
    _, label = connected_components(graph.tocsr(), directed=False)
    # Files that no galaxy needs are in no group.
    _, group = np.unique(label[:galaxies], return_inverse=True)
    return group.astype(np.int64)


def _work(group: NDArray[np.int64], wanted: FramePairs) -> NDArray[np.float64]:
    count = int(group.max(initial=-1)) + 1
    _, first = np.unique(wanted.file, return_index=True)
    frames = np.bincount(group[wanted.galaxy[first]], minlength=count)
    stamps = np.bincount(group[wanted.galaxy], minlength=count)
    galaxies = np.bincount(group, minlength=count)
    work: NDArray[np.float64] = frames + _STAMP * stamps + _GALAXY * galaxies
    return work
