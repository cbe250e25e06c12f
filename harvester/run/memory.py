"""Memory settings for a process that runs for days."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

__all__ = ["release_free_memory", "tune_process"]

#: Parameters of mallopt(3).
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


def release_free_memory() -> None:
    """Return free memory to the system, after a catalogue was read in this process."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    # Only glibc has malloc_trim; other C libraries do not need it.
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def tune_process() -> None:
    """Set up garbage collection and malloc for days of work; for the command line only.

    Both settings affect the whole process and cannot be undone, so a program that uses
    the harvester as a library decides about them itself.
    """
    # Imported modules live until the end. Searching them for cycles would block the
    # event loop for a tenth of a second each time.
    gc.freeze()
    # Limit the heaps of malloc to two, and map large buffers outside of them. Otherwise
    # the heaps become fragmented in a run of days, and the process grows.
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 2)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 20)
