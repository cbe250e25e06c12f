"""The cost of each way of fetching a compressed frame, and which is the quickest.

Harvests fetch many frames at the same time, so requests, bytes and unpacking overlap.
What limits a harvest is the scarcest of them: the requests that are allowed, the
bandwidth, the cores, or the latency of the host, if too few frames are in hand to hide
it. The bill and the harvest use the same function.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, Self

from ..archives.fetch import Way
from ..models import Plane
from .block_ends import LONGEST, SHORTEST

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..archives.block_law import BlockLaw
    from ..archives.kind import ArchiveKind
    from ..models import HostFacts

__all__ = [
    "LATENCY_S",
    "FrameCost",
    "HostLimits",
    "Limit",
    "PackedFrame",
    "cost_of",
    "quickest",
]

#: Part of a frame's blocks that the rows of one galaxy touch: one, and at a third of
#: all places two.
_TOUCHED = 1.33

#: Seconds from a request to the first byte of its reply, assumed until a host is known.
LATENCY_S = 0.2

#: CPU seconds of what is done for each frame, whatever its way: headers, cutting.
_FIXED_S = 0.02

#: Part by which things that are not the scarcest count too: they never overlap wholly.
_REST = 0.1


class Limit(StrEnum):
    """What may limit the harvest of frames from a host."""

    RATE = "rate"
    BANDWIDTH = "bandwidth"
    CORES = "cores"
    LATENCY = "latency"


class HostLimits(NamedTuple):
    """What limits the harvest of frames from a host."""

    #: Requests a second that are allowed.
    rate: float
    #: Bytes a second from the host, over all connections.
    bandwidth: float
    #: Worker processes.
    cores: int
    #: Seconds from a request to the first byte of its reply.
    latency_s: float = LATENCY_S
    #: Requests that may be under way at once, and frames that are in hand at once.
    in_flight: int = 4
    in_hand: int = 6
    #: Whether the host sends several ranges at a time, as far as is known.
    gives_several: bool = True

    def learned(self, facts: HostFacts) -> Self:
        """Give the limits with what was measured in place of what was assumed."""
        return self._replace(
            bandwidth=facts.bandwidth or self.bandwidth,
            latency_s=self.latency_s if facts.latency_s is None else facts.latency_s,
        )


class PackedFrame(NamedTuple):
    """A compressed frame, and what is wanted of it."""

    #: Length in bytes, and CPU seconds to unpack all of it.
    size: float
    decode_s: float
    blocks: int
    galaxies: int
    #: Whether the HDUs behind the image are needed.
    needs_rest: bool
    #: Bytes of the first request, and those that are fetched around blocks.
    first: int
    slack: int
    #: Bytes of the end that come with the first reply; 0: the host sends one range at a
    #: time.
    tail: int = 0

    @classmethod
    def of(
        cls,
        kind: ArchiveKind,
        law: BlockLaw,
        galaxies: int,
        planes: Collection[Plane],
        size: float = 0,
        *,
        several: bool = True,
    ) -> Self:
        """Make it of a frame of an archive; ``size`` 0: it has a typical one.

        ``several``: whether the host sends several ranges at a time.
        """
        costs = kind.costs
        return cls(
            size or costs.typical_bytes,
            costs.decode_s,
            law.blocks,
            galaxies,
            Plane.IVAR in planes,
            law.first_request,
            law.slack,
            law.tail if several else 0,
        )


class FrameCost(NamedTuple):
    """What a frame costs, as a mean over galaxies at random places."""

    requests: float
    bytes: float
    cpu_s: float
    #: Requests that are sent one after the other, each when the last has been answered.
    rounds: float = 1.0

    def parts(self, limits: HostLimits) -> dict[Limit, float]:
        """Give the seconds for which the frame occupies each resource."""
        # While a reply is waited for, a frame in hand and the place of each of its
        # requests do nothing.
        waits = max(self.rounds / limits.in_hand, self.requests / limits.in_flight)
        return {
            Limit.RATE: self.requests / limits.rate,
            Limit.BANDWIDTH: self.bytes / limits.bandwidth,
            Limit.CORES: self.cpu_s / limits.cores,
            Limit.LATENCY: limits.latency_s * waits,
        }

    def seconds(self, limits: HostLimits) -> float:
        """Give the seconds for which the frame occupies the scarcest resource."""
        parts = self.parts(limits).values()
        return max(parts) + _REST * sum(parts)

    def limit(self, limits: HostLimits) -> Limit:
        """Give the scarcest resource."""
        parts = self.parts(limits)
        return max(parts, key=parts.__getitem__)


def cost_of(way: Way, frame: PackedFrame) -> FrameCost:
    """Give the expected cost of a frame; for `Way.AUTO` that of a whole one."""
    part = min(1.0, frame.galaxies / (frame.galaxies + 1) + 0.5 / frame.blocks)
    block, block_s = frame.size / frame.blocks, frame.decode_s / frame.blocks
    # Two galaxies may need the same blocks.
    others = frame.blocks - 1
    touched = others * (1 - (1 - _TOUCHED / others) ** frame.galaxies)
    blocks_s = _FIXED_S + (2 + touched) * block_s
    match way:
        case Way.RANGES:
            gaps = min(touched / _TOUCHED, others / 2)
            size = frame.first + touched * block + gaps * 2 * frame.slack
            size = min(frame.size, size + (frame.tail or block + frame.slack))
            # With several ranges at a time one request has both ends, and one the rest.
            requests = 2 if frame.tail else 2 + gaps
            return FrameCost(requests, size, blocks_s, rounds=2)
        case Way.STREAM if frame.tail:
            return _cost_of_ends(frame, blocks_s)
        case Way.STREAM:
            size = part * frame.size + block + frame.slack
            return FrameCost(2, min(frame.size, size), blocks_s, rounds=2)
        case Way.EARLY if not frame.needs_rest:
            # The first block is unpacked twice.
            seconds = _FIXED_S + part * frame.decode_s + block_s
            return FrameCost(1, part * frame.size, seconds)
        case _:
            read = 1.0 if frame.needs_rest else part
            return FrameCost(1, frame.size, _FIXED_S + read * frame.decode_s)


def _cost_of_ends(frame: PackedFrame, cpu_s: float) -> FrameCost:
    """Give the cost of a stream of both ends, one of which has the wanted blocks.

    With n galaxies at random rows the nearer end has to reach over more than the part x
    of the frame with the probability 1 - 2 x^n + max(0, 2 x - 1)^n.
    """
    n, block = frame.galaxies, frame.size / frame.blocks
    # The frame may be longer, the rows are known within a block, and blocks are whole.
    margin = 1.5 * block + frame.slack
    most = (SHORTEST * frame.size - frame.tail - margin) / (LONGEST * frame.size)
    within = min(1.0, 2 * most**n - max(0.0, 2 * most - 1) ** n)
    mean = LONGEST * (1 - 1.5 / (n + 1)) * frame.size
    further = (1 - within) * (_TOUCHED * block + 2 * frame.slack)
    size = min(frame.size, mean + margin + frame.tail + further)
    return FrameCost(2 - within, size, cpu_s, rounds=2 - within)


def quickest(ways: Iterable[Way], frame: PackedFrame, limits: HostLimits) -> Way:
    """Give the way that occupies the scarcest resource for the shortest time."""
    return min(ways, key=lambda way: cost_of(way, frame).seconds(limits))
