"""Whether a harvest is healthy: it works, or waits for a good reason, or is done."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from ..events import counted, duration_words
from ..ledger.file import is_owned
from .limits import WAITS
from .report import pause_words, read_report, unsettled
from .running import Life

if TYPE_CHECKING:
    from ..places import Places
    from .report import Report

__all__ = ["STALLED_S", "Health", "judge_run", "read_health"]

#: Seconds without any movement after which a harvest is not healthy, by default.
STALLED_S = 15 * 60.0


@dataclass(frozen=True, slots=True)
class Health:
    """A verdict, and what it is based on."""

    is_healthy: bool
    words: str

    def to_json(self) -> dict[str, Any]:
        """Give it as `harvester health --json` does."""
        return asdict(self)


def read_health(places: Places, stalled_s: float, now: float) -> Health:
    """Judge a run, from its ledger alone.

    Parameters
    ----------
    stalled_s
        Seconds without any movement that are allowed.
    now
        Unix seconds.

    Raises
    ------
    HarvesterError
        The ledger cannot be read.
    """
    report = read_report(places, now) if places.ledger.exists() else None
    return judge_run(places, report, stalled_s, now)


def judge_run(
    places: Places, report: Report | None, stalled_s: float, now: float
) -> Health:
    """Judge a run by a report of this moment; None: there is no ledger."""
    if report is None:
        return _without_ledger(places)
    running = report["running"]
    if running and running["life"] is Life.HUNG:
        return Health(is_healthy=False, words=running["words"])
    if running and running["life"] is Life.RUNNING:
        return _at_work(report, stalled_s, now)
    left = unsettled(report)
    if not left:
        return Health(is_healthy=True, words="nothing is left to do")
    if running and running["life"] is Life.STARTING:
        return Health(is_healthy=True, words=running["words"])
    jobs = counted(left, "job is", "jobs are")
    why = running["words"] if running else "no harvest is running"
    again = f"To go on: harvester resume {places.out}"
    return Health(is_healthy=False, words=f"{why}; {jobs} not done. {again}")


def _without_ledger(places: Places) -> Health:
    if is_owned(places.lock):
        return Health(is_healthy=True, words="the catalogue is being read")
    words = f"there is no run in {places.out}, and no harvest begins one"
    return Health(is_healthy=False, words=words)


def _at_work(report: Report, stalled_s: float, now: float) -> Health:
    running = report["running"]
    if running["next_look_at"]:
        return Health(is_healthy=True, words=running["words"])
    if paused := pause_words(report):
        return Health(is_healthy=True, words=paused)
    still_s = now - running["moved_at"]
    if still_s < stalled_s or not unsettled(report):
        return Health(is_healthy=True, words=running["words"])
    limits = report["pace"]["limits"]
    still = f"nothing has moved for {duration_words(still_s)}"
    why = "; ".join(one["words"] for one in limits) or "for no reason that is known"
    waits = bool(limits) and all(one["limit"] in WAITS for one in limits)
    return Health(is_healthy=waits, words=f"{still}: {why}")
