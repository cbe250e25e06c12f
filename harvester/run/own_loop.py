"""Runs a coroutine, also if the caller already runs an event loop."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["run_in_own_loop"]

_Result = TypeVar("_Result")


def run_in_own_loop(work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    """Run a coroutine to its end in a new event loop, and return its result.

    If an event loop already runs in this thread, as in a notebook, the coroutine runs
    in a new thread, and this thread waits for it. Ctrl-C then cancels the coroutine,
    waits for its end, and is raised again.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    return _OwnThread(work).result()


def _run(work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    # `asyncio.run` would replace the event loop that the caller set for this thread.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work())


class _OwnThread(Generic[_Result]):
    """Runs a coroutine in a new thread."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, _Result]]) -> None:
        self._work = work
        self._cancel: Future[Callable[[], object]] = Future()
        self._result: Future[_Result] = Future()
        # The new thread gets the context variables of the caller, such as the decimal
        # precision.
        context = contextvars.copy_context()
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="harvester"
        )

    def result(self) -> _Result:
        try:
            self._thread.start()
            return self._result.result()
        except BaseException:
            if self._is_started() and not self._result.done():
                self._cancel.result()()
            raise
        finally:
            if self._is_started():
                wait([self._result])

    def _is_started(self) -> bool:
        # `start` can be interrupted, or fail because there are too many threads.
        return self._thread.ident is not None

    def _run(self) -> None:
        try:
            self._result.set_result(_run(self._begin))
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            self._result.set_exception(error)

    async def _begin(self) -> _Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await self._work()
