"""What the ledger says, as numbers and as words."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from ..ledger.hosts import TROUBLES
from ..ledger.tally import SUBSTITUTES
from ..ledger.view import LedgerView
from ..plan.words import route_lines
from ..states import State
from ..transport.host_state import HostState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..places import Places

__all__ = ["Report", "failures", "read_report", "unsettled", "words"]

#: Seconds for which what a harvester said of a host is taken for the truth; it says
#: it again every ten.
_WORDS_LAST_S = 30.0

#: What ``status --json`` prints; its keys are a promise to scripts.
Report = dict[str, Any]


def read_report(places: Places) -> Report:
    """Read the state of a run, which may be going on.

    Returns
    -------
    dict
        ``targets``, ``rejected``, ``cutouts``, ``substitutes`` (cutouts that are not of
        the best image), ``surveys`` (for each archive the jobs in each state),
        ``requests`` and ``bytes`` (for each host),
        ``frames`` (for each survey, fetched), ``located_by`` (for each survey, targets
        by the route that found them), ``image_bytes`` (for each survey ``fetched`` and
        ``needed``: those that the stamps are made of), ``amplification`` (for each
        survey fetched / needed; None while nothing is known), ``failures`` (archive,
        reason, jobs),
        ``cooling`` (seconds for each host), ``hosts`` (for each host how it stands:
        `HostState`, with ``words`` and ``load``; empty while no harvester is at
        work), ``bill`` (``frames``, ``requests`` and ``bytes`` as they were expected
        when all was located), ``troubles`` (why the last harvest gave services up, in
        words), ``out``.
    """
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
        hosts, image_bytes = view.hosts(), view.image_bytes()
        return {
            "out": str(places.out),
            "targets": view.count("target"),
            "rejected": view.count("reject"),
            "cutouts": view.count_cutouts(),
            "substitutes": sum(one[SUBSTITUTES] for one in view.tallies().values()),
            "surveys": {
                archive: {state.value: counts[state] for state in State}
                for archive, counts in view.states().items()
            },
            "requests": {name: requests for name, requests, _, _ in hosts},
            "bytes": {name: size for name, _, size, _ in hosts},
            "frames": _fetched(view),
            "located_by": view.routes(),
            "image_bytes": {
                name: {"fetched": fetched, "needed": needed}
                for name, (fetched, needed) in image_bytes.items()
            },
            "amplification": {
                name: round(fetched / needed, 3) if needed else None
                for name, (fetched, needed) in image_bytes.items()
            },
            "bill": _bill(facts),
            "hosts": _hosts(view.host_states(), time.time()),
            "cooling": {
                name: round(until - time.time(), 1)
                for name, _, _, until in hosts
                if until > time.time()
            },
            "troubles": json.loads(facts.get(TROUBLES, "[]")),
            "failures": [
                {"survey": archive, "reason": reason, "jobs": jobs}
                for archive, reason, jobs in view.reasons()
            ],
        }


def _hosts(kept: Mapping[str, str], now: float) -> dict[str, dict[str, Any]]:
    hosts = {}
    for name, text in kept.items():
        told = json.loads(text)
        # Who was killed leaves its last words behind.
        if not 0 <= now - told.pop("at") < _WORDS_LAST_S:
            continue
        state = HostState(**told)
        hosts[name] = {**told, "words": state.words(now), "load": state.load()}
    return hosts


def _fetched(view: LedgerView) -> dict[str, int]:
    frames = {str(survey): 0 for survey in view.surveys().values()}
    names = {number: str(survey) for number, survey in view.surveys().items()}
    for number, count in view.frames_fetched():
        frames[names[number]] += count
    return frames


def _bill(facts: Mapping[str, str]) -> dict[str, dict[str, int]]:
    # Each archive has its own, of its own surveys and hosts.
    bill: dict[str, dict[str, int]] = {"frames": {}, "requests": {}, "bytes": {}}
    for key, value in facts.items():
        if key.startswith("bill "):
            for what, expected in json.loads(value).items():
                bill[what].update(expected)
    return bill


def failures(report: Report) -> int:
    """Tell how many jobs were given up."""
    return sum(counts[State.FAILED] for counts in report["surveys"].values())


def unsettled(report: Report) -> int:
    """Tell how many jobs are still to do."""
    return sum(
        counts[State.PENDING] + counts[State.LOCATED]
        for counts in report["surveys"].values()
    )


def words(report: Report) -> str:
    """Say it for a person."""
    return "\n".join(_lines(report))


def _billed(expected: int | None, unit: float = 1) -> str:
    if expected is None:
        return ""
    return f" (bill: {expected / unit:,.{int(unit > 1)}f})"


def _lines(report: Report) -> Iterator[str]:
    rejected = f" ({report['rejected']} rows rejected)" if report["rejected"] else ""
    yield f"{report['out']}: {report['targets']} targets{rejected}"
    yield f"{'':8}" + "".join(f"{state.replace('_', ' '):>13}" for state in State)
    for archive, counts in report["surveys"].items():
        yield f"{archive:8}" + "".join(f"{counts[state]:>13,}" for state in State)
    yield f"{report['cutouts']:,} stamps on disk"
    if report["substitutes"]:
        yield (
            f"{report['substitutes']:,} of them are not of the best image, which could "
            "not be had: `substitute_reason` in the manifest says why. Try again: "
            f"harvester retry --better {report['out']}"
        )
    bill = report["bill"]
    for name, frames in report["frames"].items():
        ratio = report["amplification"][name]
        rest = f", {ratio:.2f} x the bytes that the stamps needed" if ratio else ""
        billed = _billed(bill["frames"].get(name))
        yield f"{name}: {frames:,} frames fetched{billed}{rest}"
    yield from route_lines(report["located_by"])
    for name, requests in report["requests"].items():
        size, size_billed = report["bytes"][name], bill["bytes"].get(name)
        cooling, now = report["cooling"].get(name), report["hosts"].get(name)
        # A harvester at work says it in its own words.
        alone = cooling and not now
        rest = f", left alone for {cooling:.0f} s as it asked" if alone else ""
        yield (
            f"{name}: {requests:,} requests{_billed(bill['requests'].get(name))}, "
            f"{size / 1e6:,.1f} MB{_billed(size_billed, 1e6)}{rest}"
        )
    for name, now in report["hosts"].items():
        if report["requests"].get(name) or now["waiting"]:
            yield f"{name} now: {now['words']}; {now['load']}"
    yield from _what_is_left(report)


def _what_is_left(report: Report) -> Iterator[str]:
    for one in report["failures"]:
        yield f"failed: {one['jobs']:,} x {one['survey']} {one['reason']}"
    if failures(report):
        yield f"Take the failed ones up again: harvester retry {report['out']}"
    for trouble in report["troubles"]:
        yield f"given up for now: {trouble}"
    if unsettled(report):
        yield f"Go on with the rest: harvester resume {report['out']}"
