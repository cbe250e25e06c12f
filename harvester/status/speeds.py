"""What was learned of the hosts that files come from, as text for the user."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["speed_words"]

#: What limits the fetching of frames, as `HostFacts` names it.
_LIMITS = {
    "rate": "the allowed rate limits",
    "bandwidth": "the bandwidth limits",
    "cores": "the cores limit",
    "latency": "the latency limits",
}


def speed_words(speeds: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """Yield a line for each host of which anything is known."""
    for name, one in speeds.items():
        if parts := list(_parts(one)):
            yield f"{name}: {', '.join(parts)}"


def _parts(facts: Mapping[str, Any]) -> Iterator[str]:
    if facts["bandwidth"]:
        yield f"{facts['bandwidth'] / 1e6:,.3g} MB/s"
    if facts["latency_s"] is not None:
        yield f"{facts['latency_s'] * 1e3:,.0f} ms to the first byte"
    if facts["ranges"] is not None:
        yield "ranges: yes" if facts["ranges"] else "ranges: no"
    if facts["several"] is not None:
        yield f"several in one reply: {'yes' if facts['several'] else 'no'}"
    if facts["limit"]:
        yield _LIMITS[facts["limit"]]
