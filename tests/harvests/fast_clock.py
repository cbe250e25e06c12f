"""A command of harvester for which time passes faster, such as 600 seconds in one.

``python tests/harvests/fast_clock.py run ...`` with the variable `VARIABLE` in the
environment. All processes with the same variable have the same time: harvests, the
sandbox, the health check. Nothing in the package knows of it. Times of files and the
processor do not hurry, so what the machine itself needs seems to take long: time limits
that would be reached in tenths of a second must be set higher.
"""

from __future__ import annotations

import os
import selectors
import sys
import time
from dataclasses import dataclass
from importlib import import_module

VARIABLE = "HARVESTER_TEST_CLOCK"

_wall, _steady, _select = time.time, time.monotonic, selectors.EpollSelector.select

#: Intervals in seconds of the fast clock at which a harvest and the health check look,
#: write and judge. The usual ones would be milliseconds, and on a busy machine every
#: delay would count as a harvest that hangs.
_INTERVALS = {
    "harvester.status.run_watch": {
        "_LOOK_S": 60,
        "_SIGN_S": 120,
        "_STALLED_S": 3600,
        "EVERY_S": 1800,
    },
    "harvester.status.host_watch": {"_AT_LEAST_EVERY_S": 120, "_LINE_EVERY_S": 60},
    "harvester.status.report": {
        "_STATE_VALID_S": 3600,
        "EVERY_S": 1800,
        "WINDOW_S": 10_800,
    },
    "harvester.status.pace": {"WINDOW_S": 10_800},
    "harvester.status.running": {"_OVERDUE_S": 5400},
    "harvester.status.limits": {"_SILENT_S": 1800},
    "harvester.transport.host_state": {"_SILENT_S": 1800},
}


@dataclass(frozen=True)
class FastClock:
    """A clock that showed a time at a moment, and runs faster since."""

    factor: float
    #: Unix seconds of the machine at that moment.
    moment: float
    #: Unix seconds that this clock showed then.
    shown: float

    @classmethod
    def starting_at(cls, shown: float, factor: float) -> FastClock:
        """Start a clock now."""
        return cls(factor, _wall(), shown)

    @classmethod
    def of_environment(cls) -> FastClock:
        """Give the clock that the environment names."""
        return cls(*map(float, os.environ[VARIABLE].split()))

    def to_environment(self) -> dict[str, str]:
        """Give the variable that names it."""
        return {VARIABLE: f"{self.factor!r} {self.moment!r} {self.shown!r}"}

    def now(self) -> float:
        """Give its time, Unix seconds."""
        return self.shown + (_wall() - self.moment) * self.factor

    def install(self) -> None:
        """Make it the clock of this process, before harvester is imported."""
        assert "harvester" not in sys.modules, "its modules have kept the usual clock"
        began, factor = _steady(), self.factor
        time.time = self.now
        time.time_ns = lambda: int(1e9 * self.now())
        # Event loops ask this clock too, and wait by the selector.
        time.monotonic = lambda: began + (_steady() - began) * factor

        def select(selector, timeout=None):
            is_wait = timeout is not None and timeout > 0
            return _select(selector, timeout / factor if is_wait else timeout)

        selectors.EpollSelector.select = select
        for module, intervals in _INTERVALS.items():
            for name, seconds in intervals.items():
                part = import_module(module)
                assert hasattr(part, name), f"{module} has no {name}"
                setattr(part, name, seconds)


def main():
    """Run a command of harvester by the fast clock."""
    FastClock.of_environment().install()
    harvester = import_module("harvester.cli").main
    harvester(prog_name="harvester")


if __name__ == "__main__":
    main()
