"""What a report is made of: all that is read of a run, at one time."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...ledger.browsing import BrowsingView
from ...ledger.file import need_ledger
from ..page.about_run import about_run
from ..page.over_time import over_time
from ..page.overview import overview_of
from ..report import read_report

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...ledger.browsing import FailedTarget
    from ...ledger.history import HostMoment
    from ..page.shown_run import ShownRun
    from ..report import Report

__all__ = ["GALAXIES", "REJECTS", "ChosenSetting", "HostPast", "RunFacts", "read_facts"]

#: Galaxies of a group of failures, and rejected rows of the catalogue, that are shown.
GALAXIES, REJECTS = 20, 20


@dataclass(frozen=True, slots=True)
class ChosenSetting:
    """A setting that is not as by default; its values as JSON."""

    name: str
    value: str
    default: str


@dataclass(frozen=True, slots=True)
class HostPast:
    """What the history tells of a host."""

    #: The moments that are kept, by state: `HostState.kind`.
    states: Mapping[str, int]
    #: The allowed rate, requests a second: the lowest and the highest.
    lowest_rate: float
    highest_rate: float
    #: Until when its last cool-down lasted, Unix seconds; 0: it asked for none.
    cooled_until: float


@dataclass(frozen=True, slots=True)
class RunFacts:
    """All that the report tells, except the pictures."""

    run: ShownRun
    #: Unix seconds when it was read.
    at: float
    report: Report
    #: As the stream of the status page has it.
    overview: Mapping[str, Any]
    about: Mapping[str, Any]
    #: As the status page draws them.
    charts: Mapping[str, Any]
    past: Mapping[str, HostPast]
    #: The first galaxies of each group of failures, in the order of the overview.
    failed: Sequence[Sequence[FailedTarget]]
    #: Line, identifier and reason of the first rows that were not taken.
    rejects: Sequence[tuple[int, str, str]]
    chosen: Sequence[ChosenSetting]


def read_facts(run: ShownRun, chosen: Sequence[ChosenSetting]) -> RunFacts:
    """Read a run, which may be at work.

    Raises
    ------
    HarvesterError
        There is no ledger, or it cannot be read.
    """
    need_ledger(run.places.ledger)
    now = time.time()
    report = read_report(run.places, now)
    overview = overview_of(run, report)
    with BrowsingView.open(run.places.ledger) as view:
        failed = [
            view.failed_targets(one["survey"], one["reason"], -1, GALAXIES)
            for one in overview["failures"]
        ]
        cooled = {name: until for name, _, _, until in view.hosts()}
        past = _past(view.host_history(), cooled)
        rejects = view.first_rejects(REJECTS)
    return RunFacts(
        run,
        now,
        report,
        overview,
        about=about_run(run),
        charts=over_time(run, "all"),
        past=past,
        failed=failed,
        rejects=rejects,
        chosen=chosen,
    )


def _past(
    moments: Sequence[HostMoment], cooled: Mapping[str, float]
) -> dict[str, HostPast]:
    by_host: dict[str, list[HostMoment]] = defaultdict(list)
    for one in moments:
        by_host[one.host].append(one)
    return {
        host: HostPast(
            Counter(one.state for one in some),
            min(one.rate for one in some),
            max(one.rate for one in some),
            cooled.get(host, 0.0),
        )
        for host, some in by_host.items()
    }
