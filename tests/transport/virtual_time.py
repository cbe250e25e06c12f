"""An event loop whose clock jumps to the next timer, so that hours pass at once."""

from __future__ import annotations

import asyncio
import selectors


class _Selector(selectors.DefaultSelector):
    """Never waits: what it was to wait for in seconds, the clock is put forward by."""

    now = 0.0

    def select(self, timeout=None):
        if timeout is None and not (ready := super().select(0)):
            msg = "everything waits, and nothing will ever come"
            raise RuntimeError(msg)
        if timeout is None:
            return ready
        self.now += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop for tests that have no threads and no sockets."""

    def __init__(self):
        self._virtual = _Selector()
        super().__init__(self._virtual)

    def time(self):
        """Seconds since the test began."""
        return self._virtual.now


def run(main):
    """Run a coroutine function that takes the loop's clock, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        clock = runner.get_loop().time
        return runner.run(main(clock))
