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
    # On a busy machine a worker may take long to come back.
    "distributed.deploy.lost-worker-timeout": "10 minutes",
}

#: Seconds between two looks; a worker that is dead at both is replaced.
_LOOK_S = 3.0


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
            keeping = asyncio.create_task(_keep_up(cluster, workers))
            await asyncio.to_thread(sys.stdin.read)
            keeping.cancel()


async def _keep_up(cluster: LocalCluster, workers: int) -> None:
    """Replace workers that their nannies do not bring back.

    A nanny gives up if its worker is killed while it is starting.
    """
    dead: set[object] = set()
    while True:
        await asyncio.sleep(_LOOK_S)
        gone = {at for at, nanny in cluster.workers.items() if not nanny.is_alive()}
        for at in gone & dead:
            await cluster.workers.pop(at).close()
        dead = gone - dead
        await cluster.scale(workers)


if __name__ == "__main__":
    dask.config.set(_CONFIG)
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
