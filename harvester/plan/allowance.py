"""What a harvest may use: requests, bandwidth, cores, disk."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from ..archives.kind import Way
from ..frames.way_costs import HostLimits
from ..frames.ways import way_of
from ..transport.body import LARGEST_FILE

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..archives.kind import ArchiveKind
    from ..models import CutoutSpec, Plane

__all__ = ["BANDWIDTH", "Allowance", "Manner"]

#: Assumed bandwidth in bytes a second, if the user gives none: a good connection.
BANDWIDTH = 20e6


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
    #: Assumed bandwidth from each host, bytes a second.
    bandwidth: float
    #: Bytes of a file above which it is not fetched whole.
    largest_file: int = LARGEST_FILE

    #: The ways that the user has set, by archive.
    ways: Mapping[str, Way] = field(default_factory=dict)

    def limits(self, kind: ArchiveKind) -> HostLimits:
        """Give what limits the harvest of an archive's own files."""
        rate = self.manners[kind.costs.file_service].rate
        return HostLimits(rate, self.bandwidth, self.cores)

    def way(self, kind: ArchiveKind, galaxies: int, planes: Collection[Plane]) -> Way:
        """Give the way in which a frame of an archive would be fetched."""
        chosen = self.ways.get(kind.name, Way.AUTO)
        return way_of(kind, chosen, galaxies, planes, limits=self.limits(kind))
