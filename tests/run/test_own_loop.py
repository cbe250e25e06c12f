"""Running a coroutine for callers with and without an event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from contextvars import ContextVar

import pytest

from harvester.run.own_loop import run_in_own_loop

_WORD = ContextVar("_WORD", default="")


async def where():
    """Return the current thread, and a value of its context."""
    return threading.current_thread(), _WORD.get()


async def fail():
    """Raise an error."""
    raise KeyError


def test_without_a_loop():
    """Without a running loop the coroutine runs in this thread; its loop stays set."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert run_in_own_loop(where)[0] is threading.current_thread()
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def test_in_a_loop():
    """In a running loop it runs in a new thread with this context, which then ends."""
    _WORD.set("known")
    thread, word = run_in_own_loop(where)
    thread.join(20)
    assert (word, thread.is_alive()) == ("known", False)
    assert thread is not threading.current_thread()
    with pytest.raises(KeyError):
        run_in_own_loop(fail)


async def test_interrupt():
    """An interrupt cancels the coroutine, waits for its clean-up, and is raised."""
    done = []

    async def wait():
        try:
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.Event().wait()
        finally:
            done.append("tidied up")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_in_own_loop(wait)
    finally:
        signal.signal(signal.SIGINT, before)
    assert done == ["tidied up"]
