"""All that the metrics of one run are made of, read at one moment."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from ...errors import HarvesterError
from ..health import STALLED_S, Health, judge_run
from ..report import read_report, state_of

if TYPE_CHECKING:
    from ...places import Places
    from ..report import Report

__all__ = ["Disk", "RunReading", "read_run"]


class Disk(NamedTuple):
    """A file system, in bytes."""

    size: int
    free: int


@dataclass(frozen=True, slots=True)
class RunReading:
    """A run at one moment; one that cannot be read says why."""

    #: The value of the label ``run``.
    name: str
    #: Unix seconds.
    at: float
    #: As `state_of` names it, or ``preparing`` or ``unreadable``.
    state: str
    health: Health
    report: Report | None
    disk: Disk | None


def read_run(
    name: str,
    places: Places,
    now: float | None = None,
    *,
    stalled_s: float = STALLED_S,
) -> RunReading:
    """Read a run, which may be running; an error is part of what is read.

    Parameters
    ----------
    now
        Unix seconds.
    stalled_s
        As in `harvester.status.health.read_health`.
    """
    at = time.time() if now is None else now
    report = None
    try:
        if places.ledger.exists():
            report = read_report(places, at)
        health = judge_run(places, report, stalled_s, at)
    except HarvesterError as error:
        health = Health(is_healthy=False, words=str(error))
        return RunReading(name, at, "unreadable", health, None, _disk(places))
    state = state_of(report) if report else _without_ledger(places)
    return RunReading(name, at, state, health, report, _disk(places))


def _without_ledger(places: Places) -> str:
    # The settings are written before the catalogue is read.
    return "preparing" if places.settings.exists() else "unreadable"


def _disk(places: Places) -> Disk | None:
    try:
        usage = shutil.disk_usage(places.out)
    except OSError:
        return None
    return Disk(usage.total, usage.free)
