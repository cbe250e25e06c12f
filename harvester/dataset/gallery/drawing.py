"""Draw all chunks of the gallery in several processes, with flat memory."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TYPE_CHECKING

from ...cutouts.core_count import process_count
from ...errors import LocalError
from .chunks import PER_CHUNK, Chunk, ChunkResult

if TYPE_CHECKING:
    from collections.abc import Iterator
    from concurrent.futures import Future

    from .galaxies import GalaxyTable

__all__ = ["chunk_count", "draw_chunks"]

#: With fewer chunks the start of the processes would take longer than the drawing.
_WORTH_PROCESSES = 16

#: Chunks in hand for each process: enough that none waits, few enough for the memory.
_AHEAD = 4


def chunk_count(table: GalaxyTable) -> int:
    """Return the number of chunks of a run."""
    return -(-len(table) // PER_CHUNK)


def draw_chunks(table: GalaxyTable, processes: int = 0) -> Iterator[ChunkResult]:
    """Draw the chunks whose stamps or rows have changed; give each result.

    Parameters
    ----------
    processes
        That draw; 0: as many as cores. A small gallery is drawn in this process.

    Raises
    ------
    LocalError
        A file cannot be written, or a process was killed.
    """
    wanted = processes or process_count()
    if wanted == 1 or chunk_count(table) < _WORTH_PROCESSES:
        yield from (chunk.write() for chunk in _chunks(table))
        return
    pool = ProcessPoolExecutor(
        wanted, multiprocessing.get_context("spawn"), _leave_with_parent
    )
    try:
        yield from _in_pool(pool, _chunks(table), wanted * _AHEAD)
    except BrokenProcessPool as error:
        msg = (
            "a process that draws the gallery was killed, perhaps because memory ran "
            "out. Run the command again: what is drawn is kept"
        )
        raise LocalError(msg) from error
    finally:
        pool.shutdown(cancel_futures=True)


def _in_pool(
    pool: ProcessPoolExecutor, chunks: Iterator[Chunk], most: int
) -> Iterator[ChunkResult]:
    in_hand: deque[Future[ChunkResult]] = deque()
    for chunk in chunks:
        in_hand.append(pool.submit(chunk.write))
        if len(in_hand) >= most:
            yield in_hand.popleft().result()
    while in_hand:
        yield in_hand.popleft().result()


def _chunks(table: GalaxyTable) -> Iterator[Chunk]:
    galaxies = iter(table)
    number = 0
    while some := tuple(islice(galaxies, PER_CHUNK)):
        yield Chunk(
            number,
            str(table.out),
            some,
            tuple(table.slots),
            tuple(table.own),
            tuple(table.labels),
        )
        number += 1


def _leave_with_parent() -> None:
    """End this process with its parent: a parent that is killed cannot end it."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_await_end, args=(parent,), daemon=True).start()


def _await_end(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
