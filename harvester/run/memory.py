"""The memory of a process that works for days."""

from __future__ import annotations

import ctypes
import gc
from contextlib import suppress

import pyarrow as pa

__all__ = ["give_back_memory", "tune_process"]

#: Of mallopt(3).
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


def give_back_memory() -> None:
    """Give back what is free after a catalogue was read: others may need it."""
    # Other C libraries than glibc give it back by themselves.
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def tune_process() -> None:
    """Make this process good for days of harvesting; for the command line only.

    Both changes hold for the whole process and cannot be taken back: a program that
    calls the harvester as a library decides that itself.
    """
    # All that was imported stays: looking through it for cycles, again and again, would
    # hold up the event loop for a tenth of a second.
    gc.freeze()
    # All threads share a heap, with large buffers apart from the small ones. Else days
    # of frames leave holes in it that cannot be used.
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 2)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 20)
