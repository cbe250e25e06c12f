"""Start the fork server of the worker processes.

The server imports once what every worker needs, so that a new worker starts in 20 ms
instead of a second. It does so while the main process is still importing its own
modules: for that, this module must not import anything slow.

`multiprocessing` has one fork server for each process. This one is another: a program
that calls the harvester may need the first for its own processes. Workers do not import
the main module of the program either, as other processes of `multiprocessing` do. A
script without ``if __name__ == "__main__"`` would start its harvest again in each
worker, and a script from the standard input has no file to import.
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

#: Makes glibc use huge pages when a process starts. bz2 accesses about 4 MB at random,
#: and is about 7 % faster with huge pages. Other C libraries ignore the setting.
_TUNABLES, _LARGE_PAGES = "GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"

#: Keys of the data for a new process that name the program's main module.
_MAIN = ("init_main_from_name", "init_main_from_path")


def warm_up() -> ForkServerContext:
    """Start the fork server if it is not running; return its context."""
    _server.ensure_running()
    return _Context()


class _Server(forkserver.ForkServer):
    """The harvester's own fork server; if it was killed, the next use restarts it."""

    def ensure_running(self) -> None:
        with _environment(_TUNABLES, _LARGE_PAGES), _hang_ups_blocked():
            super().ensure_running()


_server = _Server()
_server.set_forkserver_preload(["harvester.cutouts.forkserver"])


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    """Set a variable for the child processes that the block starts.

    A value that the user has set is kept.
    """
    if name in os.environ:
        yield
        return
    os.environ[name] = value
    try:
        yield
    finally:
        os.environ.pop(name, None)


@contextmanager
def _hang_ups_blocked() -> Iterator[None]:
    # A terminal that closes sends SIGHUP to all of its processes. Child processes
    # inherit the blocked signal: the fork server, the workers, and Python's resource
    # tracker, which is needed until the end of the run.
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


class _Popen(popen_forkserver.Popen):
    """Starts a process from our server that does not import the main module."""

    _fds: list[int]

    # The method of the standard library, with another server and without `_MAIN`.
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
        # When this process ends, the pipe closes and the child notices.
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
