"""Signals: the first one ends the harvest tidily, the second at once.

Both are safe: what counts is on disk, and the workers die with their parent. Programs
that end others, such as timeout(1) and service managers, often signal a process and its
group, so that one signal comes twice: within half a second it is the same one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..status.console import tell

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .orchestrator import Orchestrator

__all__ = ["Stop"]

#: Seconds within which a second signal is the first one, sent in two ways.
_SAME_S = 0.5


#: What stops a harvest.
_NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Listens for SIGINT, SIGTERM and SIGHUP while a harvest runs.

    Parameters
    ----------
    ends_process
        Whether a second signal may end this process. Else it drops what is in hand.
    """

    def __init__(
        self,
        how_to_resume: str,
        *,
        ends_process: bool = True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._how_to_resume = how_to_resume
        self._ends_process = ends_process
        self._clock = clock
        self._heard_at = 0.0
        self._orchestrator: Orchestrator | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        #: The signal that came, or 0.
        self.signal = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Take the signals over while the block runs, which waits for the harvest.

        Afterwards the handlers are those that were there before. Python lets only the
        main thread set handlers: in another one nothing is taken over.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # Under `nohup` a hang-up means nothing. A handler that is not Python's could
        # not be put back.
        before = {number: signal.getsignal(number) for number in _NUMBERS}
        ours = [n for n in _NUMBERS if before[n] not in (signal.SIG_IGN, None)]
        try:
            for number in ours:
                signal.signal(number, self._catch)
            yield
        finally:
            for number in ours:
                signal.signal(number, before[number])

    def begin(self) -> None:
        """Learn the harvest's task and its loop; call it in that task."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self.signal and self._task:
            self._task.cancel()

    def started(self, orchestrator: Orchestrator) -> None:
        """Learn what is to be stopped."""
        self._orchestrator = orchestrator

    @property
    def exit_code(self) -> int:
        """What the shell expects of a process that was stopped: 129, 130 or 143."""
        return 128 + self.signal

    def _catch(self, number: int, _frame: object) -> None:
        # The harvest may be in another thread, or not there yet, or just over.
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._hear, number)
                return
        except RuntimeError:
            pass
        self.signal = self.signal or number

    def _hear(self, number: int) -> None:
        now = self._clock()
        if self.signal and now - self._heard_at < _SAME_S:
            return
        if self.signal:
            self._end_at_once()
            return
        self.signal, self._heard_at = number, now
        tell("Stopping; once more to stop at once.", err=True)
        if self._orchestrator is not None:
            self._orchestrator.stop()
        elif self._task is not None:
            self._task.cancel()  # it is still being opened

    def _end_at_once(self) -> None:
        tell(f"Stopped at once. {self._how_to_resume}", err=True)
        if self._ends_process:
            os._exit(self.exit_code)
        if self._task is not None:
            self._task.cancel()
