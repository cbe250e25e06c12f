"""An event loop whose clock jumps to the next timer, so that tests never wait."""

from __future__ import annotations

import asyncio
import itertools
import selectors


class _Selector(selectors.DefaultSelector):
    """Never waits: instead it advances the clock by the timeout."""

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
    """An event loop for tests without threads and sockets."""

    def __init__(self, lateness=None):
        """Take an iterator of the seconds by which each timer is late."""
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
