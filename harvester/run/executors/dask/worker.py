"""What runs in a Dask worker: one job, with a limit of time.

Arguments and results are pickled by the harvester itself. So a worker with other code
can still compare the versions and say what is wrong, before it reads the job.
"""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

from .shared_disk import SharedFile, can_read
from .software import differences, software

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["HungError", "TaskTerms", "run_task", "run_within", "wait_while_wanted"]

#: Seconds until a worker with a hung thread ends; the error is sent meanwhile.
_FAREWELL_S = 2.0

#: Seconds between two checks whether a task is still wanted.
_LOOK_S = 2.0

#: One job at a time cuts in a process: astropy's warnings, among others, are no matter
#: of one thread.
_CUTTING = threading.Lock()


class HungError(Exception):
    """A job takes longer than is allowed."""


T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """Under which conditions a worker does a job."""

    #: Seconds after which the job counts as hung; None: it waits for other machines,
    #: and does its own cutting.
    limit_s: float | None
    #: File that the worker must be able to read; None: it needs no shared disk.
    shared: SharedFile | None = None
    #: Niceness of the process.
    nice: int = 0


def run_task(needed: dict[str, str], packed: bytes) -> bytes:
    """Do a job, or refuse it.

    Parameters
    ----------
    needed
        The software of the harvest.
    packed
        Its `TaskTerms`, a function and the argument of the function, pickled.

    Returns
    -------
    bytes
        Pickled; a dictionary with ``worker`` (its address) and one of ``refused`` (why,
        in words), ``error`` and ``result``.

    Raises
    ------
    HungError
        The function hangs. This process is about to end.
    """
    from distributed import get_worker

    answer = _answer(needed, packed)
    return pickle.dumps({**answer, "worker": get_worker().address})


def _answer(needed: dict[str, str], packed: bytes) -> dict[str, Any]:
    if words := differences(software(), needed):
        return {"refused": f"has {words}"}
    terms, function, job = pickle.loads(packed)  # noqa: S301 - from the same harvest
    if terms.shared and not can_read(terms.shared):
        return {"refused": f"cannot read {terms.shared.path}"}
    _lower_priority(terms.nice)
    try:
        if terms.limit_s is None:
            return {"result": function(job)}
        return {"result": run_within(terms.limit_s, function, job)}
    except HungError:
        raise
    except Exception as error:  # noqa: BLE001 - the harvest raises it
        return {"error": _portable(error)}


def run_within(limit_s: float, function: Callable[[T], R], job: T) -> R:
    """Run a function, when no other is at work in this process; give it up if it hangs.

    Raises
    ------
    HungError
        It hangs. This process is about to end.
    """
    done: Future[R] = Future()

    def run() -> None:
        try:
            done.set_result(function(job))
        except BaseException as error:  # noqa: BLE001 - the waiting thread raises it
            done.set_exception(error)

    with _CUTTING:
        threading.Thread(target=run, daemon=True).start()
        if wait([done], limit_s).done:
            return done.result()
    # A thread cannot be ended, so that the process ends; a nanny starts another.
    threading.Timer(_FAREWELL_S, os._exit, (1,)).start()
    msg = f"no result after {limit_s:g} s"
    raise HungError(msg)


def wait_while_wanted(future: Future[R]) -> R:
    """Wait for something outside of this thread; other tasks may begin meanwhile.

    It is cancelled when the scheduler does not want the task any more.
    """
    from distributed import get_worker, secede

    worker = get_worker()
    key = worker.get_current_task()
    secede()
    while not wait([future], _LOOK_S).done:
        task = worker.state.tasks.get(key)
        if task is None or task.state in {"cancelled", "released", "forgotten"}:
            future.cancel()
    return future.result()


def _portable(error: BaseException) -> BaseException:
    """Give the error, or its words if it does not survive pickling."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - just made
    except Exception:  # noqa: BLE001 - whatever its class raises
        return RuntimeError(f"{type(error).__name__}: {error}")
    return error


@cache
def _lower_priority(nice: int) -> None:
    os.nice(nice)
