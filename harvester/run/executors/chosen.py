"""Makes the executor that the settings name."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from ...errors import InputError
from ...settings.executor_choice import ExecutorChoice
from .processes import Cutter

if TYPE_CHECKING:
    from collections.abc import Callable

    from .executor import Executor
    from .executor_limits import ExecutorLimits

__all__ = ["make_executor", "most_at_once"]

#: Frames that a lane may have in hand if workers come at any time; `Rooms` has fewer.
_MOST = 256


def make_executor(
    name: str, limits: ExecutorLimits, say: Callable[[str], None]
) -> Executor:
    """Make an executor; it starts nothing yet.

    Parameters
    ----------
    name
        The setting ``work.executor``.
    say
        Is called with messages for the user.

    Raises
    ------
    InputError
        It needs a package that is not installed.
    """
    choice = ExecutorChoice.parse(name)
    if choice.kind == "processes":
        return Cutter(
            processes=limits.processes,
            limit_s=limits.cut_s,
            memory_bytes=limits.memory_bytes,
        )
    if find_spec("distributed") is None:
        msg = (
            f"--executor {name} needs dask.distributed: "
            "pip install 'galaxy-harvester[dask]'"
        )
        raise InputError(msg)
    from .dask.opened import dask_executor

    return dask_executor(choice, limits, say)


def most_at_once(name: str, for_hosts: int) -> int:
    """Give the number of frames that a lane may have in hand.

    ``for_hosts``: frames that keep the hosts of its archive busy.
    """
    is_local = ExecutorChoice.parse(name).kind == "processes"
    return for_hosts if is_local else for_hosts + _MOST
