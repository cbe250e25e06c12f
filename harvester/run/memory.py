"""The memory of a process that works for days."""

from __future__ import annotations

import ctypes
from contextlib import suppress

import pyarrow as pa

__all__ = ["give_back_memory", "keep_memory_in_one_piece"]

#: Of mallopt(3).
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8


def give_back_memory() -> None:
    """Give back what is free after a catalogue was read: others may need it."""
    # Other C libraries than glibc give it back by themselves.
    pa.default_memory_pool().release_unused()
    with suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


def keep_memory_in_one_piece() -> None:
    """Let all threads share a heap, with large buffers apart from the small ones.

    Else days of frames leave holes in it that cannot be used.
    """
    with suppress(AttributeError, OSError):
        libc = ctypes.CDLL(None)
        libc.mallopt(_M_ARENA_MAX, 2)
        libc.mallopt(_M_MMAP_THRESHOLD, 1 << 20)
