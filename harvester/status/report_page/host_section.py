"""The section that tells of each host: requests, bytes, waits, and what limited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...events import counted
from .markup import given, tag
from .words import bytes_words, moment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from xml.etree.ElementTree import Element

    from .facts import HostPast, RunFacts

__all__ = ["host_section"]

#: What limits the fetching of frames, by its short name in `HostFacts`.
_LIMITS = {
    "rate": "the allowed rate of requests",
    "bandwidth": "the bandwidth",
    "cores": "the cores of this machine",
    "latency": "the time until answers begin",
}


def host_section(facts: RunFacts) -> Element:
    """Make the section."""
    hosts = [_host(facts, one) for one in facts.overview["hosts"]]
    return tag(
        "section",
        tag("h2", "Hosts", id="hosts-title"),
        tag("ul", *hosts, id="host-list") if hosts else tag("p", "None was asked."),
        id="hosts",
        aria_labelledby="hosts-title",
    )


def _host(facts: RunFacts, one: Mapping[str, Any]) -> Element:
    name = one["name"]
    lines = [f"{counted(one['requests'], 'request')}, {bytes_words(one['bytes'])}"]
    lines.extend(_learned(facts.report["speeds"].get(name)))
    lines.extend(_history(facts.past.get(name)))
    if one["words"]:
        lines.append(f"Now: {one['words']}")
    return tag(
        "li",
        tag("b", given(name)),
        *(tag("small", given(line)) for line in lines),
    )


def _learned(speed: Mapping[str, Any] | None) -> Iterator[str]:
    if not speed:
        return
    if speed["bandwidth"]:
        yield f"Measured: {speed['bandwidth'] / 1e6:,.3g} MB/s"
    if speed["latency_s"] is not None:
        yield f"Measured: {speed['latency_s'] * 1e3:,.0f} ms to the first byte"
    if limit := speed["limit"]:
        yield f"Frames were limited by {_LIMITS.get(limit, limit)}"


def _history(past: HostPast | None) -> Iterator[str]:
    if not past:
        return
    total = sum(past.states.values())
    others = {state: count for state, count in past.states.items() if state != "open"}
    moments = counted(total, "moment")
    if others:
        words = ", ".join(f"{state} at {count:,}" for state, count in others.items())
        yield f"Of {moments} in the history: {words}"
    else:
        yield f"Open at all of the {moments} in the history"
    rates = f"{past.highest_rate:.3g} requests/s allowed"
    if past.lowest_rate < past.highest_rate:
        rates += f", at least {past.lowest_rate:.3g}"
    yield rates
    if past.cooled_until:
        yield f"Its last cool-down ended at {moment(past.cooled_until)} UTC"
