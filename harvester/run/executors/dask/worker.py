"""What runs in a Dask worker: one job, with a limit of time.

Arguments and results are pickled by the harvester itself. So a worker with other code
can still compare the versions and say what is wrong, before it reads the job.
"""

from __future__ import annotations

import os
import pickle
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from .shared_disk import SharedFile, can_read
from .software import differences, software

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["TaskTerms", "run_task"]

#: Seconds until a worker with a hung thread ends; the error is sent meanwhile.
_FAREWELL_S = 2.0

#: One job at a time cuts in a process: astropy's warnings, among others, are no matter
#: of one thread.
_CUTTING = threading.Lock()


@dataclass(frozen=True, slots=True)
class TaskTerms:
    """Under which conditions a worker does a job."""

    #: Seconds after which the job counts as hung.
    limit_s: float
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
    TimeoutError
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
    with _CUTTING:
        return _run_within(terms.limit_s, function, job)


def _run_within(
    limit_s: float,
    function: Callable[[Any], Any],
    job: Any,  # noqa: ANN401 - any job
) -> dict[str, Any]:
    """Run a function in a thread of its own; give it up if it hangs."""
    done: Future[dict[str, Any]] = Future()

    def run() -> None:
        try:
            done.set_result({"result": function(job)})
        except BaseException as error:  # noqa: BLE001 - the harvest raises it
            done.set_result({"error": _portable(error)})

    threading.Thread(target=run, daemon=True).start()
    try:
        return done.result(limit_s)
    except TimeoutError:
        # A thread cannot be ended, so that the process ends; a nanny starts another.
        threading.Timer(_FAREWELL_S, os._exit, (1,)).start()
        raise


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
