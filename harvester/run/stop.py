"""Signals: the first one ends the harvest tidily, the second at once.

Both are safe: what counts is on disk, and the workers die with their parent. Programs
that end others, such as timeout(1) and service managers, often signal a process and its
group, so that one signal comes twice: within half a second it is the same one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from typing import TYPE_CHECKING

from ..status.console import tell

if TYPE_CHECKING:
    from collections.abc import Callable

    from .orchestrator import Orchestrator

__all__ = ["Stop"]

#: Seconds within which a second signal is the first one, sent in two ways.
_SAME_S = 0.5


class Stop:
    """Listens for SIGINT, SIGTERM and SIGHUP while a harvest runs."""

    def __init__(
        self, how_to_resume: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._how_to_resume = how_to_resume
        self._clock = clock
        self._heard_at = 0.0
        self._orchestrator: Orchestrator | None = None
        self._task: asyncio.Task[object] | None = None
        #: The signal that came, or 0.
        self.signal = 0

    def listen(self) -> None:
        """Take the signals over from the interpreter; call it in the harvest's task."""
        loop = asyncio.get_running_loop()
        self._task = asyncio.current_task()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under `nohup` a hang-up means nothing.
            if signal.getsignal(number) is not signal.SIG_IGN:
                loop.add_signal_handler(number, self._hear, number)

    def started(self, orchestrator: Orchestrator) -> None:
        """Learn what is to be stopped."""
        self._orchestrator = orchestrator

    @property
    def exit_code(self) -> int:
        """What the shell expects of a process that was stopped: 129, 130 or 143."""
        return 128 + self.signal

    def _hear(self, number: int) -> None:
        now = self._clock()
        if self.signal and now - self._heard_at < _SAME_S:
            return
        if self.signal:
            tell(f"Stopped at once. {self._how_to_resume}", err=True)
            os._exit(self.exit_code)
        self.signal, self._heard_at = number, now
        tell("Stopping; once more to stop at once.", err=True)
        if self._orchestrator is not None:
            self._orchestrator.stop()
        elif self._task is not None:
            self._task.cancel()  # it is still being opened
