"""Whether a harvest works on a run, since when, and when it last made progress."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ..events import duration_words
from ..ledger.process import ProcessMark
from ..ledger.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..ledger.runner import PauseMark

__all__ = ["WATCHING", "Life", "Running", "read_running", "watching_words"]

#: The state of a run that has nothing to do and waits for something new.
WATCHING = "watching"

#: A pause that is older than this, in seconds, is told with its day.
_DAY_S = 43_200.0

#: A harvest tells of itself every few seconds. After so many without a word it hangs,
#: or, if it is on another machine, is taken for dead.
_OVERDUE_S = 120.0


class Life(StrEnum):
    """How a harvest that has signed in, and not out, stands."""

    STARTING = "starting"
    """Its process owns the run, and has told nothing of itself: it starts or ends."""
    RUNNING = "running"
    """It tells of itself."""
    HUNG = "hung"
    """Its process is there, but has not told anything for minutes."""
    DEAD = "dead"
    """It ended without signing out: it was killed, or the machine went down."""


@dataclass(frozen=True, slots=True)
class Running:
    """The harvest that works on a run, or died at it. Times are Unix seconds."""

    life: Life
    pid: int
    #: The machine, or the container.
    host: str
    #: When it began; of one that starts: when that was read.
    since: float
    #: When a job last changed its state or a stamp was written; ``since`` at first.
    progress_at: float
    #: When the last byte of an archive came; 0: none yet.
    heard_at: float
    #: When it told this.
    told_at: float
    #: Frames that are being cut or wait for it, and the processes that cut.
    cutting: int = 0
    processes: int = 0
    #: For each archive the hosts that are asked.
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Whether it only locates, as `harvester plan` does.
    is_plan: bool = False
    #: It waits until then for something new, and has nothing to do; 0: it is at work.
    next_look_at: float = 0.0
    #: The pause that is going on, and when the last one ended; None and 0: none.
    paused: PauseMark | None = None
    resumed_at: float = 0.0
    #: Path of the socket on which it takes commands; empty: it takes none.
    control: str = ""

    @property
    def has_told(self) -> bool:
        """Whether there is a process that works, or hangs, and has told of itself."""
        return self.life in {Life.RUNNING, Life.HUNG}

    @property
    def moved_at(self) -> float:
        """When anything moved: a job, a stamp, or a byte; or could move again."""
        return max(self.progress_at, self.heard_at, self.resumed_at)

    def pause_words(self, now: float) -> str:
        """Say who paused it, and since when; empty: it is not paused."""
        if self.paused is None:
            return ""
        is_old = now - self.paused.since > _DAY_S
        form = "%Y-%m-%d %H:%M" if is_old else "%H:%M"
        since = time.strftime(form, time.localtime(self.paused.since))
        return f"paused by {self.paused.by} since {since}"

    def words(self, now: float) -> str:
        """Say it in one sentence."""
        who = f"process {self.pid} on {self.host}"
        silent = duration_words(max(0.0, now - self.told_at))
        match self.life:
            case Life.STARTING:
                return f"{who} works on the run; it is starting or ending"
            case Life.RUNNING if self.next_look_at:
                return f"{watching_words(self.next_look_at)} ({who})"
            case Life.RUNNING:
                since = duration_words(max(0.0, now - self.since))
                moved = duration_words(max(0.0, now - self.progress_at))
                return f"running for {since} ({who}); last progress {moved} ago"
            case Life.HUNG:
                return f"{who} hangs: it has not reported for {silent}"
            case Life.DEAD:
                return f"not running: {who} ended without notice {silent} ago or later"

    def to_json(self, now: float) -> dict[str, Any]:
        """Give it as `harvester status --json` does."""
        return {
            **asdict(self),
            "moved_at": self.moved_at,
            "paused_words": self.pause_words(now),
            "words": self.words(now),
        }


def watching_words(next_look_at: float) -> str:
    """Say that a run waits for something new, until a time in Unix seconds."""
    moment = datetime.fromtimestamp(next_look_at, UTC)
    return f"watching, next look at {moment.strftime('%Y-%m-%d %H:%M:%S UTC')}"


def read_running(
    facts: Mapping[str, str], owner: ProcessMark | None, now: float
) -> Running | None:
    """Read it from the facts of a run; None: the last harvest ended in order.

    ``owner`` is the living process that owns the run, or None. What the ledger tells
    of another process is older: that one may have been killed.
    """
    told = Runner.from_facts(facts)
    # A harvest that has signed out reads how the run stands, and is not to see itself.
    told_last = told.process if told else ProcessMark.own()
    if owner is not None and owner != told_last:
        started = Life.STARTING, owner.pid, owner.host
        return Running(*started, since=now, progress_at=now, heard_at=0, told_at=now)
    if told is None:
        return None
    return Running(
        _life(told, now),
        told.process.pid,
        told.process.host,
        since=told.since,
        progress_at=told.progress_at,
        heard_at=told.heard_at,
        told_at=told.at,
        cutting=told.cutting,
        processes=told.processes,
        hosts=told.hosts,
        is_plan=told.is_plan,
        next_look_at=told.next_look_at,
        paused=told.paused,
        resumed_at=told.resumed_at,
        control=told.control,
    )


def _life(told: Runner, now: float) -> Life:
    # One that watches is silent until its next look.
    last = max(told.at, told.next_look_at)
    is_alive, is_overdue = told.process.is_alive(), now - last > _OVERDUE_S
    if is_alive is None:
        return Life.DEAD if is_overdue else Life.RUNNING
    if not is_alive:
        return Life.DEAD
    return Life.HUNG if is_overdue else Life.RUNNING
