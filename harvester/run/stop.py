"""Signals: the first one stops the harvest in order, the second one at once.

Both are safe: finished work is on disk, and the workers end with their parent.
Programs such as timeout(1) and service managers often signal both a process and its
group, so one signal arrives twice. Two signals within half a second count as one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

from ..status.console import print_line

if TYPE_CHECKING:
    from collections.abc import Callable

    from .orchestrator import Orchestrator

__all__ = ["Stop"]

#: Seconds within which a second signal counts as a repetition of the first.
_SAME_S = 0.5


class Stop:
    """Listens for SIGINT, SIGTERM and SIGHUP while a harvest runs."""

    def __init__(
        self, how_to_resume: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._how_to_resume = how_to_resume
        self._clock = clock
        self._signalled_at = 0.0
        self._orchestrator: Orchestrator | None = None
        self._task: asyncio.Task[object] | None = None
        #: The signal that came, or 0.
        self.signal = 0

    def listen(self) -> None:
        """Install the signal handlers; call it in the task of the harvest."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` has SIGHUP ignored, and that must stay.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._on_signal, number)

    def started(self, orchestrator: Orchestrator) -> None:
        """Set the orchestrator that a signal stops."""
        self._orchestrator = orchestrator

    @property
    def exit_code(self) -> int:
        """128 plus the signal, as shells expect it: 129, 130 or 143."""
        return 128 + self.signal

    def _on_signal(self, number: int) -> None:
        now = self._clock()
        if self.signal and now - self._signalled_at < _SAME_S:
            return
        if self.signal:
            print_line(f"Stopped at once. {self._how_to_resume}", err=True)
            os._exit(self.exit_code)
        self.signal, self._signalled_at = number, now
        print_line(
            "Stopping within seconds; repeat the signal to stop at once.", err=True
        )
        if self._orchestrator is not None:
            self._orchestrator.stop()
        elif self._task is not None:
            self._task.cancel()  # the harvest is still being opened
