"""The state of a run, read from the ledger, as numbers and as text."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..events import counted
from ..ledger.hosts import TROUBLES
from ..ledger.run_dates import RunDates
from ..ledger.tally import SUBSTITUTES
from ..ledger.view import LedgerView
from ..plan.words import route_lines
from ..states import State
from ..transport.host_state import HostState
from .speeds import speed_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..places import Places

__all__ = ["Report", "failures", "read_report", "unsettled", "words"]

#: Seconds for which the state of a host that a harvester wrote is valid; a harvester
#: writes it at least every ten.
_STATE_VALID_S = 30.0

#: The output of ``status --json``. Scripts rely on its keys.
Report = dict[str, Any]


def read_report(places: Places) -> Report:
    """Read the state of a run, which may be running.

    Returns
    -------
    dict
        * ``out``: the output folder;
        * ``began``, ``settled``: when the harvest began and when its last job was
          settled, UTC; None if that is not known, or there is work left;
        * ``targets``, ``rejected``: rows of the catalogue;
        * ``cutouts``: stamps on disk; ``substitutes``: those not from the best image;
        * ``surveys``: for each archive, the number of jobs in each state;
        * ``requests``, ``bytes``: for each host that was asked;
        * ``frames``: for each survey, the number of frames fetched;
        * ``located_by``: for each survey, the number of targets by route;
        * ``image_bytes``: for each survey, bytes ``fetched``, and ``needed`` for the
          stamps; ``amplification``: fetched / needed, None if nothing is known;
        * ``ways``: for each survey, the number of frames by the way they came, as in
          the setting ``way`` of the archive; ``doubts``: frames whose rows could not be
          proved by blocks, by the reason;
        * ``bill``: ``frames``, ``requests`` and ``bytes`` as estimated when all targets
          were located;
        * ``hosts``: for each host its `HostState`, with ``words`` and ``load``; empty
          if no harvester is running;
        * ``speeds``: what was learned of each host that files came from, as
          `HostFacts`;
        * ``cooling``: for each host, seconds until its cool-down ends;
        * ``failures``: archive, reason and number of jobs;
        * ``troubles``: why the last harvest gave services up, as text.
    """
    with LedgerView.open(places.ledger) as view:
        facts = view.facts()
        hosts, image_bytes = view.hosts(), view.image_bytes()
        return {
            "out": str(places.out),
            **asdict(RunDates.of(facts)),
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
            "ways": view.counted("way"),
            "doubts": view.counted("doubt"),
            "bill": _bill(facts),
            "speeds": {
                name: asdict(facts) for name, facts in view.host_facts().items()
            },
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
        # A killed harvester leaves its last states behind.
        if not 0 <= now - told.pop("at") < _STATE_VALID_S:
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
    # Each archive has its own bill, with its surveys and hosts.
    bill: dict[str, dict[str, int]] = {"frames": {}, "requests": {}, "bytes": {}}
    for key, value in facts.items():
        if key.startswith("bill "):
            for what, expected in json.loads(value).items():
                bill[what].update(expected)
    return bill


def failures(report: Report) -> int:
    """Return the number of failed jobs."""
    return sum(counts[State.FAILED] for counts in report["surveys"].values())


def unsettled(report: Report) -> int:
    """Return the number of jobs that are not settled."""
    return sum(
        counts[State.PENDING] + counts[State.LOCATED]
        for counts in report["surveys"].values()
    )


def words(report: Report) -> str:
    """Return the report as text."""
    return "\n".join(_lines(report))


def _billed(expected: int | None, unit: float = 1) -> str:
    if expected is None:
        return ""
    return f" (bill: {expected / unit:,.{int(unit > 1)}f})"


def _lines(report: Report) -> Iterator[str]:
    rejected = report["rejected"]
    rows = f" ({counted(rejected, 'row')} rejected)" if rejected else ""
    yield f"{report['out']}: {counted(report['targets'], 'target')}{rows}"
    yield f"{'':8}" + "".join(f"{state.replace('_', ' '):>13}" for state in State)
    for archive, counts in report["surveys"].items():
        yield f"{archive:8}" + "".join(f"{counts[state]:>13,}" for state in State)
    yield f"{counted(report['cutouts'], 'stamp')} on disk"
    if count := report["substitutes"]:
        yield (
            f"{counted(count, 'of them is', 'of them are')} not from the best image, "
            "because that was not available; `substitute_reason` in the manifest says "
            f"why. To try again: harvester retry --better {report['out']}"
        )
    bill = report["bill"]
    for name, frames in report["frames"].items():
        ratio = report["amplification"][name]
        rest = f", {ratio:.2f} x the bytes that the stamps need" if ratio else ""
        billed = _billed(bill["frames"].get(name))
        yield f"{name}: {counted(frames, 'frame')} fetched{billed}{rest}"
    yield from _ways(report)
    yield from speed_words(report["speeds"])
    yield from route_lines(report["located_by"])
    for name, requests in report["requests"].items():
        size, size_billed = report["bytes"][name], bill["bytes"].get(name)
        cooling, now = report["cooling"].get(name), report["hosts"].get(name)
        # While a harvester runs, the state of the host below has this.
        alone = cooling and not now
        rest = f", no requests for {cooling:.0f} s, as the host asked" if alone else ""
        yield (
            f"{name}: {counted(requests, 'request')}"
            f"{_billed(bill['requests'].get(name))}, "
            f"{size / 1e6:,.1f} MB{_billed(size_billed, 1e6)}{rest}"
        )
    for name, now in report["hosts"].items():
        if report["requests"].get(name) or now["waiting"]:
            yield f"{name} now: {now['words']}; {now['load']}"
    yield from _what_is_left(report)


def _ways(report: Report) -> Iterator[str]:
    for name, ways in report["ways"].items():
        if ways:
            each = ", ".join(f"{way} {number:,}" for way, number in ways.items())
            yield f"{name}: frames by the way they came: {each}"
    for name, doubts in report["doubts"].items():
        if doubts:
            each = ", ".join(f"{why} {number:,}" for why, number in doubts.items())
            yield (
                f"{name}: {counted(sum(doubts.values()), 'frame')} read from the "
                f"beginning, because blocks could not be proved: {each}"
            )


def _what_is_left(report: Report) -> Iterator[str]:
    for one in report["failures"]:
        jobs = f"{counted(one['jobs'], 'job')} of {one['survey']}"
        yield f"failed: {jobs}: {one['reason']}"
    if failures(report):
        yield f"To try failed jobs again: harvester retry {report['out']}"
    for trouble in report["troubles"]:
        yield f"not finished: {trouble}"
    if unsettled(report):
        waiting = ", ".join(_waiting(report))
        later = " later" if report["troubles"] else ""
        yield f"Waiting: {waiting}. Run `harvester resume {report['out']}`{later}."


def _waiting(report: Report) -> Iterator[str]:
    for archive, counts in report["surveys"].items():
        jobs = counts[State.PENDING] + counts[State.LOCATED]
        if jobs:
            yield f"{counted(jobs, 'job')} of {archive}"
