"""Kill the parts of a Dask cluster during harvests, and check that nothing is lost.

``python tests/loaders/executors/dask_torture.py --disturbances 30`` harvests from the
sandbox with a scheduler and workers of their own. At random moments it kills workers,
nannies, the scheduler or the harvest, or stops one of them for a while, several times
in each harvest. What is checked, and the table, are those of
``tests/harvests/torture.py``: each harvest must end like one with ``processes`` that
was left in peace. It ends with 1 if anything is not as it must be.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil
from dask_processes import DaskProcesses
from scene import PER_RUN, Archives, Scene
from torture import Findings, deck

#: Workers of the cluster.
_WORKERS = 2

#: Longest pause in seconds of a part that is stopped and goes on.
_PAUSE_S = 3.0


class DaskScene(Scene):
    """A harvest whose frames are cut by Dask."""

    def __init__(self, folder, archives, chance, found, frames_by):
        self.cluster = None
        self._frames_by = frames_by
        super().__init__(folder, archives, chance, found)  # in peace, by processes
        self.cluster = DaskProcesses(folder / "dask")
        self.mend()

    @property
    def _flags(self):
        flags = super()._flags
        return [*flags, "--executor", self.cluster.executor] if self.cluster else flags

    def _environment(self):
        return {"HARVESTER__WORK__FRAMES_BY": self._frames_by}

    def mend(self):
        """Start what is lacking of the cluster."""
        cluster = self.cluster
        if cluster.scheduler is None or cluster.scheduler.poll() is not None:
            cluster.start_scheduler()
        cluster.workers = [one for one in cluster.workers if one.poll() is None]
        while len(cluster.workers) < _WORKERS:
            cluster.start_worker()

    def close(self):
        """Stop everything."""
        super().close()
        if self.cluster:
            self.cluster.close()


def kill_worker(scene):
    """Kill the process that cuts; its nanny starts another."""
    scene.at_work()
    if cutting := scene.cluster.cutting():
        with suppress(psutil.NoSuchProcess):
            scene.chance.choice(cutting).kill()


def kill_all_workers(scene):
    """Kill all processes that cut at once."""
    scene.at_work()
    for process in scene.cluster.cutting():
        with suppress(psutil.NoSuchProcess):
            process.kill()


def kill_nanny(scene):
    """Kill a nanny; its worker ends too, and another one comes."""
    scene.at_work()
    nanny = scene.chance.choice(scene.cluster.workers)
    nanny.kill()
    nanny.wait()


def kill_scheduler(scene):
    """Kill the scheduler; it comes back at the same address."""
    scene.at_work()
    scene.cluster.kill_scheduler()
    time.sleep(scene.chance.uniform(0, 2))
    # The old workers find the new scheduler, or end; the new ones are sure to be there.
    scene.cluster.start_scheduler()
    scene.cluster.start_worker()


def kill_harvest(scene):
    """Kill the orchestrator; the cluster stays, and the harvest is resumed."""
    process = scene.at_work()
    process.kill()
    process.wait()


def stop_worker(scene):
    """Stop a process that cuts for a while: its task may be given to another."""
    scene.at_work()
    if cutting := scene.cluster.cutting():
        _pause(scene, scene.chance.choice(cutting).pid)


def stop_scheduler(scene):
    """Stop the scheduler for a while, as if the network were cut."""
    scene.at_work()
    _pause(scene, scene.cluster.scheduler.pid)


def _pause(scene, pid):
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        process.send_signal(signal.SIGSTOP)
        time.sleep(scene.chance.uniform(0, _PAUSE_S))
        process.send_signal(signal.SIGCONT)


SORTS = {
    "kill -9 of a worker": kill_worker,
    "kill -9 of all workers": kill_all_workers,
    "kill -9 of a nanny": kill_nanny,
    "kill -9 of the scheduler": kill_scheduler,
    "kill -9 of the harvest": kill_harvest,
    "worker stopped": stop_worker,
    "scheduler stopped": stop_scheduler,
}


def dask_torture(folder, *, disturbances, targets, seed, frames_by="auto"):
    """Give the findings after a number of disturbances; each count should be 0."""
    chance, found = random.Random(seed), Findings({})
    options = ("--seed", str(seed), "--targets", str(targets))
    with (
        closing(Archives(folder, *options)) as archives,
        closing(DaskScene(folder, archives, chance, found, frames_by)) as scene,
    ):
        for number, sort in enumerate(deck(list(SORTS), chance), 1):
            scene.disturb(sort, SORTS[sort])
            scene.mend()
            if number % PER_RUN == 0:
                scene.finish_run()
            if number >= disturbances:
                break
        scene.finish_run()
        scene.count_frames()
    return found


def main():
    """Read the options, run, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--disturbances", type=int, default=30)
    parser.add_argument("--targets", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--frames-by", default="auto")
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with tempfile.TemporaryDirectory() as folder:
        found = dask_torture(Path(folder), **vars(options))
    print("\n".join(found.table()))
    if not found.is_clean:
        sys.exit("\n".join(["not as it must be:", *found.words]))


if __name__ == "__main__":
    main()
