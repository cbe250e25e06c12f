"""How fast a run goes, when it will be done, and what both are based on."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from ..events import counted, duration_words
from .limits import LimitKind, Speed, find_limits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..ledger.bands import BandCounts
    from ..ledger.history import BandMoment, HostMoment
    from ..transport.host_state import HostState
    from .limits import Limited
    from .running import Running

__all__ = ["Moments", "Pace", "Traffic", "find_pace"]

#: Seconds over which speeds are averaged.
WINDOW_S = 900.0

#: Shortest time in seconds from which a speed is computed.
_SHORTEST_S = 10.0

#: With these the end is not known, because nothing says when they are over.
_OPEN_END = frozenset(
    {
        LimitKind.OUTAGE,
        LimitKind.REFUSAL,
        LimitKind.BROKER,
        LimitKind.SILENCE,
        LimitKind.PAUSED,
    }
)


@dataclass(frozen=True, slots=True)
class Pace:
    """Speed and end of a run that is at work."""

    #: Seconds over which the speeds are averaged.
    window_s: float
    #: Targets that were settled in a band, and those that got a stamp, per minute.
    settled_per_min: float
    done_per_min: float
    bytes_per_s: float
    #: Seconds to the end; None: not known, for the reason in ``eta_why``.
    eta_s: float | None
    #: Whether it may well be later: not every band has a speed yet.
    eta_is_least: bool
    eta_why: str
    #: What limits each archive that has work left.
    limits: Sequence[Limited]

    def words(self) -> str:
        """Say it in one line."""
        speed = (
            f"{self.done_per_min:,.3g} stamps/min, {self.bytes_per_s / 1e6:.3g} MB/s"
        )
        return f"{speed}; {self.eta_words()}"

    def eta_words(self) -> str:
        """Say when it ends, or why that is not known, and what limits it."""
        end = "end not known"
        if self.eta_s is not None:
            about = "at least" if self.eta_is_least else "about"
            end = f"{about} {duration_words(self.eta_s)} to go"
        return f"{end}: {self.eta_why}" if self.eta_why else end

    def to_json(self) -> dict[str, Any]:
        """Give it as `harvester status --json` does."""
        return {**asdict(self), "words": self.words()}


@dataclass(frozen=True, slots=True)
class Moments:
    """The history of a run as far as speeds need it, the oldest first."""

    bands: Sequence[BandMoment]
    hosts: Sequence[HostMoment]


@dataclass(frozen=True, slots=True)
class Traffic:
    """What a host was asked and sent so far, and asked in the end by the bill."""

    requests: int
    bytes: int
    #: Requests; None: there is no bill.
    billed: int | None = None


def find_pace(
    bands: Sequence[BandCounts],
    running: Running,
    hosts: Mapping[str, HostState],
    traffic: Mapping[str, Traffic],
    moments: Moments,
    now: float,
) -> Pace:
    """Compute the pace of a harvest at work from counts of now and of minutes ago."""
    first = max(now - WINDOW_S, running.since - 1)
    speeds = _host_speeds(moments.hosts, traffic, first, now)
    open_jobs = _open_jobs(bands)
    limits = find_limits(open_jobs, running, hosts, speeds, now)
    rates, window_s = _band_rates(bands, moments.bands, first, now)
    least = _least_s(hosts, traffic)
    eta_s, is_least, why = _eta(bands, rates, limits, least, now)
    return Pace(
        round(window_s, 1),
        round(60 * sum(one.settled for one in rates.values()), 3),
        round(60 * sum(one.done for one in rates.values()), 3),
        round(sum(speed.bytes_per_s for speed in speeds.values()), 1),
        eta_s,
        is_least,
        why,
        limits,
    )


def _open_jobs(bands: Sequence[BandCounts]) -> dict[str, tuple[int, int]]:
    """Give pending and located jobs of each archive: those of its slowest band."""
    found: dict[str, tuple[int, int]] = {}
    for one in bands:
        pending, located = found.get(one.archive, (0, 0))
        found[one.archive] = max(pending, one.pending), max(located, one.located)
    return found


class _Rates(NamedTuple):
    """Targets of a band a second."""

    #: In any way.
    settled: float
    #: With a stamp.
    done: float
    #: With a stamp, or failed: those whose frame was wanted.
    cut: float

    def left_s(self, band: BandCounts) -> float:
        """Give the seconds that the rest of a band takes."""
        # While galaxies are located, most may turn out to have no image: that is quick,
        # and says nothing of the frames to come.
        return _over(band.located, self.cut) + _over(band.pending, self.settled)


def _over(count: int, rate: float) -> float:
    if not count:
        return 0.0
    return count / rate if rate else math.inf


def _band_rates(
    bands: Sequence[BandCounts],
    moments: Sequence[BandMoment],
    first: float,
    now: float,
) -> tuple[dict[str, _Rates], float]:
    """Give the rates of each band by its name, and the seconds of their average."""
    before: dict[tuple[int, str], BandMoment] = {}
    for one in moments:
        if one.at >= first - 1:
            before.setdefault((one.survey, one.band), one)
    rates, window_s = {}, 0.0
    for band in bands:
        was = before.get((band.survey, band.band))
        if was is None or now - was.at < _SHORTEST_S:
            continue
        window_s = now - was.at
        cut = band.done + band.failed - was.done - was.failed
        # After `retry` there is more to do than before.
        counts = (was.open - band.open, band.done - was.done, cut)
        rates[band.name] = _Rates(*(max(0, count) / window_s for count in counts))
    return rates, window_s


def _host_speeds(
    moments: Sequence[HostMoment],
    traffic: Mapping[str, Traffic],
    first: float,
    now: float,
) -> dict[str, Speed]:
    before: dict[str, HostMoment] = {}
    waits: dict[str, float | None] = {}
    for one in moments:
        if one.at >= first - 1:
            before.setdefault(one.host, one)
            waits[one.host] = one.p50_s or waits.get(one.host)
    return {
        host: Speed(
            (traffic[host].requests - was.requests) / (now - was.at),
            (traffic[host].bytes - was.bytes) / (now - was.at),
            waits[host],
        )
        for host, was in before.items()
        if host in traffic and now - was.at >= _SHORTEST_S
    }


def _least_s(
    hosts: Mapping[str, HostState], traffic: Mapping[str, Traffic]
) -> float | None:
    """Give the seconds that allowed rates need for what is billed; None: no bill."""
    least = [
        max(0, one.billed - one.requests) / hosts[name].full_rate
        for name, one in traffic.items()
        if one.billed is not None and name in hosts
    ]
    return max(least, default=None)


def _eta(
    bands: Sequence[BandCounts],
    rates: Mapping[str, _Rates],
    limits: Sequence[Limited],
    least_s: float | None,
    now: float,
) -> tuple[float | None, bool, str]:
    """Give the seconds to the end (None: not known), whether at least, and why."""
    left = [one for one in bands if one.open]
    why = "; ".join(dict.fromkeys(one.words for one in limits))
    if not left:
        return 0.0, False, ""
    if any(one.limit in _OPEN_END for one in limits):
        return None, False, why
    waits_s = max((one.until - now for one in limits if one.until), default=0.0)
    left_s = [rates[one.name].left_s(one) for one in left if one.name in rates]
    if len(left_s) == len(left) and max(left_s) < math.inf:
        return round(max(*left_s, least_s or 0.0) + waits_s, 1), False, why
    if pending := max(one.pending for one in left):
        located = f"{counted(pending, 'galaxy', 'galaxies')} to be located"
        return None, False, located
    if least_s is not None:
        return round(least_s + waits_s, 1), True, why
    return None, False, why or "no galaxy has been settled yet"
