"""Estimates the load of an archive's services: requests, files and bytes.

The estimates come from what is known about the frames to come. They are expected
values, so they need not be whole numbers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..archives.kind import Fetch, Way
from ..frames.prefix import expected_part
from ..frames.way_costs import PackedFrame, cost_of
from ..models import DEFAULT_PLANES, Plane

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from ..archives.kind import ArchiveKind
    from ..ledger.view import FrameGroup
    from .rows import Rows

    #: Gives the way of frames with a number of galaxies, for some planes and rows.
    WayOf = Callable[[ArchiveKind, int, Collection[Plane], Rows], Way]

__all__ = [
    "Load",
    "Priced",
    "SampleSummary",
    "add_loads",
    "packed_loads",
    "ranged_loads",
]

#: From this many fetched frames on, their mean size is used for all others.
_ENOUGH = 20

#: In an earlier check all of 15 files were in the public bucket. They are added to the
#: samples when the fraction of missing files is estimated.
_FOUND_BEFORE = 15


class Load(NamedTuple):
    """The expected load of one service."""

    requests: float = 0
    files: float = 0
    bytes: float = 0
    #: What the bytes are based on, such as "sampled".
    source: str = "listed"
    #: Number of frames with unknown axes.
    guessed: int = 0
    #: How many of the bytes are due to the planes of the stamps beside the flux.
    for_planes: float = 0

    def __add__(self, other: Load) -> Load:  # type: ignore[override] # a tuple would be joined
        """Add two loads of a service, and join their sources."""
        sources = dict.fromkeys(one.source for one in (self, other) if one.files)
        return Load(
            self.requests + other.requests,
            self.files + other.files,
            self.bytes + other.bytes,
            ", ".join(sources) or self.source,
            self.guessed + other.guessed,
            self.for_planes + other.for_planes,
        )


class Priced(NamedTuple):
    """The total price of the frames with a mirror, or of those without."""

    mirrored: bool
    frames: int
    #: Requests and bytes if they are fetched by ranges.
    requests: int
    bytes: int
    #: Bytes if they are fetched whole.
    whole: int
    #: Number of frames with unknown axes.
    guessed: int


class SampleSummary(NamedTuple):
    """The archive's answers about a sample of the frames to come."""

    asked: int = 0
    missing: int = 0
    #: Mean length in bytes of the files that exist; None if unknown.
    size: float | None = None

    @property
    def share_missing(self) -> float:
        """The expected fraction of missing files among those not sampled."""
        return (self.missing + 0.5) / (self.asked + _FOUND_BEFORE + 1)


def packed_loads(
    kind: ArchiveKind,
    groups: Sequence[FrameGroup],
    *,
    unlocated: Sequence[int],
    fetched: int,
    fetched_bytes: int,
    samples: SampleSummary,
    planes: Collection[Plane] = DEFAULT_PLANES,
    way_of: WayOf | None = None,
) -> dict[str, Load]:
    """Estimate the loads of an archive whose files are compressed.

    Parameters
    ----------
    planes
        Those of the stamps; for some of them frames are fetched whole.
    unlocated
        Targets of each survey that are not located yet.
    fetched, fetched_bytes
        Frames fetched so far, and the bytes fetched for them.
    way_of
        Gives the way in which frames are fetched; None: as one stream.
    """
    costs = kind.costs
    prices = [_price(kind, group, planes, way_of) for group in groups]
    lost = sum(group.missing * group.stamps for group in groups)
    frames = sum(group.frames for group in groups)
    missing = sum(group.missing for group in groups)
    if fetched >= _ENOUGH and fetched_bytes:
        size, source = (frames - missing) * fetched_bytes / fetched, "seen"
    else:
        each = samples.size or costs.typical_bytes
        size = sum(
            _group_bytes(group, each, part)
            for group, (_, part) in zip(groups, prices, strict=True)
        )
        source = "sampled" if samples.size else "typical"
    queries = Load(costs.queries(unlocated, lost, planes))
    files = Load(
        sum(
            group.missing + (group.frames - group.missing) * requests
            for group, (requests, _) in zip(groups, prices, strict=True)
        ),
        frames - missing,
        size,
        source,
        for_planes=size * _part_for_planes(kind, groups, planes, way_of),
    )
    return add_loads([(costs.query_service, queries), (costs.file_service, files)])


