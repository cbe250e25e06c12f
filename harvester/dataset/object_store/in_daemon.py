"""Runs a blocking call of the library in a thread that nothing waits for at the end.

The library has asynchronous functions as well. A process that ends within milliseconds
after one of those is aborted now and then (signal 6), because a thread of the library
still wants the interpreter: seen with obstore 0.12.1 in one of five processes that end
right after a call. A pool of threads would be waited for at the end of the process,
also if the store hangs.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["in_daemon"]

_Result = TypeVar("_Result")
_Words = ParamSpec("_Words")


async def in_daemon(
    work: Callable[_Words, _Result], *args: _Words.args, **how: _Words.kwargs
) -> _Result:
    """Return what a call returns; when cancelled, the call goes on by itself."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_Result] = loop.create_future()

    def tell(result: _Result | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type] # None only if it is that

    def run() -> None:
        result: _Result | None = None
        failure: BaseException | None = None
        try:
            result = work(*args, **how)
        except BaseException as error:  # noqa: BLE001 - raised where it is awaited
            failure = error
        with suppress(RuntimeError):  # the loop is closed: the call was cancelled
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=run, name="object-store", daemon=True).start()
    return await done
