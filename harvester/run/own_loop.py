"""Work of an event loop, for a caller who may have an event loop already."""

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
    """Run a coroutine to its end in a loop of its own, and give its result.

    Where a loop runs in this thread already, as in every cell of a notebook, the
    coroutine gets a thread of its own, and this thread waits for it. An interrupt
    while it waits cancels the coroutine, waits for its end, and is raised again.
    """
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return _run(work)
    return _Beside(work).result()


def _run(work: Callable[[], Coroutine[Any, Any, _Result]]) -> _Result:
    # `asyncio.run` would take away the loop that the caller has set for this thread.
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        return runner.run(work())


class _Beside(Generic[_Result]):
    """A coroutine that runs in a thread of its own."""

    def __init__(self, work: Callable[[], Coroutine[Any, Any, _Result]]) -> None:
        self._work = work
        self._cancel: Future[Callable[[], object]] = Future()
        self._result: Future[_Result] = Future()
        # What the caller has set, such as the precision of decimals, holds there too.
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
        # An interrupt may come within `start`; and there may be no room for a thread.
        return self._thread.ident is not None

    def _run(self) -> None:
        try:
            self._result.set_result(_run(self._begin))
        except BaseException as error:  # noqa: BLE001 - raised by the thread that waits
            self._result.set_exception(error)

    async def _begin(self) -> _Result:
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        self._cancel.set_result(lambda: loop.call_soon_threadsafe(task.cancel))
        return await self._work()
