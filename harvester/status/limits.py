"""What keeps a harvest from being faster: a host, the line, the cores, a wait.

Everything is computed from what the harvest wrote into the ledger, so that ``status``,
the heartbeat in the log and the page say the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from ..events import counted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..transport.host_state import HostState
    from .running import Running

__all__ = ["WAITS", "LimitKind", "Limited", "Speed", "find_limits"]

#: At this share of the allowed rate, the rate is what limits.
_NEARLY = 0.85

#: Seconds without a byte after which a host is what the harvest waits for.
_SILENT_S = 30.0


class LimitKind(StrEnum):
    """A kind of limit."""

    OUTAGE = "outage"
    """A host is down, and is probed."""
    REFUSAL = "refusal"
    """A host refuses everything, and is probed."""
    COOL_DOWN = "cool-down"
    """A host has asked to be left alone for a while."""
    BROKER = "broker"
    """The broker cannot be asked, without which nothing is sent."""
    QUIET_HOURS = "quiet hours"
    """The user allows no requests at this time of the day."""
    SILENCE = "silence"
    """Requests are under way, and no byte comes."""
    CORES = "cores"
    """Frames wait for a process that cuts them."""
    RATE = "rate"
    """The requests a second that are allowed at a host."""
    ANSWERS = "answers"
    """The time that a host takes to begin an answer."""
    LINE = "line"
    """The time that bodies take to arrive."""
    LOCATING = "locating"
    """Galaxies are being located, before the first image is fetched."""
    BACKOFF = "backoff"
    """Frames that failed are tried again after a while."""
    PAUSED = "paused"
    """A user has paused the harvest."""


#: With these nothing can move, and that is in order.
WAITS = frozenset(
    {
        LimitKind.OUTAGE,
        LimitKind.REFUSAL,
        LimitKind.COOL_DOWN,
        LimitKind.BROKER,
        LimitKind.QUIET_HOURS,
        LimitKind.PAUSED,
    }
)


@dataclass(frozen=True, slots=True)
class Limited:
    """What limits the work on one archive."""

    archive: str
    limit: LimitKind
    #: The host that it is about; empty: none.
    host: str
    words: str
    #: Unix seconds when it is over; 0: that is not known.
    until: float = 0.0


@dataclass(frozen=True, slots=True)
class Speed:
    """What a host did on average over the last minutes."""

    requests_per_s: float
    bytes_per_s: float
    #: Seconds until half of its answers began; None: none came.
    p50_s: float | None = None


def find_limits(
    open_jobs: Mapping[str, tuple[int, int]],
    running: Running,
    hosts: Mapping[str, HostState],
    speeds: Mapping[str, Speed],
    now: float,
) -> list[Limited]:
    """Tell what limits each archive that has work left.

    Parameters
    ----------
    open_jobs
        For each archive its pending and located jobs.
    hosts, speeds
        The state and the speed of each host.
    now
        Unix seconds.
    """
    found = []
    for archive, (pending, located) in open_jobs.items():
        names = running.hosts.get(archive, ())
        own = [hosts[name] for name in names if name in hosts]
        work = _Work(archive, pending, located, running, speeds)
        if pending or located:
            found.append(work.limited(own, now))
    return found


@dataclass(frozen=True, slots=True)
class _Work:
    archive: str
    pending: int
    located: int
    running: Running
    speeds: Mapping[str, Speed]

    def limited(self, hosts: Sequence[HostState], now: float) -> Limited:
        """Give the first limit that applies."""
        if self.running.paused:
            return self._of(LimitKind.PAUSED, "", self.running.pause_words(now))
        asked = [host for host in hosts if host.waiting or host.in_flight]
        if not asked and not self.running.cutting:
            # While a host is down, all its frames may wait for another try.
            asked = [host for host in hosts if _blocked(host, now)]
        moving = [host for host in asked if not _blocked(host, now)]
        looks: Iterable[Callable[[], Limited | None]] = (
            lambda: self._wait(asked, now) if not moving else None,
            lambda: self._silence(moving, now),
            lambda: self._cores(moving),
            lambda: self._rate(moving),
            lambda: self._under_way(moving),
        )
        for look in looks:
            if found := look():
                return found
        return self._rest()

    def _wait(self, asked: Sequence[HostState], now: float) -> Limited | None:
        for host in asked:
            limit = _blocked(host, now)
            assert limit is not None
            until = {
                LimitKind.QUIET_HOURS: host.quiet_until,
                LimitKind.COOL_DOWN: host.cooling_until,
            }.get(limit, 0.0)
            return self._of(limit, host.host, f"{host.host}: {host.words(now)}", until)
        return None

    def _silence(self, moving: Sequence[HostState], now: float) -> Limited | None:
        under_way = [host for host in moving if host.in_flight]
        silent = [host for host in under_way if host.silent_s(now) >= _SILENT_S]
        if not silent or len(silent) < len(under_way):
            return None
        host = silent[0]
        return self._of(LimitKind.SILENCE, host.host, f"{host.host}: {host.words(now)}")

    def _cores(self, moving: Sequence[HostState]) -> Limited | None:
        cutting, processes = self.running.cutting, self.running.processes
        is_fetching = any(host.in_flight for host in moving)
        if cutting <= (processes if is_fetching else 0):
            return None
        frames = f"{counted(cutting, 'frame')} to cut"
        words = f"{counted(processes, 'process', 'processes')} that cut: {frames}"
        return self._of(LimitKind.CORES, "", words)

    def _rate(self, moving: Sequence[HostState]) -> Limited | None:
        for host in moving:
            speed = self.speeds.get(host.host)
            if speed and speed.requests_per_s >= _NEARLY * host.rate:
                words = f"the rate of {host.host}: {host.rate:.3g} requests/s allowed"
                return self._of(LimitKind.RATE, host.host, words)
        return None

    def _under_way(self, moving: Sequence[HostState]) -> Limited | None:
        busiest = max(moving, key=lambda host: host.in_flight, default=None)
        if busiest is None:
            return None
        speed = self.speeds.get(busiest.host)
        under_way = f"{counted(busiest.in_flight, 'request')} under way"
        if speed and not _is_slow_to_answer(busiest, speed):
            rate = f"{speed.bytes_per_s / 1e6:.3g} MB/s"
            words = f"the line to {busiest.host}: {rate}, {under_way}"
            return self._of(LimitKind.LINE, busiest.host, words)
        each = f"{speed.p50_s:.2g} s each, " if speed and speed.p50_s else ""
        words = f"the answers of {busiest.host}: {each}{under_way}"
        return self._of(LimitKind.ANSWERS, busiest.host, words)

    def _rest(self) -> Limited:
        if self.pending:
            words = f"{counted(self.pending, 'galaxy', 'galaxies')} to be located"
            return self._of(LimitKind.LOCATING, "", words)
        words = f"another try, later, of {counted(self.located, 'job')}"
        return self._of(LimitKind.BACKOFF, "", words)

    def _of(
        self, limit: LimitKind, host: str, words: str, until: float = 0.0
    ) -> Limited:
        return Limited(self.archive, limit, host, words, until)


def _blocked(host: HostState, now: float) -> LimitKind | None:
    """Tell why a host gets no requests but probes; None: it does."""
    if host.no_broker:
        return LimitKind.BROKER
    if host.quiet_until > now:
        return LimitKind.QUIET_HOURS
    if host.cooling_until > now:
        return LimitKind.COOL_DOWN
    if host.refused_since:
        return LimitKind.REFUSAL
    return LimitKind.OUTAGE if host.closed else None


def _is_slow_to_answer(host: HostState, speed: Speed) -> bool:
    """Whether a request spends more time until its answer begins than after that."""
    if speed.p50_s is None or not speed.requests_per_s:
        return True
    return speed.p50_s >= host.in_flight / speed.requests_per_s / 2
