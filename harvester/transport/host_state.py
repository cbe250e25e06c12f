"""The state of a host at one moment, as numbers for scripts and as words for people.

Times are Unix seconds, so that another process that reads them a little later still
says the right thing.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import counted, duration_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["HostState", "outage_words", "refusal_words"]

#: Seconds without a byte after which a host is called silent. Archives often take
#: longer than a few seconds to begin an answer.
_SILENT_S = 30.0


@dataclass(frozen=True, slots=True)
class HostState:
    """The limits of a host at one moment, and why they are not higher."""

    host: str
    #: Requests a second at most; now, and when all is well.
    rate: float
    full_rate: float
    #: For each kind: requests under way, those allowed now, those allowed at the most.
    slots: Mapping[str, tuple[int, int, int]]
    #: Requests that wait for their turn.
    waiting: int
    #: What it was slowed down by; empty if it is not.
    slowed_by: str = ""
    #: Other harvests that use the same limits of this host: of this machine, or those
    #: that the broker counts.
    others: int = 0
    by_broker: bool = False
    #: Why the broker cannot be asked, without which nothing is sent; empty: it can.
    no_broker: str = ""
    #: Until when nothing is sent because of the user's quiet hours; 0: none are.
    quiet_until: float = 0.0
    #: Until when nothing is sent because of a cool-down, and why it was begun.
    cooling_until: float = 0.0
    cooling_why: str = ""
    #: Why only single probes are sent; empty if all requests are.
    closed: str = ""
    #: When the next probe may go.
    probe_at: float = 0.0
    probing: bool = False
    #: Since when the host has refused everything; 0: it does not.
    refused_since: float = 0.0
    #: How many requests that were, and the latest answer in its own words.
    refused: int = 0
    refusal: str = ""
    #: When its last byte came; 0: none has.
    heard_at: float = 0.0
    #: Since when the requests under way wait without a byte; 0: none is under way.
    silent_since: float = 0.0
    #: Whether the user has paused the harvest.
    paused: bool = False
    #: Requests a second by the settings, if the user has set another rate for this
    #: harvest; 0: the settings hold.
    settings_rate: float = 0.0

    def words(self, now: float) -> str:
        """Say what the next request waits for."""
        return "; ".join([self._road(now), *self._reductions()])

    def load(self) -> str:
        """Say how many requests are under way, and how many a second are allowed."""
        slots = (
            f"{busy} of {allowed} ({kind})"
            for kind, (busy, allowed, _) in self.slots.items()
        )
        return f"{', '.join(slots)} in flight, {self.rate:.3g} requests/s at most"

    @property
    def kind(self) -> str:
        """Name the state without its numbers; a line is printed when it changes."""
        if self.no_broker:
            return "no broker"
        if self.quiet_until:
            return "quiet"
        if self.refused_since:
            return "refuses everything"
        if self.closed:
            return self.closed.partition(":")[0]
        return "slowed" if self.slowed_by else "open"

    def _road(self, now: float) -> str:
        if self.paused:
            return "paused"
        if self.no_broker:
            return self.no_broker
        if self.quiet_until > now:
            ends = time.strftime("%H:%M", time.localtime(self.quiet_until))
            return f"quiet hours until {ends}"
        if self.cooling_until > now:
            # Differences of Unix seconds are good to a microsecond.
            left_s = math.ceil(round(self.cooling_until - now, 3))
            return f"cooling down for {left_s} s ({self.cooling_why})"
        why = self._why()
        if not why:
            return self._silence(now) or "ready"
        wait_s = max(0.0, self.probe_at - now)
        probe = "probing" if self.probing else f"next probe in {wait_s:.0f} s"
        return f"{why}, {probe}"

    def silent_s(self, now: float) -> float:
        """Give the seconds for which requests under way have brought no byte."""
        return max(0.0, now - self.silent_since) if self.silent_since else 0.0

    @property
    def in_flight(self) -> int:
        """Requests under way."""
        return sum(busy for busy, _, _ in self.slots.values())

    def _silence(self, now: float) -> str:
        silent_s = self.silent_s(now)
        if silent_s < _SILENT_S:
            return ""
        under_way = counted(self.in_flight, "request")
        return f"silent for {duration_words(silent_s)}, {under_way} under way"

    def _why(self) -> str:
        if not self.refused_since:
            return self.closed
        return refusal_words(self.refused_since, self.refused, self.refusal)

    def _reductions(self) -> Iterator[str]:
        if self.others:
            harvests = "harvest" if self.others == 1 else "harvests"
            where = "through the broker" if self.by_broker else "on this machine"
            yield f"shared with {self.others} other {harvests} {where}"
        if self.settings_rate:
            yield (
                f"rate set to {self.full_rate:.3g} requests/s (settings: "
                f"{self.settings_rate:.3g})"
            )
        if self.slowed_by:
            yield f"slowed down by {self.slowed_by}"
        for kind, (_, allowed, full) in self.slots.items():
            if allowed < full:
                yield f"concurrency {allowed} of {full} ({kind})"
        if self.rate < self.full_rate:
            yield f"pace {self.rate / self.full_rate:.0%}"


def outage_words(host: str, since: float, lasts_s: float, why: str) -> str:
    """Say that a host was given up: down since when (Unix seconds), and why."""
    began = time.strftime("%H:%M", time.localtime(since))
    reason = why.removeprefix("down: ")
    lasts = duration_words(lasts_s)
    return f"gave up after {lasts} of outage of {host}, down since {began}: {reason}"


def refusal_words(since: float, count: int, words: str) -> str:
    """Say since when, in Unix seconds, a host refuses everything, in its own words."""
    began = time.strftime("%H:%M", time.localtime(since))
    answers = "1 answer" if count == 1 else f"{count} answers"
    return f"has refused everything since {began} ({answers}): {words}"
