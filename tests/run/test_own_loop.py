"""Work of an event loop for callers with and without a loop."""

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
    """Give the thread that runs it, and a word of its context."""
    return threading.current_thread(), _WORD.get()


async def fail():
    """Fail."""
    raise KeyError


def test_without_a_loop():
    """Where no loop runs the coroutine runs in this thread, whose loop stays set."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    try:
        assert run_in_own_loop(where)[0] is threading.current_thread()
        assert asyncio.get_event_loop() is loop
    finally:
        asyncio.set_event_loop(None)
        loop.close()


async def test_in_a_loop():
    """In a running loop it has a thread of its own, with this context; it is gone."""
    _WORD.set("known")
    thread, word = run_in_own_loop(where)
    thread.join(20)
    assert (word, thread.is_alive()) == ("known", False)
    assert thread is not threading.current_thread()
    with pytest.raises(KeyError):
        run_in_own_loop(fail)


async def test_interrupt():
    """An interrupt cancels the coroutine, which may tidy up, and is raised then."""
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
