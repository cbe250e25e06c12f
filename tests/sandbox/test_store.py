"""Files of the sandbox are rendered once, also if requests are cancelled."""

from __future__ import annotations

import asyncio
import threading

import pytest

from harvester.sandbox.store import SandboxFrameStore


async def test_made_once():
    """Simultaneous requests share one rendering."""
    made = []

    def make():
        made.append(1)
        return b"pixels"

    with SandboxFrameStore() as store:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(store.get("a", make)) for _ in range(8)]
        assert {task.result() for task in tasks} == {b"pixels"}
        assert await store.get("a", make) == b"pixels"
    assert len(made) == 1


async def test_spilled():
    """Files that no longer fit in memory are read from disk, not rendered again."""
    made = []

    def make(name):
        made.append(name)
        return name.encode() * 400

    with SandboxFrameStore(memory_mb=0.001) as store:
        for name in ("a", "b", "c", "a"):
            body = await store.get(name, lambda name=name: make(name))
            assert body == name.encode() * 400
    assert made == ["a", "b", "c"]


async def test_hang_up():
    """The rendering of a cancelled request is used by the next request."""
    made, may_end, begun = [], threading.Event(), threading.Event()

    def make():
        made.append(1)
        begun.set()
        may_end.wait(10)
        return b"pixels"

    with SandboxFrameStore() as store:
        first = asyncio.ensure_future(store.get("a", make))
        await asyncio.to_thread(begun.wait, 10)
        first.cancel()
        second = asyncio.ensure_future(store.get("a", make))
        with pytest.raises(asyncio.CancelledError):
            await first
        may_end.set()
        assert await second == b"pixels"
    assert len(made) == 1


async def test_failure():
    """After a failed rendering the next request renders again."""
    with SandboxFrameStore() as store:
        with pytest.raises(ZeroDivisionError):
            await store.get("a", lambda: bytes(1 // 0))
        assert await store.get("a", lambda: b"pixels") == b"pixels"


async def test_closed():
    """Closing the store removes its folder."""
    store = SandboxFrameStore(memory_mb=0)
    await store.get("a", lambda: b"1")
    await store.get("b", lambda: b"2")
    assert list(store._folder.iterdir())
    store.close()
    assert not store._folder.exists()
