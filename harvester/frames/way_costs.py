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
from .wanted_part import TOUCHED, WantedPart

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ..archives.block_law import BlockLaw
    from ..archives.kind import ArchiveKind
    from ..cutouts.intervals import Span
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

#: Seconds from a request to the first byte of its reply, assumed until a host is known.
LATENCY_S = 0.2

#: Round trips to open a connection: one for TCP and one for TLS 1.3. A reply that is
#: left early costs them, because its connection is closed; after a range it is kept. By
#: ``benchmarks/keep_alive.py`` that is a handshake and three round trips for a frame
#: with an early stop, and none and three with three ranges. The handshake also costs
#: 2 ms of CPU time in the process that fetches, which does not matter here.
_CONNECTING = 2

#: CPU seconds of what is done for each frame, whatever its way: headers, cutting.
_FIXED_S = 0.01

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
    #: What is wanted of the image, and by how many galaxies.
    part: WantedPart
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
        rows: Collection[Span] = (),
        *,
        several: bool = True,
    ) -> Self:
        """Make it of a frame of an archive.

        Parameters
        ----------
        size
            Its length in bytes; 0: it has a typical one.
        rows
            Those that are wanted, if they are known; empty: they may be anywhere.
        several
            Whether the host sends several ranges at a time.
        """
        costs, needs_rest = kind.costs, Plane.IVAR in planes
        if rows:
            part = WantedPart.of_rows(law, rows, is_rest_wanted=needs_rest)
        else:
            part = WantedPart.mean(law.blocks, galaxies)
        return cls(
            size or costs.typical_bytes,
            costs.decode_s,
            law.blocks,
            part,
            galaxies,
            needs_rest,
            law.first_request,
            law.slack,
            law.tail if several else 0,
        )


class FrameCost(NamedTuple):
    """What a frame is expected to cost."""

    requests: float
    bytes: float
    cpu_s: float
    #: Requests that are sent one after the other, each when the last has been answered.
    rounds: float = 1.0
    #: Connections that are closed, so that others must be opened.
    closed: float = 0.0

    def parts(self, limits: HostLimits) -> dict[Limit, float]:
        """Give the seconds for which the frame occupies each resource."""
        # While a reply is waited for, a frame in hand and the place of each of its
        # requests do nothing.
        connecting = _CONNECTING * self.closed
        waits = max(
            (self.rounds + connecting) / limits.in_hand,
            (self.requests + connecting) / limits.in_flight,
        )
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
    end, touched, groups, proof, _ = frame.part
    block, block_s = frame.size / frame.blocks, frame.decode_s / frame.blocks
    blocks_s = _FIXED_S + (1 + touched + proof) * block_s
    last = proof * (block + frame.slack)
    match way:
        case Way.RANGES:
            size = frame.first + touched * block + groups * 2 * frame.slack
            if frame.tail:
                # One request has both ends, and one the rest.
                size, requests = size + frame.tail, 1 + min(1, groups)
                rounds = requests
            else:
                size, requests = size + last, 1 + groups + proof
                rounds = 1 + proof
            return FrameCost(requests, min(frame.size, size), blocks_s, rounds=rounds)
        case Way.STREAM if frame.tail:
            return _cost_of_ends(frame, blocks_s)
        case Way.STREAM:
            size = min(frame.size, end * frame.size + last)
            return FrameCost(1 + proof, size, blocks_s, 1 + proof, closed=1)
        case Way.EARLY if not frame.needs_rest:
            # The first block is unpacked twice.
            seconds = _FIXED_S + end * frame.decode_s + block_s
            return FrameCost(1, end * frame.size, seconds, closed=1)
        case _:
            read = 1.0 if frame.needs_rest else end
            return FrameCost(1, frame.size, _FIXED_S + read * frame.decode_s)


def _cost_of_ends(frame: PackedFrame, cpu_s: float) -> FrameCost:
    """Give the cost of a stream of both ends, one of which has the wanted blocks.

    With n galaxies at random rows the nearer end has to reach over more than the part x
    of the frame with the probability 1 - 2 x^n + max(0, 2 x - 1)^n.
    """
    n, block, reach = frame.galaxies, frame.size / frame.blocks, frame.part.reach
    # The frame may be longer, the rows are known within a block, and blocks are whole.
    margin = 1.5 * block + frame.slack
    most = (SHORTEST * frame.size - frame.tail - margin) / (LONGEST * frame.size)
    if reach is None:
        within = min(1.0, 2 * most**n - max(0.0, 2 * most - 1) ** n)
        reach = 1 - 1.5 / (n + 1)
    else:
        within = float(reach <= most)
    further = (1 - within) * (TOUCHED * block + 2 * frame.slack)
    size = LONGEST * reach * frame.size + margin + frame.tail + further
    return FrameCost(2 - within, min(frame.size, size), cpu_s, rounds=2 - within)


def quickest(ways: Iterable[Way], frame: PackedFrame, limits: HostLimits) -> Way:
    """Give the way that occupies the scarcest resource for the shortest time."""
    return min(ways, key=lambda way: cost_of(way, frame).seconds(limits))
