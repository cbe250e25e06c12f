"""What the stream tells of a run: the first line, progress, hosts, failures."""

from __future__ import annotations

import json
import logging
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from ...errors import HarvesterError
from ...ledger.browsing import BrowsingView
from ...ledger.hosts import TROUBLES
from ...ledger.run_dates import RunDates
from ...ledger.tally import STAMPS
from ...states import SETTLED, State
from .host_words import host_states, host_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ...ledger.bands import BandCounts
    from ...models import Survey
    from .shown_run import ShownRun

__all__ = ["overview"]

_log = logging.getLogger(__name__)

#: Groups of failures that the stream tells; more would make it long.
_MOST_REASONS = 50


def overview(run: ShownRun) -> dict[str, Any]:
    """Read what changes from second to second; an error is part of the answer."""
    told = {"number": run.number, "name": run.name, "folder": run.folder}
    try:
        return told | _read(run)
    except HarvesterError as error:
        has_begun = run.places.settings.exists() and not run.places.ledger.exists()
        state = "preparing" if has_begun else "unreadable"
        return told | {"state": state, "words": str(error)}
    except Exception:  # noqa: BLE001 - it must not hide the other runs
        _log.exception("the status page cannot read %s", run.folder)
        return told | {"state": "unreadable", "words": "A bug: the log tells more."}


def _read(run: ShownRun) -> dict[str, Any]:
    now = time.time()
    with BrowsingView.open(run.places.ledger) as view:
        facts, surveys, tallies = view.facts(), view.surveys(), view.tallies()
        hosts, failed, bands = view.hosts(), view.failed_jobs(), view.bands()
    dates, states = RunDates.of(facts), host_states(facts, now)
    counts = _counts(tallies.values())
    state = _state(counts, is_running=bool(states))
    return {
        "state": state,
        "began": dates.began,
        "settled_at": dates.settled,
        **counts,
        "bands": [_band(one) for one in bands],
        "surveys": {number: str(survey) for number, survey in surveys.items()},
        "hosts": [host_words(row, states.get(row[0]), now) for row in hosts],
        "failures": [_failure(run, surveys, *row) for row in failed[:_MOST_REASONS]],
        "more_reasons": max(0, len(failed) - _MOST_REASONS),
        "troubles": json.loads(facts.get(TROUBLES, "[]")),
        "next": _next_command(run, state),
    }


def _counts(tallies: Iterable[Counter[str]]) -> dict[str, int]:
    """Give the jobs in each state, all of them, those settled, and the stamps."""
    total = sum(tallies, Counter())
    jobs = {state.value: total[state] for state in State}
    settled = sum(jobs[state] for state in SETTLED)
    all_jobs = sum(jobs.values())
    return jobs | {"total": all_jobs, "settled": settled, "stamps": total[STAMPS]}


def _state(counts: Mapping[str, int], *, is_running: bool) -> str:
    if is_running:
        return "running"
    return "finished" if counts["settled"] == counts["total"] else "stopped"


def _band(counts: BandCounts) -> dict[str, Any]:
    return {"name": counts.name} | {
        state.value: getattr(counts, state.value) for state in State
    }


def _failure(
    run: ShownRun, surveys: Mapping[int, Survey], survey: int, reason: str, jobs: int
) -> dict[str, Any]:
    # In a pattern these characters stand for others.
    pattern = re.sub(r"([*?[])", r"[\1]", reason)
    retry = ("retry", run.folder, "--reason", pattern)
    return {
        "survey": survey,
        "of": str(surveys[survey]),
        "reason": reason,
        "jobs": jobs,
        "retry_some": f"{run.command(*retry, '--limit', '10')} && {_resume(run)}",
        "retry_all": f"{run.command(*retry)} && {_resume(run)}",
    }


def _next_command(run: ShownRun, state: str) -> str:
    return _resume(run) if state == "stopped" else ""


def _resume(run: ShownRun) -> str:
    return run.command("resume", run.folder)
