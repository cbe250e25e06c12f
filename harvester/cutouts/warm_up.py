"""Start the server that cutting processes are forked from.

What every cutting process needs is imported once, by this server, so that a new one
is there in 20 ms instead of a second. And it does so while the process that started
it imports what that needs: this module imports nothing that is slow.

The server is not the one of `multiprocessing`, of which a process has only one: a
program that calls the harvester may need that one for its own processes. And the
processes that it forks do not import the program's main module, which every process
of `multiprocessing` does: a script without ``if __name__ == "__main__"`` would begin
its harvest again in each of them, and a script from the standard input is no file.
"""

from __future__ import annotations

import io
import os
import signal
from contextlib import contextmanager
from multiprocessing import forkserver, popen_forkserver, reduction, spawn, util
from multiprocessing.context import (
    ForkServerContext,
    ForkServerProcess,
    set_spawning_popen,
)
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.process import BaseProcess

__all__ = ["warm_up"]

#: What glibc reads when a process starts: memory in large pages. bz2 jumps about in
#: some 4 MB, and is quicker there by some 7 %. Other C libraries do not know the word.
_TUNABLES, _LARGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"

#: What a child would import the program's main module from.
_MAIN = ("init_main_from_name", "init_main_from_path")


def warm_up() -> ForkServerContext:
    """Start the server unless it is there; give where processes come from."""
    _server.ensure_running()
    return _Context()


class _Server(forkserver.ForkServer):
    """A server of our own; Python starts it anew if it was killed."""

    def ensure_running(self) -> None:
        with _environment(_TUNABLES, _LARGE_PAGES), _deaf_to_hang_ups():
            super().ensure_running()


_server = _Server()
_server.set_forkserver_preload(["harvester.cutouts.forkserver"])


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for a process that is started, unless the user has set it."""
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)


@contextmanager
def _deaf_to_hang_ups() -> Iterator[None]:
    # A terminal hangs up on all of its processes. What is started here inherits that
    # it does not hear of it: this server, what it forks, and the process by which
    # Python keeps count of their semaphores, which would be missed at the end.
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)


class _Popen(popen_forkserver.Popen):
    """Starts a process from our server, and without the program's main module."""

    _fds: list[int]

    # As in the standard library, but for the server and for what is left out.
    def _launch(self, process: BaseProcess) -> None:
        facts = spawn.get_preparation_data(process.name)
        known = {key: value for key, value in facts.items() if key not in _MAIN}
        buffer = io.BytesIO()
        set_spawning_popen(self)
        try:
            reduction.dump(known, buffer)
            reduction.dump(process, buffer)
        finally:
            set_spawning_popen(None)
        self.sentinel, to_child = _server.connect_to_new_process(self._fds)
        # The child sees by the other end of it that this process is gone.
        kept = os.dup(to_child)
        self.finalizer = util.Finalize(self, _close, (kept, self.sentinel))
        with open(to_child, "wb", closefd=True) as pipe:  # noqa: PTH123 - a descriptor
            pipe.write(buffer.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


def _close(*descriptors: int) -> None:
    for one in descriptors:
        os.close(one)


class _Process(ForkServerProcess):
    @staticmethod
    def _Popen(process_obj: BaseProcess) -> popen_forkserver.Popen:  # noqa: N802 - Python's name
        return _Popen(process_obj)


class _Context(ForkServerContext):
    Process = _Process
