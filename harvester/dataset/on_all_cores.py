"""Work on a data set in worker processes, as many as cores, with flat memory."""

from __future__ import annotations

from collections import deque
from contextlib import ExitStack
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from pebble import CONSTS, ProcessExpired, ProcessPool

from ..cutouts.core_count import process_count
from ..cutouts.warm_up import warm_up
from ..errors import LocalError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = ["on_all_cores"]

#: Seconds between asking a worker process to end and killing it.
_KILL_AFTER_S = 0.1

_Piece = TypeVar("_Piece")
_Result = TypeVar("_Result")


def on_all_cores(
    function: Callable[[_Piece], _Result], pieces: Iterable[_Piece]
) -> Iterator[tuple[_Piece, _Result]]:
    """Give each piece and what the function makes of it, in the order of the pieces.

    Function, pieces and results travel between processes, so they must be picklable.
    Without pieces no process is started.

    Raises
    ------
    LocalError
        A worker process was killed.
    """
    rest = iter(pieces)
    some = list(islice(rest, 1))
    if not some:
        return
    try:
        yield from _in_pool(function, chain(some, rest))
    except ProcessExpired as error:
        msg = (
            "a worker process was killed, perhaps because memory ran out. "
            "Run the command again"
        )
        raise LocalError(msg) from error


def _in_pool(
    function: Callable[[_Piece], _Result], pieces: Iterator[_Piece]
) -> Iterator[tuple[_Piece, _Result]]:
    cores = process_count()
    # Worker processes ignore SIGTERM (see `cutouts.forkserver`): kill them soon.
    CONSTS.term_timeout = _KILL_AFTER_S
    pool = ProcessPool(max_workers=cores, context=warm_up())
    with ExitStack() as stack:
        stack.callback(pool.join)
        stack.callback(pool.stop)
        under_way: deque[tuple[_Piece, Any]] = deque()
        for piece in pieces:
            under_way.append((piece, pool.schedule(function, args=(piece,))))
            if len(under_way) > 2 * cores:
                done, task = under_way.popleft()
                yield done, task.result()
        for done, task in under_way:
            yield done, task.result()
