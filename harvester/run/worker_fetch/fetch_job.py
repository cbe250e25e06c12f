"""What is sent to a worker that fetches a frame, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...archives.kind import Way
    from ...cutouts.unwritten import UnwrittenCut
    from ...errors import HarvesterError
    from ...frames.way_costs import HostLimits
    from ...models import CutoutSpec, Product, Wanted
    from ...transport.headers import ApiToken
    from ...transport.transport import Limits, Service

__all__ = ["FetchJob", "FetchTerms", "FetchedCuts"]


@dataclass(frozen=True, slots=True)
class FetchTerms:
    """How the workers of one harvest fetch: the same for all of its jobs."""

    services: Sequence[Service]
    limits: Limits
    contact: str
    #: Secrets of archives; they go to the workers through the scheduler.
    tokens: Sequence[ApiToken]
    #: ``HOST:PORT`` of the broker, and its secret; or its address file, and none.
    broker: str
    secret: str
    #: How compressed frames are fetched, and what limits that, by archive.
    ways: Mapping[str, Way]
    host_limits: Mapping[str, HostLimits]
    #: Bytes of frames that a worker may keep.
    budget: int
    #: Seconds of outage after which a host is given up.
    patience_s: float
    #: Seconds after which the cutting of a frame counts as hung.
    cut_s: float
    #: What tells this harvest from others that the same workers serve.
    name: str


@dataclass(frozen=True, slots=True)
class FetchJob:
    """A frame to be fetched, and the stamps to be cut from it."""

    terms: FetchTerms
    product: Product
    wanted: tuple[Wanted, ...]
    spec: CutoutSpec
    #: Whether to wait for the end of an outage of the host.
    sits_out: bool


@dataclass(slots=True)
class FetchedCuts:
    """What came of a job; what was cut before an error is valid."""

    parts: list[UnwrittenCut] = field(default_factory=list)
    error: HarvesterError | None = None
    #: Bytes that were read of this frame and its neighbours.
    read: int = 0
    #: Requests and bytes of each host since the last answer of this worker.
    traffic: list[tuple[str, int, int]] = field(default_factory=list)
    #: Counters of the ledger since then: in which way a product came.
    ways: list[tuple[Product, str]] = field(default_factory=list)
    #: Messages for the user.
    said: list[str] = field(default_factory=list)
