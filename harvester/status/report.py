"""The state of a run, read from the ledger, as numbers and as text."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..ledger.file import owner_of
from ..ledger.history import EVERY_S
from ..ledger.hosts import TROUBLES
from ..ledger.looking_again import REFUSED
from ..ledger.run_dates import RunDates
from ..ledger.tally import SUBSTITUTES
from ..ledger.view import LedgerView
from ..states import State
from ..transport.host_state import HostState
from .pace import WINDOW_S, Moments, Traffic, find_pace
from .running import WATCHING, Life, read_running

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..ledger.bands import BandCounts
    from ..places import Places
    from .running import Running

__all__ = [
    "RUN_STATES",
    "Report",
    "failures",
    "pause_words",
    "read_report",
    "state_of",
    "unsettled",
]

#: Seconds for which the state of a host that a harvester wrote is valid; a harvester
#: writes it at least every ten.
_STATE_VALID_S = 30.0

#: What `state_of` returns.
RUN_STATES = (*Life, WATCHING, "paused", "stopped", "finished")

#: The output of ``status --json``. Scripts rely on its keys.
Report = dict[str, Any]


def read_report(places: Places, now: float | None = None) -> Report:
    """Read the state of a run, which may be running; ``now`` in Unix seconds.

    Returns
    -------
    dict
        * ``out``: the output folder;
        * ``began``, ``settled``: when the harvest began and when its last job was
          settled, UTC; None if that is not known, or there is work left;
        * ``targets``, ``rejected``: rows of the catalogue;
        * ``cutouts``: stamps on disk; ``substitutes``: those not from the best image;
        * ``surveys``: for each archive, the number of jobs in each state;
        * ``bands``: for each band of each survey its ``name`` (``sdss:r``), archive,
          band, and the targets in each state, and ``total``;
        * ``running``: the harvest that works on the run, or died at it, as `Running`;
          None if the last one ended in order;
        * ``pace``: speed, end and what limits it, as `Pace`; None if none is at work;
        * ``requests``, ``bytes``: for each host that was asked;
        * ``frames``: for each survey, the number of frames fetched;
        * ``located_by``: for each survey, the number of targets by route;
        * ``image_bytes``: for each survey, bytes ``fetched``, and ``needed`` for the
          stamps; ``amplification``: fetched / needed, None if nothing is known;
        * ``ways``: for each survey, the number of frames by the way they came, as in
          the setting ``way`` of the archive; ``doubts``: frames whose rows could not be
          proved by blocks, by the reason; ``ahead``: frames whose blocks were asked
          for before their header was here, if that was ``enough`` or others were
          lacking (``short``), and the blocks asked for in ``vain``;
        * ``bill``: ``frames``, ``requests`` and ``bytes`` as estimated when all targets
          were located;
        * ``hosts``: for each host its `HostState`, with ``kind``, ``words`` and
          ``load``; empty if no harvester is running;
        * ``speeds``: what was learned of each host that files came from, as
          `HostFacts`;
        * ``cooling``: for each host, seconds until its cool-down ends;
        * ``failures``: archive, reason and number of jobs;
        * ``catalogue``: path of the catalogue of the run; ``refused``: for each file
          that ``--watch`` has not taken, why;
        * ``troubles``: why the last harvest gave services up, as text.
    """
    now = time.time() if now is None else now
    with LedgerView.open(places.ledger) as view:
        facts, bands = view.facts(), view.bands()
        running = read_running(facts, owner_of(places.lock), now)
        states, bill = _host_states(view.host_states(), now), _bill(facts)
        return {
            "out": str(places.out),
            **asdict(RunDates.of(facts)),
            **_jobs(view, bands),
            "running": running.to_json(now) if running else None,
            "pace": _pace(view, bands, running, states, bill, now),
            **_frames(view),
            "bill": bill,
            **_hosts(view, states, now),
            "catalogue": facts.get("catalogue"),
            "refused": json.loads(facts.get(REFUSED, "{}")),
            "troubles": json.loads(facts.get(TROUBLES, "[]")),
        }


def _jobs(view: LedgerView, bands: Sequence[BandCounts]) -> dict[str, Any]:
    return {
        "targets": view.count("target"),
        "rejected": view.count("reject"),
        "cutouts": view.count_cutouts(),
        "substitutes": sum(one[SUBSTITUTES] for one in view.tallies().values()),
        "surveys": {
            archive: {state.value: counts[state] for state in State}
            for archive, counts in view.states().items()
        },
        "bands": [_band(one) for one in bands],
        "located_by": view.routes(),
        "failures": [
            {"survey": archive, "reason": reason, "jobs": jobs}
            for archive, reason, jobs in view.reasons()
        ],
    }


def _frames(view: LedgerView) -> dict[str, Any]:
    image_bytes = view.image_bytes()
    return {
        "frames": _fetched(view),
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
        "ahead": view.counted("ahead"),
    }


def _hosts(
    view: LedgerView, states: Mapping[str, HostState], now: float
) -> dict[str, Any]:
    hosts = view.hosts()
    return {
        "requests": {name: requests for name, requests, _, _ in hosts},
        "bytes": {name: size for name, _, size, _ in hosts},
        "speeds": {name: asdict(facts) for name, facts in view.host_facts().items()},
        "hosts": {
            name: {
                **asdict(one),
                "kind": one.kind,
                "words": one.words(now),
                "load": one.load(),
            }
            for name, one in states.items()
        },
        "cooling": {
            name: round(until - now, 1) for name, _, _, until in hosts if until > now
        },
    }


def _host_states(kept: Mapping[str, str], now: float) -> dict[str, HostState]:
    states = {}
    for name, text in kept.items():
        told = json.loads(text)
        # A killed harvester leaves its last states behind. One that lives may have
        # written this after ``now``.
        if abs(now - told.pop("at")) < _STATE_VALID_S:
            states[name] = HostState(**told)
    return states


def _band(one: BandCounts) -> dict[str, Any]:
    return {**asdict(one), "total": one.total}


def _pace(
    view: LedgerView,
    bands: Sequence[BandCounts],
    running: Running | None,
    states: Mapping[str, HostState],
    bill: Mapping[str, Mapping[str, int]],
    now: float,
) -> dict[str, Any] | None:
    if running is None or not running.has_told or running.next_look_at:
        return None
    first = now - WINDOW_S - 2 * EVERY_S
    moments = Moments(view.band_history(first), view.host_history(first))
    traffic = {
        name: Traffic(requests, size, bill["requests"].get(name))
        for name, requests, size, _ in view.hosts()
    }
    return find_pace(bands, running, states, traffic, moments, now).to_json()


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


def pause_words(report: Report) -> str:
    """Say who paused the harvest, and how it goes on; empty: it is not paused."""
    running = report["running"]
    if not running or running["life"] != Life.RUNNING or not running["paused"]:
        return ""
    again = f"`harvester ctl {report['out']} resume` goes on"
    return f"{running['paused_words']}; {again}"


def state_of(report: Report) -> str:
    """Name how a run stands: `Life`, ``watching``, ``paused``, ``stopped``, ..."""
    has_work = any(one["pending"] or one["located"] for one in report["bands"])
    if running := report["running"]:
        life = Life(running["life"])
        if life is Life.RUNNING and running["next_look_at"]:
            return WATCHING
        if life is Life.RUNNING and running["paused"]:
            return "paused"
        if has_work or life not in {Life.DEAD, Life.STARTING}:
            return life.value
    return "stopped" if has_work else "finished"
