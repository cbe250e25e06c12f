"""An event loop whose clock jumps to the next timer, so that hours pass at once."""

from __future__ import annotations

import asyncio
import itertools
import selectors


class _Selector(selectors.DefaultSelector):
    """Never waits: what it was to wait for in seconds, the clock is put forward by."""

    now = 0.0

    def __init__(self, lateness):
        super().__init__()
        self._lateness = lateness

    def select(self, timeout=None):
        if timeout is None and not (ready := super().select(0)):
            msg = "everything waits, and nothing will ever come"
            raise RuntimeError(msg)
        if timeout is None:
            return ready
        if timeout > 0:
            self.now += timeout + next(self._lateness)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop for tests that have no threads and no sockets."""

    def __init__(self, lateness=None):
        """Take the seconds by which timers are late, one after the other."""
        self._virtual = _Selector(lateness or itertools.repeat(0.0))
        super().__init__(self._virtual)

    def time(self):
        """Seconds since the test began."""
        return self._virtual.now


def run(main, *, lateness=None):
    """Run a coroutine function that takes the loop's clock, in virtual time."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(lateness)) as runner:
        clock = runner.get_loop().time
        return runner.run(main(clock))
