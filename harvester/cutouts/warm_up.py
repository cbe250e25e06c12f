"""Start the server that cutting processes are forked from.

What every cutting process needs is imported once, by this server, so that a new one
is there in 20 ms instead of a second. And it does so while the process that started
it imports what that needs: this module imports nothing that is slow.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
from multiprocessing import forkserver
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext

__all__ = ["warm_up"]

#: What glibc reads when a process starts: memory in large pages. bz2 jumps about in
#: some 4 MB, and is quicker there by some 7 %. Other C libraries do not know the word.
_LARGE_PAGES = "glibc.malloc.hugetlb=1"


def warm_up() -> ForkServerContext:
    """Start the server unless it is there; give where processes come from."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["harvester.cutouts.forkserver"])
    # Left there for a server that Python starts anew; this process has read its own.
    os.environ.setdefault("GLIBC_TUNABLES", _LARGE_PAGES)
    # A terminal hangs up on all of its processes. What is started here inherits that
    # it does not hear of it: this server, what it forks, and the process by which
    # Python keeps count of their semaphores, which would be missed at the end.
    heard = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, heard)
    return context
