"""What the harvest that owns a run tells of itself, every few seconds.

Other processes, such as ``status`` and the health check, read it from the ledger.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Self

from .process import ProcessMark

if TYPE_CHECKING:
    from collections.abc import Mapping

    import aiosqlite

__all__ = ["RUNNER", "PauseMark", "Runner", "write_runner"]

#: Key of ``run``.
RUNNER = "runner"


@dataclass(frozen=True, slots=True)
class PauseMark:
    """The user that paused a harvest, and the time (Unix seconds)."""

    #: Name and number of the user, in words.
    by: str
    since: float


@dataclass(frozen=True, slots=True)
class Runner:
    """A harvest at work. Times are Unix seconds."""

    process: ProcessMark
    since: float
    #: When it told this.
    at: float
    #: When a job last changed its state or a stamp was written; the beginning at first.
    progress_at: float
    #: When the last byte of any archive came; 0: none yet.
    heard_at: float = 0.0
    #: Frames that are being cut, and the processes that do it.
    cutting: int = 0
    processes: int = 0
    #: For each archive the hosts that are asked for it.
    hosts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: Whether it locates only, as `harvester plan` does.
    is_plan: bool = False
    #: Nothing is to be done: it waits until then for something new; 0: it is at work.
    next_look_at: float = 0.0
    #: The pause that is going on; None: it works.
    paused: PauseMark | None = None
    #: When the last pause ended; 0: there was none.
    resumed_at: float = 0.0
    #: Path of the socket on which it takes commands; empty: it takes none.
    control: str = ""

    @property
    def moved_at(self) -> float:
        """When anything moved: a job, a stamp, or a byte."""
        return max(self.progress_at, self.heard_at)

    def to_json(self) -> str:
        """Write it in one line."""
        return json.dumps(asdict(self))

    @classmethod
    def from_facts(cls, facts: Mapping[str, str]) -> Self | None:
        """Read it from the facts of a run; None: no harvest has signed in."""
        if RUNNER not in facts:
            return None
        told = json.loads(facts[RUNNER])
        paused = told.get("paused")
        return cls(
            **{
                **told,
                "process": ProcessMark(**told["process"]),
                "paused": PauseMark(**paused) if paused else None,
            }
        )


async def write_runner(db: aiosqlite.Connection, runner: Runner | None) -> None:
    """Replace what is kept by this; None: the harvest has ended in order."""
    await db.execute("DELETE FROM run WHERE key = ?", (RUNNER,))
    if runner is not None:
        await db.execute("INSERT INTO run VALUES (?, ?)", (RUNNER, runner.to_json()))
