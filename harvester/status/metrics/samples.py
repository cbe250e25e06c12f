"""The values of the metrics of one run, by their names and labels."""

from __future__ import annotations

import platform
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

from ... import __version__
from ...states import State
from ..report import RUN_STATES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..report import Report
    from .run_reading import RunReading

__all__ = ["Value", "host_values", "values_of"]

#: Reasons of failures that have a series of their own; an archive may invent more.
_MOST_REASONS = 30

#: States of a run, with those that have no report.
_RUN_STATES = (*RUN_STATES, "preparing", "unreadable")

#: The label for each `HostState.kind`; any other is a reason why the host is
#: down, or that the broker is.
_HOST_STATES = {
    "open": "open",
    "slowed": "slowed",
    "after a cool-down": "cooling",
    "quiet": "quiet",
    "refuses everything": "refusing",
    "down": "down",
}


class Value(NamedTuple):
    """A metric of a run, and the values of its labels."""

    name: str
    value: float
    labels: tuple[str, ...] = ()


def values_of(run: RunReading) -> Iterator[Value]:
    """Yield all that is known of a run."""
    versions = (__version__, platform.python_version())
    yield Value("harvester_build_info", 1, versions)
    yield Value("harvester_ledger_readable", run.report is not None)
    yield Value("harvester_read_timestamp_seconds", run.at)
    yield Value("harvester_healthy", run.health.is_healthy)
    for state in _RUN_STATES:
        yield Value("harvester_run_state", state == run.state, (state,))
    if run.disk:
        yield Value("harvester_disk_free_bytes", run.disk.free)
        yield Value("harvester_disk_size_bytes", run.disk.size)
    if run.report:
        yield from _of_report(run.report, run.at)


def _of_report(report: Report, now: float) -> Iterator[Value]:
    yield from _counts(report)
    yield from _failures(report)
    yield from _images(report)
    yield from _traffic(report)
    yield from _speeds(report)
    for host, state in report["hosts"].items():
        yield from host_values(host, state, now)
    if (running := report["running"]) and report["pace"]:
        yield from _harvest(running, report["pace"])


def _counts(report: Report) -> Iterator[Value]:
    yield Value("harvester_catalogue_targets", report["targets"])
    yield Value("harvester_catalogue_rejected_rows", report["rejected"])
    yield Value("harvester_stamps", report["cutouts"])
    yield Value("harvester_substitute_stamps", report["substitutes"])
    for one in report["bands"]:
        for state in State:
            labels = (_short(one["name"]), one["band"], state.value)
            yield Value("harvester_targets", one[state.value], labels)


def _short(survey: str) -> str:
    """Name a survey without its bands: ``sdss``, ``hst:WFC3/IR``."""
    return survey.rpartition(":")[0]


def _failures(report: Report) -> Iterator[Value]:
    found: Counter[tuple[str, str]] = Counter()
    reasons: Counter[str] = Counter()
    for one in report["failures"]:  # the most frequent come first
        archive, reason = one["survey"], one["reason"]
        if (archive, reason) not in found:
            reasons[archive] += 1
        known = reasons[archive] <= _MOST_REASONS
        found[archive, reason if known else "other"] += one["jobs"]
    for labels, jobs in found.items():
        yield Value("harvester_failed_jobs", jobs, labels)


def _images(report: Report) -> Iterator[Value]:
    sums: Counter[tuple[str, str]] = Counter()
    for survey, frames in report["frames"].items():
        sums["harvester_frames_fetched_total", _short(survey)] += frames
    for survey, size in report["image_bytes"].items():
        for what in ("fetched", "needed"):
            sums[f"harvester_image_{what}_bytes_total", _short(survey)] += size[what]
    for (name, survey), value in sums.items():
        yield Value(name, value, (survey,))


def _traffic(report: Report) -> Iterator[Value]:
    for name, counts in (
        ("harvester_requests_total", report["requests"]),
        ("harvester_received_bytes_total", report["bytes"]),
        ("harvester_billed_requests", report["bill"]["requests"]),
        ("harvester_billed_bytes", report["bill"]["bytes"]),
    ):
        for host, count in counts.items():
            yield Value(name, count, (host,))
    for host in report["requests"]:
        left_s = report["cooling"].get(host, 0.0)
        yield Value("harvester_host_cool_down_seconds", left_s, (host,))


def _speeds(report: Report) -> Iterator[Value]:
    for host, one in report["speeds"].items():
        if one["latency_s"] is not None:
            yield Value("harvester_host_latency_seconds", one["latency_s"], (host,))
        if one["bandwidth"] is not None:
            name = "harvester_host_bandwidth_bytes_per_second"
            yield Value(name, one["bandwidth"], (host,))


def host_values(host: str, state: Mapping[str, Any], now: float) -> Iterator[Value]:
    """Yield the values of one host of a report; ``now`` in Unix seconds."""
    is_cooling = state["cooling_until"] > now and not state["quiet_until"]
    own = "cooling" if is_cooling else _HOST_STATES.get(state["kind"], "down")
    for each in _HOST_STATES.values():
        yield Value("harvester_host_state", each == own, (host, each))
    for kind, (busy, allowed, _) in state["slots"].items():
        flight = "harvester_host_requests_in_flight"
        yield Value(flight, busy, (host, kind))
        yield Value(f"{flight}_limit", allowed, (host, kind))
    since = state["silent_since"]
    silent_s = max(0.0, now - since) if since else 0.0
    yield Value("harvester_host_silent_seconds", silent_s, (host,))
    yield Value("harvester_host_requests_waiting", state["waiting"], (host,))
    rate = "harvester_host_allowed_requests_per_second"
    yield Value(rate, state["rate"], (host,))


def _harvest(running: Mapping[str, Any], pace: Mapping[str, Any]) -> Iterator[Value]:
    """Yield what is only known of a harvest that is alive."""
    for name, at in (
        ("start", running["since"]),
        ("report", running["told_at"]),
        ("progress", running["progress_at"]),
        ("heard", running["heard_at"]),
    ):
        if at:
            yield Value(f"harvester_{name}_timestamp_seconds", at)
    yield Value("harvester_cutting_frames", running["cutting"])
    yield Value("harvester_cutting_processes", running["processes"])
    if pace["eta_s"] is not None:
        yield Value("harvester_eta_seconds", pace["eta_s"])
    for one in pace["limits"]:
        labels = (one["archive"], one["limit"].value, one["host"])
        yield Value("harvester_limit", 1, labels)
