"""Signals: the first one ends the harvest tidily, the second at once.

Both are safe: what counts is on disk, and the workers die with their parent.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .orchestrator import Orchestrator

__all__ = ["Stop"]


class Stop:
    """Listens for SIGINT and SIGTERM while a harvest runs."""

    def __init__(self, how_to_resume: str) -> None:
        self._how_to_resume = how_to_resume
        self._orchestrator: Orchestrator | None = None
        #: The signal that came, or 0.
        self.signal = 0

    def listen(self) -> None:
        """Take the signals over from the interpreter; call it in the event loop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._hear, number)

    def started(self, orchestrator: Orchestrator) -> None:
        """Learn what is to be stopped."""
        self._orchestrator = orchestrator
        if self.signal:
            orchestrator.stop()

    @property
    def exit_code(self) -> int:
        """What the shell expects of a process that was stopped: 130 or 143."""
        return 128 + self.signal

    def _hear(self, number: int) -> None:
        if self.signal:
            self._leave(f"Stopped at once. {self._how_to_resume}")
        self.signal = number
        if self._orchestrator is None:
            self._leave(f"Stopped before it began. {self._how_to_resume}")
        else:
            print("Stopping; once more to stop at once.", file=sys.stderr, flush=True)  # noqa: T201 - this is the terminal
            self._orchestrator.stop()

    def _leave(self, words: str) -> None:
        print(words, file=sys.stderr, flush=True)  # noqa: T201 - this is the terminal
        os._exit(self.exit_code)
