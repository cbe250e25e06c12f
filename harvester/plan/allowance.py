"""What a harvest may use: requests, bandwidth, cores, disk."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, NamedTuple

from ..archives.kind import Way
from ..frames.way_costs import HostLimits
from ..frames.ways import limit_of, way_of
from ..models import HostFacts
from ..transport.body import LARGEST_FILE
from ..transport.host_speed import HostSpeed

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..archives.kind import ArchiveKind
    from ..cutouts.intervals import Span
    from ..models import CutoutSpec, Plane

__all__ = ["BANDWIDTH", "Allowance", "Manner", "frames_in_hand"]

#: Assumed bandwidth in bytes a second, until one is measured: a good connection.
BANDWIDTH = 20e6


def frames_in_hand(files: int) -> int:
    """Give how many frames are in hand at once, if so many files may be in flight."""
    # Two more: they wait for frames that are being cut.
    return files + 2


class Manner(NamedTuple):
    """Request limits of one service."""

    #: Official host, by whose name traffic is counted.
    host: str
    #: Requests a second.
    rate: float
    #: Files in flight.
    files: int


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a harvest may use."""

    #: Request limits by name of service.
    manners: Mapping[str, Manner]
    #: How stamps are cut, by archive.
    specs: Mapping[str, CutoutSpec]
    #: Number of worker processes.
    cores: int
    #: Size of the frame cache on disk, bytes.
    cache_bytes: int
    #: Bandwidth in bytes a second from each host of which none was measured.
    bandwidth: float
    #: Bytes of a file above which it is not fetched whole.
    largest_file: int = LARGEST_FILE

    #: The ways that the user has set, by archive.
    ways: Mapping[str, Way] = field(default_factory=dict)

    #: Whether the user gave the bandwidth: then no measured one is used.
    is_given: bool = False
    #: What was learned of hosts.
    known: Mapping[str, HostFacts] = field(default_factory=dict)

    def facts(self, host: str) -> HostFacts:
        """Give what is known of a host, without what the user said instead."""
        facts = self.known.get(host, HostFacts())
        return replace(facts, bandwidth=None) if self.is_given else facts

    def limits(self, service: str) -> HostLimits:
        """Give what limits the harvest of files from a service."""
        manner = self.manners[service]
        limits = HostLimits(
            manner.rate,
            self.bandwidth,
            self.cores,
            in_flight=manner.files,
            in_hand=frames_in_hand(manner.files),
        )
        facts = self.facts(manner.host)
        several = HostSpeed(facts).gives_several is not False
        return limits.learned(facts)._replace(gives_several=several)

    def way(
        self,
        kind: ArchiveKind,
        galaxies: int,
        planes: Collection[Plane],
        rows: Collection[Span] = (),
    ) -> Way:
        """Give the way in which a frame of an archive would be fetched.

        ``rows`` are those of its stamps; empty: they may be anywhere.
        """
        chosen = self.ways.get(kind.name, Way.AUTO)
        if self._is_without_ranges(kind):
            chosen = chosen if chosen in {Way.EARLY, Way.WHOLE} else Way.AUTO
            return way_of(kind, chosen, galaxies, planes)
        limits = self.limits(kind.costs.file_service)
        return way_of(kind, chosen, galaxies, planes, limits=limits, rows=rows)

    def limit(self, kind: ArchiveKind, galaxies: int, planes: Collection[Plane]) -> str:
        """Tell what limits the fetching of such frames; empty if that is not known."""
        limits = self.limits(kind.costs.file_service)
        way = self.way(kind, galaxies, planes)
        return limit_of(kind, way, galaxies, planes, limits)

    def _is_without_ranges(self, kind: ArchiveKind) -> bool:
        host = self.manners[kind.costs.file_service].host
        return HostSpeed(self.facts(host)).is_without_ranges
