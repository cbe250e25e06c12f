"""Counters of the requests, and of violations of the archives' rate limits."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RateLimit", "ServiceStats", "Stats", "Visit", "cooldown_seconds"]

#: Length of the log of requests of each service.
_LOG_LENGTH = 100_000


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The rate limit that an archive publishes."""

    per_minute: int
    #: Seconds from one request to the next.
    gap: float


@dataclass(slots=True)
class Visit:
    """One request and what became of it."""

    #: Seconds of the monotonic clock at arrival.
    at: float
    method: str
    path: str
    ranged: bool
    status: int = 0
    sent: int = 0
    #: Content-Length of the answer; 0 if there was none.
    length: int = 0
    #: The answer was a file: it carried Accept-Ranges.
    is_file: bool = False


@dataclass(slots=True)
class ServiceStats:
    """Counters of one service."""

    limit: RateLimit | None = None
    requests: int = 0
    sent: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    #: Path -> number of GETs that sent the whole file; that sent a range of it.
    whole: Counter[str] = field(default_factory=Counter)
    ranges: Counter[str] = field(default_factory=Counter)
    #: Path -> number of GETs of a whole file that ended early.
    broken: Counter[str] = field(default_factory=Counter)
    rate_violations: int = 0
    cooldown_violations: int = 0
    peak: int = 0
    log: deque[Visit] = field(default_factory=lambda: deque(maxlen=_LOG_LENGTH))
    _open: int = 0
    _recent: deque[float] = field(default_factory=deque)
    _quiet_until: float = 0.0

    def arrive(self, visit: Visit) -> bool:
        """Count a request on arrival; give whether it exceeds the rate limit."""
        self.requests += 1
        self._open += 1
        self.peak = max(self.peak, self._open)
        self.cooldown_violations += visit.at < self._quiet_until
        self.log.append(visit)
        return self.limit is not None and self._is_too_much(visit.at, self.limit)

    def _is_too_much(self, now: float, limit: RateLimit) -> bool:
        while self._recent and self._recent[0] <= now - 60.0:
            self._recent.popleft()
        is_too_soon = bool(self._recent) and now - self._recent[-1] < limit.gap
        self._recent.append(now)
        is_too_much = len(self._recent) > limit.per_minute
        self.rate_violations += is_too_soon or is_too_much
        return is_too_much

    def leave(self, visit: Visit) -> None:
        """Count the bytes that were sent, at the end of the request."""
        self._open -= 1
        self.sent += visit.sent
        self.statuses[visit.status] += 1
        if visit.method != "GET" or not visit.is_file:
            return
        if visit.status == HTTPStatus.PARTIAL_CONTENT:
            self.ranges[visit.path] += 1
        elif visit.status == HTTPStatus.OK:
            is_whole = visit.sent == visit.length
            (self.whole if is_whole else self.broken)[visit.path] += 1

    def ask_for_quiet(self, until: float) -> None:
        """Remember until when clients were told to wait."""
        self._quiet_until = max(self._quiet_until, until)

    def as_json(self) -> dict[str, Any]:
        """Give all counters as plain values."""
        return {
            "requests": self.requests,
            "bytes_sent": self.sent,
            "by_status": {str(s): n for s, n in sorted(self.statuses.items())},
            "files": len(self.whole),
            "fetched_more_than_once": {p: n for p, n in self.whole.items() if n > 1},
            "range_requests": dict(self.ranges),
            "broken_off": dict(self.broken),
            "peak_concurrency": self.peak,
            "rate_violations": self.rate_violations,
            "cooldown_violations": self.cooldown_violations,
        }


class Stats:
    """Counters of all services."""

    def __init__(
        self,
        limits: dict[str, RateLimit | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits
        self.clock = clock
        self._services: dict[str, ServiceStats] = {}
        self.reset()

    def __getitem__(self, service: str) -> ServiceStats:
        return self._services[service]

    def reset(self) -> None:
        """Set all counters to 0."""
        self._services = {
            name: ServiceStats(limit) for name, limit in self._limits.items()
        }

    def as_json(self) -> dict[str, Any]:
        """Give the counters of every service."""
        return {name: stats.as_json() for name, stats in self._services.items()}


def cooldown_seconds(retry_after: str, now: float) -> float:
    """Seconds that a Retry-After asks for; ``now`` is Unix time; 0 if unreadable."""
    try:
        if retry_after.isdigit():
            return float(retry_after)
        return max(0.0, parsedate_to_datetime(retry_after).timestamp() - now)
    except (ValueError, OverflowError):
        return 0.0
