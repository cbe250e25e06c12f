"""What the stream tells of a run: the first line, progress, hosts, failures."""

from __future__ import annotations

import logging
import re
import time
from typing import TYPE_CHECKING, Any

from ...errors import HarvesterError
from ...ledger.browsing import BrowsingView
from ...states import SETTLED, State
from ..report import read_report, state_of
from ..running import Life

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ...models import Survey
    from ..report import Report
    from .shown_run import ShownRun

__all__ = ["overview", "overview_of"]

_log = logging.getLogger(__name__)

#: States in which a harvest takes commands, and owns its run.
_AT_WORK = frozenset({Life.RUNNING.value, "paused"})

#: Groups of failures that the stream tells; more would make it long.
_MOST_REASONS = 50


def overview(run: ShownRun) -> dict[str, Any]:
    """Read what changes from second to second; an error is part of the answer."""
    told = {"number": run.number, "name": run.name, "folder": run.folder}
    try:
        # The same facts as `harvester status` prints.
        return told | overview_of(run, read_report(run.places, time.time()))
    except HarvesterError as error:
        has_begun = run.places.settings.exists() and not run.places.ledger.exists()
        state = "preparing" if has_begun else "unreadable"
        return told | {"state": state, "words": str(error)}
    except Exception:  # noqa: BLE001 - it must not hide the other runs
        _log.exception("the status page cannot read %s", run.folder)
        return told | {"state": "unreadable", "words": "A bug: the log tells more."}


def overview_of(run: ShownRun, report: Report) -> dict[str, Any]:
    """Make the overview of a report.

    Raises
    ------
    HarvesterError
        The ledger cannot be read.
    """
    with BrowsingView.open(run.places.ledger) as view:
        surveys, failed = view.surveys(), view.failed_jobs()
    counts = _counts(report)
    state = state_of(report)
    return {
        "state": state,
        "words": _words(report),
        "takes_commands": state in _AT_WORK and bool(report["running"]["control"]),
        "began": report["began"],
        "settled_at": report["settled"],
        **counts,
        **_pace(report["pace"]),
        "bands": [_band(one) for one in report["bands"]],
        "surveys": {number: str(survey) for number, survey in surveys.items()},
        "hosts": list(_hosts(report)),
        "failures": [
            _failure(run, surveys, *row, is_at_work=state in _AT_WORK)
            for row in failed[:_MOST_REASONS]
        ],
        "more_reasons": max(0, len(failed) - _MOST_REASONS),
        "troubles": [
            *report["troubles"],
            *(f"not taken: {file}: {why}" for file, why in report["refused"].items()),
        ],
        "next": _next(run, state),
    }


def _words(report: Report) -> str:
    running = report["running"]
    return (running["paused_words"] or running["words"]) if running else ""


def _next(run: ShownRun, state: str) -> str:
    """Give the command that goes on with the run; empty: none is needed."""
    if state == "paused":
        return run.command("ctl", run.folder, "resume")
    return _resume(run) if state in {"stopped", Life.DEAD.value} else ""


def _counts(report: Report) -> dict[str, int]:
    """Count galaxies in bands, as `harvester status` does: by state, all, settled."""
    bands = report["bands"]
    counts = {state.value: sum(one[state.value] for one in bands) for state in State}
    settled = sum(counts[state.value] for state in SETTLED)
    total = sum(counts.values())
    return counts | {"total": total, "settled": settled, "stamps": report["cutouts"]}


def _pace(pace: Mapping[str, Any] | None) -> dict[str, Any]:
    if pace is None:
        return {"eta_s": None, "eta_why": "", "limits": [], "speed": ""}
    speed = (
        f"{pace['done_per_min']:,.3g} stamps/min, {pace['bytes_per_s'] / 1e6:.3g} MB/s"
    )
    return {
        "eta_s": pace["eta_s"],
        "eta_why": pace["eta_why"],
        "limits": list(dict.fromkeys(one["words"] for one in pace["limits"])),
        "speed": speed,
    }


def _band(counts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: counts[name] for name in ("name", *(state.value for state in State))}


def _hosts(report: Report) -> Iterator[dict[str, Any]]:
    for name, requests in report["requests"].items():
        told = {"name": name, "requests": requests, "bytes": report["bytes"][name]}
        state, left_s = report["hosts"].get(name), report["cooling"].get(name)
        if state:
            kept = {
                key: state[key]
                for key in ("words", "load", "waiting", "slowed_by", "full_rate")
            }
            yield told | kept
        else:
            rest = (
                f"no requests for {left_s:.0f} s, as the host asked" if left_s else ""
            )
            yield told | {"words": rest, "load": "", "waiting": 0, "slowed_by": ""}


def _failure(
    run: ShownRun,
    surveys: Mapping[int, Survey],
    survey: int,
    reason: str,
    jobs: int,
    *,
    is_at_work: bool,
) -> dict[str, Any]:
    # In a pattern these characters stand for others.
    pattern = re.sub(r"([*?[])", r"[\1]", reason)
    retry: tuple[str, ...] = ("retry", run.folder, "--reason", pattern)
    then = f" && {_resume(run)}"
    if is_at_work:
        retry, then = ("ctl", run.folder, "retry", "--reason", pattern), ""
    return {
        "survey": survey,
        "of": str(surveys[survey]),
        "reason": reason,
        "jobs": jobs,
        "pattern": pattern,
        "retry_some": f"{run.command(*retry, '--limit', '10')}{then}",
        "retry_all": f"{run.command(*retry)}{then}",
    }


def _resume(run: ShownRun) -> str:
    return run.command("resume", run.folder)
