"""The process that a harvest starts for ``dask:local``: a scheduler and its workers.

It is a process of its own for two reasons. The scheduler takes no time from the event
loop of the harvest. And Dask starts its workers anew from the main module, which may be
a script of the user that would begin its harvest again in each of them.

It prints the address of the scheduler, and ends when its standard input ends: so it
ends with the harvest, however that ends.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from tempfile import TemporaryDirectory

import dask
from distributed import LocalCluster

__all__ = ["serve"]

_CONFIG = {
    # Deaths of workers that a task survives. Of a frame that ends its workers, the
    # harvest cuts the halves.
    "distributed.scheduler.allowed-failures": 1,
    # Results are fetched at once, so that there is nothing to spill.
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
}


async def serve(workers: int, memory_bytes: int) -> None:
    """Run a cluster on this machine until the standard input ends."""
    with TemporaryDirectory(prefix="harvester-dask-") as scratch:
        async with LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address=None,
            worker_dashboard_address=None,
            asynchronous=True,
            silence_logs=logging.CRITICAL,
            local_directory=scratch,
            # The nanny restarts a worker that takes more.
            memory_limit=memory_bytes,
        ) as cluster:
            print(cluster.scheduler_address, flush=True)  # noqa: T201 - the harvest reads it
            await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    dask.config.set(_CONFIG)
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
