"""What the plan expects: the ways of frames, what limits them, how quick hosts are."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ..archives.registry import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..archives.kind import Way
    from ..ledger.view import FrameGroup
    from ..models import Survey
    from .allowance import Allowance

__all__ = ["expected_ways", "host_words", "speed_of_host", "way_words"]

#: What limits a way, by its short name.
_LIMITS = {
    "rate": "the rate of {rate:g} a second limits",
    "bandwidth": "the bandwidth limits",
    "cores": "the cores limit",
    "latency": "the latency limits",
}


def expected_ways(
    survey: Survey,
    groups: Sequence[FrameGroup],
    allowance: Allowance,
) -> dict[str, Any]:
    """Count the frames that are expected to come in each way; tell what limits them.

    Returns
    -------
    dict
        ``ways``: number of frames by way; ``limits``: by way what limits most of its
        frames; ``files_from``: the host that is asked for them. Ways and limits are
        empty if an archive's frames come in one way only.
    """
    kind, planes = kind_of(survey.archive), allowance.specs[survey.archive].planes
    ways: Counter[str] = Counter()
    limits: dict[str, Counter[str]] = {}
    for group in groups if kind.blocks is not None else ():
        frames = group.frames - group.missing
        limit = allowance.limit(kind, group.stamps, planes)
        samples = group.rows or [()]
        chosen = Counter(
            allowance.way(kind, group.stamps, planes, at) for at in samples
        )
        for way, number in _shared(frames, chosen).items():
            ways[way] += number
            limits.setdefault(way, Counter())[limit] += number
    most = {way: each.most_common(1)[0][0] for way, each in limits.items()}
    host = allowance.manners[kind.costs.file_service].host
    return {"ways": dict(ways), "limits": most, "files_from": host}


def _shared(frames: int, chosen: Counter[Way]) -> dict[Way, int]:
    """Share frames among ways as a sample was; the sum is that of the frames."""
    shares, before, total = {}, 0, chosen.total()
    for way, number in chosen.items():
        until = before + number
        shares[way] = frames * until // total - frames * before // total
        before = until
    return shares


def speed_of_host(service: str, allowance: Allowance) -> dict[str, Any]:
    """Tell how quick the host of a service is taken to be, and why.

    Returns
    -------
    dict
        ``bandwidth`` in bytes a second, ``latency_s`` in seconds, ``ranges`` (None: not
        known); ``bandwidth_from``, ``latency_from``: measured, given or assumed.
    """
    facts = allowance.facts(allowance.manners[service].host)
    limits = allowance.limits(service)
    guessed = "given" if allowance.is_given else "assumed"
    return {
        "bandwidth": limits.bandwidth,
        "bandwidth_from": "measured" if facts.bandwidth else guessed,
        "latency_s": limits.latency_s,
        "latency_from": "assumed" if facts.latency_s is None else "measured",
        "ranges": facts.ranges,
    }


def way_words(
    surveys: Mapping[str, dict[str, Any]], hosts: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    """Yield a line for each survey: in which ways its frames will come, and why."""
    for name, one in surveys.items():
        rate = hosts[one["files_from"]]["rate"] if one["ways"] else 0
        ways = [
            f"{way} {frames:,} ({_LIMITS[one['limits'][way]].format(rate=rate)})"
            for way, frames in one["ways"].items()
            if frames
        ]
        if ways:
            yield f"{name}: expected ways of fetching the frames: {', '.join(ways)}"


def host_words(hosts: Mapping[str, dict[str, Any]]) -> Iterator[str]:
    """Yield a line for each host that sends files: how quick it is taken to be."""
    for name, one in hosts.items():
        if one["files"]:
            yield f"{name}: {_speed_words(one)}{_range_words(one['ranges'])}"


def _speed_words(host: Mapping[str, Any]) -> str:
    speed, latency = f"{host['bandwidth'] / 1e6:,.3g} MB/s", _ms(host["latency_s"])
    sources = host["bandwidth_from"], host["latency_from"]
    match sources:
        case ("assumed", "assumed"):
            return f"assumed {speed} and {latency}; nothing measured yet"
        case ("measured", "measured"):
            return f"measured {speed} and {latency}"
    return f"{sources[0]} {speed}, {sources[1]} {latency}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:,.0f} ms to the first byte"


def _range_words(ranges: bool | None) -> str:  # noqa: FBT001 - a value, no switch
    if ranges is None:
        return ""
    return "; gives ranges" if ranges else "; gave no ranges"
