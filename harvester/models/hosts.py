"""What is known of a host that files come from."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HostFacts"]


@dataclass(frozen=True, slots=True)
class HostFacts:
    """What harvests have learned of a host; None: nothing yet."""

    #: Bytes a second over all connections.
    bandwidth: float | None = None
    #: Seconds from sending a request for a file to the first byte of its reply.
    latency_s: float | None = None
    #: When the last of both was measured, Unix seconds; 0: never.
    measured_at: float = 0.0
    #: Whether it gives ranges of files.
    ranges: bool | None = None
    #: When it last did, or did not; Unix seconds.
    ranges_at: float = 0.0
    #: What limits the fetching of its frames, by the last choice of a way: ``rate``,
    #: ``bandwidth``, ``cores`` or ``latency``; empty if no way was chosen.
    limit: str = ""
    #: Whether it sends several ranges of a file in one reply, and when it last did, or
    #: did not; Unix seconds.
    several: bool | None = None
    several_at: float = 0.0
