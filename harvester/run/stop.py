"""Signals: the first one stops the harvest in order, the second one at once.

Both are safe: finished work is on disk, and the workers end with their parent.
Programs such as timeout(1) and service managers often signal both a process and its
group, so one signal arrives twice. Two signals within half a second count as one.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..status.console import print_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .orchestrator import Orchestrator

__all__ = ["Stop"]

#: Seconds within which a second signal counts as a repetition of the first.
_SAME_S = 0.5


#: Signals that stop a harvest.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stop:
    """Listens for SIGINT, SIGTERM and SIGHUP while a harvest runs.

    Parameters
    ----------
    ends_process
        Whether a second signal ends this process; otherwise it cancels the harvest.
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
        self._signalled_at = 0.0
        self._orchestrator: Orchestrator | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[object] | None = None
        #: The signal that came, or 0.
        self.signal = 0

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals while the block runs; the block waits for the harvest.

        Afterwards the previous handlers are restored. Python allows only the main
        thread to set handlers; in another thread the signals are not handled.
        """
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        # `nohup` has SIGHUP ignored, and that must stay. A handler that was not set by
        # Python (None) could not be restored.
        before = {number: signal.getsignal(number) for number in _SIGNALS}
        ours = [n for n in _SIGNALS if before[n] not in (signal.SIG_IGN, None)]
        try:
            for number in ours:
                signal.signal(number, self._catch)
            yield
        finally:
            for number in ours:
                signal.signal(number, before[number])

    def begin(self) -> None:
        """Note the task and the event loop of the harvest; call it in that task."""
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        if self.signal and self._task:
            self._task.cancel()

    def started(self, orchestrator: Orchestrator) -> None:
        """Set the orchestrator that a signal stops."""
        self._orchestrator = orchestrator

    def pause(self) -> None:
        """Stop the harvest in order, without a signal: another one follows."""
        if self._orchestrator is not None:
            self._orchestrator.stop()

    @property
    def is_held(self) -> bool:
        """Whether a user has paused the harvest: another one would not be paused."""
        return self._orchestrator is not None and self._orchestrator.is_held

    def idle(self) -> None:
        """Note that no harvest is at work: a signal cancels the task."""
        self._orchestrator = None

    @property
    def exit_code(self) -> int:
        """128 plus the signal, as shells expect it: 129, 130 or 143."""
        return 128 + self.signal

    def _catch(self, number: int, _frame: object) -> None:
        # The harvest may run in another thread, may not have started, or may be over.
        try:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._on_signal, number)
                return
        except RuntimeError:
            pass
        self.signal = self.signal or number

    def _on_signal(self, number: int) -> None:
        now = self._clock()
        if self.signal and now - self._signalled_at < _SAME_S:
            return
        if self.signal:
            self._end_at_once()
            return
        self.signal, self._signalled_at = number, now
        print_line(
            "Stopping within seconds; repeat the signal to stop at once.", err=True
        )
        if self._orchestrator is not None:
            self._orchestrator.stop()
        elif self._task is not None:
            self._task.cancel()  # the harvest is still being opened

    def _end_at_once(self) -> None:
        print_line(f"Stopped at once. {self._how_to_resume}", err=True)
        if self._ends_process:
            os._exit(self.exit_code)
        if self._task is not None:
            self._task.cancel()