def _group_bytes(group: FrameGroup, each: float, part: float) -> float:
    unsized = group.frames - group.sized
    return part * (group.size + unsized * each)


def _price(
    kind: ArchiveKind,
    group: FrameGroup,
    planes: Collection[Plane],
    way_of: WayOf | None,
) -> tuple[float, float]:
    """Give the requests for a frame, and the part of its bytes, as a mean."""
    prices = [
        _price_at(kind, group.stamps, planes, way_of, at) for at in group.rows or [()]
    ]
    requests, part = (sum(each) / len(prices) for each in zip(*prices, strict=True))
    return requests, part


def _price_at(
    kind: ArchiveKind,
    stamps: int,
    planes: Collection[Plane],
    way_of: WayOf | None,
    rows: Rows,
) -> tuple[float, float]:
    """Give the requests for a frame, and the part of its bytes that is fetched."""
    if kind.fetch is not Fetch.BEGINNING:
        return 1, 1.0
    way = way_of(kind, stamps, planes, rows) if way_of else Way.EARLY
    if way is Way.WHOLE or kind.blocks is None:
        return 1, 1.0
    if way is Way.EARLY and not rows:
        return 1, expected_part(stamps, planes)
    frame = PackedFrame.of(kind, kind.blocks, stamps, planes, rows=rows)
    cost = cost_of(way, frame)
    return cost.requests, cost.bytes / frame.size


def _part_for_planes(
    kind: ArchiveKind,
    groups: Sequence[FrameGroup],
    planes: Collection[Plane],
    way_of: WayOf | None,
) -> float:
    """Estimate the part of the bytes that would not be fetched for the flux alone."""
    all_planes, flux = (
        sum(group.frames * _price(kind, group, each, way_of)[1] for group in groups)
        for each in (planes, (Plane.FLUX,))
    )
    return max(0.0, 1 - flux / all_planes) if all_planes else 0.0


def ranged_loads(
    kind: ArchiveKind,
    frames: Sequence[Priced],
    *,
    unlocated: Sequence[int],
    samples: SampleSummary,
) -> dict[str, Load]:
    """Estimate the loads of an archive whose frames are fetched by ranges.

    The archive itself sends what its mirror lacks: whole, unless it serves ranges too.
    """
    costs = kind.costs
    direct = [one for one in frames if not one.mirrored]
    copied = [one for one in frames if one.mirrored]
    count = sum(one.frames for one in copied)
    unsure = max(0, count - (samples.asked - samples.missing))
    lacking = samples.share_missing * unsure
    part = lacking / count if count else 0.0
    sent = _sent_by_archive(kind, direct, copied, part)
    queries = Load(costs.queries(unlocated, 0), source=sent.source)
    loads = [(costs.query_service, queries), (costs.file_service, sent)]
    if costs.mirror_service:
        copies = Load(
            lacking + (1 - part) * sum(one.requests for one in copied),
            count - lacking,
            (1 - part) * sum(one.bytes for one in copied),
            "footprints",
            sum(one.guessed for one in copied),
        )
        loads.append((costs.mirror_service, copies))
    return add_loads(loads)


def _sent_by_archive(
    kind: ArchiveKind, direct: Sequence[Priced], copied: Sequence[Priced], part: float
) -> Load:
    """Estimate the load of the archive itself.

    It sends the frames without a copy, and the fraction ``part`` of the others.
    """

    def total(name: str) -> float:
        own, copies = (sum(getattr(one, name) for one in x) for x in (direct, copied))
        return float(own + part * copies)

    files = total("frames")
    if not kind.archive_gives_ranges:
        return Load(files, files, total("whole"), "footprints")
    guessed = sum(one.guessed for one in direct)
    return Load(total("requests"), files, total("bytes"), "footprints", guessed)


def add_loads(loads: Iterable[tuple[str, Load]]) -> dict[str, Load]:
    """Add up the loads of each service; several archives may share one."""
    sums: dict[str, Load] = {}
    for service, load in loads:
        sums[service] = sums[service] + load if service in sums else load
    return sums
